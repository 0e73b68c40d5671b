"""The control socket: commands, wire format, client and server."""
