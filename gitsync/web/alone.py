"""One act without a daemon, in a process of its own: a request as JSON on stdin, the answer as JSON on stdout.

The page's process has many threads; an act takes the daemon's lock, and its signals, for itself.
"""

from __future__ import annotations

import json
import sys

from gitsync.daemon import alone
from gitsync.errors import GitsyncError


def main() -> int:
    """Run the act that was asked for."""
    name, params, config = json.load(sys.stdin.buffer)
    try:
        document = {"answer": alone.handle(name, params, config)}
    except GitsyncError as error:
        document = {"error": {"code": error.code, "message": error.message, "hint": error.advice}}
    sys.stdout.write(json.dumps(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
