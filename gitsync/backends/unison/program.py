"""The unison program: its roots, its arguments, its own directory, what its exit codes mean. On the thread of the job.

Its archives, its locks and its profile are in the job's notes directory, never in the user's ~/.unison. The archives on
a server are found by the names of both roots, and ours carries an id that is made with the notes: a new host name of
the machine is not taken for a new machine, two machines with the same paths do not share archives, and when the state
is lost, both sides start without archives instead of finding one without its counterpart.

Exit codes are those of unison's manual, section "Exit Code": 0 all done, 1 some skipped, 2 some failed, 3 fatal.
"""

from __future__ import annotations

import os
import re
import shutil

from gitsync import proc
from gitsync.backends import state_file
from gitsync.backends.base import Order
from gitsync.backends.unison.output import Said, parse
from gitsync.backends.unison.profile import profile
from gitsync.errors import OperationError, TransientError
from gitsync.git.files import write_durably
from gitsync.git.remote.errors import classify, last_line
from gitsync.git.remote.ssh_trouble import ssh_problem
from gitsync.text import clean

# A transfer may take as long as it has to: ssh itself notices a server that is gone. This is for one that goes mad.
WHOLE_S = 12 * 3600.0
PROFILE = "job"
ID_FILE = "unison.json"
_SCP = re.compile(r"(?P<host>(?:[^/:@]+@)?(?:\[[^]]+\]|[^/:]+)):(?P<path>.*)", re.DOTALL)
_UNTOUCHED = ("-nodeletion", "-noupdate", "-nocreation")
# Every archive begins so; one that does not is damaged, and unison would begin afresh without a word.
_ARCHIVE = b"Unison archive format "
_DAMAGED = re.compile(
    r"raised in loading archive|archives are not identical|archive (?:file )?.*(?:corrupt|damaged|not readable)",
    re.IGNORECASE,
)
EMPTIED = "has been completely emptied"
LOCKED = "the archives are locked"
LOST = "archive file is missing on some hosts"


def root_of(url: str) -> str:
    """Return the root that `url` means to unison: ssh://[user@]host[:port]/path, [user@]host:path, or /path.

    As in unison's own addresses one slash begins a path below the home directory, two begin an absolute one.
    """
    if url.startswith(("ssh://", "socket://", "/")):
        return url.rstrip("/") or "/"
    if url.startswith("file://"):
        return url.removeprefix("file://").rstrip("/") or "/"
    found = _SCP.fullmatch(url)
    return f"ssh://{found['host']}/{found['path'].rstrip('/')}" if found else url


class Unison:
    """unison, bound to one order."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.here = str(order.job.path)
        self.there = root_of(order.job.url)
        self._directory = order.state_dir / "unison"
        self.lost = ""  # how the memory of earlier runs was lost

    def forget(self) -> None:
        """Begin afresh: both sides are compared as if they had never met, which deletes nothing."""
        (self.order.state_dir / ID_FILE).unlink(missing_ok=True)
        shutil.rmtree(self._directory, ignore_errors=True)

    def check_memory(self, *, has_run: bool) -> None:
        """Set aside archives here that are damaged, before unison takes them for none; note what is lost in `lost`."""
        archives = sorted(self._directory.glob("ar*"))
        for archive in archives:
            with archive.open("rb") as file:
                is_sound = file.read(len(_ARCHIVE)) == _ARCHIVE
            if not is_sound:
                self._set_aside("an archive of unison is damaged")
                return
        if has_run and not archives:
            self.lost = "the archives of unison are gone"

    def _set_aside(self, why: str) -> None:
        """Move everything that unison remembers out of the way, and begin afresh."""
        aside = self._directory.with_name(f"{self._directory.name}{state_file.ASIDE}")
        shutil.rmtree(aside, ignore_errors=True)
        if self._directory.exists():
            self._directory.rename(aside)
        self.forget()
        self.lost = f"{why}, and was set aside"

    def plan(self, *, may_empty: bool = False) -> tuple[Said, bool]:
        """Return the plan, without carrying it out, and whether a side that had files is empty now.

        With `may_empty` that is not a reason to stop. Raise TransientError or OperationError when it cannot be found
        out.
        """
        fixed = [word for root in (self.here, self.there) for option in _UNTOUCHED for word in (option, root)]
        done = self._run(*fixed, may_empty=may_empty)
        if EMPTIED in _text(done.stderr):
            return Said((), {}, {}), True
        return self._said(done), False

    def work(self, *, may_delete: bool, more: tuple[str, ...] = ()) -> tuple[Said, bool]:
        """Carry out the plan as far as the direction allows; returns and raises as `plan` does."""
        direction = self.order.direction
        fixed: list[str] = []
        for root, may_change in ((self.here, direction.is_receiving), (self.there, direction.is_sending)):
            if not may_change:
                fixed += [word for option in _UNTOUCHED for word in (option, root)]
            elif not may_delete:
                fixed += ["-nodeletion", root]
        done = self._run("-terse", *fixed, *more, may_empty=bool(self.order.answers))
        if EMPTIED in _text(done.stderr):
            return Said((), {}, {}), True
        return self._said(done), False

    def _said(self, done: proc.Completed) -> Said:
        if done.is_cancelled or done.is_over_deadline or done.returncode not in (0, 1, 2):
            raise trouble(self.order, done)
        return parse(_text(done.stdout), _text(done.stderr))

    def _run(self, *argv: str, may_empty: bool) -> proc.Completed:
        done = self._start(*argv, may_empty=may_empty)
        said = _text(done.stderr)
        if LOCKED in said and done.returncode == 3:
            # The archives carry our id and we hold the job's lock: the lock is of a run of this gitsync that died, and
            # the unison on the server, if it is still running, only executes commands of its client, which has died.
            done = self._start("-ignorelocks", *argv, may_empty=may_empty)
        elif LOST in said and done.returncode == 3:
            self.forget()
            self.lost = "the archives of unison are missing on one side"
            done = self._start(*argv, may_empty=may_empty)
        elif _DAMAGED.search(said) and done.returncode == 3:
            self._set_aside("an archive of unison is damaged, here or on the server")
            done = self._start(*argv, may_empty=may_empty)
        return done

    def _start(self, *argv: str, may_empty: bool) -> proc.Completed:
        order = self.order
        self._directory.mkdir(mode=0o700, exist_ok=True)
        text = "\n".join(profile(order.job)) + "\n"
        write_durably(self._directory / f"{PROFILE}.prf", text.encode("utf-8", "surrogateescape"))
        return proc.run(
            [
                *("unison", PROFILE, "-ui", "text", "-batch", "-dumbtty", "-color", "false", "-log=false"),
                f"-confirmbigdel={'false' if may_empty else 'true'}",
                *("-root", self.here, "-root", self.there),
                *argv,
            ],
            deadline_s=WHOLE_S,
            env={
                "LC_ALL": "C",
                "UNISON": str(self._directory),
                "UNISONLOCALHOSTNAME": f"gitsync-{state_file.own_id(order.state_dir / ID_FILE)}",
                "SSH_ASKPASS_REQUIRE": "never",
            },
            is_cancelled=order.is_cancelled,
        )


def _text(said: bytes) -> str:
    return os.fsdecode(said)


def trouble(order: Order, done: proc.Completed) -> OperationError:
    """Return the error for a unison that did not end well."""
    name = order.job.name
    if done.is_cancelled:
        return TransientError(f"{name}: the exchange was abandoned", "it goes on at the next run", code="cancelled")
    if done.is_over_deadline:
        return TransientError(f"{name}: unison took longer than {WHOLE_S / 3600:.0f} hours", code="timeout")
    said = done.errors or os.fsdecode(done.stdout)
    words = clean(_telling(said))
    if told := ssh_problem(name, order.job.url, said, "unison"):
        return OperationError(told.message, told.hint, code=told.code)
    if "command not found" in said or re.search(r"unison: (?:not found|No such file)", said):
        message = f"{name}: unison is not installed on the server: {words}"
        return OperationError(
            message, 'install unison there, or set "servercmd = /path/to/unison" in options', code="not-found"
        )
    if "unexpected header" in said or "different versions" in said or "archive format" in said.lower():
        return OperationError(
            f"{name}: the unison on the server does not understand this one, or its shell prints something: {words}",
            "compare: unison -version, here and there; both should be 2.52 or later",
            code="protocol",
        )
    code = classify(said)
    if code == "unknown" and "Lost connection with the server" in said:
        code = "offline"
    if code == "unknown" and "Cannot find canonical name" in said:
        return OperationError(
            f"{name}: there is no directory {order.job.url}",
            "make the directory that holds it, or correct url",
            code="not-found",
        )
    if code == "unknown" and re.search(r"not a valid option|Profile|profile", said):
        return OperationError(f"{name}: unison: {words}", "look at options in the configuration", code="usage")
    if code != "unknown":
        kind = TransientError if code in ("offline", "timeout") else OperationError
        hint = {
            "auth": "try it by hand: ssh to the server, as the user that gitsync runs as",
            "host-key": "connect once with ssh, compare the fingerprint, then accept it",
            "disk-full": "make room on the side that is full",
        }.get(code, "check the address and the network; it is tried again by itself")
        return kind(f"{name}: unison: {words}", hint, code=code)
    return OperationError(
        f"{name}: unison: {words or f'ended with status {done.returncode}'}", "see the log of the run"
    )


def _telling(said: str) -> str:
    """Return the line that says what went wrong, not that the connection was lost because of it."""
    lines = [line.removeprefix("Fatal error: ") for line in said.splitlines() if line.strip()]
    telling = [
        line for line in lines if "Lost connection" not in line and not line.startswith(("Contacting", "Looking"))
    ]
    fatal = next((line for line in said.splitlines() if line.startswith("Fatal error: ")), "")
    if fatal and "Lost connection" not in fatal:
        return fatal.removeprefix("Fatal error: ")
    return last_line("\n".join(telling or lines))
