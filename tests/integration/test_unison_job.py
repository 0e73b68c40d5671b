"""Jobs done by unison: three machines, a server, real unison, on the same disk and over a real ssh server."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gitsync.backends.base import Level
from tests.fakes.job_client import Client, codes, ok, tree

everywhere = pytest.mark.parametrize("unison_place", ["local", "ssh"], indirect=True)
Place = tuple[str, tuple[str, ...], Path]


def facts(root: Path) -> dict[str, tuple[int, int, str]]:
    """Return mode, time and content of everything below a directory."""
    return {
        str(path.relative_to(root)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns if path.is_file() else 0,
            os.readlink(path) if path.is_symlink() else path.read_text() if path.is_file() else "",
        )
        for path in sorted(root.rglob("*"))
    }


@everywhere
def test_new_changed_and_deleted_files_reach_every_machine(trio: list[Client], unison_place: Place) -> None:
    one, two, three = trio
    one.write("a.txt", "from one")
    one.write("dir/b.txt", "b", age_s=3600)
    one.write("odd # [x] {y} é.txt", "odd")
    (one.root / "link").symlink_to("a.txt")
    two.write("from-two.txt", "two")
    for client in (one, two, three, one):
        ok(client.run())
    everything = one.tree()
    assert set(everything) == {"a.txt", "dir/b.txt", "odd # [x] {y} é.txt", "link", "from-two.txt"}
    assert two.run().items == ()
    assert two.tree() == three.tree() == everything == tree(unison_place[2])
    assert (two.root / "dir/b.txt").stat().st_mtime == pytest.approx((one.root / "dir/b.txt").stat().st_mtime, abs=2)

    two.write("dir/b.txt", "changed by two")
    (two.root / "dir/b.txt").chmod(0o755)
    (three.root / "a.txt").unlink()
    shutil.move(one.root / "from-two.txt", one.root / "renamed.txt")
    for client in (two, three, one, two, three):
        ok(client.run())
    assert one.tree() == two.tree() == three.tree() == tree(unison_place[2])
    assert one.tree()["dir/b.txt"] == "changed by two"
    assert (one.root / "dir/b.txt").stat().st_mode & 0o777 == 0o755
    assert "a.txt" not in one.tree()
    assert one.tree()["renamed.txt"] == "two"
    assert "from-two.txt" not in one.tree()
    assert one.run().items == ()


def test_what_was_done_is_told(trio: list[Client]) -> None:
    one, two, _ = trio
    one.write("a.txt", "a")
    one.write("b.txt", "b")
    assert codes(one.run()) == [("", "sent")]
    assert codes(two.run()) == [("", "taken")]
    (one.root / "a.txt").unlink()
    assert codes(one.run()) == [("a.txt", "deleted-there")]
    assert codes(two.run()) == [("a.txt", "deleted")]


@pytest.mark.parametrize("unison_place", ["ssh"], indirect=True)
def test_a_conflict_is_left_alone_and_told_with_both_sides(trio: list[Client], unison_place: Place) -> None:
    one, two, _ = trio
    one.write("a.txt", "first")
    one.write("b.txt", "first")
    one.write("c.txt", "first")
    ok(one.run())
    ok(two.run())
    one.write("a.txt", "by one")
    (one.root / "b.txt").unlink()
    two.write("a.txt", "by number two")
    two.write("b.txt", "edited")
    two.write("c.txt", "second")
    ok(two.run())
    report = ok(one.run())
    assert report.conflicts == ("a.txt", "b.txt")
    item = next(item for item in report.items if item.subject == "a.txt")
    assert (item.code, item.level) == ("conflict", Level.ATTENTION)
    assert ", 6 bytes, " in item.message
    assert ", 13 bytes, " in item.message
    assert "prefer = newer" in item.hint
    assert one.tree() == {"a.txt": "by one", "c.txt": "second"}
    assert tree(unison_place[2]) == {"a.txt": "by number two", "b.txt": "edited", "c.txt": "second"}
    assert ok(one.run()).conflicts == ("a.txt", "b.txt")

    shutil.copy2(unison_place[2] / "a.txt", one.root / "a.txt")
    shutil.copy2(unison_place[2] / "b.txt", one.root / "b.txt")
    assert ok(one.run()).conflicts == ()


def test_the_newer_stays_and_the_other_is_kept_where_that_is_asked_for(trio: list[Client]) -> None:
    one, two, _ = trio
    one.options = (*one.options, "prefer = newer", "copyonconflict = true")
    one.write("a.txt", "first", age_s=100)
    ok(one.run())
    ok(two.run())
    two.write("a.txt", "older", age_s=50)
    ok(two.run())
    one.write("a.txt", "newer one")
    assert ok(one.run()).conflicts == ()
    ok(one.run())  # the copy is made where the other version was
    assert sorted(one.tree().values()) == ["newer one", "older"]
    assert one.tree()["a.txt"] == "newer one"


def test_a_run_in_one_direction_never_changes_the_other_side(trio: list[Client], unison_place: Place) -> None:
    one = trio[0]
    server = unison_place[2]
    for name in ("same", "theirs", "mine", "gone-here", "gone-there", "both", "mode", "dir/x"):
        one.write(name, "first")
    ok(one.run())

    def both_change(number: int) -> None:
        one.write("mine", f"mine {number}")
        one.write("both", f"both here {number}")
        one.write(f"new-here-{number}", "new")
        (server / "theirs").write_text(f"theirs {number}")
        (server / "both").write_text(f"both over there {number}")
        (server / f"new-there-{number}").write_text("new")
        (server / "mode").chmod(0o700 + number)
        os.utime(server / "same", (1000000 + number, 1000000))

    both_change(1)
    (one.root / "gone-here").unlink()
    (server / "gone-there").unlink()
    shutil.rmtree(server / "dir")
    before = facts(one.root)
    report = ok(one.run("push"))
    assert facts(one.root) == before
    assert (server / "mine").read_text() == "mine 1"
    assert (server / "theirs").read_text() == "theirs 1"
    assert report.conflicts == ("both",)
    assert not (server / "gone-here").exists()
    both_change(2)
    before = facts(server)
    report = ok(one.run("pull"))
    assert facts(server) == before
    assert (one.root / "theirs").read_text() == "theirs 2"
    assert (one.root / "mine").read_text() == "mine 2"
    assert not (one.root / "gone-there").exists()
    assert report.conflicts == ("both",)


def test_two_copies_made_before_they_met_ask_nobody(trio: list[Client], unison_place: Place) -> None:
    one, server = trio[0], unison_place[2]
    for number in range(5):
        one.write(f"dir/{number}", "same")
        one.write(f"{number}", "same")
    one.write("differs", "here")
    shutil.copytree(one.root, server, dirs_exist_ok=True, copy_function=shutil.copyfile)
    (server / "differs").write_text("there, longer")
    for path in server.rglob("*"):
        os.utime(path, (1_000_000, 1_000_000))
    (server / "1").chmod(0o600)
    server.chmod(0o700)
    report = ok(one.run())
    assert report.conflicts == ("differs",)
    assert [item.code for item in report.items] == ["aligned", "conflict"]
    assert (server / "dir/3").stat().st_mtime > 1_000_000
    assert codes(ok(one.run())) == [("differs", "conflict")]


def test_a_template_of_the_user_holds_and_his_own_archives_stay(
    trio: list[Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own-unison"
    own.mkdir()
    monkeypatch.setenv("UNISON", str(own))
    (own / "photos.prf").write_text("root = /nowhere\nroot = /else\nbatch = false\nsource more\n")
    (own / "more").write_text("# what is not wanted\nignore = Name *.tmp\n")
    before = facts(own)
    one = trio[0]
    one.options = (*one.options, "include photos", "-ignore", "Name *.bak", "-ignore=Name *.o")
    for name in ("a.txt", "b.tmp", "c.bak", "d.o"):
        one.write(name, "x")
    ok(one.run())
    assert tree(Path(one.url)) == {"a.txt": "x"}
    assert facts(own) == before
    for options, code in ((("include nope",), "no-profile"), (("force = newer",), "usage"), (("nonsense",), "usage")):
        one.options = options
        problem = one.run().problem
        assert problem is not None
        assert (problem.code, problem.hint != "") == (code, True), problem
