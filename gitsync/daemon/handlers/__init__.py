"""The daemon's end of the commands: each file maps some of the methods to functions from parameters to a document."""
