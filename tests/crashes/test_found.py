"""The points at which something was wrong once, each by the call that it was found at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.crashes import points
from tests.crashes.scenes import SCENES
from tests.crashes.test_crashes import make_world
from tests.crashes.world import World
from tests.needs import needs

FOUND = {
    "a temporary file of the state directory stays": ("save", "kill", "rename", "index-intent.json"),
    "a prepared index stays after an error": ("save", "ENOSPC", "rename", "index-intent.json"),
    "a temporary index stays that could not be removed": ("save", "EIO", "unlink", ".tmp"),
    "a push left a lock in a remote on this disk": ("save", "kill", "rename", "hub.git/refs/heads/main"),
    "an emptied index after the branch has moved": ("pull", "power", "unlink", "index-intent.json"),
    "the clock is set back, and a git add seems to be a moment ago": ("merge", "back", "mkdir", "gitsync"),
    "an added home file is not agreed to": ("home-add", "kill", "rename", "agreement.json"),
    "a removed home file stays in the mirror": ("home-remove", "kill", "rename", "agreement.json"),
    "libgit2 left a lock in a remote on this disk": ("merge-libgit2", "kill", "write", "hub.git/refs/heads/main.lock"),
    "libgit2 was receiving a pack": ("merge-libgit2", "kill", "fsync", "idx.lock"),
    "a fetch of a job left a lock": ("git-job", "kill", "write", "origin/draft.lock"),
    "git was writing the packed refs anew": ("git-job", "kill", "fsync", "packed-refs.new"),
    "nothing says any more which run has died": ("git-job", "power", "write", "origin/draft.lock"),
    "a job left the lock of a backup": ("git-job", "kill", "write", "gitsync/outcome/"),
    "rsync was receiving a file": ("rsync-job", "kill", "write", "/thesis/"),
    "the draft of a conflict copy stays": ("rsync-job", "kill", "unlink", "rsync-partial-copy-"),
    "rsync has not synced a file": ("rsync-job", "power", "mkdir", "/empty"),
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    yield from make_world()


@pytest.fixture(scope="module")
def stages() -> dict[str, points.Stage]:
    return {}


@pytest.mark.parametrize("name", FOUND)
def test_it_is_so_no_more(world: World, stages: dict[str, points.Stage], name: str) -> None:
    scene_name, way, call_name, part = FOUND[name]
    scene = next(each for each in SCENES if each.name == scene_name)
    needs(*scene.tools)
    stage = stages.get(scene_name) or points.prepare(world, scene)
    stages.clear()  # another scene is another root, and gitsync knows its roots by their inodes
    stages[scene_name] = stage
    call = next(call for call in stage.calls if call_name in call.name and part in call.path)
    wrong = points.attempt(world, stage, way, call.number)
    assert not wrong, "\n".join(wrong)
