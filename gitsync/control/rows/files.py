"""The commands for single files and their history."""

from __future__ import annotations

from gitsync.control.table import ACT, CONF, COUNT, FLAG, LOOK, PATH, PATHS, TARGET, TEXT, Command, Parameter

_AT = Parameter("at", TEXT, "--at", metavar="WHEN", help='as it was then: "2 hours ago", "yesterday 18:00", ISO 8601')
_REV = Parameter("rev", TEXT, "--rev", metavar="REV", help="as it is in this commit, tag or branch")

ROWS: tuple[Command, ...] = (
    Command(
        "restore",
        "restore a file or directory, also a deleted one; undo reverts that",
        Parameter(
            "paths",
            PATHS,
            metavar="PATH",
            is_required=True,
            help="what to bring back, also as NAME:PATH; without --at and --rev its last version where it is missing "
            "or differs from that, else the version before",
        ),
        _AT,
        _REV,
        Parameter("to", PATH, "--to", metavar="DEST", help="write a copy there, and change nothing else"),
        Parameter("list", FLAG, "--list", help="show the versions there are"),
        Parameter("dry_run", FLAG, "--dry-run", help="say what would happen, and change nothing"),
        handler="files",
        epilog="gitsyncctl restore ~/Notes/todo.txt\n"
        'gitsyncctl restore ~/Notes/todo.txt --at "2 hours ago"\n'
        "gitsyncctl restore ~/Notes/todo.txt --list\n"
        "gitsyncctl restore notes:journal --rev 1a2b3c4 --dry-run\n"
        "gitsyncctl restore ~/Notes/todo.txt --at yesterday --to /tmp/todo-of-yesterday.txt",
        without_daemon=ACT,
        looks_with=("to", "list", "dry_run"),
        timeout_s=900.0,
    ),
    Command(
        "log",
        "show the history of everything, of a repository, a directory or a file, over its renamings",
        Parameter(
            "path", PATH, metavar="PATH|NAME", help="a file, a directory or a repository; all of them without one"
        ),
        Parameter("count", COUNT, "-n", metavar="N", help="how many commits, or runs (default: 20)"),
        Parameter("job", TARGET, "--job", metavar="NAME", help="the runs of this job with a server instead"),
        CONF,
        handler="files",
        epilog="gitsyncctl log\ngitsyncctl log ~/Notes/todo.txt\ngitsyncctl log notes -n 100\n"
        "gitsyncctl log --job thesis\ngitsyncctl log --job thesis -f ~/.sync-conf/work.conf",
        without_daemon=LOOK,
        timeout_s=120.0,
    ),
    Command(
        "diff",
        "show what has changed since the last commit, or since then",
        Parameter(
            "path", PATH, metavar="PATH|NAME", help="a file, a directory or a repository; all of them without one"
        ),
        _AT,
        _REV,
        handler="files",
        epilog="gitsyncctl diff\ngitsyncctl diff ~/Notes/todo.txt --at yesterday\ngitsyncctl diff notes --rev HEAD~3",
        without_daemon=LOOK,
        timeout_s=120.0,
    ),
    Command(
        "show",
        "show a commit and what it changed, or a file as it was",
        Parameter("what", TEXT, metavar="REV[:PATH]", is_required=True, help="a commit, or a file in it"),
        Parameter(
            "within",
            TARGET,
            "--in",
            metavar="NAME|PATH",
            help="the repository (default: that of the working directory, else the only one that has REV)",
        ),
        handler="files",
        epilog="gitsyncctl show 1a2b3c4\n"
        "gitsyncctl show HEAD~2:todo.txt --in notes\n"
        "gitsyncctl show 1a2b3c4:photo.jpg > photo-of-then.jpg",
        without_daemon=LOOK,
        timeout_s=120.0,
    ),
)
