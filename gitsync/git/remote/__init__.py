"""Fetch and push: transports, their errors, and where a branch is exchanged."""
