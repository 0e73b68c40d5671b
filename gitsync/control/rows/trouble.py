"""The commands for what went wrong between machines: see it, resolve it, take it back."""

from __future__ import annotations

from gitsync.control.table import ACT, DRY_RUN, FLAG, LOOK, NAMES, PATH, TARGET, TEXT, Command, Parameter

_WITHIN = Parameter(
    "within", PATH, "--in", metavar="DIR", help="without NAME: the directory that it is about (default: the one here)"
)

ROWS = (
    Command(
        "conflicts",
        "show what two machines changed differently; exit 1 when there is any",
        NAMES,
        Parameter("full", FLAG, "--full", help="show whole differences, not only their beginning"),
        handler="conflicts",
        epilog="""\
gitsyncctl conflicts
gitsyncctl conflicts notes --full
gitsyncctl conflicts --json | jq -r '.conflicts[] | .repo + ": " + .path'""",
        about="""\
When a file was changed on two machines so that the changes cannot be
merged, both versions are kept: one under the name, the other beside it, as
NAME.conflict-ID.EXT. Both are committed, and syncing goes on. Each is shown
with the machine that it comes from, the same on every machine. It is a
conflict as long as the copy is there: resolve it with "gitsyncctl resolve",
or delete the copy.

What jobs with a server left alone on both sides is listed, too, with how to
resolve it; it goes from the list with the next run.""",
        without_daemon=LOOK,
        timeout_s=120.0,
    ),
    Command(
        "resolve",
        "resolve a conflict: say which version of a file is to stay",
        Parameter("path", TEXT, metavar="PATH", is_required=True, help="the file, or its conflict copy"),
        Parameter("keep", TEXT, "--keep", metavar="MACHINE", help="keep the version from this machine"),
        Parameter("name", FLAG, "--name", help="keep the version that has the file's name"),
        Parameter("copy", FLAG, "--copy", help="keep the version that lies beside it; it takes the name"),
        Parameter("both", FLAG, "--both", help="both stay; the conflict copy gets an ordinary name"),
        Parameter(
            "edit", FLAG, "--edit", help="merge them yourself, with git's merge.tool, else in $EDITOR, and keep that"
        ),
        Parameter("done", FLAG, "--done", help="you have put the file right yourself; the conflict copy goes"),
        Parameter("ours", FLAG, "--ours", help="keep the version that was made on this machine"),
        Parameter("theirs", FLAG, "--theirs", help="keep the version that was made on the other machine"),
        Parameter("file", PATH, "--with", metavar="FILE", help="keep what is in this file"),
        DRY_RUN,
        Parameter("repo", TARGET, "--repo", metavar="NAME", help="the repository that a relative PATH is in"),
        handler="conflicts",
        epilog="""\
gitsyncctl resolve ~/Notes/todo.txt --keep laptop
gitsyncctl resolve ~/Notes/todo.txt --edit
gitsyncctl resolve todo.txt --repo notes --both""",
        about="""\
Exactly one option says what becomes of it. "gitsyncctl conflicts" shows the
versions and the machines that they come from. Edits that are not committed
yet are committed first. What goes is still in the history, and "gitsyncctl undo" brings the conflict back.""",
        without_daemon=ACT,
        looks_with=("dry_run",),
        timeout_s=180.0,
    ),
    Command(
        "undo",
        "take back gitsync's own last change: a merge, a pull, a restore, a resolve",
        Parameter(
            "name",
            TARGET,
            metavar="NAME",
            help="which repository or job (default: the one here, else the newest change)",
        ),
        Parameter("list", FLAG, "--list", help="show what can be undone, and change nothing"),
        Parameter("dry_run", FLAG, "--dry-run", help="show the difference that it would make, and change nothing"),
        Parameter(
            "commit", TEXT, "--commit", metavar="ID", help="undo this one of those that --list shows, an undo too"
        ),
        Parameter("keep", FLAG, "--keep", help="leave files as they are that were edited since at the same place"),
        Parameter("all", FLAG, "--all", help="put files back whole, also where they were edited since"),
        _WITHIN,
        handler="undo",
        epilog="""\
gitsyncctl undo
gitsyncctl undo notes --dry-run
gitsyncctl undo notes --list
gitsyncctl undo notes --commit 1a2b3c4""",
        about="""\
An undo is a new commit, which is pushed like any other; history stays as it
is, and what it took back does not come again with the next pull. Edits made
since stay; where the same lines were edited since, nothing is done, unless
--keep or --all is given.

A further undo goes one further back, and "gitsyncctl redo" one forward again.
Without NAME it is the repository of the working directory, and outside of a
watched directory, as in ~ itself, the newest change of all. What can be
undone: the newest 100 changes of the last 90 days.

Of a job with git the last run is undone, on all branches that it moved or on
none.""",
        without_daemon=ACT,
        looks_with=("list", "dry_run"),
        timeout_s=180.0,
    ),
    Command(
        "redo",
        "take back the last undo",
        Parameter(
            "name",
            TARGET,
            metavar="NAME",
            help="which repository (default: the one here, else that of the newest undo)",
        ),
        Parameter("dry_run", FLAG, "--dry-run", help="show the difference that it would make, and change nothing"),
        Parameter("keep", FLAG, "--keep", help="leave files as they are that were edited since at the same place"),
        Parameter("all", FLAG, "--all", help="put files back whole, also where they were edited since"),
        _WITHIN,
        handler="undo",
        epilog="gitsyncctl redo\ngitsyncctl redo notes --dry-run",
        without_daemon=ACT,
        looks_with=("dry_run",),
        timeout_s=180.0,
    ),
)
