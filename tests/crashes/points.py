"""What is tried at a point of a scene, and what has to be true when the machine has started again.

No person does anything for it, no lock and no temporary is left, every repository is sound, every version that was
there is kept, and in the end all is as if nothing had happened.
"""

from __future__ import annotations

import errno
import os
import random
from dataclasses import dataclass, field

from tests.crashes.scenes import ONCE, Scene
from tests.crashes.shim import CLOCK, KILL
from tests.crashes.world import World

# A day back, and a year ahead: what a dead battery, and what the network's time, make of a clock.
STEPS = {"back": -86_400, "ahead": 31_536_000}
ERRORS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EMFILE": errno.EMFILE}
WAYS = ("kill", "power", *ERRORS, *STEPS)
OPENERS = ("open", "open64", "openat", "openat64", "fopen", "fopen64")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a scene's unbroken run: its number, its name and its path."""

    number: int
    name: str
    path: str


@dataclass(slots=True)
class Stage:
    """A scene that was prepared and run once without any fault."""

    scene: Scene
    calls: list[Call] = field(default_factory=list)
    status: int = 0
    before: dict[str, str] = field(default_factory=dict)
    untouched: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)
    versions: frozenset[str] = frozenset()


def prepare(world: World, scene: Scene) -> Stage:
    """Make the scene's world, keep it, and see what an unbroken run makes of it."""
    stage = Stage(scene)
    if not (world.base / "empty").exists():
        world.keep("empty")
    world.reset("empty")
    world.shim.arm()
    scene.prepare(world)
    world.keep(scene.name)
    stage.before, before = world.picture(), world.versions()
    if scene.command != ONCE:
        world.run(*ONCE)
        stage.untouched = world.picture()
        world.reset(scene.name)
    world.shim.arm(is_traced=True)
    stage.status = _run(world, stage)
    assert stage.status in (0, 1), f"{scene.name}: {world.output}"
    for line in world.shim.trace.read_text(errors="replace").splitlines():
        number, name, path = line.split(" ", 2)
        stage.calls.append(Call(int(number), name, os.path.normpath(path)))
    world.shim.arm()
    world.run(*ONCE)
    stage.after = world.picture()
    # rsync has no history: what the newer version replaces there is not owed.
    stage.versions = before & world.kept()
    return stage


def _run(world: World, stage: Stage) -> int:
    """Run the scene's command, or have a daemon see the scene's deed until all is as in the unbroken run."""
    scene, tree = stage.scene, "hub.git refs/heads/main"
    if scene.deed is None:
        return world.run(*scene.command)
    return world.serve(scene.deed, lambda: world.picture().get(tree) != stage.before.get(tree))


def is_apt(way: str, call: Call) -> bool:
    """Return whether a call can fail that way: only what opens a file runs out of descriptors, say."""
    if way == "EMFILE":
        return call.name in OPENERS
    if way == "ENOSPC":
        return call.name not in ("unlink", "unlinkat", "rmdir", "fchmod")
    return True


def sample(stage: Stage, dice: random.Random, count: int) -> list[tuple[str, Call]]:
    """Return so many ways with a call for each: every way in turn, a death more often than the others."""
    ways = [way for way in (*WAYS, "kill", "kill", "power") if any(is_apt(way, call) for call in stage.calls)]
    chosen = [dice.choice(ways) for _ in range(count)]
    return [(way, dice.choice([call for call in stage.calls if is_apt(way, call)])) for way in chosen]


def attempt(world: World, stage: Stage, way: str, number: int) -> list[str]:
    """Let the scene's command meet that at the call of that number; return what is wrong in the end."""
    scene = stage.scene
    world.reset(scene.name)
    act = KILL if way in ("kill", "power") else CLOCK if way in STEPS else ERRORS[way]
    world.shim.arm(number, act, step=STEPS.get(way, 0))
    _run(world, stage)
    said = world.output
    wrong = []
    if "Traceback" in said or "bug in gitsync" in said:
        wrong.append(f"a bug: {said}")
    if way == "power":
        world.lose_unsynced()
    world.shim.arm()
    world.age()
    world.run(*ONCE)
    said += f"--\n{world.output}"
    picture = world.picture()
    if scene.command != ONCE and (picture != stage.after or not scene.is_whole):
        if way in ("kill", "power") and scene.is_whole and picture not in (stage.untouched, stage.before):
            wrong.append(f"neither done nor undone: {difference(picture, stage.after)}")
        if scene.deed is not None:
            scene.deed(world)
        status = world.run(*(scene.command if scene.deed is None else ONCE))
        said += f"--\n{world.output}"
        if status not in (0, 1):
            wrong.append("the command cannot be given again")
        status = world.run(*ONCE)
        said += f"--\n{world.output}"
    wrong += [f"left: {left}" for left in world.left()]
    wrong += [f"damaged: {damage}" for damage in world.damage()]
    lost = stage.versions - world.kept()
    wrong += [f"lost: {lost}"] if lost else []
    if (picture := world.picture()) != stage.after:
        wrong.append(f"another end: {difference(picture, stage.after)}")
    status = world.ask("status")
    asking = [each["name"] for each in status.get("repos", ()) if each["questions"] or each["error"]]
    wrong += [f"asks a person: {status}"] if asking or "repos" not in status else []
    return [*wrong, f"at: {world.shim.where}", said] if wrong else []


def difference(one: dict[str, str], other: dict[str, str]) -> str:
    """Return where two pictures differ: what is there, and what was expected."""
    keys = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
    return "; ".join(f"{key}: {one.get(key, 'nothing')} instead of {other.get(key, 'nothing')}" for key in keys)
