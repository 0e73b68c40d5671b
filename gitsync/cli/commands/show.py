"""`gitsyncctl show`: a commit and what it changed, or a file as it was."""

from __future__ import annotations

from gitsync import clock, times
from gitsync.cli import fast_parse, patches
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import OperationError, UsageError

READ_S = 600.0


def run(context: Context, arguments: Json) -> Reply:
    """Print it; a file's bytes go into a pipe as they are."""
    return Reply(_ask(context, arguments), _show)


def _show(output: Output, answer: Json) -> None:
    if "blob" in answer:
        if answer.get("from", answer["path"]) != answer["path"]:
            output.complain("note", f"then it was {answer['from']}")
        output.raw(_bytes(answer))
        return
    now = clock.SystemClock().wall()
    output.line(f"commit {answer['id']}", "yellow")
    machine = f"  from {answer['machine']}" if answer.get("machine") else ""
    output.line(f"{answer['repo']}  {answer['author']}{machine}  {times.with_age(answer['time'], now)}", "dim")
    if len(answer.get("parents") or ()) > 1:
        output.line(f"a merge; what it brought here, since {str(answer.get('since'))[:7]}:", "dim")
    output.line()
    for line in answer["message"].split("\n"):
        output.line(f"    {line}" if line else "")
    output.line()
    patches.show(output, answer)


def _ask(context: Context, arguments: Json) -> Json:
    if arguments["within"] is not None:
        return context.ask(arguments)
    try:
        return context.ask({**arguments, "within": fast_parse.absolute(".")})
    except (UsageError, OperationError) as error:
        # The working directory is in no repository, or this one has no such commit: another may.
        if error.code not in ("outside", "unknown-revision"):
            raise
    return context.ask(arguments)


def _bytes(answer: Json) -> bytes:
    if answer.get("content_base64") is not None:
        import base64

        return base64.b64decode(answer["content_base64"])
    if answer.get("content") is not None:
        return str(answer["content"]).encode()
    # Too large for the socket: it is read where the daemon would read it.
    from gitsync.git import program

    path = str(answer.get("from", answer["path"]))
    arguments = ("--filters", f"--path={path}", str(answer["blob"]))
    done = program.run("cat-file", *arguments, root=str(answer["root"]), deadline_s=READ_S)
    if not done.ok:
        raise OperationError(f"git cannot read {path}: {done.errors}", "")
    return done.stdout
