"""How the report of a run looks to a person: a line for each job, what happened below it, and what to do."""

from __future__ import annotations

from gitsync import clock, text, times
from gitsync.cli import repos
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Cell, Output
from gitsync.errors import EXIT_ATTENTION, EXIT_OK, EXIT_USAGE

# How many items of a job are shown; those that need a person are shown in any case.
SHOWN = 20
# What helps with a line of a file that cannot be read.
CORRECT = "correct the line, then run this again"


def run(context: Context, arguments: Json) -> Reply:
    """Ask for a run and show its report."""
    answer = context.ask(arguments)
    return Reply(answer, show, exit_status(answer))


def exit_status(answer: Json) -> int:
    """Return the exit status of a run: a file of jobs in which nothing can be run is a wrong configuration."""
    if answer.get("faults") and not (answer.get("jobs") or answer.get("repos")):
        return EXIT_USAGE
    return EXIT_ATTENTION if needs_person(answer) else EXIT_OK


def needs_person(answer: Json) -> bool:
    """Whether anything of a report waits for its user: a state, an item, a line of a file."""
    jobs = answer.get("jobs") or []
    return bool(
        any(map(repos.needs_person, [*(answer.get("repos") or []), *jobs]))
        or any(item.get("level") == "attention" for job in jobs for item in job.get("items") or ())
        or answer.get("faults")
        or any(job.get("error") for job in jobs)
    )


def show(output: Output, answer: Json) -> None:
    """Show the repositories, the jobs and the faults of an answer."""
    watched, jobs = answer.get("repos") or [], answer.get("jobs") or []
    if watched:
        output.painted(repos.repo_lines(output, watched))
    rows = [_row(job) for job in jobs]
    for job, line in zip(jobs, output.table(rows), strict=True):
        output.painted([line])
        _items(output, job)
    for fault in answer.get("faults") or ():
        output.complain("error", str(fault))
    if answer.get("faults"):
        output.complain("hint", CORRECT)
    left_out(output, answer)
    if not (watched or jobs or answer.get("faults") or answer.get("left_out")):
        output.line("there is nothing to sync: no repository is watched, and there is no job")


def left_out(output: Output, answer: Json) -> None:
    """Say which of Sync Manager's files are for another environment."""
    for line in answer.get("left_out") or ():
        output.complain("note", str(line))


def runs(output: Output, answer: Json) -> None:
    """Show the runs of a job, the newest first, and under each what went wrong."""
    past = answer.get("runs") or []
    now = clock.SystemClock().wall()
    rows = [_run(run, now) for run in past]
    for run, line in zip(past, output.table(rows), strict=True):
        output.painted([line])
        urgent = [item for item in run.get("items") or () if item.get("level") != "done"]
        error = run.get("error")
        # The first item that needs a person is the error of its run.
        is_more = error and all(item.get("message") != error.get("message") for item in urgent)
        for item in [*urgent[:SHOWN], *([error] if is_more else [])]:
            output.wrapped(str(item.get("message", "")), "yellow" if item.get("level") == "waiting" else "red", "  ")
    if not past:
        output.line("it has not run yet")
    if answer.get("more"):
        output.line(f"there are more: -n {4 * len(past)}", "dim")


def _run(run: Json, now: float) -> list[Cell]:
    state = str(run.get("state", ""))
    done = [str(item.get("message", "")) for item in run.get("items") or () if item.get("level") == "done"]
    more = f" and {len(done) - 1} more" if len(done) > 1 else ""
    return [
        Cell(times.short(str(run.get("ended", "")), now)),
        Cell(state, repos.STYLES.get(state, "red")),
        Cell(str(run.get("direction", ""))),
        Cell(f"{done[0]}{more}" if done else "nothing new" if state == "ok" else ""),
    ]


def _row(job: Json) -> list[Cell]:
    state = str(job.get("state", ""))
    items = job.get("items") or []
    count = sum(item.get("level") == "done" for item in items)
    what = text.counted(count, "change") if count else "" if items or "items" not in job else "nothing new"
    return [
        Cell(str(job.get("name", "")), "bold"),
        Cell(state, repos.STYLES.get(state, "red")),
        Cell(str(job.get("backend", ""))),
        Cell(what if not job.get("error") else ""),
        Cell(text.tilde(str(job.get("path", ""))), "dim", is_path=True),
    ]


def _items(output: Output, job: Json) -> None:
    items = job.get("items") or []
    urgent = [item for item in items if item.get("level") == "attention"]
    rest = [item for item in items if item.get("level") != "attention"]
    for item in rest[:SHOWN]:
        output.wrapped(str(item.get("message", "")), "" if item.get("level") == "done" else "yellow", "  ")
    if len(rest) > SHOWN:
        output.wrapped(f"and {len(rest) - SHOWN} more; all of them with --json", "dim", "  ")
    for item in [*urgent, *([job["error"]] if job.get("error") else [])]:
        output.wrapped(str(item.get("message", "")), "red", "  ")
        if item.get("hint"):
            output.wrapped(f"hint: {item['hint']}", "", "  ")
