"""The options of a watched repository, each declared once; see `options.py`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from gitsync.config.checks import (
    check_branch,
    check_identity,
    check_message,
    check_name,
    check_pattern,
    check_remote,
    check_remote_name,
)
from gitsync.config.rows import ValueKind
from gitsync.config.values import option

_YEAR = 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class RepoConfig:
    """One watched work tree, from [[repo]] and [defaults]."""

    name: str = option(
        ValueKind.TEXT,
        None,
        "The name of this repository in commands and status.",
        example="notes",
        is_required=True,
        is_shared=False,
        absent="the directory's name",
        check=check_name,
    )
    path: Path = option(  # noqa: RUF009 - it returns a dataclass field
        ValueKind.PATH,
        None,
        "The work tree's directory; the only required key.",
        example="~/Notes",
        is_required=True,
        is_shared=False,
    )
    remote: str | None = option(
        ValueKind.TEXT,
        None,
        'The remote to pull from and push to; "" keeps the repository local.',
        example="origin",
        absent="the branch's upstream, else origin if there is one",
        check=check_remote,
    )
    remotes: tuple[str, ...] = option(
        ValueKind.TEXTS,
        [],
        "Several remotes: pull from and push to each of them; one that is away delays nothing. Takes the place of "
        "remote.",
        example=["origin", "usb"],
        check=check_remote_name,
    )
    branch: str = option(
        ValueKind.TEXT,
        "",
        'Act only while this branch is checked out; "" means any branch.',
        example="main",
        check=check_branch,
    )
    mode: str = option(
        ValueKind.CHOICE,
        "both",
        'Whether to pull and push ("both"), only one of them, or only commit.',
        example="both",
        choices=("both", "push", "pull", "commit"),
    )
    quiet: float = option(
        ValueKind.DURATION,
        "2s",
        "Commit when nothing changed for this long.",
        example="5s",
        low=0,
        high=86_400,
    )
    max_wait: float = option(
        ValueKind.DURATION,
        "30s",
        "Commit when the oldest change has waited this long, even while changes continue; not less than quiet. if "
        "only quiet is set, to more than the default, max_wait equals it.",
        example="1m",
        low=0,
        high=86_400,
    )
    pull: float | None = option(
        ValueKind.DURATION,
        "1m",
        "How often to fetch from a remote that does not report pushes (see notice); a server is fetched from every 15m "
        "after ten fetches that found nothing, unless this is below 1m.",
        example="5m",
        low=0.1,
        high=_YEAR,
        can_be_off=True,
    )
    push: float | None = option(
        ValueKind.DURATION,
        "5s",
        "How long after a commit to push it. Without this key, a commit is pushed at once, and those that follow soon "
        "are pushed together, at most 5s later.",
        example="30s",
        absent="at once",
        low=0,
        high=_YEAR,
        can_be_off=True,
    )
    notice: str = option(
        ValueKind.CHOICE,
        "auto",
        "Whether to learn at once of what others push: auto does so where the remote is on a local file system (its "
        "branches are watched), or on a server with a shell (one ssh connection reports them), and looks once an hour "
        'besides; "pull" is for all others.',
        example="off",
        choices=("auto", "off"),
    )
    presence: str = option(
        ValueKind.CHOICE,
        "auto",
        "Whether to report to the remote which commit this machine has, and when it was there, and to show the same of "
        'others in "machines" and "status"; auto does so where the remote is a path, or a server with a shell.',
        example="on",
        choices=("auto", "on", "off"),
    )
    unseen: float | None = option(
        ValueKind.DURATION,
        "3d",
        "Report once when another machine was not seen for this long.",
        example="14d",
        low=60,
        high=_YEAR,
        can_be_off=True,
    )
    reconcile: float | None = option(
        ValueKind.DURATION,
        "1h",
        "How often to compare the whole work tree, as a safety net for changes that the system did not report.",
        example="4h",
        low=1,
        high=_YEAR,
        can_be_off=True,
    )
    conflict: str = option(
        ValueKind.CHOICE,
        "keep-both",
        "How to resolve a conflict when a file was changed here and elsewhere and cannot be merged.",
        example="manual",
        choices=("keep-both", "ours", "theirs", "union", "newest", "manual"),
    )
    stale_saves: str = option(
        ValueKind.CHOICE,
        "merge",
        "When an editor saves a text from before a pull, and so without what arrived: merge the two in a commit after "
        "the one of the save, or keep what was saved and report it.",
        example="keep",
        choices=("merge", "keep"),
    )
    conflict_paths: tuple[tuple[str, str], ...] = option(
        ValueKind.CHOICE_BY_GLOB,
        {},
        "The same for paths that match a pattern; the first matching pattern is used.",
        example={"*.log": "theirs", "todo.txt": "union"},
        choices=("keep-both", "ours", "theirs", "union", "newest", "manual"),
        check=check_pattern,
    )
    message: str = option(
        ValueKind.TEXT,
        "",
        'A template for commit messages, with {summary}, {files}, {count} and others; "" generates one.',
        example="{summary} on {host}",
        check=check_message,
    )
    granularity: str = option(
        ValueKind.CHOICE,
        "batch",
        "One commit for each batch of changes, or one for each file.",
        example="file",
        choices=("batch", "file"),
    )
    author: str = option(
        ValueKind.TEXT,
        "",
        'The author of commits; "" is git\'s own identity, else user@host.',
        example="Ada <ada@example.org>",
        check=check_identity,
    )
    include: tuple[str, ...] = option(
        ValueKind.TEXTS,
        [],
        "Patterns as in .gitignore: files to commit although .gitignore excludes them.",
        example=["build/report.pdf"],
        check=check_pattern,
    )
    exclude: tuple[str, ...] = option(
        ValueKind.TEXTS,
        [],
        "Patterns as in .gitignore: further files to exclude.",
        example=["*.tmp", "cache/"],
        check=check_pattern,
    )
    max_file_size: int | None = option(
        ValueKind.SIZE,
        "100MB",
        "New files larger than this are not committed until you say so.",
        example="1GiB",
        low=1,
        can_be_off=True,
    )
    warn_file_size: int | None = option(
        ValueKind.SIZE,
        "10MB",
        "New files larger than this are committed and reported: history keeps them for good.",
        example="50MB",
        low=1,
        can_be_off=True,
    )
    secrets: str = option(
        ValueKind.CHOICE,
        "quarantine",
        "What to do with a new file that looks like a private key or a token: quarantine it, warn, or nothing.",
        example="warn",
        choices=("quarantine", "warn", "off"),
    )
    brake_deletes: float = option(
        ValueKind.SHARE,
        0.5,
        "Stop and ask when more than this share of the files, and over 20, are removed within ten minutes; 1.0 never "
        "asks.",
        example=0.25,
    )
    verify: str = option(
        ValueKind.CHOICE,
        "off",
        "Take in any commit of the remote, or only those signed by a key that git accepts (gpg.ssh.allowedSignersFile, "
        "or the keyring); anything else is a question.",
        example="signed",
        choices=("off", "signed"),
    )
    transport: str = option(
        ValueKind.CHOICE,
        "auto",
        "What communicates with the remote: the git program (auto is the same), or libgit2.",
        example="git",
        choices=("auto", "git", "libgit2"),
    )
    watch: str = option(
        ValueKind.CHOICE,
        "auto",
        "How to detect changes: native notification by the system, polling, or the one that works.",
        example="polling",
        choices=("auto", "native", "polling"),
    )
    # Not a key of the file: in the configuration of one exchange of several, its remote; see `exchanges`.
    via: str = ""
    # Not a key of the file: True when `push` is not set there, so that gitsync chooses the time.
    is_push_prompt: bool = True
    # Not a key of the file either: [daemon] machine; None is the host's name.
    machine: str | None = None

    @property
    def exchanges(self) -> tuple[RepoConfig, ...]:
        """Return the configuration of each exchange: one for each of `remotes`, else one, or none for local only."""
        if self.remotes:
            names = dict.fromkeys(self.remotes)
            return tuple(replace(self, remote=name, remotes=(), via=name) for name in names)
        return (self,) if self.remote != "" else ()
