"""Content behind a filter (Git LFS, git-crypt) as the person knows it, or the reason why that is not possible."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import machine
from tests.needs import needs
from tests.web.kit import Site, page
from tests.web.test_history import seen

TEXT = "Zanzibar and its words"
PREPARED = {"lfs": ("lfs", "install", "--local"), "git-crypt": ("crypt", "init")}


def filtered(root: Path, name: str) -> None:
    """Make a repository with two versions of a.txt, and one of large.bin, that a filter takes."""
    root.mkdir(parents=True)
    run_git(root, "init", "-q")
    run_git(root, *PREPARED[name])
    (root / ".gitattributes").write_text(f"a.txt filter={name}\nlarge.bin filter={name}\n")
    (root / "large.bin").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2_000_000))
    for number in (1, 2):
        (root / "a.txt").write_text(f"{number}: {TEXT}\n")
        run_git(root, "add", ".")
        run_git(root, "commit", "-qm", str(number))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Site]]:
    needs("git-lfs", "git-crypt")
    with machine(tmp_path_factory.mktemp("filtered") / "a") as box:
        roots = [box.home / name for name in PREPARED]
        for root in roots:
            filtered(root, root.name)
        box.configure(*roots)
        with page(box) as site:
            site.enter()
            yield box.home, site


def test_what_a_filter_gives_is_shown_and_where_it_does_not_the_reason(served: tuple[Path, Site]) -> None:
    home, site = served
    for name in PREPARED:
        text = seen(site.get(f"/file?repo={name}&path=a.txt"))
        assert text.count(TEXT) == 2
        assert site.get(f"/content?repo={name}&path=a.txt&rev=HEAD&download=1").text == f"2: {TEXT}\n"
        large = seen(site.get(f"/file?repo={name}&path=large.bin"))
        assert "2 MB" in large

    # A clone that has neither the key nor what the server of Git LFS has.
    shutil.rmtree(home / "lfs/.git/lfs/objects")
    for key in ("smudge", "clean", "required"):
        run_git(home / "git-crypt", "config", "--unset", f"filter.git-crypt.{key}")
    text = seen(site.get("/file?repo=lfs&path=a.txt&view=text"))
    assert "Git LFS keeps its content, which is not on this machine: git lfs pull" in text
    assert "26 B" in text
    assert site.get("/content?repo=lfs&path=a.txt&rev=HEAD").status == 409
    text = seen(site.get("/file?repo=git-crypt&path=a.txt&view=text"))
    assert "git-crypt encrypts it, and is locked on this machine: git-crypt unlock" in text
