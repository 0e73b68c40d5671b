"""What is written says what is there: commands, options, generated pages; and it is written for anybody's machine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import docutils.core
import pytest

from gitsync.config.options import SECTIONS
from gitsync.control.commands import BY_NAME
from gitsync.core.message import PLACEHOLDERS
from tests.needs import needs

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.rst"), *ROOT.glob("docs/**/*.rst"), *ROOT.glob("changelog.d/*.rst")])
README = (ROOT / "README.rst").read_text(encoding="utf-8")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_page_renders() -> None:
    for page in PAGES:
        docutils.core.publish_string(
            page.read_text(encoding="utf-8"),
            source_path=str(page),
            settings_overrides={"halt_level": 2, "report_level": 5, "syntax_highlight": "none"},
        )


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"`[^`]*<([^`>]+\.rst)>`_", text):
            assert (page.parent / target).exists(), f"{name(page)}: {target}"
        for target in re.findall(r"``(docs/[\w/-]+\.rst)``", text):
            assert (ROOT / target).exists(), f"{name(page)}: {target}"
        for target in re.findall(r"^\.\. image:: (\S+)", text, re.MULTILINE):
            assert (page.parent / target).exists(), f"{name(page)}: {target}"


def test_what_the_readme_makes_the_makefile_can() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    asked = set(re.findall(r"^    make ([a-z]+)", README, re.MULTILINE))
    assert asked
    assert asked <= targets


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(README.split()) <= 2000


def test_every_command_of_the_pages_exists_and_every_command_is_in_the_table() -> None:
    for page in [ROOT / "README.rst", *ROOT.glob("docs/*.rst"), *ROOT.glob("docs/howto/*.rst")]:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"(?:``|\$ |^    )gitsyncctl ([a-z][a-z-]*)", text, re.MULTILINE)) <= set(BY_NAME), name(
            page
        )
    table = (ROOT / "docs/commands.rst").read_text(encoding="utf-8")
    assert set(BY_NAME) <= set(re.findall(r"gitsyncctl ([a-z][a-z-]*)", table)) | {"remove"}
    for command in BY_NAME:
        assert f"``{command}``" in README, command


def test_every_option_of_a_command_in_the_readme_exists() -> None:
    for command, rest in re.findall(r"gitsyncctl ([a-z-]+)((?: [^\n`#]*)?)", README):
        known = {flag for parameter in BY_NAME[command].parameters for flag in parameter.flags}
        for flag in re.findall(r"--[a-z][a-z-]*", rest):
            assert flag in known | {"--json", "--help"}, f"gitsyncctl {command} {flag}"


def test_every_option_is_on_the_page_of_the_configuration() -> None:
    page = (ROOT / "docs" / "configuration.rst").read_text(encoding="utf-8")
    for section in SECTIONS.values():
        for key in section.rows:
            assert re.search(rf"\b{key}\b", page), f"{section.name}.{key}"
    for placeholder in PLACEHOLDERS:
        assert f"{{{placeholder}}}" in page


def test_the_pages_that_are_made_from_the_code_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/generate_docs.py", "--check"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), "run: make docs"


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/man/*")), ids=name)
def test_every_man_page_is_sound_and_installed(page: Path) -> None:
    assert f"docs/man/{page.name}\n" in (ROOT / "setup.cfg").read_text(encoding="utf-8")
    needs("mandoc")
    lint = ["mandoc", "-T", "lint", "-W", "warning", str(page)]
    done = subprocess.run(lint, check=False, capture_output=True, encoding="utf-8", timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_command_is_in_its_man_page() -> None:
    shown = (ROOT / "docs/man/gitsyncctl.1").read_text(encoding="utf-8")
    assert all(f".B {command}".replace("-", "\\-") in shown for command in BY_NAME)


def _texts() -> list[Path]:
    skipped = {".git", ".venv", "build", "_build", "dist", "demo", ".run", "__pycache__"}
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file()
        and not skipped & set(path.relative_to(ROOT).parts)
        and not any(part.endswith(("_cache", ".egg-info")) or part == ".hypothesis" for part in path.parts)
    ]


def test_no_text_knows_the_machine_it_was_written_on() -> None:
    # Put together, so that this file does not find itself. The page has an address of such a name.
    machine = re.compile("|".join([r"(?<![\w}.~])/wo" + r"rk/(?!state|cancel)", "/ro" + r"ot/\.", "/tmp/br" + "ief"]))
    found = [
        f"{name(path)}: {match[0]}"
        for path in _texts()
        if (match := machine.search(path.read_text(encoding="utf-8", errors="replace")))
    ]
    assert found == []


def test_the_readme_tells_of_both_exits_of_the_house() -> None:
    for word in ("gitsync --once", "gitsync --daemon", "gitsync --check", "make test", "make bench", "pipx install ."):
        assert word in README
