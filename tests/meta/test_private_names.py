"""What begins with an underscore stays in its module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "gitsync"


def _private_uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gitsync"):
            for name in node.names:
                modules.add(name.asname or name.name)
                if name.name.startswith("_"):
                    yield node.lineno, f"{node.module}.{name.name}"
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            continue
        if node.value.id in modules and node.attr.startswith("_") and not node.attr.startswith("__"):
            yield node.lineno, f"{node.value.id}.{node.attr}"


def test_no_module_uses_a_private_name_of_another() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, name in _private_uses(ast.parse(path.read_text("utf-8")))
    ]
    assert found == []
