"""The page, without a browser and without a server."""
