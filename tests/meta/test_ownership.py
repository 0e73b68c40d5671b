"""Who may write what: attributes are assigned by the object that owns them, and modules import each other one way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENGINE = sorted((ROOT / "gitsync" / "engine").rglob("*.py"))
REPOSITORY = ROOT / "gitsync" / "engine" / "repository"
ATTRIBUTES = 8


def _targets(tree: ast.AST) -> Iterator[ast.Attribute]:
    for node in ast.walk(tree):
        is_written = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del)
        if is_written and isinstance(node, ast.Attribute):
            yield node


def test_nothing_in_the_engine_assigns_an_attribute_of_another_object() -> None:
    foreign = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node)}"
        for path in ENGINE
        for node in _targets(ast.parse(path.read_text(encoding="utf-8")))
        if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "error"))
    ]
    assert foreign == []


def test_a_repository_and_its_parts_know_little_each() -> None:
    crowded = {
        f"{path.name}: {node.name}": names
        for path in sorted(REPOSITORY.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and len(names := sorted({target.attr for target in _targets(node)})) > ATTRIBUTES
    }
    assert crowded == {}


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _imports(path: Path, modules: set[str]) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & modules or {node.module} & modules
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & modules
    return found - {_module(path)}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Neither directly nor around, neither at the top nor late, and not for the type checker alone either."""
    paths = {_module(path): path for path in (ROOT / "gitsync").rglob("*.py")}
    left = {module: _imports(path, set(paths)) for module, path in paths.items()}
    while ends := {module for module, imported in left.items() if not imported & left.keys()}:
        left = {module: imported for module, imported in left.items() if module not in ends}
    assert sorted(left) == []
