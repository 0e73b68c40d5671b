"""What git's rules say of a path: ignore patterns and attributes."""
