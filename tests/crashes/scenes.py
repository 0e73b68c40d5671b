"""What a machine is doing when it ends: each scene is a world, and one command that changes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import run_git
from tests.crashes.world import World

ONCE = ("gitsync", "--once")
FIRST = {
    "a.txt": "one\n",
    "b.txt": "".join(f"line {number}\n" for number in range(9)),
    "dir/c.txt": "three\n",
    "dir/deep/d.txt": "four\n",
    "run.sh": "#!/bin/sh\n",
    "plan.md": "".join(f"{number}\n" for number in range(40)),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A world, the command during which everything ends, and the tools that it needs."""

    name: str
    prepare: Callable[[World], None]
    command: tuple[str, ...] = ONCE
    tools: tuple[str, ...] = ()
    is_whole: bool = True  # done or not done, with nothing between
    deed: Callable[[World], None] | None = None  # what a daemon sees happen; it is the command then


def _notes(world: World, more: str = "") -> Path:
    """Make a hub, this machine's clone and another person's."""
    root = world.home / "notes"
    run_git(world.place, "init", "-q", "--bare", str(world.hub))
    run_git(world.place, "clone", "-q", str(world.hub), str(world.other))
    world.write(world.other, dict(FIRST))
    (world.other / "run.sh").chmod(0o755)
    (world.other / "link").symlink_to("a.txt")
    run_git(world.other, "add", "-A")
    run_git(world.other, "commit", "-qm", "first")
    run_git(world.other, "push", "-q", "-u", "origin", "main")
    run_git(world.home, "clone", "-q", str(world.hub), "notes")
    world.configure(f'[[repo]]\npath = "{root}"\nquiet = "100ms"\n{more}')
    _once(world)
    return root


def _once(world: World) -> None:
    assert world.run(*ONCE) == 0, world.output


def _ctl(world: World, *argv: str) -> None:
    assert world.run("gitsyncctl", *argv) == 0, world.output


def _edit(world: World, root: Path) -> None:
    world.write(root, {"a.txt": "mine\n", "new/e.txt": "five\n", "dir/deep/d.txt": None, "run.sh/in": "no\n"})


def _theirs(world: World) -> None:
    (world.other / "link").unlink()
    (world.other / "link").symlink_to("elsewhere")
    world.publish(
        {"b.txt": "theirs\n", "far/f.txt": "six\n", "dir/c.txt": None, "plan.md": "".join(f"{n}\n" for n in range(41))}
    )


def save(world: World) -> None:
    _edit(world, _notes(world))


def watched(world: World) -> None:
    _notes(world, 'max_wait = "300ms"\npush = "50ms"\n')


def saved(world: World) -> None:
    _edit(world, world.home / "notes")


def save_big(world: World) -> None:
    root = _notes(world, 'granularity = "file"\n')
    world.write(root, {f"many/{number}.txt": f"{number}\n" for number in range(4)})


def pull(world: World) -> None:
    _notes(world)
    _theirs(world)


def merge(world: World) -> None:
    root = _notes(world)
    _theirs(world)
    world.write(root, {"a.txt": "mine\n", "plan.md": "mine\n" + "".join(f"{n}\n" for n in range(40)), "g": "7\n"})


def conflict(world: World) -> None:
    root = _notes(world)
    _theirs(world)
    world.write(root, {"b.txt": "mine\n", "dir/c.txt": "kept\n", "far": "a file\n"})


def merge_libgit2(world: World) -> None:
    root = _notes(world, 'transport = "libgit2"\n')
    _theirs(world)
    world.write(root, {"a.txt": "mine\n", "b.txt": "mine\n"})


def push(world: World) -> None:
    root = _notes(world)
    world.write(root, {"a.txt": "mine\n", "dir": None})
    run_git(root, "commit", "-qam", "by hand")


def restore(world: World) -> None:
    root = _notes(world)
    world.write(root, {"dir": None, "a.txt": "later\n"})
    _once(world)
    world.write(root, {"a.txt": "latest\n", "unsaved.txt": "u\n"})


def undo(world: World) -> None:
    pull(world)
    _once(world)
    world.write(world.home / "notes", {"unsaved.txt": "u\n"})


def forget(world: World) -> None:
    root = _notes(world)
    world.write(root, {"a.txt": "later\n"})


def _home(world: World) -> Path:
    """Make a mirror with a remote, and home files of which some are tracked."""
    run_git(world.place, "init", "-q", "--bare", str(world.hub))
    world.configure('[defaults]\nquiet = "100ms"\n')
    _ctl(world, "init", "--remote", str(world.hub))
    world.write(world.home, {".vimrc": "set nocp\n", "conf/a": "a\n", "conf/b/c": "c\n", ".tool/x": "x\n"})
    _ctl(world, "add", str(world.home / ".vimrc"), str(world.home / "conf"))
    _once(world)
    return world.home / ".local/share/gitsync/home"


def home_add(world: World) -> None:
    _home(world)
    world.write(world.home, {".toolrc": "t\n", ".tool/y/z": "z\n"})


def home_remove(world: World) -> None:
    _home(world)


def heal(world: World) -> None:
    _home(world)
    (world.home / ".vimrc").unlink()
    world.write(world.home, {".vimrc": "set cp\n", "conf/new": "n\n", "conf/b": None})


def home_pull(world: World) -> None:
    _home(world)
    run_git(world.place, "clone", "-q", str(world.hub), str(world.other))
    world.publish({".vimrc": "set theirs\n", "conf/more": "m\n", "conf/b/c": None})
    (world.home / "conf/a").unlink()
    world.write(world.home, {"conf/a": "mine\n"})


def _job(world: World, text: str) -> Path:
    root = world.home / "thesis"
    world.configure(f'[[job]]\npath = "{root}"\nevery = "off"\n{text}')
    return root


def git_job(world: World) -> None:
    run_git(world.place, "init", "-q", "--bare", str(world.hub))
    run_git(world.place, "clone", "-q", str(world.hub), str(world.other))
    world.write(world.other, dict(FIRST))
    run_git(world.other, "add", "-A")
    run_git(world.other, "commit", "-qm", "first")
    run_git(world.other, "push", "-q", "-u", "origin", "main")
    run_git(world.other, "push", "-q", "origin", "main:draft", "main:old")
    root = _job(world, f'url = "{world.hub}"\n')
    _ctl(world, "sync", "thesis", "--wait")
    _theirs_of_job(world)
    world.write(root, {"a.txt": "mine\n"})
    run_git(root, "commit", "-qam", "mine")
    run_git(root, "branch", "idea")


def _theirs_of_job(world: World) -> None:
    world.publish({"b.txt": "theirs\n", "far/f.txt": "six\n", "dir/c.txt": None})
    run_git(world.other, "push", "-q", "origin", "main:draft", ":old")


def rsync_job(world: World) -> None:
    there = world.place / "server"
    root = _job(world, f'url = "{there}"\nbackend = "rsync"\n')
    for place in (root, there):
        place.mkdir()
    world.write(root, {"a": "a\n", "d/b": "b\n", "gone": "g\n", "both": "0\n"})
    _ctl(world, "sync", "thesis", "--wait")
    world.write(root, {"a": "longer a\n", "new": "n\n", "gone": None, "both": "this one\n"})
    world.write(there, {"d/b": "longer b\n", "d/more": "m\n", "both": "the other\n"})


SCENES = (
    Scene("save", save),
    Scene("save-by-file", save_big),
    Scene("daemon-save", watched, ("gitsync",), deed=saved),
    Scene("pull", pull),
    Scene("merge", merge),
    Scene("conflict", conflict),
    Scene("merge-libgit2", merge_libgit2),
    Scene("push", push),
    Scene("restore", restore, ("gitsyncctl", "restore", "notes/dir")),
    Scene("undo", undo, ("gitsyncctl", "undo", "notes")),
    Scene("forget", forget, ("gitsyncctl", "forget", "notes/dir")),
    Scene("home-add", home_add, ("gitsyncctl", "add", ".toolrc", ".tool")),
    Scene("home-remove", home_remove, ("gitsyncctl", "remove", "conf")),
    Scene("heal", heal),
    Scene("home-pull", home_pull),
    Scene("git-job", git_job, ("gitsyncctl", "sync", "thesis", "--wait"), is_whole=False),
    Scene("rsync-job", rsync_job, ("gitsyncctl", "sync", "thesis", "--wait"), ("rsync",), is_whole=False),
)
