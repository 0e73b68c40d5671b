"""How machines look to a person, from the documents of `status` and `machines`. Pure but for the clock."""

from __future__ import annotations

from gitsync import clock, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Json = dict[str, Any]

# How many machines that lack something `status` names of a repository.
NAMED = 5
SETTLED = ("ok",)


def label(machine: Json, machines: Sequence[Json]) -> str:
    """Return the name of a machine, with a part of its id where another one has the same name, or it has none."""
    name = str(machine.get("name") or "")
    is_alone = name and sum(str(each.get("name")).casefold() == name.casefold() for each in machines) == 1
    return name if is_alone else f"{name} ({str(machine.get('id'))[:4]})".strip()


def has(machine: Json) -> str:
    """Return what a machine has of this one's commits: "has all but 3 commits"."""
    missing = int(machine.get("missing") or 0)
    return f"has all but {text.counted(missing, 'commit')}" if missing else "has everything"


def more(machine: Json) -> list[str]:
    """Return what else there is to say of another machine."""
    ahead = int(machine.get("ahead") or 0)
    said = [f"{text.counted(ahead, 'commit')} of it {'is' if ahead == 1 else 'are'} not here"] if ahead else []
    return [*said, *(["needs you there"] if machine.get("needs_user") else [])]


def seen(machine: Json, now: float) -> str:
    """Return when a machine was seen: "seen 2 h ago"."""
    try:
        return f"seen {text.ago(now - clock.parse_iso(str(machine.get('seen'))))}"
    except ValueError:
        return "never seen"


def lacking(entry: Json) -> list[str]:
    """Return a sentence for each machine of a repository that lacks something: "desk: has all but 3 commits, …"."""
    now, machines = clock.SystemClock().wall(), entry.get("machines") or []
    late = [each for each in machines if each.get("missing") and not each.get("this")]
    said = [f"{label(each, machines)}: {', '.join([has(each), seen(each, now), *more(each)])}" for each in late[:NAMED]]
    return [*said, f"and {len(late) - NAMED} more machines lack commits"] if late[NAMED:] else said


def only_here(entry: Json) -> str:
    """Return how much work exists only on this machine, and since when; "" for none."""
    found = entry.get("only_here")
    if not found:
        return ""
    age = clock.SystemClock().wall() - clock.parse_iso(str(found["since"]))
    count = int(found["commits"])
    return f"{text.counted(count, 'commit')} {'exists' if count == 1 else 'exist'} only here, since {text.ago(age)}"


def safe_to_close(entries: Sequence[Json]) -> str:
    """Return the sentence that all machines have everything, "" where one does not, or none is known to."""
    shared = [entry for entry in entries if len(entry.get("machines") or ()) > 1]
    is_waiting = any(
        entry.get("state") not in SETTLED or entry.get("pending") or entry.get("ahead") for entry in entries
    )
    if not shared or is_waiting or any(each.get("missing") for entry in shared for each in entry["machines"]):
        return ""
    counts = {len(entry["machines"]) for entry in shared}
    which = f"all {counts.pop()} machines have" if len(counts) == 1 else "all machines have"
    return f"{which} {'it' if len(shared) == 1 else 'everything'}: safe to close"
