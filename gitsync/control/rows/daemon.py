"""The commands for the daemon and its configuration."""

from __future__ import annotations

from gitsync.control.table import COUNT, DRY_RUN, FLAG, NAMES, PATH, TEXT, Command, Parameter

ROWS = (
    Command(
        "events",
        "show what happened",
        NAMES,
        Parameter("follow", FLAG, "-f", "--follow", help="go on as things happen, until Ctrl-C"),
        Parameter("count", COUNT, "-n", metavar="N", help="how many, the newest (default: all that are kept)"),
        Parameter("since", TEXT, "--since", metavar="WHEN", help='only those since then: "1 hour ago", "yesterday"'),
        Parameter("verbose", FLAG, "-v", "--verbose", help="changes of state and progress, too"),
        handler="repos",
        epilog="gitsyncctl events\ngitsyncctl events notes -n 20\ngitsyncctl events --since yesterday\n"
        "gitsyncctl events --follow --json | jq .message",
    ),
    Command(
        "reload",
        "read the configuration again",
        handler="repos",
        epilog="gitsyncctl reload",
        timeout_s=60.0,
    ),
    Command(
        "stop",
        "commit what is pending and stop the daemon",
        handler="repos",
        epilog="gitsyncctl stop",
        timeout_s=30.0,
    ),
    Command(
        "config",
        "show, check or change the configuration file; comments are kept",
        Parameter(
            "action",
            TEXT,
            choices=("path", "check", "get", "set", "edit"),
            is_required=True,
            help="path: where it is; check: its faults; get, set: one key; edit: in your editor",
        ),
        Parameter("key", TEXT, help="as defaults.quiet or repo.notes.pull"),
        Parameter("value", TEXT, help="as written in the file; quotes are optional"),
        epilog="gitsyncctl config check\ngitsyncctl config get defaults.quiet\ngitsyncctl config set defaults.quiet 5s",
    ),
    Command(
        "import",
        "turn the configuration of the first GitSync, of TRAKK or of Sync Manager into config.toml; the old one stays",
        Parameter("gitsync", PATH, "--gitsync", metavar="FILE", help="GitSync's INI file, as ~/.config/gitsync.ini"),
        Parameter("trakk", PATH, "--trakk", metavar="FILE", help="TRAKK's configuration, as ~/.trakk.config"),
        Parameter("sync_conf", PATH, "--sync-conf", metavar="DIR", help="Sync Manager's *.conf, as in ~/.sync-conf"),
        DRY_RUN,
        epilog="gitsyncctl import --gitsync /etc/gitsync.cfg\ngitsyncctl import --trakk ~/.trakk.config\n"
        "gitsyncctl import --sync-conf ~/.sync-conf",
    ),
)
