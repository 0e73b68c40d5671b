"""The pages are built without a warning, every link in them leads somewhere, and the man pages can be searched."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pages")
    options = ["--quiet", "--fail-on-warning", "--keep-going", "-b", "html", "-d", str(out / "doctrees")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, "docs", str(out / "html")],
        cwd=ROOT,
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=280,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return out / "html"


def test_every_link_leads_somewhere(built: Path) -> None:
    ids = {page: set(re.findall(r'\bid="([^"]+)"', page.read_text(encoding="utf-8"))) for page in built.rglob("*.html")}
    assert len(ids) > 40
    dead = []
    for page in ids:
        for link in re.findall(r'\b(?:href|src)="([^"]+)"', page.read_text(encoding="utf-8")):
            to = urlsplit(link)
            if to.scheme or to.netloc:
                continue
            there = (page.parent / unquote(to.path)).resolve() if to.path else page
            if not there.exists() or (to.fragment and there in ids and unquote(to.fragment) not in ids[there]):
                dead.append(f"{page.relative_to(built)}: {link}")
    assert dead == []


def test_man_pages_and_how_to_pages_are_in_the_search(built: Path) -> None:
    index = (built / "searchindex.js").read_text(encoding="utf-8")
    for page in ("man/gitsyncctl", "man/gitsync.toml", "howto/two-laptops", "configuration"):
        assert f'"{page}"' in index
    assert "working copy" in (built / "howto/phone.html").read_text(encoding="utf-8").casefold()
    assert "--dry-run" in (built / "man/gitsyncctl.html").read_text(encoding="utf-8")
