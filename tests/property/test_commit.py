"""Whatever a work tree holds, its commit has the tree that `git add -A` makes, and the index is clean to git."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitsync.git.staging.worktree import Staged, StageRules, Worktree
from tests.conftest import run_git

pytestmark = pytest.mark.slow

NAMES = st.one_of(
    st.sampled_from(b"a|b|a-|a.|a0|A|sp ace|-n|new\nline|\xff\xfe|\xc3\xa9|#x|!y".split(b"|")),
    st.binary(min_size=1, max_size=12).filter(
        lambda name: b"/" not in name and b"\0" not in name and not name.lower().startswith((b".", b"git"))
    ),
    st.sampled_from([b"n" * 255, b":(top)", b'"quoted"', b"tab\t", b"100644 a"]),
)  # fmt: skip
CONTENTS = st.sampled_from([b"", b"x", b"x\n", b"a\r\nb\r\n", b"a\r\nb\n", b"\0\1\2", b"z" * 5000])
# None: a directory; otherwise kind and content of a leaf.
LEAVES = st.tuples(st.sampled_from(["file", "file", "program", "link", "fifo"]), CONTENTS)
TREES = st.recursive(
    st.dictionaries(NAMES, LEAVES, max_size=5),
    lambda below: st.dictionaries(NAMES, st.one_of(LEAVES, below), max_size=5),
    max_leaves=15,
)


@contextmanager
def fresh(**config: str) -> Iterator[tuple[bytes, Worktree]]:
    top = Path(tempfile.mkdtemp(prefix="gitsync-property-"))
    root = top / "work"
    run_git(top, "init", "-q", str(root))
    for key, value in config.items():
        run_git(root, "config", key.replace("_", "."), value)
    worktree = Worktree(root, top / "notes")
    try:
        yield os.fsencode(root), worktree
    finally:
        worktree.close()
        shutil.rmtree(top)


def put(directory: bytes, tree: dict[bytes, object]) -> None:
    for name, what in tree.items():
        path = directory + b"/" + name
        if isinstance(what, dict):
            os.mkdir(path)
            put(path, what)
            continue
        assert isinstance(what, tuple)
        kind, content = what
        if kind == "link":
            os.symlink(content[:100].replace(b"\0", b"?") or b"nowhere", path)
        elif kind == "fifo":
            os.mkfifo(path)
        else:
            with open(path, "wb") as stream:
                stream.write(content)
            os.chmod(path, 0o755 if kind == "program" else 0o644)


def clear(root: bytes) -> None:
    for entry in os.scandir(root):
        if entry.name != b".git":
            shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)


def stage(worktree: Worktree, paths: frozenset[bytes], **rules: object) -> Staged:
    staging = worktree.begin_staging(paths, (), StageRules(secrets="off", **rules))  # type: ignore[arg-type]
    while not staging.advance(10):
        pass
    return staging.result()


def expected_tree(root: bytes) -> str:
    """What git makes of the work tree, in an index of its own that knows HEAD's FIFO-shadowed entries."""
    aside = os.fsdecode(root) + "-index"
    environment = ["-c", "core.safecrlf=false"]
    os.environ["GIT_INDEX_FILE"] = aside
    try:
        run_git(os.fsdecode(root), *environment, "add", "-A", "--ignore-errors")
        return run_git(os.fsdecode(root), "write-tree")
    finally:
        del os.environ["GIT_INDEX_FILE"]
        os.unlink(aside)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(TREES, min_size=1, max_size=3), st.booleans(), st.sampled_from(["false", "input"]))
def test_every_tree_is_committed_as_git_would(trees: list[dict[bytes, object]], scans: bool, crlf: str) -> None:
    with fresh(core_autocrlf=crlf) as (root, worktree):
        for tree in trees:
            clear(root)
            put(root, tree)
            staged = stage(worktree, worktree.scan() if scans else frozenset({b""}))
            assert not staged.problems
            assert not staged.staged_by_user
            worktree.commit(staged, "step")
            lost = {change for change, _ in staged.unreadable}  # a FIFO in the place of a file: the file stays
            if not lost:
                head = run_git(os.fsdecode(root), "rev-parse", "-q", "--verify", "HEAD^{tree}", check=False)
                tree_id = expected_tree(root)
                assert (head or "4b825dc642cb6eb9a060e54bf8d69288fbee4904") == tree_id
                assert run_git(os.fsdecode(root), "status", "--porcelain", "-z") == ""
                assert worktree.scan() == frozenset()
        run_git(os.fsdecode(root), "fsck", "--strict")
        assert not [name for name in os.listdir(os.path.join(root, b".git")) if b"gitsync" in name or b"lock" in name]
