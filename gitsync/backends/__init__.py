"""Ways to exchange with another place."""
