"""What is known without another look is what a look finds: kept directories, versions, stat data, index entries."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitsync.git.applying.apply import OutcomeKind, apply
from gitsync.git.applying.atomic_replace import ABSENT, BusyError, facts_of, see
from gitsync.git.applying.directories import Directories, Root, parent_of
from gitsync.git.files import write_new
from gitsync.git.index.raw import NewEntry, RawIndex, empty, stat_of
from gitsync.git.staging.expand import Expansion
from gitsync.git.staging.worktree import Staged, StageRules, Worktree
from tests.conftest import run_git
from tests.fakes.deaths import Case, fresh, template

pytestmark = pytest.mark.slow

__all__ = ["fresh", "template"]  # fixtures are found by name

PLACES = ("a", "a/b", "a/b/c", "d", "d/b")
PATHS = (*(f"{place}/file".encode() for place in PLACES), b"file")


def change(top: Path, kind: str, place: str, other: str) -> None:
    """Do something to a directory that a person could do, as far as it is possible now."""
    try:
        if kind == "make":
            (top / place).mkdir(parents=True)
        elif kind == "move":
            (top / place).rename(top / other)
        elif kind == "link":
            (top / place).rename(top / "away")
            (top / place).symlink_to(top / "away")
        elif kind == "file":
            (top / place).write_text("a file")
        elif kind == "remove":
            (top / place).rmdir() if not (top / place).is_symlink() else (top / place).unlink()
    except OSError:
        return


def way(root: Root, path: bytes) -> tuple[int, int] | int | None:
    """Return which directory a path's parent is, or the error that says why there is none."""
    try:
        with parent_of(root, path) as (at, name):
            assert name == b"file"
            facts = os.fstat(at)
            return facts.st_dev, facts.st_ino
    except OSError as error:
        return error.errno


KINDS = st.sampled_from(("make", "make", "move", "link", "file", "remove"))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(KINDS, st.sampled_from(PLACES), st.sampled_from(PLACES), st.sampled_from(PATHS)), max_size=20)
)
def test_a_kept_handle_is_the_one_that_its_path_leads_to(steps: list[tuple[str, str, str, bytes]]) -> None:
    with TemporaryDirectory() as place:
        top = Path(place)
        for directory in PLACES:
            (top / directory).mkdir(exist_ok=True)
        handle = os.open(top, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with Directories(place) as root:
                for path in PATHS:
                    way(root, path)
                # An example that is tried each time: the directory is moved away, and linked to.
                for kind, one, other, path in [
                    *steps,
                    ("make", "a/b", "d", b"a/b/file"),
                    ("link", "a", "d", b"a/b/file"),
                ]:
                    change(top, kind, one, other)
                    root.renew()
                    assert way(root, path) == way(handle, path)
        finally:
            os.close(handle)


def test_handles_of_two_directories_are_open_at_once(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number}/deep").mkdir(parents=True)
    with Directories(str(tmp_path)) as root:
        for number in range(99):
            one, _ = root.parent(b"%d/deep/x" % number)
            if number == 50:
                (tmp_path / "50/deep").rename(tmp_path / "50/moved")
                (tmp_path / "50/deep").mkdir()
                root.renew()
            other, _ = root.parent(b"%d/deep/x" % (number if number == 50 else number + 1))
            names = [os.readlink(f"/proc/self/fd/{handle}") for handle in (one, other)]
            last = "50/moved" if number == 50 else f"{number}/deep"
            assert names[0] == str(tmp_path / last)
            assert names[1] == str(tmp_path / (f"{number}/deep" if number == 50 else f"{number + 1}/deep"))
    assert not [name for name in os.listdir("/proc/self/fd") if "deep" in _target(name)]


def _target(name: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        return ""


def in_place(path: Path) -> None:
    path.write_bytes(b"mine 2\n")


def with_old_time(path: Path) -> None:
    facts = path.stat()
    path.write_bytes(b"mine 2\n")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def by_rename(path: Path) -> None:
    other = path.with_name("editor's")
    other.write_bytes(b"mine 2\n")
    os.replace(other, path)


def with_mode(path: Path) -> None:
    path.chmod(0o755)


def by_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("elsewhere")


def removed(path: Path) -> None:
    path.unlink()


def untouched(path: Path) -> None:
    pass


EDITS = (in_place, with_old_time, by_rename, with_mode, by_link, removed, untouched)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("is_new", [False, True])
def test_a_known_version_is_the_one_that_a_look_finds(
    tmp_path: Path, edit: Callable[[Path], None], is_new: bool
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"mine 1\n")
    if not is_new:
        os.utime(path, ns=(0, time.time_ns() - 10**9))
    with Directories(str(tmp_path)) as root:
        since_ns = time.time_ns()
        sight = see(root, b"file")
        edit(path)
        is_known = sight.is_still(facts_of(root, b"file"), since_ns)
        assert is_known == (edit is untouched and not is_new)
        assert not is_known or see(root, b"file").fingerprint == sight.fingerprint


def test_a_file_that_is_open_for_writing_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"mine 1\n")
    os.utime(path, ns=(0, 0))
    with Directories(str(tmp_path)) as root, path.open("ab"):
        with pytest.raises(BusyError):
            see(root, b"file")
        sight = see(root, b"file", is_calm=True)
        assert not sight.is_still(facts_of(root, b"file"), time.time_ns())


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("calls", ["open", "read", "fstat"])
def test_a_file_that_is_changed_during_a_look_is_seen_as_it_is_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: Callable[[Path], None], calls: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"mine 1\n")
    os.utime(path, ns=(0, time.time_ns() - 10**9))
    call = getattr(os, calls)
    with Directories(str(tmp_path)) as root:

        def changed(*args: object, **more: object) -> object:
            monkeypatch.setattr(os, calls, call)
            edit(path)
            return call(*args, **more)

        monkeypatch.setattr(os, calls, changed)
        try:
            sight = see(root, b"file")
        except BusyError:
            return
        # The file that was opened is one that the path has had, and it is whole.
        is_former = edit in (by_rename, by_link, removed) and calls != "open"
        is_beyond_link = edit is by_link and sight.fingerprint == ABSENT
        assert sight.fingerprint == see(root, b"file").fingerprint or is_former or is_beyond_link


@pytest.mark.parametrize("point", ["looked", "advanced"])
@pytest.mark.parametrize("edit", EDITS)
def test_an_index_says_only_what_git_would_find(
    fresh: Callable[[], Case], point: str, edit: Callable[[Path], None]
) -> None:
    """Files that were written a while before their step: the index gets their stat data without another look."""
    pair = fresh()
    path = pair.ours / "a.txt"
    seen: list[str] = []

    def probe(at: str, at_path: bytes) -> None:
        if at == "staged":
            time.sleep(0.05)
        elif at == point and at_path in (b"a.txt", b"") and not seen:
            seen.append(at)
            edit(path)

    assert apply(pair.worktree, pair.made, message="Merge", probe=probe).kind is OutcomeKind.DONE
    assert seen
    entry = pair.worktree.index.entries([b"a.txt"])[b"a.txt"]
    assert entry is not None
    facts = facts_of_file(path)
    assert (entry.stat == facts) == (edit is untouched)
    assert (run_git(pair.ours, "status", "--porcelain") != "") == (edit is not untouched)


def staged_by_user(path: Path) -> None:
    run_git(path.parent, "update-index", "--chmod=+x", path.name)


@pytest.mark.parametrize("edit", [*EDITS, staged_by_user])
def test_what_a_pull_placed_is_staged_as_if_that_were_not_known(
    fresh: Callable[[], Case], edit: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = fresh()
    outcome = apply(pair.worktree, pair.made, message="Merge", probe=lambda at, _: time.sleep(0.05 * (at == "staged")))
    edit(pair.ours / "a.txt")
    looked_at: list[frozenset[bytes]] = []
    candidates = Expansion.candidates

    def noting(self: Expansion, noted: frozenset[bytes]) -> Iterator[bytes]:
        looked_at.append(noted)
        return candidates(self, noted)

    monkeypatch.setattr(Expansion, "candidates", noting)
    known, plain = staged(pair.worktree, outcome.paths), staged(pair.worktree, outcome.paths)
    assert known == plain
    assert bool(known.changes or known.staged_by_user) == (edit is not untouched)
    assert (b"a.txt" in looked_at[0]) == (edit is not untouched)
    assert looked_at[1] == frozenset(outcome.paths)  # it was known for one batch


def staged(worktree: Worktree, paths: Iterable[bytes]) -> Staged:
    staging = worktree.begin_staging(paths, (), StageRules())
    while not staging.advance(1.0):
        pass
    return staging.result()


def facts_of_file(path: Path) -> tuple[int, ...] | None:
    return stat_of(path.lstat()) if os.path.lexists(path) else None


@settings(max_examples=30, deadline=None)
@given(
    st.sets(st.binary(min_size=1, max_size=6).map(lambda name: name.replace(b"\0", b"0")), max_size=40),
    st.sets(st.binary(min_size=1, max_size=6), max_size=20),
)
def test_entries_among_many_are_those_of_the_walk(names: set[bytes], others: set[bytes]) -> None:
    entries = {name: NewEntry(0o100644, "1" * 40, is_skipped=len(name) == 3) for name in [*names, b"n" * 5000]}
    plain = [name for name in entries if not any(name.startswith(other + b"/") for other in entries)]
    index = RawIndex(b"".join(RawIndex(empty()).patched({name: entries[name] for name in plain})))
    wanted = {*others, *list(names)[::2], b"n" * 5000}
    assert list(index.among(wanted)) == [(name, entry) for name, entry in index.walk() if name in wanted]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 200_000), max_size=8), st.booleans())
def test_pieces_of_any_size_are_written_in_their_order(sizes: list[int], is_small: bool) -> None:
    pieces = [bytes([number % 256]) * (size % 100 if is_small else size) for number, size in enumerate(sizes * 3)]
    with TemporaryDirectory() as place:
        path = Path(place, "file")
        write_new(str(path), pieces)
        assert path.read_bytes() == b"".join(pieces)
