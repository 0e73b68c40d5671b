"""The generated page is what the rows say now, and its example is a configuration that loads."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from gitsync.config.literal import describe_defaults
from gitsync.config.load import parse
from gitsync.config.options import SECTIONS, DaemonConfig, RepoConfig

CHECKOUT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(CHECKOUT / "scripts"))

import generate_docs  # noqa: E402 - a script, not a module of the package


def test_a_stale_page_is_told_and_only_writing_mends_it(tmp_path: Path) -> None:
    pages = tmp_path / "docs"
    pages.mkdir()
    docs, generate_docs.DOCS = generate_docs.DOCS, pages
    try:
        assert generate_docs.main(["--check"]) == 1
        assert list(pages.iterdir()) == []
        assert generate_docs.main([]) == 0
        assert generate_docs.main(["--check"]) == 0
        (pages / "configuration.rst").write_text("stale")
        assert generate_docs.main(["--check"]) == 1
    finally:
        generate_docs.DOCS = docs


def test_the_example_loads_and_changes_nothing_but_what_it_names() -> None:
    config = parse(generate_docs.sample(), Path("sample.toml"))
    (repo,) = config.repos
    assert repo == RepoConfig(name="notes", path=repo.path)
    assert config.daemon == DaemonConfig()


def test_the_example_with_every_line_in_force_loads_too() -> None:
    text = generate_docs.sample().replace("\n# ", "\n").replace("\n… and", "\n# … and")
    tables = tomllib.loads(text)
    parse(text, Path("sample.toml"))
    assert tables.keys() == SECTIONS.keys()
    assert tables["defaults"].keys() == SECTIONS["defaults"].rows.keys()
    assert tables["hooks"].keys() == SECTIONS["hooks"].rows.keys()


def test_each_key_is_on_the_page() -> None:
    page = generate_docs.configuration()
    for section in describe_defaults().values():
        for key in section:
            assert f"* - ``{key}``" in page
