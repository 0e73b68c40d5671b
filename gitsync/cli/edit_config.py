"""`gitsyncctl config edit`: the configuration in the person's editor, checked before it counts. The only thread.

Typed text is never discarded: a copy that was not installed stays, and its path is printed.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from gitsync import places
from gitsync.cli.context import Context
from gitsync.errors import ConfigError, OperationError


def edit(context: Context, path: Path, apply: Callable[[Context], str]) -> None:
    """Let the person edit a copy until it has no fault, then put it in the place of the file, and apply it."""
    from gitsync.config.document import NEW_FILE
    from gitsync.config.store import edit_file

    before = _text(path) if path.exists() else None
    begun = before if before is not None else NEW_FILE
    copy = _copy(begun)
    try:
        after = _edited(context, copy, path)
    except OperationError as error:
        if _text(copy) == begun:
            copy.unlink()
        else:
            error.hint = f"{error.hint}; what you typed is in {copy}"
        raise
    if after == begun:
        copy.unlink()
        context.output.line("nothing changed")
        return

    def replaced(now: str | None) -> str:
        if now != before:
            raise OperationError(
                f"{path} was changed by another program while you edited it",
                f"your version is in {copy}: take over what is missing with gitsyncctl config edit",
            )
        return after

    try:
        edit_file(path, replaced)
    except OperationError as error:
        error.hint = error.hint if str(copy) in error.hint else f"{error.hint}; your version is in {copy}"
        raise
    copy.unlink()
    context.output.wrapped(f"saved {path}{apply(context)}")


def _edited(context: Context, copy: Path, path: Path) -> str:
    """Return what the person made of the copy, once it has no fault; raise ConfigError when they leave it at that."""
    from gitsync.config.load import parse

    while True:
        _run_editor(copy)
        try:
            text = _text(copy)
            parse(text, path)
        except ConfigError as error:
            if not _is_yes(context, error):
                raise ConfigError(error.faults, f"{path} is as it was; your version is in {copy}") from error
        else:
            return text


def _is_yes(context: Context, error: ConfigError) -> bool:
    if not (sys.stdin and sys.stdin.isatty() and context.output.is_terminal):
        return False
    for fault in error.faults:
        context.output.complain("error", fault)
    context.output.prompt("edit it again? [Y/n] ")
    return sys.stdin.readline().strip().lower() in ("", "y", "yes")


def _run_editor(copy: Path) -> None:
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        argv = [*shlex.split(command), str(copy)]
    except ValueError as error:
        raise OperationError(f"cannot read $VISUAL or $EDITOR: {error}", "set it to the name of a program") from error
    run_in_terminal(argv)


def run_in_terminal(argv: list[str]) -> None:
    """Run a program that a person works with in this terminal; raise OperationError when it fails."""
    # Not through proc: an editor needs this terminal, its process group and all the time in the world. Ctrl-C is
    # the editor's business meanwhile; it starts without our deafness, because exec keeps only what is ignored: so a
    # handler that does nothing, not SIG_IGN.
    heard = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        status = os.spawnvp(os.P_WAIT, argv[0], argv)
    finally:
        signal.signal(signal.SIGINT, heard)
    if status != 0:
        raise OperationError(
            f"{argv[0]} ended with status {status}; nothing was changed",
            "set $EDITOR to one that works",
        )


def _copy(text: str) -> Path:
    handle, name = tempfile.mkstemp(prefix="config-edit-", suffix=".toml", dir=places.state_dir())
    with open(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)
    return Path(name)


def _text(path: Path) -> str:
    from gitsync.config.source import decode, read_bytes

    return decode(read_bytes(path), path)
