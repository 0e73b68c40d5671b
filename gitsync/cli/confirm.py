"""A question at the terminal that is answered with yes or no. On the control command's only thread."""

from __future__ import annotations

import sys


def is_yes(question: str) -> bool:
    """Ask, and return whether the answer is yes; Ctrl-D is no, Ctrl-C raises KeyboardInterrupt."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt) as left:
        sys.stdout.write("\n")  # the prompt's line is still open
        if isinstance(left, KeyboardInterrupt):
            raise
        return False
