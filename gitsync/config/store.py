"""Writes the configuration file so that no edit is lost: by one process at a time, and atomically.

On the calling thread (a program's foreground or a control connection, never one of the daemon's owners: it may wait).
Owns `config.lock` in the state directory during an edit.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from gitsync import clock, places
from gitsync.config.source import decode, read_bytes
from gitsync.errors import OperationError
from gitsync.text import as_word, escape

LOCK_WAIT_S = 10.0
LOCK_POLL_S = 0.02
TRIES = 5


def edit_file(path: Path, edit: Callable[[str | None], str], *, wait_s: float = LOCK_WAIT_S) -> None:
    """Replace the file's text by the result of `edit`, which gets None for a file that does not exist.

    Symbolic links are followed, mode and byte order mark are kept, missing directories are created. When another
    program changes the file meanwhile, `edit` is called again with the new text; so it must have no side effects.
    Another gitsync that edits a configuration is waited for, `wait_s` seconds. Raise OperationError when the file
    cannot be written; it is unchanged then.
    """
    with _alone(wait_s):
        for _ in range(TRIES):
            # Replace the target of a link, not the link: configurations are kept in dotfile repositories.
            target = Path(os.path.realpath(path))
            before = _content(target)
            text = None if before is None else decode(before, path)
            edited = edit(text)
            if edited == text:
                return
            mark = b"\xef\xbb\xbf" if before is not None and before.startswith(b"\xef\xbb\xbf") else b""
            try:
                if _replace(target, before, mark + edited.encode()):
                    return
            except OSError as error:
                raise OperationError(
                    f"cannot write {escape(str(path))}: {error.strerror}",
                    f"check the permissions of {escape(str(target.parent))} and the space on its disk",
                ) from error
    raise OperationError(f"another program keeps changing {escape(str(path))}", "wait until it is done, then try again")


@contextlib.contextmanager
def _alone(wait_s: float) -> Iterator[None]:
    """Hold the lock that everything that edits a configuration takes."""
    path = places.state_dir() / "config.lock"
    ends_at = clock.SystemClock().now() + wait_s
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise OperationError(
            f"cannot open {escape(str(path))}: {error.strerror}", "check the directory's permissions"
        ) from error
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if clock.SystemClock().now() >= ends_at:
                    raise OperationError(
                        f"another gitsync has been editing the configuration for {wait_s:.0f} s",
                        f"to see which one: fuser {escape(str(path))}",
                    ) from None
                clock.sleep(LOCK_POLL_S)
        yield
    finally:
        os.close(descriptor)  # releases the lock


def _content(target: Path) -> bytes | None:
    try:
        target.stat()
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise _blocked(target) from error
    except OSError as error:
        raise OperationError(
            f"cannot access {escape(str(target))}: {error.strerror}", "check the permissions of its directory"
        ) from error
    return read_bytes(target)


def _blocked(target: Path) -> OperationError:
    """Return the error that names a file in the place of a directory; usually it is GitSync's INI."""
    file = next(parent for parent in target.parents if parent.exists())
    shown, ini = escape(str(file)), as_word(f"{file}.ini")
    return OperationError(
        f"cannot create {escape(str(target))}: {shown} is a regular file",
        f"move it (mv {as_word(str(file))} {ini}), then: gitsyncctl import --gitsync {ini}; or use --config",
    )


def _replace(target: Path, before: bytes | None, data: bytes) -> bool:
    """Replace `before` by `data`; return False, with nothing changed, when the file has another content by now."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    temporary = Path(name)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            if before is not None:
                _keep_access(target, descriptor)
            file.flush()
            os.fsync(descriptor)
        if _content(target) != before:
            return False
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)  # it still exists only if the rename failed
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return True


def _keep_access(target: Path, descriptor: int) -> None:
    facts = target.stat()
    if (facts.st_uid, facts.st_gid) != (os.geteuid(), os.getegid()):
        # Only root can change the owner; for other users the new file is theirs, as with every editor.
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, facts.st_uid, facts.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(facts.st_mode))
