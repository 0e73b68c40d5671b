"""How a watcher starts, idles, dies and stops."""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path

import pytest

from gitsync.errors import OperationError
from gitsync.git.rules.ignores import IgnoreRules
from tests.fakes.watching import Watched, until, watching

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


@pytest.mark.parametrize("how", ["delete", "move"])
def test_a_root_that_vanishes_ends_the_watcher_and_a_new_one_watches_what_comes_back(tmp_path: Path, how: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with watching(root) as watched:
        shutil.rmtree(root) if how == "delete" else root.rename(tmp_path / "elsewhere")
        watched.expect_reason("root vanished")
        assert not watched.watcher.is_alive
        with pytest.raises(OperationError) as caught:
            Watched(root).watcher.start()
        assert caught.value.code == "root-vanished"
    root.mkdir()
    with watching(root) as watched:
        (root / "f").write_text("1")
        watched.expect(b"f")


def test_whoever_is_woken_by_a_death_hears_of_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    watched = Watched(root)
    heard: list[bool] = []
    watched._on_first = lambda: heard.append(watched.watcher.is_alive)  # type: ignore[method-assign]  # a probe
    watched.buffer._on_first = watched._on_first
    watched.watcher.start()
    root.rename(tmp_path / "elsewhere")
    until(lambda: heard)
    assert heard == [False]
    assert watched.watcher.stop(30)


def test_a_handler_that_fails_leaves_no_deaf_process(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    seen: list[int] = []

    def fail_once() -> None:
        seen.append(1)
        if len(seen) == 1:
            raise RuntimeError("the handler is broken")

    watched.buffer._on_first = fail_once
    watched.watcher.start()
    (tmp_path / "f").write_text("1")
    watched.expect_reason("the watcher has failed: the handler is broken")
    assert not watched.watcher.is_alive
    assert watched.watcher.stop(30)


def test_the_last_edit_before_the_stop_is_noted(tmp_path: Path) -> None:
    for number in range(20):
        watched = Watched(tmp_path)
        watched.watcher.start()
        (tmp_path / f"{number}").write_text("1")
        assert watched.watcher.stop(30)
        watched.gather()
        assert b"%d" % number in watched.paths
        assert not watched.watcher.is_alive


def test_a_root_that_is_given_as_a_link_is_watched(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "link").symlink_to("root")
    watched = Watched(tmp_path / "link")
    watched.watcher.start()
    (tmp_path / "root/f").write_text("1")
    watched.expect(b"f")
    assert watched.watcher.stop(30)


def test_threads_are_named_after_what_they_watch(tmp_path: Path) -> None:
    with watching(tmp_path):
        names = [thread.name for thread in threading.enumerate()]
        assert [name for name in names if name.startswith("watch-")] == ["watch-test"]
        assert "inotify" in names


def test_rules_that_cannot_be_read_are_an_error_at_the_start(tmp_path: Path) -> None:
    watched = Watched(tmp_path, lambda: IgnoreRules(tmp_path))
    with pytest.raises(OperationError) as caught:
        watched.watcher.start()
    assert caught.value.code == "not-a-repository"
    assert not watched.watcher.is_alive


def test_an_idle_watcher_does_not_wake_up(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number}").mkdir()
    with watching(tmp_path) as watched:
        watched.forget()
        threads = [thread.native_id for thread in threading.enumerate() if thread.name in ("watch-test", "inotify")]
        assert len(threads) == 2

        def switches() -> list[str]:
            lines = []
            for number in threads:
                with open(f"/proc/self/task/{number}/status") as file:
                    lines += [line for line in file if line.startswith("voluntary_ctxt_switches")]
            return lines

        def has_settled() -> bool:
            before = switches()
            threading.Event().wait(0.3)
            return switches() == before

        until(has_settled)
        before = switches()
        threading.Event().wait(2.0)
        assert switches() == before


def test_polling_notes_what_the_kernel_is_not_asked_for(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    with watching(tmp_path, mode="polling") as watched:
        assert (watched.watcher.kind, watched.watcher.hint, watched.watcher.watch_count) == ("polling", "", 0)
        (tmp_path / "d/f").write_text("1")
        watched.expect(b"d/f")
        (tmp_path / ".gitignore").write_text("d\n")
        watched.expect_reason("ignore rules changed")


def test_the_last_edit_before_the_stop_is_noted_by_polling_too(tmp_path: Path) -> None:
    watched = Watched(tmp_path, mode="polling")
    watched.watcher.start()
    (tmp_path / "f").write_text("1")
    assert watched.watcher.stop(30)
    watched.gather()
    assert watched.paths == {b"f"}


def test_polling_ends_with_its_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with watching(root, mode="polling") as watched:
        root.rename(tmp_path / "elsewhere")
        watched.expect_reason("root vanished")
        assert not watched.watcher.is_alive


def test_elsewhere_watchdogs_own_emitters_do_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "d").mkdir(parents=True)
    (root / ".git").mkdir()
    with watching(root, has_inotify=False) as watched:
        assert watched.watcher.is_alive
        (root / ".git/index").write_text("1")
        (root / "d/f").write_text("1")
        watched.expect(b"d/f")
        assert watched.paths == {b"d/f"}
        shutil.rmtree(root)
        watched.expect_reason("root vanished")
        until(lambda: not watched.watcher.is_alive)
