"""Whatever two or three machines did to a tree: every merge has an outcome, nobody's words are missing, all agree.

Every edit writes words that nobody else writes, so that a word that is gone is an edit that was lost.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitsync.core.conflict import Policy
from gitsync.git.objects.modes import MODE_LINK
from tests.conftest import run_git
from tests.fakes.histories import File, History, link, program

pytestmark = pytest.mark.slow

PATHS = ("a.txt", "b.txt", "d", "d/a.txt", "d/b.txt", "d/e/a.txt", "f/a.txt", "f", "a.conflict-0123abcd.txt")
DIRECTORIES = ("d", "d/e", "f", "g")
KEEPING = ("keep-both", "union")
AUTOMATIC = tuple(str(policy) for policy in Policy if policy is not Policy.MANUAL)


class Op(NamedTuple):
    """One thing that somebody does: `what` to `path`, with a second path or a place in the file."""

    what: str
    path: str
    other: str
    place: int


ops = st.builds(
    Op,
    st.sampled_from(["line", "line", "line", "write", "binary", "link", "program", "delete", "rename", "directory"]),
    st.sampled_from(PATHS),
    st.sampled_from([*PATHS, *DIRECTORIES]),
    st.integers(0, 7),
)
sides = st.lists(ops, min_size=1, max_size=5)
Table = dict[str, bytes | File]


def put(table: Table, path: str, file: bytes | File) -> None:
    """Put a file, as on a disk where a name is either a file or a directory."""
    for name in [name for name in table if name.startswith(path + "/") or path.startswith(name + "/")]:
        del table[name]
    table[path] = file


def act(table: Table, op: Op, word: bytes) -> None:
    found = table.get(op.path)
    data = found.data if isinstance(found, File) else found
    if op.what == "line" and data is not None and not isinstance(found, File):
        lines = data.split(b"\n")
        lines[min(op.place, len(lines) - 1)] = word
        table[op.path] = b"\n".join(lines)
    elif op.what in ("line", "write"):
        put(table, op.path, word + b"\n" + b"".join(b"line %d\n" % number for number in range(op.place)))
    elif op.what == "binary":
        put(table, op.path, b"\0" + word)
    elif op.what == "link":
        put(table, op.path, link(word))
    elif op.what == "program" and data is not None:
        if not isinstance(found, File) or found.mode != MODE_LINK:
            table[op.path] = program(data)
    elif op.what == "delete":
        table.pop(op.path, None)
    elif op.what == "rename" and found is not None:
        del table[op.path]
        put(table, op.other, found)
    elif op.what == "directory":
        for name in [name for name in table if name.startswith(op.path + "/")]:
            put(table, "g" + name[len(op.path) :], table.pop(name))


def words(table: Table) -> set[bytes]:
    """Return the words that somebody wrote."""
    found: set[bytes] = set()
    for file in table.values():
        data = file.data if isinstance(file, File) else file
        found.update(word for word in data.replace(b"\0", b"\n").split(b"\n") if word.startswith(b"word "))
    return found


@pytest.fixture(scope="module")
def history() -> Iterator[History]:
    top = Path(tempfile.mkdtemp(prefix="gitsync-property-"))
    made = History(top)
    yield made
    run_git(made.worktree.root, "fsck", "--strict")
    made.close()
    shutil.rmtree(top)


class World:
    """A base and what two or three machines made of it."""

    def __init__(self, history: History, base: list[Op], machines: list[list[Op]]) -> None:
        table: Table = {"a.txt": b"".join(b"line %d\n" % number for number in range(8)), "k": b"kept\n"}
        for number, op in enumerate(base):
            act(table, op, b"word base %d" % number)
        self.history = history
        self.root = history.commit(table)
        self.tips: list[str] = []
        self.tables: list[Table] = []
        for machine, done in enumerate(machines):
            mine = dict(table)
            for number, op in enumerate(done):
                act(mine, op, b"word %d %d" % (machine, number))
            self.tables.append(mine)
            self.tips.append(history.commit(mine, self.root))
        self.old = words(table)
        self.words = set().union(*(words(mine) - self.old for mine in self.tables))

    def merge(self, ours: str, theirs: str, policy: str) -> str:
        """Merge, look at the outcome, and return the merge commit."""
        tree = self.history.merge(ours, theirs, policy).tree
        files = self.history.files(tree)
        for path, file in files.items():
            data = file.data if isinstance(file, File) else file
            assert b"<<<<<<<" not in data, path
            assert b">>>>>>>" not in data, path
        return self.history.commit_tree(tree, ours, theirs)

    def check_words(self, commit: str) -> None:
        assert self.words <= words(self.history.files(commit))


@pytest.mark.parametrize("policy", AUTOMATIC)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(base=sides, ours=sides, theirs=sides)
def test_two_machines_that_merge_each_other(
    history: History, policy: str, base: list[Op], ours: list[Op], theirs: list[Op]
) -> None:
    world = World(history, base, [ours, theirs])
    here, there = world.tips
    one, two = world.merge(here, there, policy), world.merge(there, here, policy)
    if policy in KEEPING:
        world.check_words(one)
        world.check_words(two)
    last, other = world.merge(one, two, policy), world.merge(two, one, policy)
    assert history.files(last) == history.files(other)
    if policy in KEEPING:
        world.check_words(last)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(base=sides, machines=st.lists(sides, min_size=3, max_size=3), more=sides)
def test_three_machines_with_one_remote(
    history: History, base: list[Op], machines: list[list[Op]], more: list[Op]
) -> None:
    world = World(history, base, machines)
    hub, second, third = world.tips
    second = world.merge(second, hub, "keep-both")
    third = world.merge(third, second, "keep-both")
    # The first one goes on meanwhile, and takes in what the others have pushed.
    table = dict(world.tables[0])
    for number, op in enumerate(more):
        act(table, op, b"word more %d" % number)
    going_on = history.commit(table, hub)
    last = world.merge(going_on, third, "keep-both")
    world.words = (words(table) - world.old) | (world.words - words(world.tables[0]))
    world.check_words(last)
