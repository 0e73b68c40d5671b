"""The fields of a row in the table of commands.

Pure data; any thread may use it. Plain classes, because the control command must start fast.
"""

from __future__ import annotations

# The kinds of a parameter, and what travels in JSON.
FLAG = "flag"  # true or false
TEXT = "text"  # a string
PATH = "path"  # an absolute path; the control command makes it absolute
CONF_PATH = "conf-path"  # an absolute path, too; a bare name may also be one in ~/.sync-conf
TARGET = "target"  # one repository: its name, or an absolute path in it
TARGETS = "targets"  # a list of those
PATHS = "paths"  # a list of absolute paths; the control command makes them absolute
COUNT = "count"  # a whole number, at least 1
DURATION = "duration"  # "90s", "1h" or a number of seconds; handlers get seconds
# How a command works while no daemon runs.
NO = "no"  # nothing: it needs the daemon
LOOK = "look"  # the same answer, from files and git alone
ACT = "act"  # the same operation in the control command's process, under the daemon's lock
# Commands that create a configuration: a given file may be missing until then.
MAKERS = ("watch", "init", "clone")


class Parameter:
    """One parameter of a command; without flags it is positional."""

    __slots__ = ("choices", "flags", "help", "is_required", "kind", "metavar", "name")

    def __init__(
        self,
        name: str,
        kind: str,
        *flags: str,
        help: str,
        metavar: str = "",
        choices: tuple[str, ...] = (),
        is_required: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.flags = flags
        self.help = help
        self.metavar = metavar or name.upper()
        self.choices = choices
        self.is_required = is_required


class Command:
    """One command, declared for both of its ends.

    `gitsync.cli.commands.NAME` runs it, `gitsync.daemon.handlers.HANDLER` answers it: that module's `answers` has the
    command's name, which is the JSON-RPC method, too. Without a handler it is done by the control command alone.
    `about` is what its help says beyond `summary` and the examples in `epilog`, in paragraphs. `looks_with` are the
    parameters with one of which an acting command only looks; without any of those in `acts_with`, where there are
    some, it needs the daemon. `wire` are parameters that the control command itself sends, and no option sets.
    """

    __slots__ = (
        "about",
        "acts_with",
        "epilog",
        "handler",
        "looks_with",
        "name",
        "parameters",
        "summary",
        "timeout_s",
        "wire",
        "without_daemon",
    )

    def __init__(
        self,
        name: str,
        summary: str,
        *parameters: Parameter,
        epilog: str,
        about: str = "",
        handler: str = "",
        without_daemon: str = NO,
        looks_with: tuple[str, ...] = (),
        acts_with: tuple[str, ...] = (),
        wire: tuple[Parameter, ...] = (),
        timeout_s: float = 10.0,
    ) -> None:
        self.name = name
        self.summary = summary
        self.parameters = parameters
        self.epilog = epilog
        self.about = about
        self.handler = handler
        self.without_daemon = without_daemon
        self.looks_with = looks_with
        self.acts_with = acts_with
        self.wire = wire
        self.timeout_s = timeout_s


NAMES = Parameter("names", TARGETS, metavar="NAME|PATH", help="which repositories; all of them when none is named")
DRY_RUN = Parameter("dry_run", FLAG, "--dry-run", help="say what would happen, and change nothing")
CONF = Parameter(
    "conf", CONF_PATH, "-f", "--file", metavar="CONF", help="the jobs of this Sync Manager file, and no others"
)
ACCEPT = Parameter("accept", FLAG, "--accept", help="confirm the change that a brake of these jobs stopped")
# A first clone, or the first copy of a music collection, takes its time.
EXCHANGE_S = 6 * 3600.0
