"""The table of outcomes of the commands that a second machine begins with, on servers of every kind.

Each row is a server: which branches it has, and which one its HEAD names. Whatever this machine's git would call its
first branch, the branch is the server's, what is there comes, an own file goes to that branch, and nothing founds a
second history; where no branch can be meant, it is a question that names both.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import GITCONFIG, run_git
from tests.daemon.harness import Machine

# name: the branches that are filled, the server's HEAD, and the branch to be on ("" for this machine's own).
SERVERS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "empty-trunk": ((), "trunk", "trunk"),
    "filled-master": (("master",), "master", "master"),
    "only-branch": (("trunk",), "nowhere", "trunk"),
    "several": (("main", "trunk"), "trunk", "trunk"),
    "unclear": (("dev", "trunk"), "nowhere", ""),
}


def a_server(base: Path, name: str, branches: tuple[str, ...], head: str, seed: Path) -> Path:
    """A bare repository with the seed's only commit on some branches."""
    hub = base / f"{name}.git"
    run_git(base, "init", "-q", "--bare", "-b", head, str(hub))
    for branch in branches:
        run_git(seed, "push", "-q", str(hub), f"HEAD:refs/heads/{branch}")
    return hub


def a_seed(base: Path, **files: str) -> Path:
    seed = base / "seed"
    run_git(base, "init", "-q", str(seed))
    for path, text in files.items():
        (seed / path.replace("_", ".")).write_text(text)
    run_git(seed, "add", "-A")
    run_git(seed, "commit", "-qm", "seed")
    return seed


def on(hub: Path, branch: str) -> list[str]:
    return run_git(hub, "ls-tree", "--name-only", branch, check=False).split()


def roots(hub: Path) -> int:
    return len(set(run_git(hub, "rev-list", "--max-parents=0", "--branches").split()))


@pytest.mark.parametrize(
    ("command", "own"), [pytest.param("watch", "master", marks=pytest.mark.soak), ("clone", "main")]
)
def test_a_directory_begins_on_the_servers_branch(box: Machine, tmp_path: Path, command: str, own: str) -> None:
    (box.home / ".gitconfig").write_text(GITCONFIG.replace("defaultBranch = main", f"defaultBranch = {own}"))
    seed = a_seed(tmp_path, a_txt="a\n")
    hubs = {name: a_server(tmp_path, name, branches, head, seed) for name, (branches, head, _) in SERVERS.items()}
    for name, hub in hubs.items():
        place = str(box.home / name)
        argv = ["watch", place, "--init", "--remote", str(hub)] if command == "watch" else ["clone", str(hub), place]
        done = box.ctl(*argv)
        assert done.returncode == 0, (name, done.stderr)
    box.gitsync("--once")
    for name in hubs:
        (box.home / name / "own.txt").write_text("own\n")
    assert box.gitsync("--once").returncode == 1, "one of them asks"
    for name, hub in hubs.items():
        branches, _, wanted = SERVERS[name]
        root, status = box.home / name, box.repo_status(name)
        branch = run_git(root, "symbolic-ref", "--short", "HEAD")
        if not wanted:
            assert status["state"] == "halted", (name, status)
            assert all(word in status["error"]["message"] for word in (branch, *branches)), status["error"]
            assert on(hub, branch) == []
            continue
        assert (branch, status["state"]) == (wanted, "ok"), (name, status)
        expected = ["a.txt", "own.txt"] if branches else ["own.txt"]
        assert sorted(path.name for path in root.glob("*.txt")) == expected, name
        assert on(hub, wanted) == expected, name
        assert roots(hub) == 1, name
        assert run_git(hub, "symbolic-ref", "--short", "HEAD") == wanted or branches, name


@pytest.mark.parametrize(
    ("server", "command", "comes"),
    [
        ("empty-trunk", "init", False),
        ("mirror-trunk", "init", False),
        ("mirror-trunk", "clone", True),
    ],
)
def test_a_mirror_begins_on_the_servers_branch_and_only_a_mirror_comes_into_home(
    box: Machine, tmp_path: Path, server: str, command: str, comes: bool
) -> None:
    (box.home / ".gitconfig").write_text(GITCONFIG.replace("defaultBranch = main", "defaultBranch = master"))
    hub = tmp_path / "hub.git"
    run_git(tmp_path, "init", "-q", "--bare", "-b", "trunk", str(hub))
    if server == "mirror-trunk":
        with_mirror(tmp_path, hub)
    argv = ["init", "--remote", str(hub)] if command == "init" else ["clone", str(hub), "--yes"]
    done = box.ctl(*argv)
    if (server, command) == ("mirror-trunk", "init"):
        # There is one already: what to type instead is said, and nothing is made.
        assert (done.returncode, f"gitsyncctl clone {hub}" in done.stderr) == (2, True), done.stderr
        assert not (box.home / ".local/share/gitsync/home").exists()
        return
    assert done.returncode in (0, 1), done.stderr
    mirror = box.home / ".local/share/gitsync/home"
    assert run_git(mirror, "symbolic-ref", "--short", "HEAD") == "trunk"
    assert (box.home / ".vimrc").exists() is comes
    (box.home / ".own").write_text("own\n")
    assert box.ctl("add", str(box.home / ".own")).returncode == 0
    assert ".own" in on(hub, "trunk")
    assert roots(hub) == 1


def with_mirror(base: Path, hub: Path) -> None:
    """Fill a server with the mirror of another machine, by that machine's own commands."""
    other = Machine(base / "other")
    (other.home / ".vimrc").write_text("set ai\n")
    assert other.ctl("init", "--remote", str(hub)).returncode == 0
    assert other.ctl("add", str(other.home / ".vimrc")).returncode == 0
    assert on(hub, "trunk")
