"""Checks of storage: permissions of gitsync's own files, logs, free disk space, kinds of file systems.

Run on the pool threads of `table`; they change nothing.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from gitsync import places, text
from gitsync.config.options import RepoConfig
from gitsync.daemon.checks.model import Case, Finding, ok, problem, warning
from gitsync.redaction import redact
from gitsync.text import as_word, clean

LOG_BYTES = 50_000_000
LOW_BYTES = 100_000_000
SCARCE_BYTES = 1_000_000_000
LOW_SHARE = 0.01
# File systems on which the kernel does not report changes made by other machines.
DEAF = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "glusterfs", "lustre", "vboxsf", "prl_fs", "davfs", "virtiofs")
# Below these directories of home, macOS asks before a program may read.
GATED = ("Documents", "Desktop", "Downloads", "Library/Mobile Documents")
PRIVATE = 0o077
WRITABLE = 0o022


def permissions(case: Case) -> list[Finding]:
    """Check whether gitsync's own files are private: socket, its directory, state, configuration."""
    looked = [
        (case.socket.parent, PRIVATE, "700"),
        (places.state_dir(), PRIVATE, "700"),
        *([(case.socket, PRIVATE, "600")] if case.is_daemon else []),
    ]
    source = case.config.source
    if source is not None:
        # The hooks are commands: a user who can write them can run them.
        text = source.read_text("utf-8", "replace")
        looked.append((source, PRIVATE if redact(text) != text else WRITABLE, "600"))
        looked.append((source.parent, WRITABLE, "700"))
    found = [finding for path, forbidden, mode in looked for finding in _exposed(path, forbidden, mode)]
    return found or [ok(f"{len(looked)} files and directories of gitsync are accessible to you only")]


def _exposed(path: Path, forbidden: int, mode: str) -> list[Finding]:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return []
    shown = clean(str(path))
    if facts.st_uid not in (0, os.geteuid()):
        return [problem(f"{shown} belongs to user {facts.st_uid}", f"to see its owner: ls -ld {shown}")]
    if stat.S_IMODE(facts.st_mode) & forbidden:
        open_to = f"{shown} is accessible to others (mode {stat.S_IMODE(facts.st_mode):04o})"
        return [problem(open_to, f"chmod {mode} {shown}")]
    return []


def log_size(case: Case, *, limit: int = LOG_BYTES) -> list[Finding]:
    """Check the size of the log files."""
    files = list(places.state_dir().glob("*.log*"))
    taken = sum(file.stat().st_size for file in files)
    if taken > limit:
        return [
            warning(
                f"the log files take {text.size(taken)}", f"remove those that you do not need in {places.state_dir()}"
            )
        ]
    return [ok(f"the log files take {text.size(taken)}" if files else "there is no log file")]


def room(case: Case, *, scarce: int = SCARCE_BYTES, low: int = LOW_BYTES) -> list[Finding]:
    """Check the free space on the disks of the repositories and of gitsync's state."""
    seen: dict[int, Finding] = {}
    for path in (places.state_dir(), *(repo.path for repo in case.repos)):
        try:
            device = path.stat().st_dev
        except OSError:
            continue  # the repository's own check reports it
        if device not in seen:
            seen[device] = _room_at(path, scarce, low)
    return list(seen.values())


def _room_at(path: Path, scarce: int, low: int) -> Finding:
    facts = os.statvfs(path)
    free, total = facts.f_bavail * facts.f_frsize, facts.f_blocks * facts.f_frsize
    shown = clean(str(path))
    if facts.f_flag & os.ST_RDONLY:
        return problem(f"the file system of {shown} is read-only", f"sudo mount -o remount,rw {shown}")
    if facts.f_files and facts.f_favail < LOW_SHARE * facts.f_files:
        return problem(f"only {facts.f_favail} inodes are left at {shown}", f"to see the usage: df -i {shown}")
    if total and free < scarce:
        verdict = problem if free < low else warning
        return verdict(f"only {text.size(free)} are left at {shown}", f"free some disk space: df -h {shown}")
    return ok(f"{text.size(free)} are free at {shown}")


def file_system(case: Case, repo: RepoConfig, mounted: list[tuple[str, str]] | None = None) -> list[Finding]:
    """Check whether a work tree can be read, and the kernel can report changes in it."""
    if sys.platform == "darwin" and (kept_back := _kept_back(case, repo)):
        return kept_back
    kind = kind_of(os.path.realpath(repo.path), mounts() if mounted is None else mounted)
    status = case.status(repo.name)
    if kind.startswith("fuse") or kind.startswith(DEAF):
        if repo.watch == "polling":
            return [ok(f"on {kind}, watched by polling")]
        said = f"on {kind}, where changes by other machines are not reported"
        return [warning(said, f"gitsyncctl config set {as_word(f'repo.{repo.name}.watch')} polling")]
    if status.watch == "polling" and repo.watch != "polling":
        note = next((note for note in status.notes if "sysctl" in note), f"gitsyncctl status {as_word(repo.name)}")
        return [warning(f"on {kind}, and changes are detected by polling only", note)]
    return [ok(f"on {kind or 'an unknown file system'}")]


def _kept_back(case: Case, repo: RepoConfig) -> list[Finding]:
    """Return what keeps macOS from letting this process read a directory for which it asks the user first."""
    home = Path.home()
    gate = next((home / name for name in GATED if repo.path.is_relative_to(home / name)), None)
    if gate is None:
        return []
    shown = text.tilde(clean(str(gate)))
    try:
        os.listdir(repo.path)  # noqa: PTH208 - only this one is refused there
    except PermissionError as error:
        return [
            problem(
                f"macOS does not let gitsync read {shown}: {error.strerror}",
                f"in System Settings, Privacy & Security, Full Disk Access, add {clean(sys.executable)}; or move the "
                f"directory out of {shown}",
            )
        ]
    except OSError:
        return []  # the check of the repository reports it
    if not case.is_daemon:
        return [warning(f"{shown} is readable here; the service needs a permission of its own", "gitsyncctl doctor")]
    return []


def mounts() -> list[tuple[str, str]]:
    """Return mount point and type of every mounted file system, [] where the system does not list them."""
    try:
        lines = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []
    return [parsed for line in lines if (parsed := _mount(line))]


def _mount(line: str) -> tuple[str, str] | None:
    before, _, after = line.partition(" - ")
    fields = before.split(" ")
    if len(fields) < 5 or not after:
        return None
    # Blanks, tabs, line ends and backslashes are escaped in octal there.
    point = fields[4]
    for octal, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(octal, char)
    return point, after.split(" ")[0]


def kind_of(path: str, known: list[tuple[str, str]]) -> str:
    """Return the type of the file system that holds `path`: of the deepest mount point, and the last one mounted
    there.
    """
    held = [(len(point), at, kind) for at, (point, kind) in enumerate(known) if _holds(point, path)]
    return max(held)[2] if held else ""


def _holds(point: str, path: str) -> bool:
    return point == "/" or path == point or path.startswith(point + "/")
