"""A search with the index of lines finds what a search through everything finds, in the same order."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from gitsync.git.history.index_lines import update
from gitsync.git.history.line_index import LineIndex
from gitsync.git.history.log import History
from gitsync.git.history.search import Query, quick_search, search
from tests.conftest import run_git

pytestmark = pytest.mark.slow

SEEDS = [int(os.environ["INDEX_SEED"])] if "INDEX_SEED" in os.environ else [1, 2]
WORDS = ("tea", "Teapot", "POT", "häuser", "a-b", "x_1", "zan", "zanzibar", "é", "caf")
NAMES = (b"a.md", b"b.md", b"d/a.md", b"d/c.md", b"e/a.md", b'odd "name"\n.md')
QUERIES = (
    Query("tea"),
    Query("pot", ignores_case=True),
    Query("anzib"),
    Query("é"),
    Query("Tea zan"),
    Query("x_1", is_deleted=True),
    Query("nowhere at all"),
    Query("tea", glob="*.md", since=1_500_000_300, until=1_500_001_500),
)


def a_history(root: Path, chance: Random, commits: int) -> list[str]:
    """Make a history with renames, removals, merges and contents that are no text; return its commits by number."""
    root.mkdir()
    run_git(root, "init", "-q")
    trees: list[dict[bytes, bytes]] = [{}]
    out = []
    for number in range(1, commits + 1):
        parent = number - 1 if chance.random() < 0.8 else chance.randrange(max(1, number - 4), number + 1) - 1
        other = chance.randrange(max(1, number - 5), number) if number > 3 and chance.random() < 0.25 else None
        tree = dict(trees[parent])
        if other is not None:
            tree = {**trees[other], **tree}
        for _ in range(chance.randint(1, 3)):
            _change(tree, chance)
        lines = [b"commit refs/heads/main", b"mark :%d" % number]
        lines += [b"committer A <a@x.org> %d +0000" % (1_500_000_000 + number * 60), b"data 1", b"x"]
        lines += [b"from :%d" % parent] if parent else []
        lines += [b"merge :%d" % other] if other not in (None, parent) else []
        lines += [b"deleteall"]
        for name, content in tree.items():
            quoted = b'"' + name.replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
            lines += [b"M 100644 inline %b" % quoted, b"data %d" % len(content), content]
        out += lines
        trees.append(tree)
    marks = root / "marks"
    subprocess.run(
        ["git", "-C", root, "fast-import", "--quiet", "--force", f"--export-marks={marks}"],
        input=b"\n".join(out) + b"\n", check=True, timeout=60,
    )  # fmt: skip
    made = dict(line.split() for line in marks.read_text().splitlines())
    return [made[f":{number}"] for number in range(1, commits + 1)]


def _change(tree: dict[bytes, bytes], chance: Random) -> None:
    name = chance.choice(NAMES)
    if name in tree and chance.random() < 0.2:
        del tree[name]
    elif name in tree and chance.random() < 0.3:
        to = chance.choice(NAMES)
        content = tree.pop(name)
        tree[to] = content
    elif chance.random() < 0.1:
        tree[name] = b"\0" + chance.choice(WORDS).encode()
    else:
        kept = tree.get(name, b"long enough to be followed\n" * 20).split(b"\n")
        line = " ".join(chance.choices(WORDS, k=3)).encode("utf-8" if chance.random() < 0.8 else "latin-1")
        kept.insert(chance.randrange(len(kept)), line)
        tree[name] = b"\n".join(kept)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_index_finds_what_reading_everything_finds(tmp_path: Path, seed: int) -> None:
    chance = Random(seed)
    commits = a_history(tmp_path / "notes", chance, 40)
    history = History(tmp_path / "notes")
    place = tmp_path / "index"
    index = LineIndex(history, place)
    answered = found = 0
    for at in (10, 11, 25, 28, 40):
        run_git(history.root, "update-ref", "refs/heads/main", commits[at - 1])
        is_behind = at in (11, 28)  # the index is asked before it is brought up to date
        if not is_behind:
            update(history, place, fewest=1)
        for query in QUERIES:
            quick = quick_search(history, query, b"", index)
            answered += quick is not None
            whole = list(search(history, query))
            found += len(whole)
            assert list(search(history, query, index=index)) == whole, (seed, at, query)
            # With a filter, each version is taken from what git lists before its content is read.
            assert list(search(history, replace(query, glob=query.glob or "*"))) == whole, (seed, at, query)
            if quick is not None:
                assert list(quick) == whole, (seed, at, query)
            assert quick is not None or is_behind, (seed, at, query)
            below = list(search(history, query, b"d", index))
            assert below == list(search(history, query, b"d")), (seed, at, query)
    assert answered >= 3 * len(QUERIES)
    assert found > 20


def test_an_index_in_doubt_is_thrown_away(tmp_path: Path) -> None:
    root = tmp_path / "notes"
    commits = a_history(root, Random(5), 6)
    history, place = History(root), tmp_path / "index"
    index = LineIndex(history, place)
    update(history, place, fewest=7)
    assert not place.exists()  # the history is short
    whole = list(search(history, Query("tea")))

    def answers() -> bool:
        found = index.candidates("tea", commits[-1]) is not None
        assert list(search(history, Query("tea"), index=index)) == whole
        return found

    update(history, place, fewest=1)
    assert answers()
    assert place.stat().st_mode & 0o777 == 0o600
    place.write_bytes(place.read_bytes()[:3000])
    assert not answers()
    assert not place.exists()
    update(history, place, fewest=1)
    with closing(sqlite3.connect(place)) as database:
        database.execute("PRAGMA user_version = 99")
    assert not answers()
    assert not place.exists()
    update(history, place, fewest=1)
    run_git(root, "update-ref", "refs/heads/main", run_git(root, "commit-tree", "-m", "new", f"{commits[-1]}^{{tree}}"))
    head = history.head()
    assert head is not None
    assert index.candidates("tea", head) is None  # the history was rewritten: what is not in it any more is not here
    assert not place.exists()
    update(history, place, fewest=1)
    assert index.candidates("tea", head) is not None
    place.write_bytes(b"no database at all" * 100)
    update(history, place, fewest=1)
    assert index.candidates("tea", head) is not None
