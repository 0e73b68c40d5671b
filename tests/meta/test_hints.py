"""Commands in hints can be pasted into a shell, whatever a repository or a file is called."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from pathlib import Path

ROOT = Path(__file__).parents[2]
QUOTING = re.compile(r"as_word\(|text\.word\(|shlex\.quote\(")
# What needs no quotes, or has them: ids of commits, and what these modules quote where they make it.
PLAIN = re.compile(r"\[:\d+\]|^short$")
QUOTED_BEFORE = {"store.py": {"ini"}, "explain.py": {"path"}, "restore.py": {"where"}}
COMMAND = re.compile(r"gitsyncctl [a-z-]+ [^;,()]*$")


def unquoted(source: str, quoted_before: Collection[str] = ()) -> list[str]:
    """Return the values that stand in a command as they are."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.JoinedStr):
            continue
        before = ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                before += str(part.value)
                continue
            value = ast.unparse(part.value) if isinstance(part, ast.FormattedValue) else ""
            if value in quoted_before:
                pass
            elif COMMAND.search(before) and not QUOTING.search(value) and not PLAIN.search(value):
                found.append(f"{node.lineno}: {before}{{{value}}}")
            before += "WORD"
    return found


def test_names_in_commands_are_quoted() -> None:
    found = {
        str(path.relative_to(ROOT)): unquoted(path.read_text(), QUOTED_BEFORE.get(path.name, ()))
        for path in sorted((ROOT / "gitsync").rglob("*.py"))
    }
    assert {path: values for path, values in found.items() if values} == {}


def test_a_name_that_is_not_quoted_is_found() -> None:
    assert unquoted('f"if so: gitsyncctl resume {name} --accept"') == ["1: if so: gitsyncctl resume {name}"]
    assert unquoted('f"{name}: gitsyncctl resume {as_word(name)}; {name}"') == []
