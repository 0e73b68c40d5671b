"""A channel to an ssh server that reports which branches move there: a shell script on the server, and its reader.

Any one thread. The script needs a POSIX shell, and uses GNU tail and timeout where they are there. It ends with the
connection: its stdin is closed then. It ends after `LASTS_S` in any case.

A peer may be gone without a word. The script learns that from the kernel of the server: as long as segments of the
client arrive there, which are its kernel's probes (`tcp_probes`), nobody is asked. Where none arrive, or there is no ss
to count them, it writes a beat, and ends when no answer comes. The client's ssh learns it from those beats, or from
a byte on stderr, which wakes nobody else: it gives up the connection when nothing came for `SILENCE_S`.
"""

from __future__ import annotations

import os
import re
import select
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gitsync import clock, proc
from gitsync.errors import UsageError
from gitsync.git.program import ASK_NOBODY
from gitsync.git.remote import bare, noninteractive_env, ssh_master

# How often the script counts segments, and how often it asks for an answer where they say nothing (seconds). A line
# that is cut just after a segment is noticed by the second count after that, so nothing is left there after a minute.
CHECK_S, BEAT_S, ANSWER_S = 24, 50, 6
# A byte is sent at every fourth count: the most that the silence of ssh leaves room for.
CHECKS_A_BYTE = 4
# ssh takes a connection for dead after this (seconds) without a word; the channel gets so long to begin.
SILENCE_S, BEGIN_S = 116, 45.0
# When the kernel's probes begin, how often they are repeated without an answer (seconds), and how many times.
PROBES = {"idle_s": CHECK_S - 5, "every_s": 10, "count": 6}
# After this (seconds) another script is started; without anybody to end it, a script ends later by so much.
LASTS_S, LATE_S = 3600, 600
# How often the fallback compares the files (seconds).
COMPARE_S = 2
COMMAND = "exec sh -s"
READ_BYTES, WRITE_BYTES = 65536, 4096
# The lines that belong together arrive within this (seconds).
TOGETHER_S = 0.02
_COMMIT = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
# Where git looks for a repository that is named by a path, in its order, as local_remote does.
_FIND = r"""
d=
case $p in
    "~/"*) p=$HOME/${p#"~/"} ;;
    /*) ;;
    "~"*) p=/dev/null ;;
    *) p=$PWD/$p ;;
esac
for t in "$p/.git" "$p" "$p.git/.git" "$p.git"; do
    if [ -f "$t" ]; then t=$(cd "$(dirname "$t")" && cd "$(git rev-parse --git-common-dir)" && pwd) || continue; fi
    if [ -f "$t/HEAD" ] && [ -d "$t/objects" ]; then d=$t; break; fi
done
"""
_LIST = (
    _FIND
    + r"""
if [ -z "$d" ]; then echo "gitsync: none $n"
elif [ -d "$d/reftable" ]; then
    echo "gitsync: file $n $d/reftable/tables.list"
    set -- "$@" "$d/reftable/tables.list"
else
    echo "gitsync: file $n $d/refs/heads/$b"
    echo "gitsync: file $n $d/packed-refs"
    set -- "$@" "$d/refs/heads/$b" "$d/packed-refs"
fi
"""
)
_SHOW = (
    _FIND
    + r"""
c=
if [ -n "$d" ] && [ ! -d "$d/reftable" ]; then
    [ -f "$d/refs/heads/$b" ] && read -r c <"$d/refs/heads/$b"
    [ -z "$c" ] && [ -f "$d/packed-refs" ] && c=$(grep -F " refs/heads/$b" "$d/packed-refs" |
        while read -r f r; do [ "$r" = "refs/heads/$b" ] && echo "$f"; done)
    [ -n "$c" ] || c=-
fi
[ -z "$d" ] || echo "gitsync: here $n $c"
"""
)
_SCRIPT = r"""
main() {
LC_ALL=C; export LC_ALL
unset GIT_DIR GIT_WORK_TREE GIT_COMMON_DIR
list=@LIST@
show=@SHOW@
each() {
@REPOSITORIES@
}
state() { for f in "$@"; do c=; [ -f "$f" ] && read -r c <"$f" && echo "$f $c"; done; ls -lid -- "$@" 2>/dev/null; }
set --
@LISTS@
has_timeout=$(command -v timeout)
if [ -n "$has_timeout" ] && tail --version 2>/dev/null | grep -q GNU; then
    timeout @LONGEST@ tail -v -n0 -F -- "$@" 2>&1 &
    w=$!
    sleep 1
else
    { s=$(state "$@"); l=0
    while [ $l -lt @COMPARISONS@ ] && sleep @COMPARE@; do
        l=$((l+1)); o=$s; s=$(state "$@")
        [ "$s" = "$o" ] || each
        if [ -z "$has_timeout" ] && [ $((l % @BEATEN@)) = 0 ]; then echo "gitsync: beat" || exit; fi
    done; } &
    w=$!
fi
trap 'kill $w 2>/dev/null' EXIT
trap 'exit 0' HUP INT TERM PIPE
each
echo "gitsync: ready"
if [ -z "$has_timeout" ]; then
    cat >/dev/null
    exit
fi
# Prints how many segments have come from the client, nothing where that is not known.
segments() {
    set -- $SSH_CONNECTION
    [ $# -ne 4 ] || ss -tinH "src $3 and sport = :$4 and dst $1 and dport = :$2" 2>/dev/null |
        sed -n 's/.*[^a-z_]segs_in:\([0-9]*\).*/\1/p'
}
s=$(segments)
l=0 quiet=0 vain=0
while [ $l -lt @LASTS@ ] && kill -0 $w 2>/dev/null; do
    if [ -n "$s" ] && [ $vain -lt 2 ]; then t=@CHECK@; else t=@BEAT@ s=; fi
    timeout $t sh -c 'read -r x'
    r=$?
    [ $r -eq 1 ] && exit
    l=$((l+t)) o=$s
    [ -z "$s" ] || s=$(segments)
    if [ $r -eq 124 ] && [ -n "$s" ] && [ "$s" != "$o" ]; then
        vain=0 quiet=$((quiet+1))
        if [ $((quiet % @QUIET@)) = 0 ]; then echo >&2; sleep 1; s=$(segments); fi
        continue
    fi
    [ $r -ne 124 ] || vain=$((vain+1))
    echo "gitsync: beat" || exit
    timeout @ANSWER@ sh -c 'read -r x' || exit
    [ -z "$s" ] || s=$(segments)
done
}
main
exit
"""


@dataclass(frozen=True, slots=True)
class FarBranch:
    """A branch in a repository on a server: `server` are the words that name it to ssh, `ssh` is the command for that.

    `root` and `remote` say whose configuration that is.
    """

    root: Path
    remote: str
    server: tuple[str, ...]
    ssh: str
    path: str
    branch: str

    @property
    def key(self) -> tuple[str, ...]:
        """Return what branches have in common that one channel can report."""
        return (*self.server, self.ssh)


def far_branch(root: Path, remote: str, branch: str) -> FarBranch | None:
    """Return where `branch` of `remote` is, None when it is not on a server that OpenSSH leads to.

    Raise OperationError when git's configuration cannot be read.
    """
    ssh = noninteractive_env.openssh_command(root)
    url = ssh_master.resolved_url(root, remote) if ssh is not None else ""
    try:
        place = bare.place_of(url)
    except UsageError:
        return None
    if not place.host or ssh is None or re.search(r"[\x00-\x1f\x7f]", place.path + branch):
        return None
    return FarBranch(root, remote, place.host, ssh, place.path, branch)


@dataclass(frozen=True, slots=True)
class News:
    """What came by a channel: `moved` are branches and the commit where each is now, None where that is not known.

    `missing` are those whose repository is not there; `has_beat` asks for an answer.
    """

    moved: Mapping[int, str | None]
    missing: Sequence[int] = ()
    is_ready: bool = False
    has_beat: bool = False


@dataclass(slots=True)
class Reader:
    """Understands what the script and tail write; branches are numbered as in `open_channel`."""

    branches: Sequence[str]
    _files: dict[bytes, set[int]] = field(default_factory=dict)
    _current: set[int] = field(default_factory=set)
    _rest: bytes = b""
    _is_ready: bool = False

    def read(self, data: bytes) -> News:
        """Return the news in the next bytes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        moved: dict[int, str | None] = {}
        missing: list[int] = []
        has_beat = False
        for line in lines:
            words = line.split(b" ", 3)
            if words[0] != b"gitsync:":
                moved.update(self._tail(line, moved) if self._is_ready else {})
            elif words[1:] == [b"ready"]:
                self._is_ready = True
            elif words[1:] == [b"beat"]:
                has_beat = True
            elif len(words) < 3 or not words[2].isdigit() or int(words[2]) >= len(self.branches):
                continue
            elif words[1] == b"none":
                missing.append(int(words[2]))
            elif words[1] == b"file" and len(words) == 4:
                self._files.setdefault(words[3], set()).add(int(words[2]))
            elif words[1] == b"here":
                moved[int(words[2])] = _commit(words[3]) if len(words) == 4 else None
        return News(moved, missing, self._is_ready, has_beat)

    def _tail(self, line: bytes, moved: Mapping[int, str | None]) -> Mapping[int, str | None]:
        if line.startswith((b"tail: ", b"==> ")):
            named = [path for path in self._files if path in line]
            path = max(named, key=len, default=None)
            # A name that tail has quoted may be any.
            self._current = self._files[path] if path is not None else set().union(*self._files.values())
            return {number: None for number in self._current if number not in moved}
        commit, _, ref = line.partition(b" ")
        if not _COMMIT.fullmatch(commit):
            return {}
        return {
            number: commit.decode()
            for number in self._current
            if not ref or ref == b"refs/heads/" + os.fsencode(self.branches[number])
        }


def _commit(word: bytes) -> str | None:
    return word.decode() if _COMMIT.fullmatch(word) else None


class Channel:
    """An open channel for branches of one server."""

    def __init__(self, child: proc.Conversation, branches: Sequence[FarBranch]) -> None:
        self._child = child
        self._reader = Reader([each.branch for each in branches])
        self.has_ended = False

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is news, or the channel has ended."""
        return self._child.fds[1]

    def is_readable(self, wait_s: float) -> bool:
        """Return whether there is something to read within `wait_s` seconds."""
        return bool(select.select([self.fileno()], [], [], wait_s)[0])

    def hear(self) -> News:
        """Return the news that is there; answer the server when it asks for that."""
        moved: dict[int, str | None] = {}
        missing: list[int] = []
        is_ready = False
        while not self.has_ended:
            data = os.read(self.fileno(), READ_BYTES)
            self.has_ended = not data
            news = self._reader.read(data)
            # What is certain by one line is not made uncertain by the next.
            moved.update({key: value for key, value in news.moved.items() if value is not None or key not in moved})
            missing += news.missing
            is_ready = news.is_ready
            if news.has_beat:
                self.ping()
            if not self.is_readable(TOGETHER_S):
                break
        return News(moved, missing, is_ready)

    def ping(self) -> None:
        """Ask the server for a beat, or answer one."""
        self._say(b"\n")

    def begin(self, script: bytes) -> None:
        """Send the script."""
        ends_at = clock.SystemClock().now() + BEGIN_S
        while script and select.select([], [self._child.fds[0]], [], max(0.0, ends_at - clock.SystemClock().now()))[1]:
            sent = self._say(script[:WRITE_BYTES])
            if sent == 0:
                return
            script = script[sent:]

    def end(self) -> None:
        """Close it; the script ends, too."""
        self._child.end()

    def _say(self, words: bytes) -> int:
        try:
            return os.write(self._child.fds[0], words)
        except (BlockingIOError, BrokenPipeError):
            return 0  # it has ended, which is seen when it is read


def open_channel(branches: Sequence[FarBranch], line: str) -> Channel | None:
    """Start a channel for branches of one server; `line` is the path of a connection that is kept open.

    None where the user's ssh is not OpenSSH any more.
    """
    first = branches[0]
    options: tuple[str, ...] = (
        "BatchMode=yes",
        "ConnectTimeout=20",
        "ControlMaster=no",
        f"ControlPath={line or 'none'}",
    )
    options += ssh_master.giving_up_after(SILENCE_S)  # where ssh goes by no line, but connects for itself
    argv = ssh_master.client(first.root, first.server, options, command=COMMAND)
    if argv is None:
        return None
    channel = Channel(proc.converse(argv, env=ASK_NOBODY), branches)
    channel.begin(script(branches))
    return channel


def script(branches: Sequence[FarBranch]) -> bytes:
    """Return what the shell on the server runs."""
    settings = [
        f"n={number} p={shlex.quote(each.path)} b={shlex.quote(each.branch)}" for number, each in enumerate(branches)
    ]
    words = {
        "LIST": shlex.quote(_LIST),
        "SHOW": shlex.quote(_SHOW),
        "LISTS": "\n".join(f'{each}; eval "$list"' for each in settings),
        "REPOSITORIES": "\n".join(f'{each}; eval "$show"' for each in settings),
        "LONGEST": str(LASTS_S + LATE_S),
        "COMPARISONS": str((LASTS_S + LATE_S) // COMPARE_S),
        "COMPARE": str(COMPARE_S),
        "BEATEN": str(max(1, BEAT_S // COMPARE_S)),
        "BEAT": str(BEAT_S),
        "CHECK": str(CHECK_S),
        "QUIET": str(CHECKS_A_BYTE),
        "LASTS": str(LASTS_S),
        "ANSWER": str(ANSWER_S),
    }
    return os.fsencode(re.sub("@([A-Z]+)@", lambda found: words[found[1]], _SCRIPT))
