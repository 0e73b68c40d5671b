"""Every option, declared once: the dataclasses that the program works with, whose fields carry the declarations.

Frozen values; any thread. Durations are in seconds, sizes in bytes; None is "off", unless an option says otherwise. A
required field must be given when one of these is created by hand; the others have the documented default.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gitsync.config.other_options import DaemonConfig, HomeConfig, HooksConfig, JobConfig
from gitsync.config.repo_options import RepoConfig
from gitsync.config.rows import Option, rows

__all__ = ["SECTIONS", "Config", "DaemonConfig", "HomeConfig", "HooksConfig", "JobConfig", "RepoConfig", "Section"]

# The name of the home mirror where a repository has its name.
MIRROR_NAME = "home"
# The name of the watcher of home itself, next to that of the mirror.
HOME_WATCH = "home-files"


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration. `notices` are sentences to show to the user once; `source` is the file.

    `conf_faults` are the faults in Sync Manager's files, `conf_left_out` those files that are for another environment;
    both are also in `notices`.
    """

    repos: tuple[RepoConfig, ...] = ()
    home: HomeConfig | None = None
    jobs: tuple[JobConfig, ...] = ()
    daemon: DaemonConfig = field(default_factory=DaemonConfig)
    hooks: HooksConfig = field(default_factory=HooksConfig)
    source: Path | None = None
    notices: tuple[str, ...] = ()
    conf_faults: tuple[str, ...] = ()
    conf_left_out: tuple[str, ...] = ()

    @property
    def repositories(self) -> tuple[RepoConfig, ...]:
        """Return everything that is handled as a repository: the watched ones, and the mirror of home files."""
        return self.repos if self.home is None else (*self.repos, self.home.settings)


@dataclass(frozen=True, slots=True)
class Section:
    """One table of config.toml with its options, by key."""

    name: str
    doc: str
    rows: dict[str, Option]
    is_list: bool = False

    @property
    def header(self) -> str:
        """Return its header line."""
        return f"[[{self.name}]]" if self.is_list else f"[{self.name}]"


_SHARED = {key: row for key, row in rows(RepoConfig).items() if row.is_shared}

SECTIONS: dict[str, Section] = {
    section.name: section
    for section in (
        Section("defaults", "Defaults for every repository and for the home mirror.", _SHARED),
        Section("repo", "A git work tree to watch; one table for each.", rows(RepoConfig), is_list=True),
        Section("home", "The mirror of tracked files of your home directory.", {**rows(HomeConfig), **_SHARED}),
        Section("job", "A periodic exchange with a server; one table for each.", rows(JobConfig), is_list=True),
        Section("daemon", "The daemon itself.", rows(DaemonConfig)),
        Section("hooks", "Commands that the daemon runs, with details in GITSYNC_* variables.", rows(HooksConfig)),
    )
}
