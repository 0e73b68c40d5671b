"""Asking git about one name of each kind, and about each path, come to the same rules."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from gitsync.git.rules.ignores import IgnoreRules

WORLDS = int(os.environ.get("IGNORE_WORLDS", "12"))
NAMES = (
    "a", "b.log", "c.log", "x.pyc", "x.pyo", "build", "A.LOG", "#n#", "!x", "a b", "a b ", "x~", ".o", "dd.d", "e.d",
    "foo1", "f",
)  # fmt: skip
LINES = (
    "*.log", "!b.log", "build/", "/build", "build", "*.d/", "*/", "!*/", "*", "a*", "*.py[co]", "[a-c]*", "?", "*~",
    "d/*", "d/**", "**/e/**", "d/e/*.log", "**/build", "d/build/", "#*", "\\#*#", "\\!x", "!!x", "a b", "a b ",
    "a b\\ ", "a\\ b", "*.log\r", "foo[0-9]", "[!a]oo1", "d[/]e", "/", "//", "!", "*.*", "**", "a**", "f*1", "\\*",
    "*\\", "é*",
)  # fmt: skip


def rules(chance: random.Random) -> str:
    bom = "\ufeff" if chance.random() < 0.1 else ""
    return bom + "\n".join(chance.choices(LINES, k=chance.randrange(1, 6))) + chance.choice(("", "\n"))


def make(root: Path, chance: random.Random) -> list[bytes]:
    """Write files and directories with rules; return all paths."""
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for directory in ("", "d", "d/e", "build", "f"):
        if (root / directory).is_file():
            (root / directory).unlink()
        (root / directory).mkdir(exist_ok=True)
        for name in chance.sample(NAMES, 8):
            if not (root / directory / name).exists():
                if chance.random() < 0.25:
                    (root / directory / name).mkdir()
                else:
                    (root / directory / name).write_text("x")
        if chance.random() < 0.6:
            (root / directory / ".gitignore").write_text(rules(chance))
    if chance.random() < 0.5:
        (root / ".git/info/exclude").write_text(rules(chance))
    found = [os.fsencode(path.relative_to(root)) for path in root.rglob("*") if ".git" not in path.parts]
    return sorted(found)


def asked(root: Path, paths: list[bytes]) -> dict[bytes, str]:
    """Return git's rule for each path, as `IgnoreRules` words it."""
    question = b"".join(b"./" + path + b"\0" for path in paths)
    command = [
        "git",
        f"--git-dir={root}/.git",
        f"--work-tree={root}",
        "check-ignore",
        "--no-index",
        "--stdin",
        "-z",
        "-v",
        "-n",
    ]
    fields = subprocess.run(command, input=question, stdout=subprocess.PIPE, check=False, cwd=root).stdout.split(b"\0")
    found = {}
    for at, path in enumerate(paths):
        source, line, pattern = map(os.fsdecode, fields[4 * at : 4 * at + 3])
        found[path] = f"{source}:{line}: {pattern}" if source and not pattern.startswith("!") else ""
    return found


@pytest.mark.slow
def test_names_of_a_kind_have_the_rules_that_each_of_them_has(tmp_path: Path) -> None:
    seed = int(os.environ.get("IGNORE_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
    for world in range(WORLDS):
        chance, root = random.Random(seed + world), tmp_path / str(world)
        paths = make(root, chance)
        chance.shuffle(paths)
        with IgnoreRules(root) as ignores:
            if chance.random() < 0.5:
                ignores.learn(paths)
            found = {path: ignores.ignored_by(path, os.path.isdir(os.fsencode(root) + b"/" + path)) for path in paths}
        expected = asked(root, paths)
        assert found == expected, f"IGNORE_SEED={seed + world}"
