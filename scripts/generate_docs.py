"""Writes the files of docs/ and contrib/ that are made from the code: `python scripts/generate_docs.py [--check]`.

With --check nothing is written; the stale pages are named and the status is 1. A new page is a function that returns
its text, and a line in GENERATORS.
"""

from __future__ import annotations

import argparse
import json
import runpy
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from gitsync.cli.shells import SCRIPTS
from gitsync.config.literal import toml_key, toml_literal
from gitsync.config.options import SECTIONS, Section
from gitsync.config.rows import Option
from gitsync.config.values import allowed
from gitsync.core.message import PLACEHOLDERS

DOCS = Path(__file__).resolve().parent.parent / "docs"
MARK = ".. Made by scripts/generate_docs.py from the code; edit that and run `make docs`.\n"
COMMENT_COLUMN = 34

INTRODUCTION = """\
=============
Configuration
=============

gitsync reads one file, ``config.toml``, in your user configuration directory: ``~/.config/gitsync/config.toml`` on
Linux, ``~/Library/Application Support/gitsync/config.toml`` on macOS. ``--config FILE`` or ``$GITSYNC_CONFIG`` name
another one. ``gitsyncctl config path`` says which one it is.

You need not write it by hand: ``gitsyncctl watch DIR`` adds a repository, ``gitsyncctl config set KEY VALUE``
changes a value; both keep your comments. ``gitsyncctl config check`` names every fault of the file at once, each
with its line, what is allowed and the nearest right name. A running daemon takes a changed file up with
``gitsyncctl reload``, and keeps the old settings while the new file has a fault.

.. contents::
   :local:
   :depth: 1


How values are written
======================

Strings are written in quotes.

Durations
    ``"500ms"``, ``"2s"``, ``"5m"``, ``"1h"``, ``"1d"``, always with a unit.

Sizes
    ``"10MB"`` (a million bytes each) or ``"1GiB"`` (1024³ bytes), always with a unit.

``"off"``
    Where it is allowed, the table says so. Off means off.

Paths
    Begin with ``/``, ``~/`` or a variable; ``~`` and ``$VAR`` (or ``${VAR}``) expand. A variable that is not
    set is a fault. A dollar sign itself is written ``$$``."""

OLD_FORMAT = """\
The first GitSync's file
========================

Where there is no ``config.toml``, the INI file of the GitSync that came before is read as it is:
``~/.config/gitsync`` when that is a plain file, else ``/etc/gitsync.cfg``. ::

    [gitsync]
    work_dir = ~/Notes, ~/Projects

Directories are separated by commas, blanks or line breaks; quotes allow these in a name. Every file gets a commit of
its own, as that program did it; all else has the defaults of this page. ``gitsyncctl import --gitsync FILE`` turns
it into ``config.toml``."""


def configuration() -> str:
    """Return the page about config.toml."""
    parts = [MARK, INTRODUCTION, _title("All of it, as an example"), _sample_text()]
    for section in SECTIONS.values():
        parts += [_title(f"``{section.header}``"), section.doc + "\n", _note(section), _table(section)]
        if section.name == "repo":
            parts.append(_placeholders())
    return "\n".join([*(part for part in parts if part), OLD_FORMAT])


def states() -> str:
    """Return the page about the machines; made by its own script, which is found beside this one."""
    page: str = runpy.run_path(str(Path(__file__).with_name("states_page.py")))["page"]()
    return page


def man_page(name: str) -> str:
    """Return a man page; made by its own script, which is found beside this one."""
    page: str = runpy.run_path(str(Path(__file__).with_name("man_pages.py")))["PAGES"][name]()
    return page


def completion(shell: str) -> str:
    """Return the script that completes the command lines of both programs."""
    return SCRIPTS[shell]


GENERATORS: dict[str, Callable[[], str]] = {
    "configuration.rst": configuration,
    "states.rst": states,
    **{f"man/{name}": partial(man_page, name) for name in ("gitsync.1", "gitsyncctl.1", "gitsync.toml.5")},
    # Packages put them where each shell looks, by the name of the program.
    **{
        f"../contrib/completions/{shell}/{name}": partial(completion, shell)
        for shell, names in (
            ("bash", ("gitsync", "gitsyncctl")),
            ("fish", ("gitsync.fish", "gitsyncctl.fish")),
            ("zsh", ("_gitsyncctl",)),
        )
        for name in names
    },
}


def sample() -> str:
    """Return a config.toml with every key of every table, and what each is for; it loads without a fault."""
    return "\n".join("\n".join(_sample_table(section)) + "\n" for section in SECTIONS.values())


def _sample_table(section: Section) -> Iterator[str]:
    yield f"{section.header:{COMMENT_COLUMN}}# {section.doc}"
    own = {key: row for key, row in section.rows.items() if not _is_told_elsewhere(section, row)}
    for key, row in own.items():
        value = row.default if row.default is not None and row.default not in ("", [], {}) else row.example
        line = f"{toml_key(key)} = {toml_literal(value)}"
        # Without its key there is another meaning, so that the example must not be in force when it is copied.
        line = line if row.is_required or (value == row.default and not row.absent) else f"# {line}"
        comment = textwrap.wrap(row.doc, 118 - COMMENT_COLUMN - 2)
        head = f"{line:{COMMENT_COLUMN - 1}} " if len(line) < COMMENT_COLUMN else f"{line}\n{'':{COMMENT_COLUMN}}"
        yield head + f"# {comment[0]}"
        yield from (f"{'':{COMMENT_COLUMN}}# {more}" for more in comment[1:])
    if len(own) < len(section.rows):
        told = "[defaults]" if section.name == "repo" else "[[repo]], but path and name"
        yield f"# … and the keys of {told}"


def _is_told_elsewhere(section: Section, row: Option) -> bool:
    """Return whether the page has told of a row in an earlier table."""
    return section.name in ("repo", "home") and SECTIONS["defaults"].rows.get(row.key) == row


def _sample_text() -> str:
    block = textwrap.indent(sample(), "    ", lambda line: bool(line.strip()))
    return f".. code-block:: toml\n\n{block}"


def _note(section: Section) -> str:
    if section.name == "repo":
        return "Besides these two, all keys of ``[defaults]``; what is set here counts for this repository.\n"
    if section.name == "home":
        return "Besides these two, all keys of ``[defaults]``; what is set here counts for the mirror.\n"
    return ""


def _table(section: Section) -> str:
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 16 16 34 34", ""]
    lines += _row(["Key", "Default", "Allowed", "What it is for"])
    for key, row in section.rows.items():
        if not _is_told_elsewhere(section, row):
            example = f"Example: ``{_code(row.example)}``"
            lines += _row([f"``{key}``", _default(row), _marked(allowed(row)), f"{_marked(row.doc)} {example}"])
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> list[str]:
    return [f"   {'*' if at == 0 else ' '} - {cell}" for at, cell in enumerate(cells)]


def _default(row: Option) -> str:
    if row.absent:
        return row.absent
    if row.is_required:
        return "has to be there"
    return f"``{_code(row.default)}``"


def _code(value: Any) -> str:
    return toml_literal(value)


def _marked(text: str) -> str:
    """Return prose with each quoted word as code, and nothing in it that is markup by accident."""
    pieces = text.replace("\\", "\\\\").split('"')
    assert len(pieces) % 2 == 1, f"a quote is not closed in: {text}"
    plain = [piece.replace("*", "\\*").replace("`", "\\`").replace("|", "\\|") for piece in pieces]
    return "".join(f"``{json.dumps(pieces[at])}``" if at % 2 else piece for at, piece in enumerate(plain))


def _placeholders() -> str:
    lines = ["Placeholders of ``message``:", ""]
    for name, doc in PLACEHOLDERS.items():
        lines += [f"``{{{name}}}``", f"    {doc}", ""]
    return "\n".join(lines)


def _title(text: str) -> str:
    return f"\n{text}\n{'=' * len(text)}\n"


def main(argv: list[str] | None = None) -> int:
    """Write the pages, or with --check name the stale ones; return the exit status."""
    parser = argparse.ArgumentParser(description="Write the pages of docs/ that are made from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is stale")
    is_check = parser.parse_args(argv).check
    stale = 0
    for name, generate in GENERATORS.items():
        page, text = DOCS / name, generate()
        if page.is_file() and page.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if is_check:
            print(f"error: docs/{name} is stale\nhint: make docs", file=sys.stderr)
        else:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text, encoding="utf-8")
            print(f"wrote docs/{name}")
    return 1 if is_check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
