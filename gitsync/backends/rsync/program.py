"""The rsync program: its address, its arguments, what its exit codes mean. Runs on the thread of the job that calls it.

Exit codes are those of rsync's manual page, section EXIT VALUES.
"""

from __future__ import annotations

import os
import re
import shlex
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from gitsync import proc
from gitsync.backends import state_file
from gitsync.backends.base import Order
from gitsync.errors import OperationError, TransientError
from gitsync.git.remote.errors import classify, last_line
from gitsync.git.remote.ssh_trouble import ssh_problem
from gitsync.text import clean

# A transfer may take as long as it has to, as long as something comes (`--timeout`); this is for one that goes mad.
WHOLE_S = 12 * 3600.0
CONNECT_MAX_S = 20
OK, VANISHED, PARTIAL, MAX_DELETE = 0, 24, 23, 25
_SSH_URL = re.compile(r"ssh://(?:(?P<user>[^@/]+)@)?(?P<host>\[[^]]+\]|[^:/]+)(?::(?P<port>\d+))?(?P<path>/.*|)")
# Files with this prefix are temporary: what is only half there, and what a send replaced.
PARTIAL_NAME = ".rsync-partial"
REPLACED_NAME = f"{PARTIAL_NAME}-replaced-"
ID_FILE = "rsync.json"
# They delete without evidence, or leave half a file in the place of a whole one.
_UNSAFE = re.compile(r"--(?:del|delete.*|force|inplace|append.*|remove-source-files|remove-sent-files|write-devices)")
# What they leave out of a listing, by its size or by a file on one side alone, would be taken for deleted there.
_HIDING = re.compile(
    r"-[^-efBTM@=\s]*[qnRCF]\S*|(?:-f\s*|--filter=\s*)?(?::|dir-merge).*|--(?:quiet|msgs2stderr|stderr.*|dry-run|list-only"
    r"|(?:ignore-non-)?existing|m(?:ax|in)-size.*|(?:no-)?(?:relative|R)|cvs-exclude|files-from.*)"
)
# Trouble that goes away by itself: the network, a server that starts again, a lock.
_TRANSIENT = {10: "offline", 12: "offline", 20: "cancelled", 30: "timeout", 35: "timeout", 255: "offline"}
_CODES = {
    1: ("usage", "its options were not understood", "look at options in the configuration"),
    2: ("protocol", "the rsync over there is too old or too new", "install the same version on both sides"),
    3: ("not-found", "a directory cannot be used", "check the path and its permissions"),
    5: ("not-found", "the server does not offer it", "check the address"),
    11: ("failed", "a file could not be read or written", "check room and permissions on both sides"),
    127: ("not-found", "rsync is not installed on the server", "install rsync on the server"),
}


@dataclass(frozen=True, slots=True)
class Address:
    """The other side, as rsync takes it, and the ssh port where it is not the usual one."""

    place: str
    port: str = ""

    @property
    def is_local(self) -> bool:
        """Whether it is a directory of this machine."""
        return self.place.startswith("/")

    @property
    def path(self) -> str:
        """Return the directory as its own machine calls it, as far as the address says."""
        return self.place if self.is_local else self.place.partition(":")[2]

    @property
    def is_daemon(self) -> bool:
        """Whether an rsync daemon listens there: with a remote shell, rsync would start a daemon by that instead."""
        return self.place.startswith("rsync://") or "::" in self.place.partition("/")[0]


def address_of(url: str) -> Address:
    """Return the address that `url` means: ssh://user@host:port/path, host:path, rsync://host/module, or /path."""
    found = _SSH_URL.fullmatch(url)
    if found is None:
        # With no path it is the home directory there; the slash that follows would make it the root of all.
        home = "." if re.fullmatch(r"[^/]*[^:/]:", url) else ""
        return Address(f"{url.removeprefix('file://').rstrip('/')}{home}" or "/")
    user = f"{found['user']}@" if found["user"] else ""
    # As in unison's addresses: one slash begins a path below the home directory, two an absolute one.
    path = found["path"][1:].rstrip("/") or ("/" if found["path"].startswith("//") else ".")
    return Address(f"{user}{found['host']}:{path}", found["port"] or "")


class Rsync:
    """rsync, bound to one order."""

    def __init__(self, order: Order) -> None:
        """Raise OperationError for an option that deletes unchecked files, or leaves files out of a listing."""
        for option in order.job.options:
            if _HIDING.fullmatch(option):
                raise OperationError(
                    f"{order.job.name}: with {option}, rsync does not tell what is there: it is not allowed",
                    "take it out of options; to leave files out: --exclude=PATTERN",
                    code="usage",
                )
            if _UNSAFE.fullmatch(option):
                raise OperationError(
                    f"{order.job.name}: {option} takes away what the other side has, seen or not: it is not allowed",
                    "take it out of options: what was deleted on one side is deleted on the other anyhow",
                    code="usage",
                )
        self.order = order
        self.address = address_of(order.job.url)
        self.run_id = uuid.uuid4().hex[:12]

    @property
    def here(self) -> str:
        """Return the local directory as an argument; the slash means its content."""
        return f"{self.order.job.path}/"

    @property
    def there(self) -> str:
        """Return the other side as an argument."""
        return f"{self.address.place}/"

    @cached_property
    def id(self) -> str:
        """Return what tells this machine's job from those of others at one server; it is made with the notes."""
        return state_file.own_id(self.order.state_dir / ID_FILE)

    @property
    def copying(self) -> tuple[str, ...]:
        """Return the options of a full copy, as far as both sides allow: a missing owner is not a reason to fail.

        rsync goes on in place with what is half there: of two machines each must have its own.
        """
        return (
            "--dirs",
            "--sparse",
            "--links",
            "--times",
            "--perms",
            "--mkpath",
            f"--partial-dir={PARTIAL_NAME}-{self.id}",
        )

    @property
    def keeps_itself(self) -> bool:
        """Whether the user's own options keep what is replaced."""
        return any(re.fullmatch(r"-[a-zA-Z]*b|--backup.*", option) for option in self.order.job.options)

    @property
    def nowhere(self) -> str:
        """Return an empty directory here as an argument."""
        path = self.order.state_dir / "empty"
        path.mkdir(mode=0o700, exist_ok=True)
        return f"{path}/"

    def run(
        self,
        *argv: str,
        paths: Iterable[str] | None = None,
        also_ok: Sequence[int] = (),
        is_replaced_shown: bool = False,
    ) -> proc.Completed:
        """Run rsync and return what it said; `paths` are the only ones it works on.

        Files that the sender replaced are hidden from it like partial ones, unless `is_replaced_shown`.

        Raise TransientError or OperationError for any exit code but 0 and `also_ok`.
        """
        given = None if paths is None else b"".join(_listed(path) for path in paths)
        listed = [] if given is None else ["--from0", "--files-from=-"]
        silence_s = max(10, int(self.order.deadline_s))
        # ssh would ask a person; the remote side's words are matched in English; times are compared in UTC.
        ssh = f"ssh -o BatchMode=yes -o ConnectTimeout={min(CONNECT_MAX_S, silence_s)}"
        ssh += f" -p {self.address.port}" if self.address.port else ""
        remote = [] if self.address.is_local else [f"--timeout={silence_s}"]
        has_shell = any(_sets_shell(option) for option in self.order.job.options)
        if not (self.address.is_local or self.address.is_daemon or has_shell):
            remote.append(f"--rsh={os.environ.get('RSYNC_RSH') or ssh}")
        # The first is for its removal: rsync does not take a name that is missing here for a directory.
        shown = [f"--include=/{REPLACED_NAME}*", f"--include=/{REPLACED_NAME}*/***"] if is_replaced_shown else []
        hidden = f"--exclude={PARTIAL_NAME}*"
        # A directory among the paths is the directory alone.
        options = (*self.order.job.options, "--no-recursive")
        command = ["rsync", "--8-bit-output", *shown, hidden, *options, *remote]
        try:
            done = proc.run(
                [*command, *listed, *argv],
                deadline_s=WHOLE_S,
                env={"LC_ALL": "C", "TZ": "UTC"},
                input=given,
                is_cancelled=self.order.is_cancelled,
            )
        except FileNotFoundError as error:
            name = self.order.job.name
            raise OperationError(f"{name}: rsync is not installed", "install rsync", code="not-found") from error
        if done.ok or (done.returncode in also_ok and not done.is_over_deadline and not done.is_cancelled):
            return done
        raise trouble(self.order, done)


def _listed(path: str) -> bytes:
    """Return a path for rsync's list of files, where `#` and `;` would begin a remark."""
    return (b"./" if path.startswith(("#", ";")) else b"") + os.fsencode(path) + b"\0"


def _sets_shell(option: str) -> bool:
    return option == "-e" or option.startswith(("--rsh", "-e "))


def trouble(order: Order, done: proc.Completed) -> OperationError:
    """Return the error for an rsync that did not end well."""
    name, words = order.job.name, clean(_telling(done.errors))
    if done.is_cancelled:
        return TransientError(f"{name}: the transfer was abandoned", "it goes on at the next run", code="cancelled")
    if done.is_over_deadline:
        return TransientError(f"{name}: rsync took longer than {WHOLE_S / 3600:.0f} hours", code="timeout")
    if told := ssh_problem(name, order.job.url, done.errors, "rsync"):
        return OperationError(told.message, told.hint, code=told.code)
    code = classify(done.errors)
    said = f": {words}" if words else ""
    if code != "unknown":
        kind = TransientError if code in ("offline", "timeout") else OperationError
        hint = {
            "auth": f"try it by hand: {shlex.join(['rsync', '--list-only', order.job.url])}",
            "host-key": "connect once with ssh, compare the fingerprint, then accept it",
            "disk-full": "make room on the side that is full",
        }.get(code, "check the address and the network")
        return kind(f"{name}: rsync{said}", hint, code=code)
    status = done.returncode
    if status in _TRANSIENT:
        return TransientError(f"{name}: rsync{said}", "it is tried again by itself", code=_TRANSIENT[status])
    code, what, hint = _CODES.get(status, ("failed", f"ended with status {status}", "run rsync by hand to see more"))
    return OperationError(f"{name}: rsync: {what}{said}", hint, code=code)


def _telling(said: str) -> str:
    """Return the line that says what went wrong, not rsync's summary of it."""
    lines = [line for line in said.splitlines() if line.strip()]
    summary = ("rsync error:", "rsync warning:", "rsync: connection unexpectedly closed")
    telling = [line for line in lines if not line.startswith(summary)]
    return last_line("\n".join(telling or lines))
