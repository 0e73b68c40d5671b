"""Creates a bare repository that machines meet in: on a file system of this machine, or on a server by an ssh shell.

Any thread; owns nothing. Both are the same script of a POSIX shell, which needs nothing there but git, and which
creates and never changes what exists.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from gitsync import proc
from gitsync.errors import OperationError, UsageError
from gitsync.git.remote import noninteractive_env
from gitsync.git.remote.errors import classify, failure, last_line
from gitsync.git.remote.ssh_master import destination
from gitsync.git.remote.ssh_trouble import ssh_problem
from gitsync.model import Problem
from gitsync.text import as_word, clean

CREATE_S = 60.0
_BEGIN = r"""
set -u
umask 022
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_COMMON_DIR GIT_TEMPLATE_DIR
say() { echo "gitsync: $1"; exit 0; }
case $path in
    "~") path=$HOME ;;
    "~/"*) path=$HOME/${path#"~/"} ;;
    "~"*) say other-home ;;
    /*) ;;
    *) path=./$path ;;
esac
"""
_CREATE = r"""
command -v git >/dev/null 2>&1 || say no-git
if [ -e "$path" ] || [ -L "$path" ]; then
    [ -d "$path" ] || say file
    if [ "$(git --git-dir="$path" rev-parse --is-bare-repository 2>/dev/null)" = true ]; then say repository; fi
    [ -e "$path/.git" ] && say work-tree
    [ -z "$(ls -A "$path")" ] || say directory
else
    parent=$(dirname "$path")
    case $path in
        /media/*|/run/media/*|/mnt/*|/Volumes/*) [ -d "$parent" ] || say away ;;
    esac
    mkdir -p "$parent" || say failed
    mkdir "$path" || say failed
    trap 'rm -rf "$path"' EXIT
fi
git init --quiet --bare "$path" &&
cd "$path" &&
git --git-dir=. symbolic-ref HEAD "refs/heads/$branch" &&
git --git-dir=. config receive.denyNonFastForwards true &&
git --git-dir=. config receive.autogc false &&
git --git-dir=. config core.logAllRefUpdates true &&
git --git-dir=. rev-parse --is-bare-repository >/dev/null || say failed
trap - EXIT
say created
"""
# Where git looks for a repository that is named by a path, as far as it can be bare.
_POINT_HEAD = r"""
cd "$path" 2>/dev/null || cd "$path.git" 2>/dev/null || say failed
[ "$(git --git-dir=. rev-parse --is-bare-repository 2>/dev/null)" = true ] || say work-tree
git --git-dir=. rev-parse --verify --quiet HEAD >/dev/null && say filled
git --git-dir=. symbolic-ref HEAD "refs/heads/$branch" && say pointed
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the repository is to be: `host` are the words that name a server to ssh, none for this machine."""

    url: str
    path: str
    host: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Return the address for a sentence."""
        return clean(self.url)


def place_of(address: str) -> Place:
    """Parse `[USER@]HOST:PATH`, an ssh URL or an absolute path. Raise UsageError for anything else."""
    if re.match(r"[a-z+]+://", address, re.IGNORECASE) or re.match(r"[^/]*:", address):
        host = destination(address)
        matched = re.match(r"[^:]+://[^/]+/(~.*)|[^:]+://[^/]+(/.*)", address) or re.match(r"[^:]*:(.+)", address)
        path = next((found for found in matched.groups() if found), "") if matched else ""
        if host is None or not path.strip("/"):
            raise UsageError(
                f"{clean(address)} is not a place for a repository",
                "write it as HOST:PATH, USER@HOST:PATH, ssh://HOST/PATH or as a path on this machine",
            )
        return Place(address, path, host)
    if not address.startswith("/") or not address.strip("/"):
        raise UsageError(f"{clean(address)!r} is not an absolute path", "name the directory that is to be created")
    return Place(address.rstrip("/"), address.rstrip("/"))


def create(place: Place, branch: str, root: Path) -> None:
    """Create the repository with `branch` as its HEAD; `root` is the directory whose git configuration names ssh.

    Raise OperationError for what exists there already, which is left as it is, and for what the server refuses;
    TransientError when it cannot be reached.
    """
    done = _run(place, branch, _CREATE, root)
    if _said(done) != "created":
        raise _refusal(place, _said(done), done)


def point_head(url: str, branch: str, root: Path, line: str = "") -> bool:
    """Let the HEAD of a bare repository name `branch` while it names one that does not exist; return whether it did.

    `url` is on this machine, or on a server that gives a shell; `line` is the path of a connection that is kept open.
    """
    try:
        place = place_of(url)
    except UsageError:
        return False  # there is no shell at such an address
    return _said(_run(place, branch, _POINT_HEAD, root, line)) == "pointed"


def _run(place: Place, branch: str, script: str, root: Path, line: str = "") -> proc.Completed:
    begin = f"path={shlex.quote(place.path)}; branch={shlex.quote(branch)}"
    argv = ["sh", "-s"]
    env = noninteractive_env.environment(root, CREATE_S, line)
    if place.host:
        command = env.get("GIT_SSH_COMMAND") or noninteractive_env.ssh_command(root)
        words = " ".join(shlex.quote(word) for word in (*place.host, "sh -s"))
        # env, because the user's command may begin with assignments.
        argv = ["sh", "-c", f"exec env {command} {words}"]
    return proc.run(argv, deadline_s=CREATE_S, env=env, input=os.fsencode(begin + _BEGIN + script))


def _said(done: proc.Completed) -> str:
    """Return the script's answer, "" for none; a login shell may have printed more."""
    said = re.search(r"^gitsync: ([a-z-]+)$", os.fsdecode(done.stdout), re.MULTILINE)
    return said[1] if said else ""


def _refusal(place: Place, said: str, done: proc.Completed) -> OperationError:
    """Return the error for the script's answer, "" for none."""
    there, command = place.label, as_word(place.url)
    if said in _REFUSALS:
        code, message, hint = _REFUSALS[said]
        return OperationError(message.format(there=there), hint.format(place=command), code=code)
    line = last_line(done.errors)
    if said == "failed":
        code = "permission" if re.search("permission denied|read-only", done.errors, re.IGNORECASE) else "git"
        return OperationError(
            f"the repository {there} cannot be created: {line}", "check the path and its permissions", code=code
        )
    if done.is_over_deadline or classify(done.errors) in ("offline", "timeout", "auth", "host-key"):
        try_it = f"to see the same error: ssh {shlex.join(place.host)} true"
        return failure(
            ssh_problem(there, place.url, done.errors)
            or Problem(classify(done.errors or "timeout"), f"{there} cannot be reached: {line or 'no answer'}", try_it)
        )
    return OperationError(
        f"{there}: the server gives no shell, so nothing can be created there{': ' + line if line else ''}",
        "create an empty repository by the server's own means, then: git -C DIR remote add origin URL",
        code="no-shell",
    )


_REFUSALS = {
    "repository": (
        "exists",
        "{there} is a bare repository already; it was left as it is",
        "to use it: git -C DIR remote add origin {place}",
    ),
    "work-tree": (
        "exists",
        "{there} is a work tree with files; it was left as it is",
        "name another directory, such as {place}.git",
    ),
    "directory": (
        "exists",
        "the directory {there} exists and is not empty; it was left as it is",
        "name a directory that does not exist yet, such as {place}/notes.git",
    ),
    "file": ("exists", "{there} is a file; it was left as it is", "name a directory that does not exist yet"),
    "away": (
        "offline",
        "the directory of {there} does not exist, and would not be on the disk that is to be mounted there",
        "mount the disk, and run the same command again",
    ),
    "no-git": ("git-missing", "{there}: git is not installed there", "install git there: apt install git"),
    "other-home": (
        "usage",
        "{there}: the home directory of another user cannot be named here",
        "write the path in full, beginning with a slash",
    ),
}
