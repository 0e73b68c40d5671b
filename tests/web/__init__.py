"""The page of `gitsyncctl web`, as requests by hand and as a browser."""
