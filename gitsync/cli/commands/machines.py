"""`gitsyncctl machines`: which machine has what, and what exists only here."""

from __future__ import annotations

from gitsync import clock
from gitsync.cli import machines
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Cell, Output
from gitsync.errors import EXIT_ATTENTION, EXIT_OK
from gitsync.text import as_word

# Why this machine is not reported to the remote, and how it would be; with the name of the repository.
WHY_NOT = {
    "off": 'machines are not reported: presence = "off", or mode = "commit"',
    "local": "there is no remote, so everything exists only here",
    "no-shell": "machines are not reported, because everybody with access to this remote could see their names and "
    "hours; to report them: gitsyncctl config set {key} on",
    "refused": "the remote does not take reports of machines",
    "elsewhere": "this machine is not reported, because commits are sent to another place than they are fetched from",
}


def run(context: Context, arguments: Json) -> Reply:
    """Show the machines of each repository, or forget one."""
    answer = context.ask(arguments)
    is_partial = any(repo.get("error") for repo in answer.get("repos") or ())
    return Reply(answer, _forgotten if "forgotten" in answer else _show, EXIT_ATTENTION if is_partial else EXIT_OK)


def _show(output: Output, answer: Json) -> None:
    now = clock.SystemClock().wall()
    if not answer["repos"]:
        output.line("no repository is watched yet; to watch one: gitsyncctl watch DIR")
    for repo in answer["repos"]:
        output.line(str(repo["name"]), "bold")
        there = repo["machines"]
        output.painted([f"  {line}" for line in output.table([_row(each, there, now) for each in there])])
        if said := machines.only_here(repo):
            output.wrapped(said, "yellow", "  ")
        elif safe := machines.safe_to_close([repo]):
            output.wrapped(safe, "green", "  ")
        if error := repo.get("error"):
            output.wrapped(str(error["message"]), "red", "  ")
            output.wrapped(f"hint: {error['hint']}", "dim", "  ")
        if why := WHY_NOT.get(str(repo.get("presence"))):
            key = as_word(f"repo.{repo['name']}.presence")
            output.wrapped(why.format(key=key), "dim", "  ")


def _row(machine: Json, there: list[Json], now: float) -> list[Cell]:
    name, commit = Cell(machines.label(machine, there)), Cell(str(machine.get("commit") or "")[:7], "dim")
    if machine.get("this"):
        needs = "needs you" if machine.get("needs_user") else ""
        return [name, Cell("this machine"), Cell(""), commit, Cell(needs, "yellow")]
    style = "yellow" if machine.get("missing") else "green"
    said = ", ".join(machines.more(machine))
    return [name, Cell(machines.has(machine), style), Cell(machines.seen(machine, now)), commit, Cell(said, "yellow")]


def _forgotten(output: Output, answer: Json) -> None:
    for each in answer["forgotten"]:
        output.wrapped(f"{each['repo']}: the machine {each['machine'] or each['id']} is forgotten")
