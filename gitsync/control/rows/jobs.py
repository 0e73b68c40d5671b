"""The commands for jobs with a server."""

from __future__ import annotations

from gitsync.control.table import ACT, FLAG, PATH, TARGET, TARGETS, TEXT, Command, Parameter

_CONF = Parameter(
    "conf", PATH, "-f", "--file", metavar="CONF", help="the jobs of this Sync Manager file, and no others"
)
_JOBS = Parameter(
    "names", TARGETS, metavar="NAME|PATH", help="which repositories and jobs; all of them when none is named"
)
_ACCEPT = Parameter("accept", FLAG, "--accept", help="confirm the change that a brake of these jobs stopped")
# A first clone, or the first copy of a music collection, takes its time.
_PATIENCE_S = 6 * 3600.0

ROWS: tuple[Command, ...] = (
    Command(
        "pull",
        "take in what the servers have: watched repositories, jobs, and ~/.sync-conf/*.conf; nothing is sent",
        _JOBS,
        _CONF,
        _ACCEPT,
        epilog="gitsyncctl pull\ngitsyncctl pull thesis\ngitsyncctl pull -f ~/.sync-conf/work.conf",
        without_daemon=ACT,
        timeout_s=_PATIENCE_S,
    ),
    Command(
        "push",
        "send what is here to the servers: watched repositories, jobs, and ~/.sync-conf/*.conf; nothing is taken in",
        _JOBS,
        _CONF,
        _ACCEPT,
        epilog="gitsyncctl push\ngitsyncctl push thesis\ngitsyncctl push -f ~/.sync-conf/work.conf",
        without_daemon=ACT,
        timeout_s=_PATIENCE_S,
    ),
    Command(
        "set-conf",
        "set user.name, user.email and the remote of the jobs' repositories as configured, and nothing else",
        Parameter("names", TARGETS, metavar="NAME", help="which jobs; all of them when none is named"),
        _CONF,
        epilog="gitsyncctl set-conf\ngitsyncctl set-conf thesis\ngitsyncctl set-conf -f ~/.sync-conf/work.conf",
        without_daemon=ACT,
        timeout_s=300.0,
    ),
    Command(
        "delete-branch",
        "delete a branch here, and on the server at the next run; it does not come back",
        Parameter("name", TARGET, metavar="REPO", is_required=True, help="the job, or a path in its repository"),
        Parameter("branch", TEXT, metavar="BRANCH", is_required=True, help="the branch"),
        epilog="gitsyncctl delete-branch thesis old-draft\ngitsyncctl delete-branch ~/thesis old-draft",
        without_daemon=ACT,
        timeout_s=300.0,
    ),
)
