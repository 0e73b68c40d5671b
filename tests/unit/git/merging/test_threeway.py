"""Every pair of changes that can meet in a merge, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitsync.core.conflict import Policy
from gitsync.git.merging.threeway import ResolvedConflict
from tests.conftest import run_git
from tests.fakes.histories import Files, History, link, module, program

pytestmark = pytest.mark.slow

AUTOMATIC = ("keep-both", "newest", "union", "ours", "theirs")
Settle = Callable[..., Files]


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = History(tmp_path)
    yield made
    run_git(made.worktree.root, "fsck", "--strict")
    made.close()


@pytest.fixture
def settle(history: History) -> Settle:
    """Merge three tables both ways round: the machines that did either must come together."""

    def settle(base: Files, ours: Files, theirs: Files, policy: str = "keep-both", **patterns: str) -> Files:
        root = history.commit(base)
        here, there = history.commit(ours, root), history.commit(theirs, root)
        found, other = (history.merge(*sides, policy, **patterns).tree for sides in ((here, there), (there, here)))
        if policy == "newest":
            assert found == other
        one, two = history.commit_tree(found, here, there), history.commit_tree(other, there, here)
        assert history.merge(one, two, policy, **patterns).tree == history.merge(two, one, policy, **patterns).tree
        return history.files(found)

    return settle


def copy(history: History, name: str, data: bytes, ending: str = ".txt") -> str:
    return f"{name}.conflict-{history.blob(data)[:8]}{ending}"


TEXT = b"".join(b"line %d\n" % number for number in range(20))
FIRST, LAST = TEXT.replace(b"line 0\n", b"first\n"), TEXT.replace(b"line 19\n", b"last\n")
MIXED = FIRST.replace(b"line 19\n", b"last\n")


@pytest.mark.parametrize("policy", AUTOMATIC)
def test_edits_of_different_lines_are_merged(settle: Settle, policy: str) -> None:
    assert settle({"a.txt": TEXT}, {"a.txt": FIRST}, {"a.txt": LAST}, policy) == {"a.txt": MIXED}


@pytest.mark.parametrize("policy", [*AUTOMATIC, "manual"])
@pytest.mark.parametrize("blank", [b"", b"\n", b" \r\n\t\n", b"\xef\xbb\xbf\r\n"])
def test_a_new_file_that_is_blank_on_one_side(settle: Settle, history: History, policy: str, blank: bytes) -> None:
    here, there = {"k": b"", "n.md": b"filled\n"}, {"k": b"", "n.md": blank}
    assert settle({"k": b""}, here, there, policy) == here
    assert settle({"k": b""}, there, here, policy) == here


def test_a_new_file_that_is_blank_on_both_sides(settle: Settle, history: History) -> None:
    found = settle({"k": b""}, {"k": b"", "n.md": b"\n"}, {"k": b"", "n.md": b""})
    assert found in ({"k": b"", "n.md": b"\n"}, {"k": b"", "n.md": b""})


def test_a_file_that_was_emptied_is_an_edit(settle: Settle, history: History) -> None:
    found = settle({"n.md": b"base\n"}, {"n.md": b""}, {"n.md": b"edited\n"})
    assert found == {"n.md": b"edited\n", copy(history, "n", b"", ".md"): b""}


def test_edits_of_the_same_lines(settle: Settle, history: History) -> None:
    sides = {"a.txt": b"base\n"}, {"a.txt": b"mine\n"}, {"a.txt": b"yours\n"}
    assert settle(*sides) == {"a.txt": b"yours\n", copy(history, "a", b"mine\n"): b"mine\n"}
    assert settle(*sides, "ours") == {"a.txt": b"mine\n"}
    assert settle(*sides, "theirs") == {"a.txt": b"yours\n"}
    assert settle(*sides, "newest") == {"a.txt": b"yours\n"}
    assert settle(*sides, "union") == {"a.txt": b"mine\nyours\n"}


def test_what_a_merge_says_of_it(history: History) -> None:
    root = history.commit({"a.txt": b"base\n", "b.log": b"1", "gone": b"1"})
    ours = history.commit({"a.txt": b"ours\n", "b.log": b"2"}, root)
    theirs = history.commit({"a.txt": b"theirs\n", "b.log": b"3", "gone": b"edited"}, root)
    found = history.merge(ours, theirs, **{"*.log": "theirs"})
    kept = copy(history, "a", b"ours\n").encode()
    assert found.resolved == (
        ResolvedConflict(b"a.txt", Policy.KEEP_BOTH, kept),
        ResolvedConflict(b"b.log", Policy.THEIRS),
        ResolvedConflict(b"gone", Policy.KEEP_BOTH),
    )


def test_manual_decides_nothing_and_names_what_waits(history: History) -> None:
    root = history.commit({"a.txt": b"base\n", "b.log": b"1", "gone": b"1", "d/f": b"1", "clean": b"1"})
    ours = history.commit({"a.txt": b"ours\n", "b.log": b"2", "d": b"file", "clean": b"1"}, root)
    theirs = history.commit({"a.txt": b"theirs\n", "b.log": b"3", "gone": b"edited", "d/f": b"2"}, root)
    found = history.merge(ours, theirs, "manual", **{"*.log": "theirs"})
    assert (found.tree, found.waiting) == (None, (b"a.txt", b"d/f", b"gone"))
    # One path that waits holds up the whole merge, and the others are not asked about.
    found = history.merge(ours, theirs, "theirs", **{"a.txt": "manual"})
    assert (found.tree, found.waiting) == (None, (b"a.txt",))


def test_manual_waits_for_a_directory_against_a_file(history: History) -> None:
    root = history.commit({"x": b"1"})
    ours, theirs = history.commit({"x": b"1", "d": b"file"}, root), history.commit({"x": b"1", "d/f": b"2"}, root)
    assert history.merge(ours, theirs, "manual").waiting == (b"d",)


@pytest.mark.parametrize("policy", AUTOMATIC)
def test_an_edit_beats_a_deletion(settle: Settle, policy: str) -> None:
    base, edited, gone = {"a": b"1", "k": b""}, {"a": b"2", "k": b""}, {"k": b""}
    assert settle(base, edited, gone, policy) == edited
    assert settle(base, gone, edited, policy) == edited


def test_both_added(settle: Settle, history: History) -> None:
    assert settle({"k": b""}, {"k": b"", "n.txt": b"same"}, {"k": b"", "n.txt": b"same"}) == {
        "k": b"",
        "n.txt": b"same",
    }
    found = settle({}, {"n.txt": b"one\nmine\n"}, {"n.txt": b"one\nyours\n"})
    assert found == {"n.txt": b"one\nyours\n", copy(history, "n", b"one\nmine\n"): b"one\nmine\n"}
    union = settle({}, {"n.txt": b"one\nmine\n"}, {"n.txt": b"one\nyours\n"}, "union")
    assert union == {"n.txt": b"one\nmine\nyours\n"}


@pytest.mark.parametrize("policy", AUTOMATIC)
def test_a_directory_keeps_the_name_that_a_file_has(settle: Settle, history: History, policy: str) -> None:
    aside = copy(history, "d", b"file", "")
    both = {"d/f": b"below", aside: b"file"}
    assert settle({}, {"d": b"file"}, {"d/f": b"below"}, policy) == both
    assert settle({}, {"d/f": b"below"}, {"d": b"file"}, policy) == both
    # A directory became a file here, and something in it was edited there; and the other way round.
    assert settle({"d/f": b"1", "d/g": b"1"}, {"d": b"file"}, {"d/f": b"below", "d/g": b"1"}, policy) == both
    assert settle({"d": b"1"}, {"d": b"file"}, {"d/f": b"below"}, policy) == both


def test_a_directory_that_becomes_a_file_and_back(settle: Settle) -> None:
    for old, new in (("d/f", "d"), ("d", "d/f")):
        assert settle({old: b"1", "x": b""}, {new: b"2", "x": b""}, {old: b"1", "x": b"y"}) == {new: b"2", "x": b"y"}


@pytest.mark.parametrize("policy", AUTOMATIC)
def test_mode_and_content(settle: Settle, policy: str) -> None:
    assert settle({"s": b"1"}, {"s": program(b"1")}, {"s": b"2"}, policy) == {"s": program(b"2")}
    assert settle({"s": program(b"1")}, {"s": b"1"}, {"s": program(b"2")}, policy) == {"s": b"2"}
    assert settle({"s": b"1"}, {"s": program(b"1")}, {"s": program(b"1")}, policy) == {"s": program(b"1")}
    assert settle({}, {"s": program(b"1")}, {"s": b"1"}, policy) == {"s": program(b"1")}


def test_renamed_here_and_edited_there(settle: Settle) -> None:
    assert settle({"a": TEXT}, {"b": TEXT}, {"a": LAST}) == {"b": LAST}
    assert settle({"a": TEXT}, {"d/b": FIRST}, {"a": LAST}) == {"d/b": MIXED}
    assert settle({"a": TEXT}, {"b": program(TEXT)}, {"a": LAST}) == {"b": program(LAST)}
    assert settle({"a": TEXT}, {"a/b": TEXT}, {"a": LAST}) == {"a/b": LAST}


def test_renamed_and_edited_alike(settle: Settle, history: History) -> None:
    other = FIRST.replace(b"first", b"other")
    assert settle({"a.txt": TEXT}, {"b.txt": FIRST}, {"a.txt": other}) == {
        "b.txt": other,
        copy(history, "b", FIRST): FIRST,
    }


def test_renamed_on_both_sides(settle: Settle) -> None:
    assert settle({"a": TEXT}, {"b": FIRST}, {"b": LAST}) == {"b": MIXED}
    assert settle({"a": TEXT}, {"b": FIRST}, {"c": LAST}) == {"b": FIRST, "c": LAST}


@pytest.mark.parametrize("policy", AUTOMATIC)
def test_renamed_here_and_deleted_there(settle: Settle, policy: str) -> None:
    assert settle({"a": TEXT, "k": b""}, {"b": TEXT, "k": b""}, {"k": b""}, policy) == {"b": TEXT, "k": b""}


def test_renamed_to_a_name_that_the_other_side_added(settle: Settle, history: History) -> None:
    found = settle({"a.txt": TEXT}, {"b.txt": TEXT}, {"a.txt": LAST, "b.txt": b"new"})
    assert found == {"a.txt": LAST, "b.txt": b"new", copy(history, "b", TEXT): TEXT}


def test_a_new_file_follows_its_directory(settle: Settle) -> None:
    base = {"old/1": TEXT, "old/2": FIRST}
    renamed = {"new/1": TEXT, "new/2": FIRST}
    assert settle(base, renamed, {**base, "old/3": b"3"}) == {**renamed, "new/3": b"3"}
    moved_up = {"1": TEXT, "2": FIRST}
    assert settle(base, moved_up, {**base, "old/3": b"3"}) == {**moved_up, "3": b"3"}
    # The name is taken there, or the directory is still there: it stays where it was put.
    taken = {**renamed, "new/3": b"x"}
    assert settle(base, taken, {**base, "old/3": b"3"}) == {**taken, "old/3": b"3"}
    partly = {"new/1": TEXT, "old/2": FIRST}
    assert settle(base, partly, {**base, "old/3": b"3"}) == {**partly, "old/3": b"3"}


def test_links(settle: Settle, history: History) -> None:
    assert settle({"l": link(b"a")}, {"l": link(b"b")}, {"l": link(b"c")}) == {
        "l": link(b"c"),
        copy(history, "l", b"b", ""): link(b"b"),
    }
    assert settle({"l": b"1"}, {"l": link(b"b")}, {"l": b"2"}) == {"l": b"2", copy(history, "l", b"b", ""): link(b"b")}
    assert settle({"l": b"1"}, {"l": link(b"b")}, {"l": b"2"}, "union") == {
        "l": b"2",
        copy(history, "l", b"b", ""): link(b"b"),
    }


def test_binary_files_are_never_merged_by_line(settle: Settle, history: History) -> None:
    first, last = FIRST.replace(b"line 9", b"\0"), LAST.replace(b"line 9", b"\0")
    base = TEXT.replace(b"line 9", b"\0")
    both = {"a.txt": last, copy(history, "a", first): first}
    assert settle({"a.txt": base}, {"a.txt": first}, {"a.txt": last}) == both
    assert settle({"a.txt": base}, {"a.txt": first}, {"a.txt": last}, "union") == both


def test_submodules(settle: Settle, history: History) -> None:
    one, two, three = (f"{number:040x}" for number in (1, 2, 3))
    assert settle({"m": module(one)}, {"m": module(two)}, {"m": module(three)}) == {"m": module(three)}
    assert settle({"m": module(one)}, {"m": module(two)}, {"m": module(three)}, "ours") == {"m": module(two)}
    assert settle({}, {"m": module(one)}, {"m": b"file"}) == {
        "m": module(one),
        copy(history, "m", b"file", ""): b"file",
    }
    assert settle({}, {"m": module(one)}, {"m/f": b"below"}) == {"m/f": b"below"}


@pytest.mark.parametrize(
    "attributes",
    [
        b"*.txt -merge\n",
        b"*.txt filter=crypt\n",
        b"*.txt binary\n",
        b"*.txt filter=lfs diff=lfs merge=lfs -text\n",
        b"*.txt merge=x\n",
    ],
)
def test_attributes_forbid_merging_by_line(settle: Settle, history: History, attributes: bytes) -> None:
    said = {".gitattributes": attributes}
    base, ours, theirs = {"d/a.txt": TEXT, **said}, {"d/a.txt": FIRST, **said}, {"d/a.txt": LAST, **said}
    both = {"d/a.txt": LAST, copy(history, "d/a", FIRST): FIRST, **said}
    assert settle(base, ours, theirs) == both
    # It counts as soon as one side says so.
    assert settle({"d/a.txt": TEXT}, {"d/a.txt": FIRST}, theirs) == both


def test_attributes_may_ask_for_both_lines(settle: Settle, history: History) -> None:
    said = {".gitattributes": b"*.txt merge=union\n"}
    sides = {"a.txt": b"", **said}, {"a.txt": b"1\n", **said}, {"a.txt": b"2\n", **said}
    assert settle(*sides) == {"a.txt": b"1\n2\n", **said}
    assert settle(*sides, "newest") == {"a.txt": b"2\n", **said}, "what the user told gitsync goes first"


def test_odd_names_and_contents(settle: Settle, history: History) -> None:
    name, latin = "\udcff\n-- .txt", b"caf\xe9\n"
    found = settle({name: latin}, {name: latin + b"1\n"}, {name: latin + b"2\n"})
    assert found == {name: latin + b"2\n", copy(history, "\udcff\n-- ", latin + b"1\n"): latin + b"1\n"}
    base = b"caf\xe9\r\n" + TEXT.replace(b"\n", b"\r\n")
    first, last = base.replace(b"caf\xe9", b"th\xe9"), base.replace(b"line 19", b"\xff")
    assert settle({name: base}, {name: first}, {name: last}) == {name: last.replace(b"caf\xe9", b"th\xe9")}


def test_empty_files_and_no_newline_at_the_end(settle: Settle, history: History) -> None:
    assert settle({"a": b"1"}, {"a": b""}, {"a": b"2"}) == {"a": b"2", copy(history, "a", b"", ""): b""}
    assert settle({"a": b""}, {"a": b"1"}, {"a": b"2"}, "union") == {"a": b"1\n2"}
    assert settle({"a": b"", "b": b""}, {"c": b"", "b": b""}, {"a": b"x", "b": b""}) == {"a": b"x", "b": b"", "c": b""}


def test_markers_that_somebody_wrote_are_text_like_any_other(settle: Settle) -> None:
    marked = b"<<<<<<< mine\n" + TEXT + b"=======\n>>>>>>> yours\n"
    edited = marked.replace(b"line 5", b"five")
    other = marked.replace(b"line 15", b"fifteen")
    assert settle({"a": marked}, {"a": edited}, {"a": other}) == {"a": edited.replace(b"line 15", b"fifteen")}
