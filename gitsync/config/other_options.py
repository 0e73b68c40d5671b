"""The options of the mirror, the jobs, the daemon and the hooks, each declared once; see `options.py`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gitsync.config.checks import check_branch, check_identity, check_machine, check_name, check_remote, check_url
from gitsync.config.repo_options import RepoConfig
from gitsync.config.rows import ValueKind
from gitsync.config.values import option

_YEAR = 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class HomeConfig:
    """The mirror of home files, from [home]; `settings` are the options of a repository with that path."""

    settings: RepoConfig
    repo: Path = option(  # noqa: RUF009 - it returns a dataclass field
        ValueKind.PATH,
        "~/.local/share/gitsync/home",
        "The directory of the mirror.",
        example="~/.local/share/gitsync/home",
    )
    link: str = option(
        ValueKind.CHOICE,
        "auto",
        "Whether a home file and its mirror are one file with two names (hard link), or two files with equal content.",
        example="copy",
        choices=("auto", "hard", "copy"),
    )
    incoming: str = option(
        ValueKind.CHOICE,
        "ask",
        "What becomes of a file that comes from another machine for the first time and can run code or open a door: it "
        "waits for your answer, or is put in place.",
        example="apply",
        choices=("ask", "apply"),
    )


@dataclass(frozen=True, slots=True)
class JobConfig:
    """One periodic exchange with a server, from [[job]]."""

    name: str = option(
        ValueKind.TEXT,
        None,
        "The name of this job in commands and status.",
        example="thesis",
        is_required=True,
        absent="the directory's name",
        check=check_name,
    )
    path: Path = option(  # noqa: RUF009 - it returns a dataclass field
        ValueKind.PATH,
        None,
        "The directory on this machine; for git, the repository is cloned when it is missing.",
        example="~/thesis",
        is_required=True,
    )
    backend: str = option(
        ValueKind.CHOICE,
        "git",
        "The program that transfers the files.",
        example="git",
        choices=("git", "unison", "rsync"),
    )
    url: str = option(
        ValueKind.ADDRESS,
        "",
        'The other side: git@host:path, ssh://host/path, host:path or ~/path; "" is, for git, the URL of the remote.',
        example="git@server:thesis.git",
        check=check_url,
    )
    remote: str = option(ValueKind.TEXT, "origin", "For git: the remote's name.", example="origin", check=check_remote)
    mode: str = option(
        ValueKind.CHOICE,
        "both",
        "In which directions to transfer.",
        example="both",
        choices=("both", "push", "pull"),
    )
    every: float | None = option(
        ValueKind.DURATION,
        "1h",
        'How often to run; "off" means only on request.',
        example="30m",
        low=1,
        high=_YEAR,
        can_be_off=True,
    )
    branches: str | tuple[str, ...] = option(
        ValueKind.CHOICE_OR_TEXTS,
        "all",
        "For git: all branches, the current one, or a list of names.",
        example=["main", "draft"],
        choices=("all", "current"),
        check=check_branch,
    )
    user: str = option(
        ValueKind.TEXT,
        "",
        'For git: the identity to set in a clone; "" is git\'s own identity.',
        example="Ada <ada@example.org>",
        check=check_identity,
    )
    options: tuple[str, ...] = option(
        ValueKind.TEXTS, [], "Additional arguments for unison or rsync.", example=["--exclude=*.o"]
    )
    max_deletes: int = option(
        ValueKind.INTEGER,
        100,
        "Stop and ask before a run deletes more files than this.",
        example=20,
        low=0,
        high=2**31 - 1,
    )


@dataclass(frozen=True, slots=True)
class DaemonConfig:
    """The daemon itself, from [daemon]."""

    log_level: str = option(
        ValueKind.CHOICE,
        "info",
        "The lowest level of messages to log.",
        example="debug",
        choices=("debug", "info", "warning", "error"),
    )
    notify: str = option(
        ValueKind.CHOICE,
        "problems",
        'Which desktop notifications to show: "problems" when something needs you and when it is resolved, "all" also '
        "when you are offline and when changes arrive.",
        example="off",
        choices=("problems", "all", "off"),
    )
    machine: str | None = option(
        ValueKind.TEXT,
        None,
        "This machine's name in the commits that are made here (as a trailer, Gitsync-Machine), and with it in "
        '"log", "show" and "conflicts"; "" names none.',
        example="desk",
        absent="the host's name",
        check=check_machine,
    )
    network_timeout: float = option(
        ValueKind.DURATION,
        "60s",
        "How long an exchange with a remote may make no progress before it is cancelled and tried again later; if it "
        "makes progress, it may take thirty times as long.",
        example="5m",
        low=0.1,
        high=86_400,
    )
    on_battery: str = option(
        ValueKind.CHOICE,
        "sync",
        'What to do on battery: everything, or "commit" alone: pull, push and jobs wait until the machine is plugged '
        'in, or until you run "gitsyncctl sync".',
        example="commit",
        choices=("sync", "commit"),
    )
    metered: str = option(
        ValueKind.CHOICE,
        "sync",
        "The same on a metered link, such as a telephone's hot spot, where NetworkManager reports one.",
        example="commit",
        choices=("sync", "commit"),
    )


@dataclass(frozen=True, slots=True)
class HooksConfig:
    """Commands to run, from [hooks]; GITSYNC_* variables describe the event."""

    after_commit: tuple[str, ...] = option(
        ValueKind.TEXTS, [], "Commands to run after a commit.", example=['notify-send "$GITSYNC_MESSAGE"']
    )
    after_sync: tuple[str, ...] = option(
        ValueKind.TEXTS, [], "Commands to run after a pull or push.", example=["~/bin/done"]
    )
    on_conflict: tuple[str, ...] = option(
        ValueKind.TEXTS, [], "Commands to run when a conflict needs you.", example=["beep"]
    )
    on_error: tuple[str, ...] = option(
        ValueKind.TEXTS, [], "Commands to run when something failed.", example=["~/bin/warn"]
    )
