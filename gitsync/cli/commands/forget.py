"""`gitsyncctl forget PATH...`: stop syncing files, and keep them on disk."""

from __future__ import annotations

from gitsync import text
from gitsync.cli.commands.remove import told
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output

# How many paths are named before the rest is only counted.
NAMED = 10


def run(context: Context, arguments: Json) -> Reply:
    """Have them taken out of the repository; the disk keeps them."""
    return Reply(context.ask(arguments), _show)


def _show(output: Output, answer: Json) -> None:
    is_trial = answer.get("dry_run")
    for item in answer.get("forgotten") or ():
        name, paths = str(item.get("repo", "")), item.get("paths") or []
        what = "would forget" if is_trial else "forgot"
        stay = "which stays" if len(paths) == 1 else "which stay"
        output.wrapped(f"{name}: {what} {text.counted(len(paths), 'file')}, {stay} on disk", "green")
        for path in paths[:NAMED]:
            output.line(f"  {path}")
        if len(paths) > NAMED:
            output.line(f"  and {len(paths) - NAMED} more", "dim")
        for line in item.get("lines") or ():
            output.wrapped(f"{'would add' if is_trial else 'added'} to .gitignore: {line}", indent="  ")
        output.wrapped("a machine that pulls this with git alone deletes its files", "dim", "  ")
        if not is_trial:
            output.wrapped(f"to take it back: gitsyncctl undo {text.as_word(name)}", "dim", "  ")
    for item in answer.get("removed") or ():
        output.wrapped(told(item, is_dry=bool(is_trial)))
