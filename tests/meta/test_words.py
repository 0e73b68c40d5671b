"""The prose of the project is plain technical English, and what it refers to exists; docs/style.rst has the rules."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "gitsync").rglob("*.py"))
# The style guide names the words that it replaces.
PAGES = sorted(
    path
    for pattern in ("README.rst", "docs/**/*.rst", "docs/man/*", "changelog.d/*.rst")
    for path in ROOT.glob(pattern)
    if path.name != "style.rst"
)

# Words that stop people; none of them may be in anything that a person sees.
BANNED = {
    "whoever": r"\bwhoever\b",
    "of ours": r"\bof ours\b",
    "mends": r"\bmend(s|ed|ing)?\b",
    "told": r"\btold\b",
    "nevertheless": r"\bnevertheless\b",
    "is no noun": r"(?<!there )(?<!There )\b(is|are) no (?!longer\b|more\b)\w+",
    "anew": r"\banew\b",
    "is well": r"\b(is|are) well\b",
    "is to be had": r"\bto be had\b",
    "his": r"\b(he|his|him|she|hers?)\b",
    "stands": r"\bstands?\b(?! for\b| by\b|ing\b|ard)",
    "trouble": r"\btroubles?\b",
    "kept copy": r"\bkept cop(y|ies)\b",
    "settle": r"\b[Ss]ettle[sd]?\b",
}
# "What … is" as a noun phrase: say what it is instead.
WHAT_PHRASE = (
    r"\bWhat (?!it\b|is\b|to\b)[^.?:;]{0,90}?"
    r"\b(is|are|has|have|may|was|were|can|does|did|do|holds|makes|says)\b"
)
# The most that docstrings and comments may have of each.
CEILINGS = {"What … is": 10, **dict.fromkeys(BANNED, 0), "trouble": 3}


@cache
def literals(path: Path) -> tuple[tuple[str, int, str], ...]:
    """Return (kind, line, text) of each docstring and comment ("prose") and each other string ("seen") of a module."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    docstrings = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            first = node.body[0]
            assert isinstance(first, ast.Expr)
            docstrings[id(first.value)] = True
    found = [
        ("prose" if id(node) in docstrings else "seen", node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    comments = (
        item for item in tokenize.generate_tokens(io.StringIO(source).readline) if item.type == tokenize.COMMENT
    )
    return (*found, *(("prose", item.start[0], item.string) for item in comments))


def matches(kind: str, pattern: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{line}: {' '.join(text[max(0, match.start() - 40) : match.end() + 40].split())}"
        for path in MODULES
        for found, line, text in literals(path)
        if found == kind and (" " in text or kind == "prose")
        for match in re.finditer(pattern, text)
    ]


@pytest.mark.parametrize("word", BANNED)
def test_nothing_that_people_see_has_a_word_that_stops_them(word: str) -> None:
    found = matches("seen", BANNED[word])
    for page in PAGES:
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(BANNED[word], line):
                found.append(f"{page.relative_to(ROOT)}:{number}: {line.strip()}")
    assert not found, "docs/style.rst says what to write instead:\n" + "\n".join(found)


@pytest.mark.parametrize("word", CEILINGS)
def test_docstrings_and_comments_are_plain(word: str) -> None:
    found = matches("prose", WHAT_PHRASE if word == "What … is" else BANNED[word])
    assert len(found) <= CEILINGS[word], "docs/style.rst says what to write instead:\n" + "\n".join(found)


# What a reference may begin with that is no module of gitsync's: other libraries, git's and gitsync's own keys.
ELSEWHERE = frozenset(
    [
        "os",
        "math",
        "signal",
        "Queue",
        "Event",
        "SimpleQueue",
        "Path",
        "core",
        "commit",
        "transfer",
        "defaults",
        "repo",
        "daemon",
        "events",
        "rsync",
        "self",
    ]
)
FILES = (".json", ".py", ".lock", ".socket", ".toml", ".service", ".conf", ".cfg")


def known_names() -> dict[str, set[str]]:
    """Return the names in each module, folder and class, by the last part of its own name."""
    known: dict[str, set[str]] = defaultdict(set)
    for path in MODULES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        for folder, below in pairwise(parts):
            known[folder].add(below)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                known[parts[-1]].add(node.name)
            if isinstance(node, ast.ClassDef):
                known[node.name] |= {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
                known[node.name] |= {ast.unparse(item.target) for item in node.body if isinstance(item, ast.AnnAssign)}
            if isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                known[parts[-1]] |= {ast.unparse(target) for target in targets}
    return known


def references() -> Iterator[tuple[str, str]]:
    for path in MODULES:
        for kind, line, text in literals(path):
            if kind == "prose":
                for match in re.finditer(r"(?<!`)`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)`(?!`)", text):
                    yield f"{path.relative_to(ROOT)}:{line}", match[1]


def test_every_reference_in_a_docstring_leads_to_something() -> None:
    known = known_names()
    lost = []
    for where, reference in references():
        parts = reference.split(".")
        is_known = any(name in known[holder] for holder, name in pairwise(parts))
        if not is_known and parts[0] not in ELSEWHERE and not reference.endswith(FILES):
            lost.append(f"{where}: {reference}")
    assert not lost, "\n".join(lost)
