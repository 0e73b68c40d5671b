"""A watched tree without threads: the test says when events are taken in, and how late.

No lies: the kernel's events are real. The rules of what is ignored are those of `tests.fakes.watched_tree`.
"""

from __future__ import annotations

from gitsync.watch import syscalls
from gitsync.watch.digest import Digest
from gitsync.watch.syscalls import Inotify
from gitsync.watch.tree import WatchTree
from tests.fakes.watched_tree import make_prune


class Watch:
    """`take` reads what the kernel has to say until now; `hints` also says what it came to."""

    def __init__(self, root: bytes) -> None:
        self.root = root
        self.inotify = Inotify()
        self.backlog: list[bytes] = []
        self.tree = WatchTree(root, self.inotify, make_prune(root), self.pull)
        self.tree.rebuild()
        self.digest = Digest(self.tree)

    def pull(self) -> None:
        while data := self.inotify.read():
            self.backlog.append(data)

    def take(self, size: int | None = None) -> None:
        """Take in the events there are, in reads of at most `size` events when given."""
        self.pull()
        while self.backlog:
            events = syscalls.parse(self.backlog.pop(0))
            for start in range(0, len(events), size or max(1, len(events))):
                self.digest.feed(events[start : start + (size or len(events))])
        if self.tree.is_doubtful:
            self.tree.rebuild()
            self.digest.reasons.add("doubt")
        if self.digest.is_stale:
            self.tree.prune = make_prune(self.root)
            self.tree.rebuild()
            self.digest.reasons.add("ignore rules changed")

    def hints(self) -> tuple[set[bytes], set[bytes], set[str]]:
        """Take in everything, then return and forget it."""
        self.take()
        found = self.digest.paths, self.digest.trees, self.digest.reasons
        self.digest.empty()
        return found

    def watched(self) -> set[bytes]:
        return {node.path for node in self.tree.nodes.values()}

    def check(self) -> None:
        """Fail unless the kernel's watches, the tree, and the directories that are there are the same."""
        self.take()
        coverage = self.tree.coverage()
        assert not coverage.missing, f"deaf to {coverage.missing}"
        assert not coverage.stale, f"watched under a wrong path: {coverage.stale}"
        nodes = self.tree.nodes.values()
        lost = [node.path for node in nodes if node.parent is not None and node.parent.child(node.name) is not node]
        assert not lost, f"watched and not in the tree: {lost}"
        with open(f"/proc/self/fdinfo/{self.inotify.fd}") as file:
            in_kernel = sum(line.startswith("inotify ") for line in file)
        assert in_kernel == len(nodes), f"{in_kernel} watches in the kernel, {len(nodes)} known"
