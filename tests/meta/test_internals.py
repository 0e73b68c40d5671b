"""Tests reach into gitsync by parameters and by what happens outside of it: they replace nothing in its modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What cannot be had otherwise, and why. The names of the standard library (os.fsync, sys.stderr) may be replaced.
ALLOWED = {
    "tests/conftest.py": "a second in which a user's `git add` is respected would be waited for by hundreds of tests",
    "tests/convergence/site.py": "the same second, where time stands still",
    "tests/convergence/schedules.py": "time stands still but for the steps of the world",
    "tests/crashes/server.py": "the second after a `git add` is not what is tried",
    "tests/convergence/planted.py": "what the program must never do is no parameter of it",
    "tests/integration/test_git_job_in_use.py": "a lock that a killed child has left is in doubt for twenty seconds",
    "tests/integration/test_ref_channel.py": "a server is looked at each second, in place of every other one",
    "tests/property/test_directories.py": "whether a path was looked at cannot be seen from outside",
    "tests/unit/engine/exchange/test_halts.py": "a fetch that is cancelled at the very moment in which it ends",
    "tests/unit/git/merging/test_plan.py": "the long look has to find the same without the quick one before it",
    "tests/unit/git/applying/test_writer.py": "a file system without an exchange cannot be had on every machine",
}


def _names_of_gitsync(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gitsync":
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.asname or "gitsync" for alias in node.names if alias.name.split(".")[0] == "gitsync"}
    return found


def _is_gitsyncs(target: ast.expr, names: set[str]) -> bool:
    if isinstance(target, ast.Constant):
        return isinstance(target.value, str) and target.value.startswith("gitsync.")
    while isinstance(target, ast.Attribute):
        target = target.value
    return isinstance(target, ast.Name) and target.id in names


def _replaced(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("setattr", "delattr", "patch") and node.args:
                yield node.args[0]
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.value


def test_no_test_replaces_what_is_in_a_module_of_gitsync() -> None:
    found = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = _names_of_gitsync(tree)
        relative = path.relative_to(ROOT).as_posix()
        if relative not in ALLOWED:
            found += [
                f"{relative}:{target.lineno}: {ast.unparse(target)}"
                for target in _replaced(tree)
                if _is_gitsyncs(target, names)
            ]
    assert found == []


def test_what_is_allowed_is_there() -> None:
    assert all((ROOT / path).is_file() for path in ALLOWED)
