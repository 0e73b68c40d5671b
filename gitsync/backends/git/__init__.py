"""Jobs that sync all branches and tags of a git project with a server, without a checkout."""
