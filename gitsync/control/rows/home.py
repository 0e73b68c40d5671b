"""The commands for the mirror of home files."""

from __future__ import annotations

from gitsync.control.table import ACT, DRY_RUN, FLAG, PATH, PATHS, TEXT, Command, Parameter

_TIMEOUT_S = 300.0

ROWS: tuple[Command, ...] = (
    Command(
        "init",
        "make or adopt the repository that mirrors home files; writes the configuration",
        Parameter("path", PATH, metavar="DIR", help="where it is to be (default: ~/.local/share/gitsync/home)"),
        Parameter("remote", TEXT, "--remote", metavar="URL", help="where to push to and pull from"),
        handler="home",
        epilog="gitsyncctl init\ngitsyncctl init --remote git@server:home.git\ngitsyncctl init ~/dotfiles",
        timeout_s=_TIMEOUT_S,
        without_daemon=ACT,
    ),
    Command(
        "clone",
        "clone a repository and watch it; take over a mirror of home files",
        Parameter("url", TEXT, metavar="URL", is_required=True, help="what to clone"),
        Parameter(
            "path",
            PATH,
            metavar="DIR",
            help="where it is to be (default: the name in the URL; of a mirror: ~/.local/share/gitsync/home)",
        ),
        Parameter("home", FLAG, "--home", help="take it as a mirror of home files, whatever it holds"),
        Parameter("watch", FLAG, "--watch", help="only clone and watch it, also when it is a mirror of home files"),
        Parameter("yes", FLAG, "--yes", help="agree to all that comes in, and to what this machine would send"),
        handler="home",
        about="A repository that holds gitsync's manifest or TRAKK's list is a mirror of home files: it is taken over, "
        "and its files are brought into home. Any other repository is cloned and watched, on the branch that the "
        "remote's HEAD names; nothing of it is written into home.",
        epilog="gitsyncctl clone git@server:notes.git ~/Notes\ngitsyncctl clone git@server:home.git",
        timeout_s=900.0,
        without_daemon=ACT,
    ),
    Command(
        "add",
        "track home files or directories",
        Parameter("paths", PATHS, metavar="PATH", is_required=True, help="files or directories below home"),
        Parameter("host", TEXT, "--host", metavar="NAME", help="for these machines only (commas between their names)"),
        Parameter("follow", FLAG, "--follow", help="track what a symbolic link leads to as well, not the link alone"),
        DRY_RUN,
        handler="home",
        epilog="gitsyncctl add ~/.vimrc ~/.config/nvim\ngitsyncctl add ~/.Xresources --host laptop,desk",
        timeout_s=_TIMEOUT_S,
        without_daemon=ACT,
        looks_with=("dry_run",),
    ),
    Command(
        "remove",
        "stop tracking home files or directories; the files in home and their history stay",
        Parameter("paths", PATHS, metavar="PATH", is_required=True, help="what was added, in home or in the mirror"),
        DRY_RUN,
        handler="home",
        epilog="gitsyncctl remove ~/.vimrc\ngitsyncctl remove ~/.config/nvim",
        timeout_s=_TIMEOUT_S,
        without_daemon=ACT,
        looks_with=("dry_run",),
    ),
)
