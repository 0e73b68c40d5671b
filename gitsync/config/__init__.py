"""The configuration: declared once, loaded with all its faults at once, edited with its comments kept."""
