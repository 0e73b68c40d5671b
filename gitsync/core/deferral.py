"""What is shown of exchanges that wait because of the machine's power supply or its link. Pure; any thread."""

from __future__ import annotations

from collections.abc import Sequence

# Until the power supply and the link were checked.
UNKNOWN = "unknown"
_CONDITIONS = {"battery": "on battery", "metered": "on a metered link", UNKNOWN: "power and link are being checked"}


def sentence(reasons: Sequence[str]) -> str:
    """Return the reason that status shows; "" when nothing waits."""
    if not reasons:
        return ""
    return f"{' and '.join(_CONDITIONS.get(reason, reason) for reason in reasons)}: pull and push wait"
