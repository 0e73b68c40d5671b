"""All branches and tags of a remote at once, by the git program: what is there, fetching them, sending several.

Runs on the thread of the job that calls it, which owns the children and the remote-tracking refs. As in `transport`,
nothing is forced: branches are sent without "+", a branch is deleted only where it is what the caller expects, and tags
are never moved.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitsync.git.remote.errors import failure, from_rejection, problem
from gitsync.git.remote.results import IsCancelled, never
from gitsync.git.remote.transport import Call
from gitsync.model import Problem

HEADS, TAGS = "refs/heads/", "refs/tags/"


@dataclass(frozen=True, slots=True)
class There:
    """The branches of a remote: commits by branch, objects by tag, and the branch that its HEAD names ("" for none)."""

    branches: Mapping[str, str]
    tags: Mapping[str, str]
    head: str = ""


@dataclass(frozen=True, slots=True)
class Server:
    """A remote of the work tree `root`; each exchange may take `timeout_s` seconds."""

    root: Path
    remote: str
    timeout_s: float
    is_cancelled: IsCancelled = never

    def fetch(self, *, with_tags: bool = True) -> There:
        """Fetch every branch, forget those that are gone there, fetch new tags, and return what the remote has.

        Raise OperationError or TransientError, as `transport.fetch` does. A tag that is another one here stays.
        """
        listed = self._list()
        call = self._call("fetch")
        arguments = ("--quiet", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap=")
        branches = f"+{HEADS}*:refs/remotes/{self.remote}/*"
        done = call.run("fetch", *arguments, "--prune", "--no-tags", "--", self.remote, branches)
        if not done.ok:
            raise failure(call.trouble(done))
        here = self.tags() if with_tags and listed.tags else listed.tags
        missing = [tag for tag in listed.tags if tag not in here]
        if missing:
            wanted = b"".join(f"{TAGS}{tag}:{TAGS}{tag}\n".encode("utf-8", "surrogateescape") for tag in missing)
            done = call.run("fetch", *arguments, "--no-tags", "--stdin", "--", self.remote, input=wanted)
            if not done.ok:
                raise failure(call.trouble(done))
        # The fetched commits may be newer than the listed ones: the tracking refs say what it was.
        return There(self.tracked(), listed.tags, listed.head)

    def _list(self) -> There:
        call = self._call("fetch")
        done = call.run("ls-remote", "--quiet", "--symref", "--", self.remote)
        if not done.ok:
            raise failure(call.trouble(done))
        branches: dict[str, str] = {}
        tags: dict[str, str] = {}
        head = ""
        for line in filter(None, os.fsdecode(done.stdout).split("\n")):
            value, _, name = line.partition("\t")
            if name == "HEAD" and value.startswith("ref: " + HEADS):
                head = value.removeprefix("ref: " + HEADS)
            elif name.startswith(HEADS):
                branches[name.removeprefix(HEADS)] = value
            elif name.startswith(TAGS) and not name.endswith("^{}"):
                tags[name.removeprefix(TAGS)] = value
        return There(branches, tags, head)

    def tracked(self) -> dict[str, str]:
        """Return where the remote's branches were at the last fetch."""
        return self._refs(f"refs/remotes/{self.remote}/", skip="HEAD")

    def branches(self) -> dict[str, str]:
        """Return the branches here."""
        return self._refs(HEADS)

    def tags(self) -> dict[str, str]:
        """Return the tags here."""
        return self._refs(TAGS)

    def send(self, refs: Sequence[tuple[str, str]]) -> dict[str, Problem | None]:
        """Send (commit or object, full ref name) pairs, and return for each ref why it was not taken, None if it was.

        Problem codes "fetch-first" and "non-fast-forward" mean that another machine was quicker. Raise as `fetch` does
        when nothing at all could be sent.
        """
        return self._push([f"{value}:{ref}" for value, ref in refs], [ref for _, ref in refs])

    def delete(self, branch: str, expected: str) -> Problem | None:
        """Delete a branch there that is at the commit `expected`; return why not, None when it is gone."""
        ref = HEADS + branch
        lease = f"--force-with-lease={ref}:{expected}"  # refuses where it has moved; it allows nothing else
        return self._push([f":{ref}"], [ref], lease)[ref]

    def _push(self, refspecs: list[str], refs: list[str], *more: str) -> dict[str, Problem | None]:
        call = self._call("push")
        done = call.run("push", "--porcelain", "--no-recurse-submodules", *more, "--", self.remote, *refspecs)
        said = dict(_lines(done.stdout))
        if not said or done.is_over_deadline or done.is_cancelled:
            raise failure(call.trouble(done))
        answers: dict[str, Problem | None] = {}
        for ref in refs:
            flag, reason = said.get(ref, ("!", "no answer"))
            answers[ref] = None if flag in " *=-" else from_rejection(call.subject, reason, done.stderr)
        return answers

    def is_ancestor(self, old: str, new: str) -> bool:
        """Return whether `old` is in the history of `new`; False when one of them is not here."""
        return old == new or self._call("fetch").run("merge-base", "--is-ancestor", old, new).ok

    def _refs(self, prefix: str, skip: str = "") -> dict[str, str]:
        call = self._call("fetch")
        done = call.run("for-each-ref", "--format=%(objectname) %(refname)", prefix)
        if not done.ok:
            raise failure(problem(call.subject, "unknown", done.errors))
        found: dict[str, str] = {}
        for line in filter(None, os.fsdecode(done.stdout).split("\n")):
            value, _, name = line.partition(" ")
            found[name.removeprefix(prefix)] = value
        found.pop(skip, None)
        return found

    def _call(self, action: str) -> Call:
        return Call.begin(action, self.root, self.remote, "", self.timeout_s, self.is_cancelled)


def _lines(stdout: bytes) -> list[tuple[str, tuple[str, str]]]:
    """Return (ref, (flag, reason)) for each line of `git push --porcelain`: flag TAB from:to TAB summary (reason)."""
    found = []
    for line in filter(None, os.fsdecode(stdout).split("\n")):
        fields = line.split("\t")
        if len(fields) >= 3 and len(fields[0]) == 1:
            reason = re.search(r"\((.*)\)$", fields[2])
            found.append((fields[1].partition(":")[2], (fields[0], reason[1] if reason else fields[2])))
    return found
