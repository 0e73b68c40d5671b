"""The overview: each repository, the mirror of home files and each job; what needs a person, and the button for it."""

from __future__ import annotations

from starlette.responses import Response

from gitsync import text
from gitsync.errors import UsageError
from gitsync.web import states
from gitsync.web.notes import Note
from gitsync.web.page import POST, Asked, Link, Page
from gitsync.web.states import Json

# Paths that are named before the rest is counted.
NAMED = 5


def show(asked: Asked) -> Response:
    """Show everything that gitsync looks after."""
    status = asked.gateway.ask("status")
    entries = states.entries(status)
    needy = [entry for entry in entries if states.needs_person(entry)]
    return asked.render(
        "overview.html",
        status=status,
        entries=[_described(entry) for entry in sorted(entries, key=lambda entry: not states.needs_person(entry))],
        needy=len(needy),
        named=NAMED,
        headline=_headline(entries, needy),
    )


def sync(asked: Asked) -> Response:
    """Commit, pull and push one of them now, or run a job."""
    name = asked.needed("name")
    asked.gateway.ask("sync", names=[name])
    return asked.leave("/", Note(f"{name} is being synced"))


def pause(asked: Asked) -> Response:
    """Hold one of them, for a while or until it is resumed."""
    name, span = asked.needed("name"), asked.get("for")
    asked.gateway.ask("pause", names=[name], **({"for": span} if span else {}))
    how_long = f"for {span}" if span else "until you resume it"
    return asked.leave("/", Note(f"{name} is paused {how_long}: nothing is committed, pulled or pushed"))


def resume(asked: Asked) -> Response:
    """Go on after a pause."""
    name = asked.needed("name")
    asked.gateway.ask("resume", names=[name])
    return asked.leave("/", Note(f"{name} goes on"))


def _described(entry: Json) -> Json:
    error = entry.get("error") or {}
    questions = [item for item in entry.get("questions") or () if "message" in item]
    is_asked = any(item["message"] == error.get("message") for item in questions)
    return {
        **entry,
        "look": states.WAITS if entry.get("state") == "ok" and states.needs_person(entry) else states.look(entry),
        "is_needy": states.needs_person(entry),
        "trouble": None if is_asked or not error.get("message") else error,
        "place": text.tilde(str(entry.get("repo") or entry.get("path", ""))),
        "counts": [text.counted(int(entry[key]), *noun) for key, noun in _COUNTS.items() if entry.get(key)],
    }


_COUNTS = {
    "pending": ("change to commit", "changes to commit"),
    "ahead": ("commit to send", "commits to send"),
    "behind": ("commit to take in", "commits to take in"),
}


def _headline(entries: list[Json], needy: list[Json]) -> str:
    if not entries:
        return "Nothing is watched yet"
    if needy:
        return f"{needy[0]['name']} needs you" if len(needy) == 1 else f"{len(needy)} of {len(entries)} need you"
    if any(entry.get("state") in ("syncing", "pending") for entry in entries):
        return "Work is under way"
    return "Everything is in order"


def question(asked: Asked) -> Response:
    """Show what is asked, and what each answer would do."""
    entry, found = _question(asked)
    return asked.render("question.html", entry=_described(entry), question=found, words=_WORDS)


def answer(asked: Asked) -> Response:
    """Give an answer to one question, and to no other one."""
    entry, found = _question(asked)
    word = asked.needed("word")
    if word not in found["answers"]:
        raise UsageError(f"{word!r} is not an answer to this", "choose one of the buttons")
    asked.gateway.ask("resume", names=[entry["name"], found["id"]], answer=word)
    return asked.leave("/", Note(f"{entry['name']}: answered"))


_WORDS = {
    "accept": ("Yes, this is meant", "Then the above happens. Every version stays in the history."),
    "keep": ("Merge the two", "What is here is merged with the other side's version, and the result is sent."),
    "leave": ("Leave it", "Nothing of it is changed, neither here nor there."),
    "take": (
        "Take the other",
        "The other side's version takes the place of this one, which stays in the history.",
    ),
}


def _question(asked: Asked) -> tuple[Json, Json]:
    name, wanted = asked.needed("name"), asked.needed("id")
    for entry in states.entries(asked.gateway.ask("status")):
        for found in entry.get("questions") or ():
            if entry["name"] == name and found["id"] == wanted:
                return entry, found
    raise UsageError("this is not asked any more", "see the overview for what is asked now")


def held_back(asked: Asked) -> Response:
    """Show why a file is held back, and what allowing it means."""
    entry, item = _held_back(asked)
    return asked.render("held_back.html", entry=_described(entry), item=item)


def allow(asked: Asked) -> Response:
    """Commit a file that is held back."""
    entry, item = _held_back(asked)
    place = asked.library.place(entry["name"], item["path"])
    asked.gateway.ask("allow", paths=[place.absolute])
    return asked.leave("/", Note(f"{item['path']} is committed", undo=""))


def _held_back(asked: Asked) -> tuple[Json, Json]:
    name, wanted = asked.needed("name"), asked.needed("path")
    for entry in states.entries(asked.gateway.ask("status")):
        for item in entry.get("quarantined") or ():
            if (entry["name"], item["path"]) == (name, wanted):
                return entry, item
    raise UsageError(f"{wanted} is not held back any more", "see the overview for what is")


PAGES = (
    Page("/", show),
    Page("/held-back", held_back),
    Page("/allow", allow, POST),
    Page("/question", question),
    Page("/sync", sync, POST),
    Page("/pause", pause, POST),
    Page("/resume", resume, POST),
    Page("/answer", answer, POST),
)
LINKS = (Link("/", "Overview", "home"),)
