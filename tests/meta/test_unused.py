"""Every function, method and class of the program is used by the program: tests alone do not count."""

from __future__ import annotations

from pathlib import Path

import pytest
from vulture import Vulture

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("function", "method", "class", "property")
# Called by a library, by the name that it prescribes.
PRESCRIBED = frozenset(
    {
        "capture_signals",  # uvicorn
        "certificate_check",  # pygit2
        "credentials",
        "on_thread_stop",  # watchdog
        "print_help",  # argparse
        "push_transfer_progress",
        "push_update_reference",
        "sideband_progress",
        "transfer_progress",
    }
)
# Used by scripts that write pages of the documentation.
BY_SCRIPTS = frozenset({"describe_defaults", "diagram"})


def test_nothing_is_left_that_nobody_calls() -> None:
    found = Vulture(verbose=False)
    found.scavenge([str(ROOT / "gitsync")])
    templates = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "gitsync").rglob("*.html"))
    unused = [
        f"{item.filename}:{item.first_lineno}: {item.typ} {item.name}"
        for item in found.get_unused_code(min_confidence=60)
        if item.typ in KINDS and item.name not in PRESCRIBED | BY_SCRIPTS and item.name not in templates
    ]
    assert not unused, "\n".join(unused)
