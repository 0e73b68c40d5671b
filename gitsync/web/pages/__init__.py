"""The pages: each module declares the addresses that it answers."""
