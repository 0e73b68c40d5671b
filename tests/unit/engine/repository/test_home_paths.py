"""What single paths of home can be: unwritable, other repositories, special files, with attributes, with ignore rules.
One of them holds up no other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.core.manifest import NAME
from gitsync.model import RepoState
from tests.conftest import run_git
from tests.fakes.homes import HomeBench, mode_of, settled


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[HomeBench]:
    it = HomeBench(tmp_path / "one")
    it.begin()
    it.run()
    yield it
    it.stop()


def commit_in_mirror(bench: HomeBench, **files: str) -> None:
    """Replace files of the mirror, as a pull does, and commit them."""
    for name, text in files.items():
        path = bench.mirror / name.replace("__", "/")
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    run_git(bench.mirror, "add", "-A")
    run_git(bench.mirror, "commit", "-qm", "elsewhere")


def test_the_executable_bit_is_committed_and_stays(bench: HomeBench) -> None:
    path = bench.write("bin/tool", "#!/bin/sh\n")
    bench.track("bin")
    for mode, kept in ((0o755, "100755"), (0o644, "100644")):
        path.chmod(mode)
        bench.note("bin/tool")
        bench.run()
        assert run_git(bench.mirror, "ls-tree", "HEAD", "bin/tool").startswith(kept)
        bench.sync()
        assert mode_of(path) == mode
        settled(bench)


@pytest.mark.parametrize("link", ["hard", "copy"])
def test_attributes_outlive_a_change_from_elsewhere(tmp_path: Path, link: str) -> None:
    bench = HomeBench(tmp_path / "it", link)
    bench.begin()
    path = bench.write("it", "one\n")
    try:
        os.setxattr(path, "user.note", b"hello")
    except OSError:
        pytest.skip("this file system keeps no extended attributes")
    bench.track("it")
    commit_in_mirror(bench, it="two\n")
    bench.sync()
    assert path.read_text() == "two\n"
    assert os.getxattr(path, "user.note") == b"hello"
    settled(bench)
    bench.stop()


def test_attributes_that_are_refused_are_named(bench: HomeBench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = bench.write("it", "one\n")
    try:
        os.setxattr(path, "user.note", b"hello")
    except OSError:
        pytest.skip("this file system keeps no extended attributes")
    bench.track("it")
    commit_in_mirror(bench, it="two\n")

    def refuse(*arguments: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "setxattr", refuse)
    bench.sync()
    assert path.read_text() == "two\n"
    assert any("~/it" in note and "attributes" in note for note in bench.board.status("home").notes)


def test_a_file_where_a_directory_belongs_holds_up_no_other(bench: HomeBench) -> None:
    bench.write("keep", "keep\n")
    bench.write("dd/x", "x\n")
    bench.write("dd/y", "y\n")
    bench.track("keep", "dd")
    (bench.home / "dd/x").unlink()
    (bench.home / "dd/y").unlink()
    (bench.home / "dd").rmdir()
    bench.write("dd", "a file of mine\n")
    bench.sync()
    commit_in_mirror(bench, keep="two\n", dd__z="z\n")
    bench.sync()
    assert (bench.home / "keep").read_text() == "two\n"
    assert (bench.home / "dd").read_text() == "a file of mine\n"
    error = bench.board.status("home").error
    assert bench.state is RepoState.ERROR
    assert error is not None
    assert "~/dd is a file here" in error.message
    (bench.home / "dd").unlink()
    bench.sync()
    assert (bench.home / "dd/z").read_text() == "z\n"
    settled(bench)


def test_a_repository_in_a_tracked_directory_is_left_out_and_named(bench: HomeBench) -> None:
    bench.write("tmux/conf", "c\n")
    bench.write("tmux/plugins/tpm/tpm", "p\n")
    run_git(bench.home, "init", "-q", "tmux/plugins/tpm")
    bench.track("tmux")
    assert bench.board.home.left_out == (("tmux/plugins/tpm", "a git repository of its own"),)
    assert any("~/tmux/plugins/tpm" in note for note in bench.board.status("home").notes)
    assert bench.committed("tmux/plugins/tpm/tpm") is None
    settled(bench)


def test_a_fifo_in_a_tracked_directory_is_left_out_and_named(bench: HomeBench) -> None:
    bench.write("d/file", "f\n")
    os.mkfifo(bench.home / "d/pipe")
    bench.track("d")
    assert bench.committed("d/file") == "f\n"
    assert [path for path, _ in bench.board.home.left_out] == ["d/pipe"]
    assert bench.state is RepoState.OK


def test_a_submodule_makes_no_commits(bench: HomeBench, tmp_path: Path) -> None:
    bench.write(".vimrc", "v\n")
    bench.track(".vimrc")
    sub = tmp_path / "sub"
    run_git(tmp_path, "init", "-q", str(sub))
    (sub / "z").write_text("z")
    run_git(sub, "add", "-A")
    run_git(sub, "commit", "-qm", "z")
    run_git(bench.mirror, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(sub), "plugin")
    run_git(bench.mirror, "commit", "-qm", "a submodule")
    manifest = bench.mirror / os.fsdecode(NAME)
    manifest.write_text(manifest.read_text() + "track * plugin\n")
    bench.sync()
    before = run_git(bench.mirror, "rev-parse", "HEAD")
    for _ in range(3):
        bench.sync()
    assert run_git(bench.mirror, "rev-parse", "HEAD") == before
    assert not (bench.home / "plugin").exists()


def test_gitignore_of_home_rules_nothing_in_the_mirror(bench: HomeBench) -> None:
    bench.write(".gitignore", "*\n")
    bench.write("app/rc", "1\n")
    bench.write("app/log/x", "x\n")
    bench.write("app/.gitignore", "log/\n")
    bench.track(".gitignore", "app")
    assert bench.committed("app/rc") == "1\n"
    assert bench.committed("app/log/x") is None
    assert not (bench.mirror / "app/log").exists()
    settled(bench)
    bench.write("app/new", "n\n")
    bench.run()
    assert bench.committed("app/new") == "n\n"


def test_the_rules_of_the_users_own_git_go_on(bench: HomeBench) -> None:
    exclude = bench.mirror / ".git/info/exclude"
    exclude.write_text("*.bak\n")
    bench.write(".gitignore", "*\n")
    bench.write("app/rc", "1\n")
    bench.write("app/rc.bak", "1\n")
    bench.track(".gitignore", "app")
    assert (bench.committed("app/rc"), bench.committed("app/rc.bak")) == ("1\n", None)
