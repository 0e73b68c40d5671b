"""Lists and moves the refs below refs/gitsync on a remote that are reports and not branches.

Runs on an exchange thread, or on that of a command. A listing fetches no object, whatever a ref points to. Moving one
is the only push by gitsync that takes something away from a remote: a ref is replaced only where it is what it is
expected to be (a lease), and the user's pre-push hook, tags and signatures are left out, because no content is sent.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gitsync.git import program
from gitsync.git.remote.errors import failure
from gitsync.git.remote.results import Companion, IsCancelled, RefLine, never, porcelain
from gitsync.git.remote.transport import Call

MOST_BYTES = 5_000_000
SETTINGS = ("push.followTags=false", "push.gpgSign=false")


def listed(
    root: Path, remote: str, *wanted: str, timeout_s: float, is_cancelled: IsCancelled = never, line: str = ""
) -> dict[str, str]:
    """Return the commits of refs on `remote`, by ref; raises as `transport.fetch` does.

    `wanted` are the refs, as full names or with a "*" at the end.
    """
    call = Call.begin("fetch", root, remote, wanted[0], timeout_s, is_cancelled, line)
    done = call.run("ls-remote", "--quiet", "--refs", "--", remote, *wanted)
    if not done.ok:
        raise failure(call.trouble(done))
    lines = (each.partition("\t") for each in os.fsdecode(done.stdout[:MOST_BYTES]).split("\n"))
    below = tuple(each.removesuffix("*") for each in wanted if each.endswith("*"))
    return {ref: commit for commit, tab, ref in lines if tab and (ref in wanted or (below and ref.startswith(below)))}


def companion(new: Mapping[str, str], old: Mapping[str, str], *options: str) -> Companion:
    """Return what makes git push create the refs `new` and delete the refs `old`, besides what else it pushes.

    Both map refs to commits; each is done only where the ref is absent, or at that commit. A ref in both of them, of a
    report within the same second, is moved.
    """
    leases = [f"--force-with-lease={ref}:{old.get(ref, '')}" for ref in new]
    gone = {ref: commit for ref, commit in old.items() if ref not in new}
    leases += [f"--force-with-lease={ref}:{commit}" for ref, commit in gone.items()]
    refspecs = [*(f"+{commit}:{ref}" for ref, commit in new.items()), *(f":{ref}" for ref in gone)]
    return Companion((*options, *leases), tuple(refspecs))


def has_pre_push_hook(root: Path) -> bool:
    """Whether the user has a hook that sees what is pushed; such a push carries nothing but their commits."""
    done = program.run("rev-parse", "--git-path", "hooks/pre-push", root=root)
    return os.access(os.path.join(os.fsencode(root), done.stdout.removesuffix(b"\n")), os.X_OK)


def replaced(
    root: Path,
    remote: str,
    new: Mapping[str, str],
    old: Mapping[str, str],
    *,
    timeout_s: float,
    is_cancelled: IsCancelled = never,
    line: str = "",
) -> dict[str, RefLine]:
    """Create the refs `new` and delete the refs `old` on `remote`; return what git says of each.

    Raises as `transport.push` does when there is no answer for them.
    """
    call = Call.begin("push", root, remote, next(iter((*new, *old)), ""), timeout_s, is_cancelled, line)
    wanted = companion(new, old, "--porcelain", "--no-verify", "--no-recurse-submodules")
    settings = [word for setting in SETTINGS for word in ("-c", setting)]
    done = call.run(*settings, "push", *wanted.options, "--", remote, *wanted.refspecs)
    said = porcelain(done.stdout)
    if said and not done.is_over_deadline and not done.is_cancelled:
        return said
    raise failure(call.trouble(done))
