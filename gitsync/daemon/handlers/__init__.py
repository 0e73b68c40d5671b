"""The daemon's side of the commands: each module maps methods to functions from parameters to a reply document."""
