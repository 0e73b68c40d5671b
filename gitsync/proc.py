"""The only module that starts child processes: with a deadline, without a terminal, each in its own process group.

Any thread may call `run`; it blocks only that thread. A child that exceeds its deadline or is cancelled is terminated
with its whole process group. On Linux, a child also ends when the process that started it dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from gitsync import clock

# How long to wait after SIGTERM before SIGKILL, and how often to check for cancellation.
GRACE_S, CANCEL_POLL_S = 2.0, 0.1
# How long to wait for the pipes of a child that has ended.
EXIT_POLL_S = 0.5
PIPE_BYTES = 65536
# For what is read piece by piece: a writer that need not wait for its reader so often.
WIDE_PIPE_BYTES = 1 << 20
# Variables that would redirect git to another repository than the one in its arguments. They are set when gitsync is
# started from a git hook or alias. (`git rev-parse --local-env-vars`, without the configuration.)
MISLEADING = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG", "GIT_DIR", "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX", "GIT_NAMESPACE",
    "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
)  # fmt: skip


class Completed(NamedTuple):
    """The result of a child; `returncode` is negative for a signal, as in subprocess."""

    argv: tuple[str | bytes, ...]
    returncode: int
    stdout: bytes
    stderr: bytes
    is_over_deadline: bool = False
    is_cancelled: bool = False

    @property
    def ok(self) -> bool:
        """Whether the child exited with status 0."""
        return self.returncode == 0 and not self.is_over_deadline and not self.is_cancelled

    @property
    def errors(self) -> str:
        """Return the child's stderr as text."""
        return self.stderr.decode("utf-8", "replace").strip()


def which(name: str) -> str | None:
    """Return the path of a program, None where it is not installed."""
    import shutil  # here: it brings three libraries for compression along, and a shell prompt needs none of it

    return shutil.which(name)


def run(
    argv: Sequence[str | bytes],
    *,
    deadline_s: float,
    silence_s: float | None = None,
    cwd: str | bytes | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    input: bytes | None = None,
    stdin_fd: int | None = None,
    is_cancelled: Callable[[], bool] | None = None,
) -> Completed:
    """Run a child until it ends, exceeds its deadline or is cancelled; return its output and status.

    With `silence_s`, it also exceeds its deadline when it has written nothing for so long. `env` is added to this
    process's environment, without `MISLEADING`. `input` is written to its stdin; `stdin_fd` is passed as its stdin.
    Raise FileNotFoundError when the program is not installed.
    """
    if which(os.fsdecode(argv[0])) is None:
        raise FileNotFoundError(f"{os.fsdecode(argv[0])} is not installed, or not on the PATH")
    ends_at = clock.SystemClock().now() + deadline_s
    stdin = stdin_fd if stdin_fd is not None else (subprocess.PIPE if input is not None else subprocess.DEVNULL)
    child = _start(argv, cwd, env, stdin)
    try:
        return _converse(child, tuple(argv), input or b"", ends_at, silence_s, is_cancelled)
    finally:
        _end_group(child)


def pipe(
    first: Sequence[str | bytes],
    translate: Callable[[bytes], bytes],
    second: Sequence[str | bytes],
    *,
    deadline_s: float,
    cwd: str | bytes | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[bytes]:
    """Run two children connected by a pipe, and yield the output of the second as it comes.

    The output of the first is passed through `translate` (b"" at its end, to flush) to the stdin of the second. Both
    end with the iterator, at the latest after `deadline_s` seconds; raise TimeoutError then, and ChildProcessError with
    the stderr of the one that failed.
    """
    ends_at = clock.SystemClock().now() + deadline_s
    producer = _start(first, cwd, env, subprocess.DEVNULL)
    try:
        consumer = _start(second, cwd, env, subprocess.PIPE)
        try:
            yield from _piped(producer, translate, consumer, ends_at)
        finally:
            _end_group(consumer)
    finally:
        _end_group(producer)


def stream(
    argv: Sequence[str | bytes],
    *,
    deadline_s: float,
    cwd: str | bytes | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    stdin_fd: int | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[bytes]:
    """Run a child and yield its output as it comes, on any number of threads in turn; raise as `pipe` does.

    It ends with the iterator, or when it is cancelled. If this process dies, it ends at its next write. `stdin_fd` is
    passed as its stdin.
    """
    ends_at = clock.SystemClock().now() + deadline_s
    said = bytearray()
    child = _start(argv, cwd, env, subprocess.DEVNULL if stdin_fd is None else stdin_fd, is_tethered=False)
    try:
        with selectors.DefaultSelector() as selector:
            for pipe_ in (child.stdout, child.stderr):
                assert pipe_ is not None
                selector.register(pipe_, selectors.EVENT_READ)
            while selector.get_map() and not is_cancelled():
                if (left := ends_at - clock.SystemClock().now()) <= 0:
                    raise TimeoutError("the deadline was exceeded")
                for key, _ in selector.select(min(left, CANCEL_POLL_S)):
                    if not (data := os.read(key.fd, PIPE_BYTES)):
                        selector.unregister(key.fileobj)
                    elif key.fileobj is child.stderr:
                        said += data
                    else:
                        yield data
        if not is_cancelled() and child.wait() != 0:
            raise ChildProcessError(said.decode("utf-8", "replace").strip() or f"status {child.returncode}")
    finally:
        _end_group(child)


def _piped(
    first: subprocess.Popen[bytes], translate: Callable[[bytes], bytes], second: subprocess.Popen[bytes], ends_at: float
) -> Iterator[bytes]:
    assert first.stdout is not None
    assert first.stderr is not None
    assert second.stdin is not None
    assert second.stdout is not None
    assert second.stderr is not None
    said = {first.stderr.fileno(): bytearray(), second.stderr.fileno(): bytearray()}
    pending = bytearray()
    is_translated = False
    os.set_blocking(second.stdin.fileno(), False)
    with contextlib.suppress(OSError, AttributeError):  # only Linux has wider pipes
        for pipe_ in (first.stdout, second.stdout):
            fcntl.fcntl(pipe_, fcntl.F_SETPIPE_SZ, WIDE_PIPE_BYTES)
    with selectors.DefaultSelector() as selector:
        for pipe_ in (first.stdout, first.stderr, second.stdout, second.stderr):
            selector.register(pipe_, selectors.EVENT_READ)
        while selector.get_map():
            if (left := ends_at - clock.SystemClock().now()) <= 0:
                raise TimeoutError("the deadline was exceeded")
            for key, _ in selector.select(left):
                if key.fileobj is second.stdin:
                    try:
                        del pending[: os.write(key.fd, pending[:PIPE_BYTES])]
                    except BrokenPipeError:
                        pending.clear()  # its exit status shows the reason
                    if not pending:
                        selector.unregister(second.stdin)
                    continue
                data = os.read(key.fd, WIDE_PIPE_BYTES)
                if not data:
                    selector.unregister(key.fileobj)
                if key.fd in said:
                    said[key.fd] += data
                elif key.fileobj is first.stdout:
                    pending += translate(data)
                    is_translated = not data
                elif data:
                    yield data
            if pending and second.stdin not in {key.fileobj for key in selector.get_map().values()}:
                selector.register(second.stdin, selectors.EVENT_WRITE)
            elif is_translated and not pending and not second.stdin.closed:
                second.stdin.close()
    for child, words in zip((first, second), said.values(), strict=True):
        if child.wait() != 0:
            raise ChildProcessError(words.decode("utf-8", "replace").strip() or f"status {child.returncode}")


def _start(
    argv: Sequence[str | bytes],
    cwd: str | bytes | os.PathLike[str] | None,
    env: Mapping[str, str] | None,
    stdin: int,
    *,
    is_tethered: bool = True,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*(_tether() if is_tethered else ()), *argv],
        cwd=cwd,
        env=_environment(env),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _environment(env: Mapping[str, str] | None) -> dict[str, str]:
    return {**{key: value for key, value in os.environ.items() if key not in MISLEADING}, **(env or {})}


class Held:
    """A child that runs beside its owner until it is released, without a deadline and without output."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child, self.pid = child, child.pid

    @property
    def is_alive(self) -> bool:
        """Whether it is running."""
        return self._child.poll() is None

    def end(self) -> None:
        """Terminate it and its process group; return when it has ended."""
        _end_group(self._child)


def hold(argv: Sequence[str | bytes]) -> Held:
    """Start a child and return at once; on Linux, it ends with the calling thread."""
    child = subprocess.Popen(
        [*_tether(), *argv],
        env=_environment(None),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return Held(child)


class ConversationOverError(Exception):
    """The child of a conversation has ended, or gave no answer in time; the text is what it wrote to stderr."""


class Conversation:
    """A child that answers on stdout what it is asked on stdin, until it is ended. One thread owns it."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        self._errors = bytearray()
        self._selector = selectors.DefaultSelector()
        self._selector.register(child.stdout, selectors.EVENT_READ)
        self._selector.register(child.stderr, selectors.EVENT_READ)
        os.set_blocking(child.stdin.fileno(), False)

    def ask(self, question: bytes, ends: int, *, deadline_s: float) -> list[bytes]:
        """Return the next `ends` strings of the answer, each ended by a NUL; raise ConversationOverError."""
        view, answer, missing = memoryview(question), bytearray(), ends
        now = clock.SystemClock().now
        ends_at = now() + deadline_s
        stdin, stderr = self._child.stdin, self._child.stderr
        assert stdin is not None
        assert stderr is not None
        self._selector.register(stdin, selectors.EVENT_WRITE)
        try:
            while missing > 0:
                ready = self._selector.select(max(0.0, ends_at - now()))
                if not ready:
                    raise ConversationOverError(f"no answer in {deadline_s:g} s")
                for key, _ in ready:
                    if key.fileobj is stdin:
                        view = view[os.write(key.fd, view[:65536]) :]
                        if not view:
                            self._selector.unregister(stdin)
                        continue
                    data = os.read(key.fd, 65536)
                    if key.fileobj is stderr:
                        self._errors = (self._errors + data)[-4096:]
                        if not data:
                            self._selector.unregister(stderr)
                    elif data:
                        answer += data
                        missing -= data.count(0)
                    else:
                        raise ConversationOverError(self._last_words())
        except BrokenPipeError as error:
            raise ConversationOverError(self._last_words()) from error
        finally:
            if stdin in (key.fileobj for key in self._selector.get_map().values()):
                self._selector.unregister(stdin)
        return [bytes(field) for field in answer.split(b"\0")[:ends]]

    @property
    def fds(self) -> tuple[int, int]:
        """Return the descriptors of the child's stdin and stdout, for who talks to it in another way."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        return self._child.stdin.fileno(), self._child.stdout.fileno()

    def end(self) -> None:
        """End the child with all that it started; returns when it is gone."""
        self._selector.close()
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        # It ends by itself when nobody can ask any more.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(GRACE_S)
        _end_group(self._child)

    def _last_words(self) -> str:
        stderr = self._child.stderr
        assert stderr is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(GRACE_S)
            os.set_blocking(stderr.fileno(), False)
            self._errors += stderr.read() or b""
        return self._errors.decode("utf-8", "replace").strip()


def converse(
    argv: Sequence[str | bytes],
    *,
    cwd: str | bytes | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
) -> Conversation:
    """Start a child to be asked again and again, with `env` as in `run`; raise FileNotFoundError as that does."""
    if which(os.fsdecode(argv[0])) is None:
        raise FileNotFoundError(f"there is no program {os.fsdecode(argv[0])!r} on the PATH")
    return Conversation(_start(argv, cwd, env, subprocess.PIPE))


def _converse(
    child: subprocess.Popen[bytes],
    argv: tuple[str | bytes, ...],
    pending: bytes,
    ends_at: float,
    silence_s: float | None,
    is_cancelled: Callable[[], bool] | None,
) -> Completed:
    heard: dict[int, bytearray] = {}
    view = memoryview(pending)
    now = clock.SystemClock().now
    over = cancelled = has_ended = False
    quiet_until = ends_at if silence_s is None else now() + silence_s
    with selectors.DefaultSelector() as selector:
        for pipe in (child.stdout, child.stderr):
            assert pipe is not None
            heard[pipe.fileno()] = bytearray()
            selector.register(pipe, selectors.EVENT_READ)
        if child.stdin is not None:
            os.set_blocking(child.stdin.fileno(), False)
            selector.register(child.stdin, selectors.EVENT_WRITE)
        out, err = heard
        while selector.get_map():
            left = min(ends_at, quiet_until) - now()
            over = left <= 0
            cancelled = is_cancelled is not None and is_cancelled()
            if over or cancelled:
                break
            ready = selector.select(0 if has_ended else min(left, CANCEL_POLL_S if is_cancelled else EXIT_POLL_S))
            if not ready and has_ended:
                break  # other processes that hold its pipes are not waited for (ssh's shared connection)
            has_ended = has_ended or (not ready and child.poll() is not None)  # its last words may have come since
            for key, _ in ready:
                if key.fileobj is child.stdin:
                    assert child.stdin is not None
                    try:
                        view = view[os.write(key.fd, view[:PIPE_BYTES]) :]
                    except BrokenPipeError:
                        view = view[:0]  # it has closed its stdin; its exit status shows the reason
                    if not view:
                        selector.unregister(child.stdin)
                        child.stdin.close()
                    continue
                data = os.read(key.fd, PIPE_BYTES)
                if data:
                    heard[key.fd] += data
                    quiet_until = ends_at if silence_s is None else now() + silence_s
                else:
                    selector.unregister(key.fileobj)
        if not (over or cancelled):
            try:
                child.wait(max(0.0, ends_at - now()))
            except subprocess.TimeoutExpired:
                over = True
    if over or cancelled:
        _end_group(child)
    returncode = child.wait()
    return Completed(argv, returncode, bytes(heard[out]), bytes(heard[err]), over, cancelled)


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """Terminate the child and its process group; return when they have ended."""
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    if child.poll() is None:
        _signal_group(child.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_S)
        # In any case: a child of the child may still be running.
        _signal_group(child.pid, signal.SIGKILL)
        child.wait()


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


@cache
def _tether() -> tuple[str, ...]:
    """Return the prefix that makes a child end with this process: setpriv sets PR_SET_PDEATHSIG, without Python code
    after fork.

    The signal is SIGTERM, not SIGKILL: git removes its locks then, which would otherwise block every later git.
    """
    setpriv = which("setpriv") if sys.platform == "linux" else None
    if setpriv is None:
        return ()
    probe = subprocess.run(
        [setpriv, "--pdeathsig", "TERM", "true"], check=False, stdin=subprocess.DEVNULL, capture_output=True
    )
    return (setpriv, "--pdeathsig", "TERM", "--") if probe.returncode == 0 else ()
