"""The commands for jobs with a server."""

from __future__ import annotations

from gitsync.control.table import ACCEPT, ACT, CONF, EXCHANGE_S, TARGET, TARGETS, TEXT, Command, Parameter

_JOBS = Parameter(
    "names", TARGETS, metavar="NAME|PATH", help="which repositories and jobs; all of them when none is named"
)

ROWS: tuple[Command, ...] = (
    Command(
        "pull",
        "take in what the servers have: watched repositories, jobs, and ~/.sync-conf/*.conf; nothing is sent",
        _JOBS,
        CONF,
        ACCEPT,
        handler="jobs",
        epilog="gitsyncctl pull\ngitsyncctl pull thesis\ngitsyncctl pull -f ~/.sync-conf/work.conf",
        without_daemon=ACT,
        timeout_s=EXCHANGE_S,
    ),
    Command(
        "push",
        "send what is here to the servers: watched repositories, jobs, and ~/.sync-conf/*.conf; nothing is taken in",
        _JOBS,
        CONF,
        ACCEPT,
        handler="jobs",
        epilog="gitsyncctl push\ngitsyncctl push thesis\ngitsyncctl push -f ~/.sync-conf/work.conf",
        without_daemon=ACT,
        timeout_s=EXCHANGE_S,
    ),
    Command(
        "set-conf",
        "set user.name, user.email and the remote of the jobs' repositories as configured, and nothing else",
        Parameter("names", TARGETS, metavar="NAME", help="which jobs; all of them when none is named"),
        CONF,
        handler="jobs",
        epilog="gitsyncctl set-conf\ngitsyncctl set-conf thesis\ngitsyncctl set-conf -f ~/.sync-conf/work.conf",
        without_daemon=ACT,
        timeout_s=300.0,
    ),
    Command(
        "delete-branch",
        "delete a branch here, and on the server at the next run; it does not come back",
        Parameter("name", TARGET, metavar="REPO", is_required=True, help="the job, or a path in its repository"),
        Parameter("branch", TEXT, metavar="BRANCH", is_required=True, help="the branch"),
        CONF,
        handler="jobs",
        epilog="gitsyncctl delete-branch thesis old-draft\ngitsyncctl delete-branch ~/thesis old-draft\n"
        "gitsyncctl delete-branch -f ~/.sync-conf/work.conf thesis old-draft",
        without_daemon=ACT,
        timeout_s=300.0,
    ),
)
