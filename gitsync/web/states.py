"""States in words and colours, from the status document. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """How a state looks: a word, one of the tones of the style sheet (good, busy, idle, warn, bad), an icon."""

    word: str
    tone: str
    icon: str


LOOKS = {
    "ok": Look("Up to date", "good", "check"),
    "pending": Look("Waiting for quiet", "busy", "dots"),
    "syncing": Look("Syncing", "busy", "sync"),
    "paused": Look("Paused", "idle", "pause"),
    "busy": Look("Waits for you to finish", "warn", "hand"),
    "offline": Look("Offline", "warn", "offline"),
    "auth": Look("Not let in", "bad", "lock"),
    "conflict": Look("In conflict", "bad", "conflict"),
    "halted": Look("Stopped, asks you", "bad", "question"),
    "error": Look("Does not work", "bad", "alert"),
}
# It works, but for something that only a person can decide.
WAITS = Look("Needs you", "warn", "hand")
UNKNOWN = Look("Unknown", "idle", "question")
NEEDS_PERSON = ("conflict", "halted", "error", "auth")


def look(entry: Json) -> Look:
    """Return how the state of a repository, the mirror or a job looks."""
    return LOOKS.get(str(entry.get("state", "")), UNKNOWN)


def needs_person(entry: Json) -> bool:
    """Return whether it waits for its user."""
    waiting = any(entry.get(key) for key in ("conflicts", "quarantined", "questions"))
    return bool(waiting) or entry.get("state") in NEEDS_PERSON


def entries(status: Json) -> list[Json]:
    """Return everything that has a state, each with its `kind`: repository, home or job."""
    home = status.get("home")
    found = [{**repo, "kind": "repository"} for repo in status.get("repos") or ()]
    if home:
        found.append({"state": "ok", **home, "name": home.get("name") or "home", "kind": "home"})
    return found + [{**job, "kind": "job"} for job in status.get("jobs") or ()]
