"""Whether the user's own git is at work: it may have read HEAD, and fails where that moves. Any thread.

Between its locks a `git commit` holds none: from its first look at HEAD to the move there are moments, or, while an
editor is open, hours. A commit that takes moments is found by its process (`RecentGit`), one that takes longer by what
it has left in the repository, and only then by its process.
"""

from __future__ import annotations

import os

from gitsync.git.program import OWN

# Commands that the watching tools of users run, and commands that move no branch that is checked out.
_HARMLESS = (b"fetch", b"push", b"ls-remote", b"cat-file", b"check-", b"upload-pack", b"receive-pack", b"remote-")
# Commands that only read, which users leave open in a pager and other programs run for a prompt.
_READING = frozenset(
    (b"log", b"show", b"diff", b"diff-tree", b"status", b"blame", b"rev-list", b"rev-parse", b"ls-tree", b"ls-files",
     b"for-each-ref", b"merge-base", b"hash-object", b"describe", b"name-rev", b"show-ref", b"symbolic-ref", b"config",
     b"var", b"grep", b"shortlog", b"diff-files", b"diff-index", b"count-objects", b"remote", b"version")
)  # fmt: skip
# Options of git itself whose value is the next word.
_WITH_VALUE = frozenset((b"-c", b"-C", b"--git-dir", b"--work-tree", b"--namespace", b"--exec-path"))


# So long after another process wrote the index its command, or the next one of a script, may go on (seconds).
LIVELY_S = 3.0
# A path that was staged a moment ago is likely to be committed in the next one: `git add` and `git commit` in a row
# (seconds).
STAGED_S = 1.0


def is_git_at_work(git_dir: str, root: str, index_age_s: float | None, staged_s: float | None = None) -> bool:
    """Return whether a git command of the user's runs in the work tree; False where that cannot be known (no /proc).

    `index_age_s` tells how long ago another process wrote the index, None where gitsync did so last; `staged_s` how
    long such a moment lasts (default: STAGED_S).
    """
    moved = _changed_at(f"{git_dir}/logs/HEAD") or 0
    has_message = moved < (_changed_at(f"{git_dir}/COMMIT_EDITMSG") or 0)
    if not has_message and (index_age_s is None or index_age_s > LIVELY_S):
        return False
    # Below 0 the clock was set back since.
    staged_s = STAGED_S if staged_s is None else staged_s
    if index_age_s is not None and 0 <= index_age_s < staged_s and moved < (_changed_at(f"{git_dir}/index") or 0):
        return True
    return any(_is_git_in(pid, root) for pid in _processes())


# A git command that was started less than this ago is likely to end soon (seconds); an older one may be a service.
YOUNG_S = 3.0
# A process that was started less than this ago may be about to become git (seconds).
FORKED_S = 0.1
# Where one git follows the other for longer than this (seconds), as in a loop of a script, none is waited for.
PATIENCE_S = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")


class RecentGit:
    """Looks for git commands that were started in a work tree moments ago: they are about to take its locks.

    It costs two looks at the list of processes and one at each new process: a file or two.
    """

    def __init__(self, root: str, young_s: float = YOUNG_S, patience_s: float = PATIENCE_S) -> None:
        self._root = root
        self._young_s, self._patience_s = young_s, patience_s
        self._since: float | None = None  # without a moment in which there was none
        self._old: set[str] = set()

    def is_running(self) -> bool:
        """Return whether there is one, and not one after the other for long; False where that cannot be known."""
        if not self._finds_one():
            self._since = None
            return False
        now = _uptime()
        self._since = now if self._since is None else self._since
        return now - self._since <= self._patience_s

    def _finds_one(self) -> bool:
        """Look twice: on a busy machine a look takes as long as git does from its start to its first lock."""
        known: set[str] = set()
        for _ in range(2):
            pids = _processes()
            self._old.intersection_update(pids)
            now = _uptime()
            for pid in pids:
                started = None if pid in self._old or pid in known else _started(pid)
                if started is None:
                    continue
                if now - started > self._young_s:
                    self._old.add(pid)
                elif _is_git_in(pid, self._root):
                    return True
                elif now - started > FORKED_S:
                    known.add(pid)
        return False


def _uptime() -> float:
    try:
        with open("/proc/uptime", "rb") as stream:
            return float(stream.read().split()[0])
    except OSError:
        return 0.0


def _started(pid: str) -> float | None:
    """Return when a process was started, in seconds since the boot; None when it has ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:
            facts = stream.read()
    except OSError:
        return None
    return int(facts.rpartition(b")")[2].split()[19]) / _TICKS


def _changed_at(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return None


def _processes() -> list[str]:
    try:
        return [pid for pid in os.listdir("/proc") if pid.isdigit()]
    except OSError:
        return []


def _is_git_in(pid: str, root: str) -> bool:
    try:
        with open(f"/proc/{pid}/comm", "rb") as stream:
            if stream.read().strip() != b"git":
                return False
        directory = os.readlink(f"/proc/{pid}/cwd")
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            said = stream.read()
    except OSError:
        return False  # it has ended meanwhile, or is somebody else's
    # A `git -C` may be on its way there.
    is_here = directory == root or directory.startswith(f"{root}/") or os.fsencode(root) in said
    is_reading = any(word in said for word in _HARMLESS) or _command_of(said) in _READING
    return is_here and not is_reading and not _is_own(pid)


def _is_own(pid: str) -> bool:
    """Return whether a process of gitsync started this one, as the page does while a person acts on it."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as stream:
            return "=".join(OWN).encode("ascii") in stream.read().split(b"\0")
    except OSError:
        return False


def _command_of(said: bytes) -> bytes:
    """Return the command of a git command line, b"" where there is none."""
    words = iter(said.split(b"\0")[1:])
    for word in words:
        if word in _WITH_VALUE:
            next(words, b"")
        elif not word.startswith(b"-"):
            return word
    return b""
