"""`gitsyncctl restore`: bring back a file or directory."""

from __future__ import annotations

from functools import partial

from gitsync import clock, text, times
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Cell, Output
from gitsync.errors import EXIT_FAILED, EXIT_OK
from gitsync.text import as_word

# How many of a directory's files are named before the rest is only counted.
NAMED = 10
_MARKS = {"added": "+", "changed": "~", "removed": "-"}
_STYLES = {"added": "green", "changed": "yellow", "removed": "red"}


def run(context: Context, arguments: Json) -> Reply:
    """Have it brought back, and say which version it is, what changed and how to take it back."""
    answer = context.ask(arguments)
    show = partial(_show, is_many=len(arguments["paths"]) > 1)
    return Reply(answer, show, EXIT_FAILED if answer.get("failed") else EXIT_OK)


def _show(output: Output, answer: Json, *, is_many: bool) -> None:
    if "versions" in answer:
        _list(output, answer["versions"], is_many=is_many)
    else:
        _tell(output, answer)
    for item in answer.get("failed") or ():
        output.complain("error", item["error"]["message"])
        output.complain("hint", item["error"]["hint"])


def _tell(output: Output, answer: Json) -> None:
    now = clock.SystemClock().wall()
    is_dry, dest = answer.get("dry_run"), answer.get("to")
    failed = {item["repo"] for item in answer.get("failed") or ()}
    for item in answer.get("restored") or ():
        if item["repo"] in failed:
            continue
        name = text.tilde(item["absolute"])
        was = f", when it was {item['from']}" if item["from"] != item["path"] else ""
        version = f"of {times.with_age(item['time'], now)} ({item['commit'][:7]} {item['message']!r}){was}"
        if dest is not None:
            output.wrapped(f"{'would copy' if is_dry else 'copied'} {name} as {version} to {text.tilde(dest)}")
            continue
        if item["what"] == "unchanged":
            output.wrapped(f"{name} is the version {version} already; nothing to do")
            continue
        if item["what"] == "tracked":
            output.wrapped(
                f"{name} is the version {version} already; {'would track' if is_dry else 'tracking'} it again"
            )
            continue
        output.wrapped(f"{'would restore' if is_dry else 'restored'} {name}: the version {version}", "bold")
        _files(output, item)
        for nested in item["nested"]:
            output.wrapped(
                f"left alone: {nested} is a git repository of its own now; to get the files elsewhere: "
                f"gitsyncctl restore {as_word(item['absolute'])} --rev {item['commit'][:10]} --to DIRECTORY",
                "yellow",
                "  ",
            )
    for made in answer.get("commits") or ():
        for path in made["kept"]:
            output.wrapped(
                f"{path} was not in git and had to make way; it is kept, and comes back with the undo", "yellow", "  "
            )
        output.wrapped(f"committed {made['repo']} {made['commit'][:7]}: {made['message']}", "dim", "  ")
        output.wrapped(f"to take it back: {made['undo']}", "", "  ")


def _files(output: Output, item: Json) -> None:
    if item["kind"] != "directory":
        return
    # Removals come first: it is what nobody asked for by name.
    files = sorted(item["files"], key=lambda each: (each["what"] != "removed", each["path"]))
    gone = sum(each["what"] == "removed" for each in files)
    for each in files[: max(NAMED, min(gone, 5 * NAMED))]:
        what = each["what"]
        note = " (was not there then; it stays in history)" if what == "removed" else ""
        output.wrapped(f"{_MARKS[what]} {each['path']}{note}", _STYLES[what], "  ")
    left = len(files) - max(NAMED, min(gone, 5 * NAMED))
    if left > 0:
        output.wrapped(f"and {left} more; all of them: --json", "dim", "  ")


def _list(output: Output, versions: list[Json], *, is_many: bool) -> None:
    now = clock.SystemClock().wall()
    rows = []
    for item in versions:
        was = item["from"] if item["from"] != item["path"] else ""
        size = item["size"]
        rows.append(
            [
                Cell(item["commit"][:7], "yellow"),
                Cell(times.short(item["time"], now)),
                Cell(text.ago(now - clock.parse_iso(item["time"])), "dim"),
                Cell(item["what"], _STYLES.get(item["what"], "")),
                Cell("" if size is None else text.size(size)),
                Cell(f"{item['repo']}:{item['path']}" if is_many else was, is_path=True),
                Cell(item["message"], "dim"),
            ]
        )
    output.painted(output.table(rows))
