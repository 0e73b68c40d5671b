"""The mirror under the committer, stepped by hand: brakes, letters, deletions, hosts, merges, damage. Real git."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.engine.messages import Adopt
from gitsync.errors import OperationError, UsageError
from gitsync.model import RepoState
from tests.conftest import run_git
from tests.fakes.homes import HomeBench, settled

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[HomeBench]:
    it = HomeBench(tmp_path / "one")
    it.begin()
    it.run()
    yield it
    it.stop()


def test_what_is_tracked_is_linked_and_committed(bench: HomeBench) -> None:
    path = bench.write(".vimrc", "one\n", 0o600)
    added = bench.track(".vimrc")
    assert [entry.path for entry in added.added] == [b".vimrc"]
    assert bench.committed(".vimrc") == "one\n"
    assert path.samefile(bench.mirror / ".vimrc")
    assert "mode 0600 .vimrc\n" in bench.manifest()
    assert bench.board.home.tracked == 1
    settled(bench)


def test_an_edit_is_committed_after_the_quiet_period_and_not_before(bench: HomeBench) -> None:
    bench.write(".vimrc", "one\n")
    bench.track(".vimrc")
    bench.write(".vimrc", "two\n")
    bench.run(1.0)
    assert bench.committed(".vimrc") == "one\n"
    bench.run(1.1)
    assert bench.committed(".vimrc") == "two\n"


def test_what_nobody_tracks_wakes_nobody(bench: HomeBench) -> None:
    bench.write(".vimrc", "one\n")
    bench.track(".vimrc")
    wake_at = bench.committer.wake_at()
    bench.write(".bash_history", "ls\n")
    assert bench.committer.inbox.empty()
    assert bench.committer.wake_at() == wake_at


@pytest.mark.parametrize("letter", ["B", "C", "D"])
def test_a_scan_finds_and_heals_what_nobody_noted(bench: HomeBench, letter: str) -> None:
    path = bench.write(".vimrc", "one\n")
    bench.write(".kept", "kept\n")
    bench.track(".vimrc", ".kept")
    if letter == "B":
        path.unlink()
        path.write_text("two\n")
    elif letter == "C":
        (bench.mirror / ".vimrc").unlink()
    else:
        path.unlink()
    bench.sync()
    settled(bench)
    assert bench.committed(".vimrc") == {"B": "two\n", "C": "one\n", "D": None}[letter]
    assert (bench.mirror / ".vimrc").exists() == path.exists() == (letter != "D")


def test_a_file_that_is_in_neither_is_dropped(bench: HomeBench) -> None:
    path = bench.write(".vimrc", "one\n")
    bench.write(".kept", "kept\n")
    bench.track(".vimrc", ".kept")
    path.unlink()
    (bench.mirror / ".vimrc").unlink()
    bench.sync()
    settled(bench)
    assert bench.committed(".vimrc") is None
    assert "gone * .vimrc\n" in bench.manifest()


def test_a_stray_file_of_the_mirror_is_shown_and_stays_out_of_home(bench: HomeBench) -> None:
    for name in ("stray", "README.md"):
        (bench.mirror / name).write_text("x\n")
    bench.sync()
    assert bench.broken == {"stray": "F"}
    assert not (bench.home / "stray").exists()
    bench.track("stray")
    assert (bench.home / "stray").read_text() == "x\n"
    settled(bench)


def test_all_files_gone_from_home_wait_for_a_person(bench: HomeBench) -> None:
    for name in ("a", "b"):
        bench.write(name, "kept\n")
    bench.track("a", "b")
    for name in ("a", "b"):
        (bench.home / name).unlink()
    bench.sync()
    assert bench.state is RepoState.HALTED
    assert bench.committed("a") == "kept\n"
    assert (bench.mirror / "a").exists()
    bench.resume()
    assert bench.committed("a") is None
    settled(bench)


def test_a_mirror_whose_files_are_deleted_in_a_commit_does_not_empty_home(bench: HomeBench) -> None:
    for name in ("a", "b"):
        bench.write(name, "kept\n")
    bench.track("a", "b")
    run_git(bench.mirror, "rm", "-q", "a", "b")
    run_git(bench.mirror, "commit", "-qm", "away with it")
    bench.sync()
    assert bench.state is RepoState.HALTED
    assert (bench.home / "a").read_text() == (bench.home / "b").read_text() == "kept\n"


def test_an_emptied_mirror_halts(bench: HomeBench) -> None:
    bench.write("a", "kept\n")
    bench.track("a")
    for path in bench.mirror.iterdir():
        if path.name != ".git":
            path.unlink()
    bench.sync()
    assert bench.state is RepoState.HALTED
    assert (bench.home / "a").read_text() == "kept\n"


def test_many_deletions_at_once_wait_although_some_files_are_left(bench: HomeBench) -> None:
    for count in range(30):
        bench.write(f"d/{count}", f"{count}\n")
    bench.write("kept", "kept\n")
    bench.track("d", "kept")
    shutil.rmtree(bench.home / "d")
    bench.sync()
    assert bench.state is RepoState.HALTED
    assert bench.committed("d/7") == "7\n"


def test_removing_a_large_directory_is_no_accident(bench: HomeBench) -> None:
    for count in range(30):
        bench.write(f"d/{count}", f"{count}\n")
    bench.track("d")
    bench.untrack("d")
    assert bench.committed("d/7") is None
    assert (bench.home / "d/7").read_text() == "7\n"
    settled(bench)


def test_a_directory_behind_a_link_is_out_of_reach_and_not_deleted(bench: HomeBench) -> None:
    bench.write(".config/x", "x\n")
    bench.write("other", "other\n")
    bench.track(".config", "other")
    (bench.home / ".config").rename(bench.home / "moved")
    (bench.home / ".config").symlink_to("moved")
    bench.sync()
    assert bench.committed(".config/x") == "x\n"
    error = bench.board.status("home").error
    assert bench.state is RepoState.ERROR
    assert error is not None
    assert "~/.config" in error.message
    assert "symbolic link" in error.message
    assert "gitsyncctl add --follow" in error.hint


def test_links_are_kept_as_links(bench: HomeBench) -> None:
    (bench.home / "link").symlink_to("nowhere")
    bench.track("link")
    assert os.readlink(bench.mirror / "link") == "nowhere"
    (bench.home / "link").unlink()
    (bench.home / "link").symlink_to("elsewhere")
    bench.note("link")
    bench.run()
    assert bench.committed("link") == "elsewhere"
    settled(bench)


def test_a_damaged_manifest_is_made_whole(bench: HomeBench) -> None:
    bench.write("a", "a\n")
    bench.write("b", "b\n")
    bench.track("a", "b")
    whole = bench.manifest()
    for damage in ("", "garbage\n", whole.replace("track * a\n", "<<<<<<< ours\n"), None):
        path = bench.mirror / ".gitsync-manifest"
        if damage is None:
            path.unlink()
        else:
            path.write_text(damage)
        bench.sync()
        assert bench.manifest() == whole
        settled(bench)


def test_without_a_mirror_nothing_can_be_added(tmp_path: Path) -> None:
    bench = HomeBench(tmp_path)
    bench.begin()
    bench.committer._repos.clear()
    with pytest.raises(OperationError):
        bench.track()


def test_what_is_not_tracked_cannot_be_removed(bench: HomeBench) -> None:
    bench.write(".vimrc", "one\n")
    bench.track(".vimrc")
    with pytest.raises(UsageError) as caught:
        bench.untrack(".vimrcc")
    assert "~/.vimrc?" in caught.value.hint


def test_another_kind_of_link_takes_effect(bench: HomeBench) -> None:
    path = bench.write(".vimrc", "one\n")
    bench.track(".vimrc")
    bench.link = "copy"
    bench.ask(Adopt(bench.config.settings, bench.repo_state_dir, bench.config)).result(0)
    bench.run()
    assert not path.samefile(bench.mirror / ".vimrc")
    assert (bench.mirror / ".vimrc").read_text() == "one\n"
    settled(bench)


def test_a_kept_copy_comes_into_home_although_its_original_is_deleted(bench: HomeBench) -> None:
    path = bench.write(".vimrc", "one\n")
    bench.write(".kept", "kept\n")
    bench.track(".vimrc", ".kept")
    path.unlink()
    bench.sync()
    (bench.mirror / ".vimrc.conflict-0123abcd").write_text("theirs\n")
    bench.sync()
    assert (bench.home / ".vimrc.conflict-0123abcd").read_text() == "theirs\n"
    settled(bench)


def test_a_file_that_is_there_stays_tracked_although_a_merge_says_it_is_gone(bench: HomeBench) -> None:
    bench.write(".vimrc", "one\n")
    bench.track(".vimrc")
    manifest = bench.mirror / ".gitsync-manifest"
    manifest.write_text(manifest.read_text().replace("track * .vimrc", "gone * .vimrc"))
    run_git(bench.mirror, "commit", "-qam", "what a merge may come to")
    bench.sync()
    assert "track * .vimrc\n" in bench.manifest()
    bench.write(".vimrc", "two\n")
    bench.run()
    assert bench.committed(".vimrc") == "two\n"
    settled(bench)
