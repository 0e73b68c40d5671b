"""The house's own rules: layers, sizes, docstrings, and what the control command may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
LINES = 450
OURS = sorted(
    path
    for folder in ("gitsync", "scripts", "benchmarks", "tests")
    for path in (ROOT / folder).rglob("*.py")
    if "__pycache__" not in path.parts
)
MODULES = [path for path in OURS if path.is_relative_to(ROOT / "gitsync")]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_import_contract_holds() -> None:
    done = subprocess.run(
        [BIN / "lint-imports", "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_is_longer_than_a_person_reads() -> None:
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in OURS}
    assert {path: length for path, length in lengths.items() if length > LINES} == {}


def test_every_module_and_every_public_thing_says_what_it_is() -> None:
    assert [f"{name(path)}: {thing}" for path in MODULES for thing in _silent(_tree(path))] == []


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _silent(tree: ast.Module) -> list[str]:
    silent = [] if ast.get_docstring(tree) else ["the module"]
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_"):
            continue
        if not ast.get_docstring(node) and not _is_overload(node):
            silent.append(node.name)
    return silent


def _is_overload(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and any(
        isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list
    )


def test_annotations_are_never_evaluated_where_there_are_some() -> None:
    assert [name(path) for path in MODULES if _evaluates_annotations(_tree(path))] == []


def _evaluates_annotations(tree: ast.Module) -> bool:
    has_code = any(not isinstance(node, ast.Expr) for node in tree.body)
    is_told = any(
        isinstance(node, ast.ImportFrom) and node.module == "__future__" and node.names[0].name == "annotations"
        for node in tree.body
    )
    is_annotated = any(isinstance(node, ast.AnnAssign | ast.FunctionDef) for node in ast.walk(tree))
    return has_code and is_annotated and not is_told


LOADED = """
import sys
from gitsync.cli.main import main
try:
    status = main({argv!r})
except SystemExit as end:
    status = end.code
heavy = ("pygit2", "watchdog", "gitsync.git", "gitsync.watch", "gitsync.engine", "gitsync.daemon")
light = ("gitsync.git", "gitsync.git.program")  # the completion of revisions runs git
print("LOADED", [name for name in sys.modules if name.startswith(heavy) and name not in light], status)
"""


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["status", "--help"],
        ["sync", "--help"],
        ["list", "--help"],
        ["completion", "zsh"],
        ["__complete", "zsh", "status", ""],
        ["__complete", "zsh", "show", ""],
    ],
    ids=" ".join,
)
def test_the_control_command_loads_nothing_heavy(argv: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(argv=argv)], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1:] == ["LOADED [] 0"], done.stdout + done.stderr
