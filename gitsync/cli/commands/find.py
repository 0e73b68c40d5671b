"""`gitsyncctl find`: which versions of which files held a word."""

from __future__ import annotations

from gitsync import clock, times
from gitsync.cli.context import Context, Json, Reply
from gitsync.errors import EXIT_ATTENTION, EXIT_OK
from gitsync.text import as_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gitsync.cli.output import Output


def run(context: Context, arguments: Json) -> Reply:
    """Print each hit as it is found; with --json all of them as one document."""
    if context.output.is_json:
        answer = context.ask(arguments)
        return Reply(answer, status=EXIT_OK if answer.get("hits") and not answer.get("problems") else EXIT_ATTENTION)
    now, count = clock.SystemClock().wall(), 0
    problems: list[Json] = []
    try:
        for hit in _hits(context, arguments, problems):
            _show(context.output, hit, now)
            context.output.flush()
            count += 1
    except KeyboardInterrupt:
        return Reply()
    if not count:
        context.output.line("nothing was found")
        word, glob = arguments["word"], arguments["name"]
        if word and glob and not arguments["names"]:  # the first word is never a repository
            how = f"gitsyncctl find '' {as_word(word)} --name {as_word(glob)}"
            context.output.wrapped(
                f"{word!r} was looked for in the files of that name; to look in {word}: {how}", "dim"
            )
    context.output.problems(problems)
    return Reply(status=EXIT_OK if count and not problems else EXIT_ATTENTION)


def _hits(context: Context, arguments: Json, problems: list[Json]) -> Iterable[Json]:
    """Return the hits: all from the daemon where it need not read much, else one after the other from this process.

    Why a repository could not be searched is appended to `problems`.
    """
    answer = context.ask_daemon({**arguments, "quick": True})
    if answer is not None and answer.get("hits") is not None:
        problems += answer.get("problems") or []
        return list(answer["hits"])
    __import__("gitsync.git.history.match_time", fromlist=["limit"]).limit()
    handler = __import__("gitsync.daemon.handlers.find", fromlist=["hits"])
    return context.stream(arguments, lambda looking, params: handler.hits(looking, params, problems=problems))


def _show(output: Output, hit: Json, now: float) -> None:
    place = f"{hit['repo']}:{hit['path']}" + (f":{hit['line_number']}" if hit["line_number"] else "")
    gone = " (deleted)" if hit["deleted"] else ""
    output.wrapped(f"{place}{gone}, {times.with_age(hit['time'], now)}", "bold")
    if hit["line"]:
        output.wrapped(hit["line"].strip(), "", "  ")
    output.wrapped(hit["restore"], "dim", "  ")
