"""The commands for single files and their history."""

from __future__ import annotations

from gitsync.control.table import (
    ACT,
    CONF,
    COUNT,
    DRY_RUN,
    FLAG,
    LOOK,
    PATH,
    PATHS,
    TARGET,
    TARGETS,
    TEXT,
    Command,
    Parameter,
)

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
        DRY_RUN,
        handler="restore",
        epilog="gitsyncctl restore ~/Notes/todo.txt\n"
        'gitsyncctl restore ~/Notes/todo.txt --at "2 hours ago"\n'
        "gitsyncctl restore ~/Notes/todo.txt --list\n"
        "gitsyncctl restore notes:journal --rev 1a2b3c4 --dry-run\n"
        "gitsyncctl restore ~/Notes/todo.txt --at yesterday --to /tmp/todo.txt",
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
    Command(
        "find",
        "find the versions of files that held a word, deleted and renamed files too, the newest first",
        Parameter("word", TEXT, metavar="WORD", help="what a line has to hold; left out, names alone are looked for"),
        Parameter("names", TARGETS, metavar="NAME|PATH", help="where; everything that is watched when none is named"),
        Parameter("name", TEXT, "--name", metavar="GLOB", help='only files with such a name or path, like "*.md"'),
        Parameter("regex", FLAG, "--regex", help="WORD is a regular expression, as Python writes them"),
        Parameter("ignore_case", FLAG, "-i", "--ignore-case", help="capital letters are as small ones, in names too"),
        Parameter("since", TEXT, "--since", metavar="WHEN", help="only versions committed since then"),
        Parameter("until", TEXT, "--until", metavar="WHEN", help="only versions committed until then"),
        Parameter("deleted", FLAG, "--deleted", help="only files that are not there any more"),
        Parameter("count", COUNT, "-n", metavar="N", help="how many hits (default: all of them)"),
        handler="find",
        about="A line that many versions have is shown once, with the newest of them. Each hit ends with the command "
        "that brings this version back. An empty WORD looks for names alone, too, in what is named after it. The exit "
        "status is 0 with hits, and 1 without or where a repository could not be searched.",
        epilog='gitsyncctl find Zanzibar\ngitsyncctl find -i zanzibar notes --since "3 weeks ago"\n'
        'gitsyncctl find --deleted "dear aunt" ~/Letters\ngitsyncctl find --name "*.pdf" --deleted\n'
        'gitsyncctl find "" notes --name "*.pdf"',
        wire=(Parameter("quick", FLAG, help="answer only where no long reading is needed; else there are no hits"),),
        without_daemon=LOOK,
        timeout_s=600.0,
    ),
    Command(
        "forget",
        "stop syncing files or directories; they stay on disk, on every machine",
        Parameter("paths", PATHS, metavar="PATH", is_required=True, help="what is not to be synced any more"),
        DRY_RUN,
        handler="forget",
        about="One commit takes them out of the repository, and adds a line to the .gitignore at its top. Where "
        "gitsync takes it in, on other machines, the files stay, too; plain git deletes them there. History keeps "
        'them. A home file is taken out of the mirror, as "gitsyncctl remove" does.',
        epilog="gitsyncctl forget ~/Notes/video.mp4\ngitsyncctl forget ~/Notes/build --dry-run",
        without_daemon=ACT,
        looks_with=("dry_run",),
        timeout_s=300.0,
    ),
    Command(
        "allow",
        "commit files that are held back, as too large or as a secret, and keep their changes from now on",
        Parameter("paths", PATHS, metavar="PATH", is_required=True, help="the files; status lists what is held back"),
        handler="allow",
        about="Once it is committed a file is in the history, on every machine and on the server: a secret that was "
        "sent is not a secret any more.",
        epilog="gitsyncctl allow ~/Notes/film.mp4\ngitsyncctl allow ~/Notes/keys/public.pem",
        without_daemon=ACT,
        timeout_s=900.0,
    ),
    Command(
        "size",
        "show what takes the room in a history: files, versions and bytes, the largest first",
        Parameter("name", TARGET, metavar="NAME|PATH", help="a repository, a directory or a file"),
        Parameter("count", COUNT, "-n", metavar="N", help="how many files (default: 20; with --json all)"),
        handler="find",
        epilog="gitsyncctl size notes\ngitsyncctl size ~/Notes/pictures -n 5",
        without_daemon=LOOK,
        timeout_s=600.0,
    ),
)
