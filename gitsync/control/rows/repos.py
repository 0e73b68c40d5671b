"""The commands for watched repositories."""

from __future__ import annotations

from gitsync.control.table import (
    ACT,
    CONF,
    DRY_RUN,
    DURATION,
    EXCHANGE_S,
    FLAG,
    LOOK,
    NAMES,
    PATH,
    TARGET,
    TARGETS,
    TEXT,
    Command,
    Parameter,
)

ROWS = (
    Command(
        "status",
        "show every repository and what needs doing; exit 1 when something needs you",
        NAMES,
        Parameter("short", FLAG, "--short", help="one line, for a shell prompt"),
        Parameter("watch", FLAG, "--watch", help="keep showing it until Ctrl-C"),
        handler="repos",
        epilog="gitsyncctl status\ngitsyncctl status notes ~/Papers\ngitsyncctl status --json | jq '.repos[].state'",
        without_daemon=LOOK,
    ),
    Command(
        "list",
        "list what is tracked, watched and synchronized",
        handler="repos",
        epilog="gitsyncctl list\ngitsyncctl list --json",
        without_daemon=LOOK,
    ),
    Command(
        "watch",
        "start watching a git work tree; writes the configuration",
        Parameter("path", PATH, metavar="DIR", is_required=True, help="the work tree"),
        Parameter("init", FLAG, "--init", help="make it a git repository when it is none"),
        Parameter("remote", TEXT, "--remote", metavar="URL", help="where to push to and pull from"),
        Parameter("name", TEXT, "--name", help="what to call it (default: the directory's name)"),
        DRY_RUN,
        handler="repos",
        epilog="gitsyncctl watch ~/Notes\ngitsyncctl watch ~/Notes --init --remote git@server:notes.git",
        timeout_s=60.0,
        without_daemon=LOOK,
    ),
    Command(
        "unwatch",
        "stop watching; nothing is deleted",
        Parameter("name", TARGET, metavar="DIR|NAME", is_required=True, help="the repository; home is the mirror"),
        handler="repos",
        epilog="gitsyncctl unwatch notes\ngitsyncctl unwatch ~/Notes\ngitsyncctl unwatch home",
        timeout_s=60.0,
        without_daemon=LOOK,
    ),
    Command(
        "server",
        "make a bare repository for machines to meet in: on a server, a disk, or this machine",
        Parameter("action", TEXT, choices=("init",), is_required=True, help="init: make it"),
        Parameter(
            "place",
            TEXT,
            metavar="[USER@]HOST:PATH|PATH",
            is_required=True,
            help="where it is to be: by ssh, or on a disk of this machine",
        ),
        Parameter("for", TARGET, "--for", metavar="NAME", help="make it the remote of this repository"),
        handler="server",
        about="What exists at that place is left as it is. The server needs git, and a shell for the user. The last "
        "line of the output is what `git remote add` takes.",
        epilog="gitsyncctl server init git@server:notes.git --for notes\ngitsyncctl server init /media/usb/notes.git",
        timeout_s=120.0,
        without_daemon=LOOK,
    ),
    Command(
        "sync",
        "commit, pull and push now",
        NAMES,
        Parameter("wait", FLAG, "--wait", help="return when it is done"),
        CONF,
        Parameter("accept", FLAG, "--accept", help="with -f: confirm the change that a brake of these jobs stopped"),
        DRY_RUN,
        handler="repos",
        epilog="gitsyncctl sync\ngitsyncctl sync notes --wait\ngitsyncctl sync -f ~/.sync-conf/work.conf\n"
        "gitsyncctl sync --dry-run",
        timeout_s=EXCHANGE_S,
        without_daemon=ACT,
        looks_with=("dry_run",),
    ),
    Command(
        "pause",
        "hold repositories: nothing is committed, pulled or pushed",
        NAMES,
        Parameter("for", DURATION, "--for", metavar="DURATION", help='for how long, as "30m" or "1h"; until "resume"'),
        handler="repos",
        epilog="gitsyncctl pause\ngitsyncctl pause notes --for 1h",
    ),
    Command(
        "resume",
        "go on after a pause, or answer a question",
        Parameter(
            "names", TARGETS, metavar="NAME|PATH|ID", help="which repositories and jobs (default: all), which question"
        ),
        Parameter("accept", FLAG, "--accept", help="yes, the change that a brake stopped is meant"),
        Parameter("answer", TEXT, "--answer", metavar="WORD", help="the answer to a question that has several"),
        handler="repos",
        epilog="gitsyncctl resume\ngitsyncctl resume notes --accept\n"
        "gitsyncctl resume thesis --answer take\ngitsyncctl resume thesis --answer keep q-12ab34cd",
        without_daemon=ACT,
        acts_with=("accept", "answer"),
        timeout_s=EXCHANGE_S,
    ),
    Command(
        "machines",
        "show which machine has what, and what exists only here",
        Parameter("name", TARGET, metavar="NAME|PATH", help='which repository (default: all); or "forget"'),
        Parameter("machine", TEXT, metavar="MACHINE", help="after forget: the machine to forget, by its name or id"),
        about="Each machine reports to the remote which commit it has, and when: see presence in the configuration. "
        "machines forget removes the report of a machine that is not used any more from the remote; one that is in "
        "use comes back with its next report.",
        handler="machines",
        epilog="gitsyncctl machines\ngitsyncctl machines notes\ngitsyncctl machines forget old-laptop",
        timeout_s=60.0,
        without_daemon=LOOK,
    ),
)
