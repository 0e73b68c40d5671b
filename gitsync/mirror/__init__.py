"""The mirror of home files: what is tracked, how home and mirror are kept alike."""
