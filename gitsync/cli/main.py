"""The control command: finds the command that was asked for, runs it, and turns every end into an exit status.

Everything is loaded for the one command that was asked: this program also runs for every prompt of a shell.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from gitsync import places
from gitsync.cli import layout
from gitsync.cli.context import Context, Reply
from gitsync.cli.fast_parse import quick
from gitsync.cli.output import Output, OutputError, quiet_pipe
from gitsync.control.commands import BY_NAME
from gitsync.control.table import Command
from gitsync.errors import EXIT_BUG, EXIT_OK, GitsyncError, NotRunningError, UsageError
from gitsync.text import nearest

EXIT_INTERRUPTED = 130
_WITH_VALUE = ("--config", "--socket")


def main(argv: list[str] | None = None) -> int:
    """Run the program; return its exit status, or leave with it when this process is the program (no `argv`)."""
    if argv is not None:
        return _guarded(argv)
    status = _guarded(sys.argv[1:])
    # Taking the interpreter apart takes 4 ms, a third of a bare start, and there is nothing here that needs it:
    # the output is flushed. With the engine in this process its threads and files end in their own order.
    if "gitsync.daemon.oneshot" not in sys.modules:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, AttributeError, ValueError):
                stream.flush()
        os._exit(status)
    return status


def _guarded(argv: list[str]) -> int:
    output = Output.standard(is_json="--json" in argv)
    status = EXIT_OK
    try:
        with quiet_pipe(output):
            status = _run(argv, output)
    except GitsyncError as error:
        return _end(output, error, error.exit_status)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the program's last line: a bug ends in a report, not in a traceback
        return _report(output, error, argv)
    return status


def _run(argv: list[str], output: Output) -> int:
    before, word, after = _split(argv)
    if word in ("-h", "--help", "help") and not after:
        from gitsync.cli.parser import overview

        output.painted(overview(output.size[0] if output.size else None))
        return EXIT_OK
    if word == "--version":
        from gitsync.version import VERSION

        if output.is_json:
            output.json({"version": VERSION})
        else:
            output.line(f"gitsyncctl {VERSION}")
        return EXIT_OK
    if word == "__complete":
        from gitsync.cli.shells import answer

        answer(after, output)
        return EXIT_OK
    if word == "help":
        word, after = after[0], ["--help"]
    if not word:
        return _overview(before, output)
    return _command(_find(word), [*before, *after], output)


def _split(argv: list[str]) -> tuple[list[str], str, list[str]]:
    """Return the options before COMMAND, COMMAND or "", and what follows it."""
    at = 0
    while at < len(argv):
        word = argv[at]
        if word in _WITH_VALUE:
            at += 2
        elif word == "--json" or word.startswith(tuple(f"{flag}=" for flag in _WITH_VALUE)):
            at += 1
        elif word.startswith("-") and word not in ("-h", "--help", "--version"):
            raise UsageError(f"there is no option {word}", "see: gitsyncctl --help")
        else:
            return argv[:at], word, argv[at + 1 :]
    return argv, "", []


def _find(word: str) -> Command:
    command = BY_NAME.get(word)
    if command is not None:
        return command
    like = nearest(word, BY_NAME)
    hint = f"did you mean: gitsyncctl {like[0]}" if like else "gitsyncctl --help lists the commands"
    raise UsageError(f"there is no command {word!r}", hint)


def _command(command: Command, argv: list[str], output: Output) -> int:
    places.check_home()
    arguments = quick(command, argv)
    if arguments is None:
        from gitsync.cli.parser import HelpAsked, parse

        try:
            arguments = parse(command, argv)
        except HelpAsked as help:
            output.painted(help.text.splitlines())
            return EXIT_OK
    output.is_json = arguments.pop("global_json")
    context = Context(command, output, arguments.pop("global_config"), arguments.pop("global_socket"))
    module = __import__(f"gitsync.cli.commands.{command.name.replace('-', '_')}", fromlist=["run"])
    try:
        reply: Reply = module.run(context, arguments)
    except NotRunningError as error:
        from gitsync.cli.service_view import not_running

        raise not_running(context, error) from None
    status = reply.write(output)
    if not output.is_json:
        context.tell_unsent()
    return status


def _overview(argv: list[str], output: Output) -> int:
    """What to see without a COMMAND: the current state when a daemon runs, and what to type next."""
    if output.is_json:
        return _command(BY_NAME["status"], argv, output)
    from gitsync.cli.commands import status

    command = BY_NAME["status"]
    arguments = quick(command, argv)
    if arguments is None:
        raise UsageError("an option lacks its value", "see: gitsyncctl --help")
    context = Context(command, output, arguments.pop("global_config"), arguments.pop("global_socket"))
    ended = EXIT_OK
    try:
        ended = status.reply(context.tell_daemon("status")).write(output)
    except NotRunningError as caught:
        from gitsync.cli.service_view import not_running

        error = not_running(context, caught)
        output.wrapped(error.message, "yellow")
        output.wrapped(error.hint)
    output.line()
    columns = output.size[0] if output.size else None
    for name in ("setup", "status --watch", "watch DIR", "sync", "events --follow", "doctor", "--help"):
        summary = BY_NAME[name.split()[0]].summary if not name.startswith("-") else "every command and option"
        for line in layout.entry(f"gitsyncctl {name}", summary.partition(";")[0], 26, columns):
            output.line(line.removeprefix(layout.INDENT), "dim")
    return ended


def _end(output: Output, error: GitsyncError, status: int) -> int:
    # With nowhere left to say it, the status still does.
    with suppress(OutputError), quiet_pipe(output):
        output.problem(error)
    return status


def _report(output: Output, error: BaseException, argv: list[str]) -> int:
    from gitsync.control import bugs

    report = bugs.BugError(bugs.save(error, argv))
    return _end(output, report, EXIT_BUG)


if __name__ == "__main__":
    sys.exit(main())
