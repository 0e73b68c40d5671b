"""How repositories, the home mirror and jobs look to a person, from the status document. Pure but for the clock."""

from __future__ import annotations

from gitsync import clock, text
from gitsync.cli import layout, machines
from gitsync.cli.output import Cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gitsync.cli.output import Output

STYLES = {
    "ok": "green",
    "pending": "cyan",
    "syncing": "cyan",
    "paused": "yellow",
    "busy": "yellow",
    "offline": "yellow",
}
NEEDS_PERSON = ("conflict", "halted", "error", "auth")
# Fewer columns than these are too few for a table of five.
NARROW = 60
# What is not in order with a home file.
LETTERS = {
    "A": "not committed yet",
    "B": "home and the mirror are not alike, or not linked",
    "C": "only in home",
    "D": "only in the mirror",
    "E": "in neither home nor the mirror",
    "F": "in the mirror, but not tracked",
}
# How many paths are named before the rest is only counted.
NAMED = 10


def needs_person(entry: dict[str, Any]) -> bool:
    """Whether a repository, the home mirror or a job waits for its user."""
    waiting = any(entry.get(key) for key in ("conflicts", "quarantined", "questions"))
    return waiting or entry.get("state") in NEEDS_PERSON


def entries(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return everything in a status document that has a state: repositories, home, jobs."""
    home = document.get("home")
    mirror = [{**home, "name": home.get("name") or "home"}] if home else []
    return [*document.get("repos", ()), *mirror, *(document.get("jobs") or ())]


def repo_lines(output: Output, repos: list[dict[str, Any]]) -> list[str]:
    """Return one aligned line a repository, and under each what needs doing and how."""
    now = clock.SystemClock().wall()
    is_narrow = output.size is not None and output.size[0] < NARROW
    rows = [[*_name_and_state(repo), *_branch_what_path(output, repo, now)] for repo in repos]
    # On a narrow terminal the message is below, and the path is left out.
    below = [output.wrap(row[3].text, "dim", "  ") if is_narrow and row[3].text else [] for row in rows]
    shown = output.table([row[:3] for row in rows] if is_narrow else rows)
    return [
        line
        for repo, row, told in zip(repos, shown, below, strict=True)
        for line in (row, *told, *_needs(output, repo))
    ]


def home_lines(output: Output, home: dict[str, Any]) -> list[str]:
    """Return the home mirror's lines."""
    entry = {"name": "home", "state": "ok", **home, "path": home.get("repo", "")}
    lines = repo_lines(output, [entry])
    lines += output.wrap(f"{text.counted(int(home.get('tracked') or 0), 'tracked file')}", "dim", "  ")
    broken = home.get("broken") or []
    for item in broken[:NAMED]:
        letter = str(item.get("type", ""))
        path = str(item.get("path", ""))
        how = f"; to track it: gitsyncctl add ~/{text.as_word(path)}" if letter == "F" else ""
        lines += output.wrap(f"{letter} ~/{path}: {LETTERS.get(letter, '')}{how}", "yellow", "  ")
    if len(broken) > NAMED:
        lines += output.wrap(f"and {len(broken) - NAMED} more; all of them: gitsyncctl status --json", "yellow", "  ")
    return lines


def job_lines(output: Output, jobs: list[dict[str, Any]]) -> list[str]:
    """Return one aligned line a job, and under each what needs doing and how."""
    now = clock.SystemClock().wall()
    rows = [
        [
            *_name_and_state(job),
            Cell(str(job.get("backend", ""))),
            Cell(str(job.get("mode", ""))),
            Cell(
                _joined(output, [_when("last run", job.get("last_run"), now), _when("next", job.get("next_run"), now)])
            ),
        ]
        for job in jobs
    ]
    return [line for job, row in zip(jobs, output.table(rows), strict=True) for line in (row, *_needs(output, job))]


def _name_and_state(entry: dict[str, Any]) -> list[Cell]:
    state = str(entry.get("state", ""))
    return [Cell(str(entry.get("name", "")), "bold"), Cell(state, STYLES.get(state, "red"))]


def _branch_what_path(output: Output, repo: dict[str, Any], now: float) -> list[Cell]:
    # Do not repeat the text of the error below.
    is_told = (repo.get("error") or {}).get("message") == repo.get("reason")
    what = [
        "" if is_told else str(repo.get("reason") or ""),
        *(f"{key} {repo[key]}" for key in ("pending", "ahead", "behind") if repo.get(key)),
        "polling" if repo.get("watch") == "polling" else "",
        _last_commit(repo.get("last_commit"), now),
    ]
    path = text.tilde(str(repo.get("path", "")))
    return [Cell(str(repo.get("branch") or "")), Cell(_joined(output, what)), Cell(path, "dim", is_path=True)]


def _last_commit(commit: dict[str, Any] | None, now: float) -> str:
    if not commit:
        return ""
    subject = layout.fit(str(commit.get("message", "")), 50)
    return _when(f"last commit {_quoted(subject)}", commit.get("time"), now)


def _quoted(subject: str) -> str:
    return f"'{subject}'"


def _when(label: str, iso: str | None, now: float) -> str:
    if not iso:
        return ""
    try:
        seconds = now - clock.parse_iso(iso)
    except ValueError:
        return f"{label} {iso}"
    return f"{label} {text.ago(seconds)}" if seconds > -2 else f"{label} in {text.span(-seconds)}"


def _joined(output: Output, parts: list[str]) -> str:
    return (" · " if output.is_unicode else ", ").join(part for part in parts if part)


def _place(entry: dict[str, Any], path: str) -> str:
    """Return what people call a path of a repository: where it is, of home files in home."""
    if "tracked" in entry:
        return f"~/{path}"
    return path if "backend" in entry else text.tilde(f"{entry.get('path', '')}/{path}")


def _questions(output: Output, name: str, questions: list[dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    for question in questions:
        lines += output.wrap(str(question.get("message", "")), "red", "  ")
        answers = question.get("answers") or ()
        for word in answers:
            answer = ["--accept"] if answers == ["accept"] else ["--answer", str(word)]
            words = ["gitsyncctl", "resume", name, *answer, str(question.get("id", ""))]
            lines += _hint(output, " ".join(map(text.as_word, words)))
    return lines


def _needs(output: Output, entry: dict[str, Any]) -> list[str]:
    """Return what needs doing and how, indented."""
    name = str(entry.get("name", ""))
    lines: list[str] = []
    error = entry.get("error") or {}
    if error.get("message"):
        lines += output.wrap(str(error["message"]), "red" if needs_person(entry) else "yellow", "  ")
        if error.get("hint"):
            lines += _hint(output, str(error["hint"]))
    conflicts = entry.get("conflicts") or []
    places = [_place(entry, str(path)) for path in conflicts]
    lines += _named(output, [f"conflict: {place}" for place in places], "conflicts")
    if conflicts and not error.get("hint"):
        if "backend" in entry:
            how = f"gitsyncctl conflicts {text.as_word(name)}"
        else:
            how = f"to see the versions and resolve it: gitsyncctl conflicts {text.as_word(name)}"
        lines += _hint(output, how)
    quarantined = entry.get("quarantined") or []
    lines += _named(
        output, [f"not committed: {item.get('path', '')} ({item.get('why', '')})" for item in quarantined], "files"
    )
    unfiltered = [item for item in quarantined if str(item.get("why", "")).startswith("filter: ")]
    if unfiltered:
        lines += _hint(output, f"gitsyncctl doctor says how to set it up; then: gitsyncctl sync {text.as_word(name)}")
    meant = [item for item in quarantined if item not in unfiltered]
    if meant:
        place = text.tilde(_place(entry, str(meant[0].get("path", ""))))
        how = f"if it is meant: gitsyncctl allow {text.as_word(place)}"
        lines += _hint(output, f"{how}; else list it in .gitignore or move it away")
    if entry.get("state") == "halted" and not error.get("hint"):
        lines += _hint(output, f"if this is meant: gitsyncctl resume {text.as_word(name)} --accept")
    if "backend" not in entry:
        # What a brake asks is its error already, with the command that answers it.
        asked = [item for item in entry.get("questions") or [] if item.get("message") != error.get("message")]
        lines += _questions(output, name, asked)
    for sentence in (machines.only_here(entry), *machines.lacking(entry)):
        lines += output.wrap(sentence, "dim", "  ") if sentence else []
    for note in entry.get("notes") or ():
        lines += output.wrap(f"note: {note}", "dim", "  ")
    return [*_remotes(output, entry), *lines]


def _remotes(output: Output, entry: dict[str, Any]) -> list[str]:
    """Return a line for each remote of a repository that has several."""
    remotes, lines, now = entry.get("remotes") or [], [], clock.SystemClock().wall()
    for remote in remotes if len(remotes) > 1 else ():
        state = str(remote.get("state", ""))
        what = [
            state,
            *(f"{key} {remote[key]}" for key in ("ahead", "behind") if remote.get(key)),
            _when("last pull", remote.get("last_pull"), now),
            _when("last push", remote.get("last_push"), now),
            text.tilde(str(remote.get("url", ""))) if remote.get("url") != remote.get("name") else "",
        ]
        told = f"remote {text.tilde(str(remote.get('name', '')))}: {_joined(output, what)}"
        lines += output.wrap(told, "dim" if state == "ok" else STYLES.get(state, "red"), "  ")
        error = remote.get("error") or {}
        if error.get("message") and error != entry.get("error"):
            lines += output.wrap(str(error["message"]), STYLES.get(state, "red"), "    ")
            lines += output.wrap(f"hint: {error['hint']}", "", "    ") if error.get("hint") else []
    return lines


def _hint(output: Output, hint: str) -> list[str]:
    return output.wrap(f"hint: {hint}", "", "  ")


def _named(output: Output, sentences: list[str], noun: str) -> list[str]:
    lines = [line for sentence in sentences[:NAMED] for line in output.wrap(sentence, "red", "  ")]
    if len(sentences) > NAMED:
        lines += output.wrap(
            f"and {len(sentences) - NAMED} more {noun}; all of them: gitsyncctl status --json", "red", "  "
        )
    return lines
