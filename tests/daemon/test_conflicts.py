"""Two machines that change the same file without looking: nothing is lost, nothing stops."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for
from tests.daemon.test_exchange import pair
from tests.daemon.test_trouble import document


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Machine]:
    with machine(tmp_path / "b") as it:
        yield it


def files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.glob("[!.]*") if path.is_file()}


def are_equal(ours: Path, theirs: Path, hub: Path) -> bool:
    heads = {run_git(root, "rev-parse", "HEAD", check=False) for root in (ours, theirs)}
    return heads == {run_git(hub, "rev-parse", "main")} and files(ours) == files(theirs)


def diverge(box: Machine, ours: Path, theirs: Path, hub: Path) -> None:
    """Change the first file there, and after that here."""
    box.ctl("pause")
    (theirs / "first.txt").write_text("theirs\n")
    wait_for("theirs to be pushed", lambda: run_git(hub, "show", "main:first.txt") == "theirs")
    (ours / "first.txt").write_text("ours\n")


def test_both_versions_are_kept_and_the_exchange_goes_on(box: Machine, other: Machine, hub: Path) -> None:
    ours, theirs = pair(box, other, hub)
    other.wait_state("ok")
    told = box.home / "told"
    box.configure(ours)
    box.config.write_text(
        box.config.read_text() + f'\n[hooks]\non_conflict = ["echo $GITSYNC_PATHS $GITSYNC_COPIES >> {told}"]\n'
    )
    box.ctl("reload")
    diverge(box, ours, theirs, hub)
    box.ctl("resume")
    wait_for("both to be equal", lambda: len(files(ours)) == 2 and are_equal(ours, theirs, hub))
    copy = next(name for name in files(ours) if name != "first.txt")
    assert files(ours) == {"first.txt": "theirs\n", copy: "ours\n"}
    assert copy == f"first.conflict-{run_git(ours, 'rev-parse', f'HEAD:{copy}')[:8]}.txt"
    box.wait_state("ok")
    assert wait_for("the hook", lambda: told.exists() and told.read_text()) == f"first.txt {copy}\n"
    # It goes on, in both directions.
    (theirs / "next.txt").write_text("next\n")
    wait_for("the next edit to arrive", lambda: (ours / "next.txt").exists())
    wait_for("both to be equal again", lambda: are_equal(ours, theirs, hub))


def test_an_edit_beats_a_deletion_on_either_side(box: Machine, other: Machine, hub: Path) -> None:
    ours, theirs = pair(box, other, hub)
    (theirs / "second.txt").write_text("second\n")
    wait_for("both to be equal", lambda: (ours / "second.txt").exists() and are_equal(ours, theirs, hub))
    diverge(box, ours, theirs, hub)
    (theirs / "second.txt").unlink()
    wait_for("the deletion to be pushed", lambda: "second" not in run_git(hub, "ls-tree", "--name-only", "main"))
    (ours / "first.txt").unlink()
    (ours / "second.txt").write_text("ours\n")
    box.ctl("resume")
    wait_for("both to be equal", lambda: files(ours) and are_equal(ours, theirs, hub))
    wait_for("the edits", lambda: files(theirs) == {"first.txt": "theirs\n", "second.txt": "ours\n"})


def test_manual_waits_and_is_said(box: Machine, other: Machine, hub: Path) -> None:
    ours, theirs = pair(box, other, hub)
    other.wait_state("ok")
    box.configure(ours, extra='conflict_paths = { "first.txt" = "manual" }\n')
    box.ctl("reload")
    diverge(box, ours, theirs, hub)
    box.ctl("resume")
    status = box.wait_state("conflict")
    assert status["conflicts"] == ["first.txt"]
    assert status["error"]["hint"]
    assert (ours / "first.txt").read_text() == "ours\n"
    assert run_git(ours, "status", "--porcelain") == ""
    assert run_git(hub, "show", "main:first.txt") == "theirs"
    # Local commits go on; a person settles it with git, and the state ends.
    (ours / "more.txt").write_text("more\n")
    box.wait_committed(ours)
    run_git(ours, "merge", "-q", "-X", "ours", "origin/main", "-m", "settled")
    box.wait_state("ok")
    wait_for("the settled state to arrive", lambda: (theirs / "first.txt").read_text() == "ours\n")


def test_files_in_the_way_of_a_pull(box: Machine, other: Machine, hub: Path) -> None:
    ours, theirs = pair(box, other, hub)
    other.wait_state("ok")
    other.ctl("pause")
    for name in ("same.txt", "mine.txt", "id_rsa", "local.conf"):
        (ours / name).write_text(f"{name}\n")
    run_git(ours, "add", ".")
    run_git(ours, "commit", "-qm", "files of these names")
    assert box.ctl("sync", "--wait").returncode == 0
    secret = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaA==\n-----END OPENSSH PRIVATE KEY-----\n"
    (theirs / ".git/info/exclude").write_text("local.conf\n")
    (theirs / "same.txt").write_text("same.txt\n")
    (theirs / "mine.txt").write_text("another\n")
    (theirs / "id_rsa").write_text(secret)
    (theirs / "local.conf").write_text("password\n")
    other.ctl("resume")
    wait_for("the pull", lambda: (theirs / "id_rsa").read_text() == "id_rsa\n")
    wait_for("equal heads", lambda: len({run_git(root, "rev-parse", "main") for root in (ours, theirs, hub)}) == 1)
    found = files(theirs)
    assert {name: found[name] for name in files(ours)} == files(ours)
    assert len(files(ours)) == 6, "what could be committed was kept as in any conflict"
    aside = sorted(found[name] for name in found.keys() - files(ours).keys())
    assert aside == sorted([secret, "password\n"]), "and what could not be is beside, and stays here"
    assert run_git(theirs, "status", "--porcelain") == ""
    events = other.ctl("events", "--json").stdout
    assert events.count('"moved-aside"') == 2


@pytest.mark.soak
def test_what_waits_below_a_link_is_settled_by_the_name_it_is_listed_with(
    box: Machine, other: Machine, hub: Path
) -> None:
    ours = box.repo(remote=hub)
    (ours / "d").mkdir()
    (ours / "d/a.txt").write_text("base\n")
    box.configure(ours)
    assert box.gitsync("--once").returncode == 0
    run_git(other.home, "clone", "-q", str(hub), "notes")
    theirs = other.home / "notes"
    other.configure(theirs, extra='conflict = "manual"\n')
    (ours / "d/a.txt").write_text("edited\n")
    assert box.gitsync("--once").returncode == 0
    (theirs / "d/a.txt").unlink()
    (theirs / "d").rmdir()
    (theirs / "d").symlink_to("/etc")
    assert other.gitsync("--once").returncode == 1
    for _ in range(2):  # the file, and then the link that has its directory's name
        listed = other.home / "notes" / document(other, "conflicts")["conflicts"][0]["path"]
        assert other.ctl("resolve", "--theirs", "--", str(listed)).returncode == 0
    assert document(other, "conflicts")["conflicts"] == []
    assert (theirs / "d/a.txt").read_text() == "edited\n"
