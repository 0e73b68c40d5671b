"""The pages that find, settle conflicts and show what takes the room."""

from __future__ import annotations

import html
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for
from tests.needs import needs
from tests.web.kit import Site, begun, page, path_of
from tests.web.test_history import seen
from tests.web.world import World, usual

OURS = "buy rye bread\ncall the plumber at eleven\npay the rent\nwrite to aunt Josephine\n"
THEIRS = "buy bread rolls\ncall the plumber at ten\npay the rent\nwrite to aunt Josephine, at last\n"


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A page over the usual history, without a daemon."""
    with machine(tmp_path_factory.mktemp("tools") / "a") as box:
        world = usual(box.home / "Notes")
        world.write("<b>bold</b>.txt", "Zanzibar <script>alert(1)</script>\u202e\x1b[1m " + "x" * 9000 + "\n")
        world.commit("Add a name", ago_s=30)
        box.configure(world.root)
        with page(box) as site:
            site.enter()
            yield site


@pytest.fixture
def torn(box: Machine, hub: Path, tmp_path: Path) -> Iterator[tuple[Machine, World, Site]]:
    """A machine with a conflict, its daemon and its page."""
    world = usual(box.home / "Notes")
    run_git(world.root, "branch", "-M", "main")
    run_git(world.root, "remote", "add", "origin", str(hub))
    run_git(world.root, "push", "-q", "-u", "origin", "main")
    other = tmp_path / "other"
    run_git(tmp_path, "clone", "-q", "-b", "main", str(hub), str(other))
    (other / "todo.txt").write_text(THEIRS)
    run_git(other, "commit", "-qam", "Change todo.txt\n\nGitsync-Machine: laptop")
    run_git(other, "push", "-q")
    (world.root / "todo.txt").write_text(OURS)
    box.configure(world.root)
    box.start()
    wait_for("the conflict", lambda: box.repo_status("Notes")["conflicts"])
    with page(box) as site:
        site.enter()
        yield box, world, site


def test_a_word_is_found_in_what_was_changed_and_renamed_since(quiet: Site) -> None:
    text = seen(quiet.get("/find?word=Zanzibar"))
    assert re.search(r"letters/ aunt.txt line 6 .*We will come to Zanzibar in the spring.* Bring back", text)
    answer = quiet.get("/find?word=zanzibar&ignore_case=1")
    assert "<mark>Zanzibar</mark>" in answer.text
    link = re.search(r'href="(/file\?[^"]*aunt.txt[^"]*)"', answer.text)
    assert link
    assert "We will come to Zanzibar" in seen(quiet.get(html.unescape(link[1])))
    assert "2025.ods deleted" in seen(quiet.get("/find?name=*.ods&deleted=1"))
    assert "Nothing was found" in seen(quiet.get("/find?word=zanzibar"))
    assert "Nothing was found" in seen(quiet.get(path_of("/find", word="Zanzibar", since="1 hour ago", name="*.md")))


def test_what_is_found_is_shown_as_text(quiet: Site) -> None:
    answer = quiet.get(path_of("/find", word="Zanzibar"))
    assert "&lt;b&gt;bold&lt;/b&gt;.txt" in answer.text
    for part in (b"<script>alert", b"\x1b", "\u202e".encode(), b"<b>bold"):
        assert part not in answer.body
    assert len(answer.body) < 60_000
    answer = quiet.get(path_of("/find", word='"><script>alert(1)</script>'))
    assert b"<script>alert" not in answer.body


@pytest.mark.parametrize("query", ["word=(&regex=1", "word=a&since=nonsense", "word=a&repo=nope"])
def test_a_question_that_cannot_be_understood_is_answered_in_words(quiet: Site, query: str) -> None:
    answer = quiet.get(f"/find?{query}")
    assert answer.status in (200, 400)
    assert re.search('That did not work|role="alert"', answer.text)


def test_an_endless_regular_expression_holds_up_no_other_page(quiet: Site) -> None:
    needs("ps")
    connection = begun(quiet, path_of("/find", word="(x+x+)+y", regex="1"), "Looking through every version")
    wait_for("the search", lambda: searches(quiet))
    time.sleep(0.3)  # it is at the long line by then
    began = time.monotonic()
    assert quiet.get("/room?repo=").status == 200
    assert quiet.get("/").status == 200
    assert time.monotonic() - began < 3
    connection.close()
    wait_for("its end with its reader", lambda: not searches(quiet), 4.0)


def searches(site: Site) -> list[str]:
    """Return the searches of a page, which are processes of their own."""
    listed = subprocess.run(["ps", "-o", "args=", "--ppid", str(site.process.pid)], capture_output=True, text=True)
    return [line for line in listed.stdout.splitlines() if "gitsync.daemon.reads" in line]


def test_what_takes_the_room_can_be_given_up(quiet: Site) -> None:
    text = seen(quiet.get("/room"))
    assert re.search(r"By directory .*pictures 1 file .*By month .*pictures/ garden.png .*2 versions", text)
    assert "2025.ods deleted" in text
    asked = seen(quiet.get("/forget?repo=Notes&path=pictures/garden.png"))
    assert "Stop syncing pictures/garden.png?" in asked
    assert "/pictures/garden.png" in asked.partition(".gitignore")[2]
    answer = quiet.post("/forget?repo=Notes&path=pictures/garden.png")
    assert answer.status == 303
    assert "garden.png is not synced any more" in seen(quiet.get(answer.headers["location"]))


def fields(site: Site, **values: str) -> str:
    """Return what the form of the conflict sends."""
    text = site.get("/conflict?repo=Notes&path=todo.txt").text
    found = re.search(r'name="blobs" value="([^"]*)"', text)
    assert found
    return urlencode({"blobs": found[1], **values})


def test_a_conflict_is_settled_part_by_part(torn: tuple[Machine, World, Site]) -> None:
    box, world, site = torn
    assert re.search("1 file in conflict .*todo.txt .*laptop, today", seen(site.get("/conflicts")))
    text = seen(site.get("/conflict?repo=Notes&path=todo.txt"))
    assert re.search("buy bread rolls .*Before both .*call the plumber at nine .*buy rye bread", text)
    assert "1 equal line" not in text
    first = re.search(r"(laptop|[\w-]+), today [\d:]+ and", text)
    assert first
    mine, theirs = ("b", "a") if first[1] == "laptop" else ("a", "b")
    answer = site.post("/conflict/settle?repo=Notes&path=todo.txt", fields(site, how="parts", part1=mine, part2=theirs))
    assert answer.status == 303
    assert "todo.txt is resolved" in seen(site.get(answer.headers["location"]))
    settled = "buy rye bread\ncall the plumber at eleven\npay the rent\nwrite to aunt Josephine, at last\n"
    assert (world.root / "todo.txt").read_text() == settled
    assert not list(world.root.glob("*conflict*"))
    assert not list((box.home / ".local/state/gitsync").glob("settle-*"))
    assert "No conflicts" in seen(site.get("/conflicts"))


def test_the_result_is_edited_and_nothing_that_came_meanwhile_is_lost(torn: tuple[Machine, World, Site]) -> None:
    _, world, site = torn
    before = fields(site, how="text", text="mine and theirs\r\n")
    edit = site.get("/conflict/edit?repo=Notes&path=todo.txt&part1=both").text
    assert re.search("buy bread rolls\ncall the plumber at ten\nbuy rye bread", edit) or "buy rye bread\n" in edit
    (world.root / "todo.txt").write_text("saved meanwhile\n")
    wait_for("the commit", lambda: run_git(world.root, "show", "HEAD:todo.txt") == "saved meanwhile")
    answer = site.post("/conflict/settle?repo=Notes&path=todo.txt", before)
    assert answer.status == 409
    assert "was changed while you looked at it" in answer.text
    assert (world.root / "todo.txt").read_text() == "saved meanwhile\n"
    answer = site.post(
        "/conflict/settle?repo=Notes&path=todo.txt", fields(site, how="text", text="mine and theirs\r\n")
    )
    assert answer.status == 303
    assert (world.root / "todo.txt").read_bytes() == b"mine and theirs\n"
    assert site.get("/conflict?repo=Notes&path=todo.txt").status == 404
    assert site.post("/conflict/settle?repo=Notes&path=todo.txt", before).status == 404


def test_machines_say_who_has_what(box: Machine, hub: Path, tmp_path: Path) -> None:
    root = box.repo()
    run_git(root, "branch", "-M", "main")
    run_git(root, "remote", "add", "origin", str(hub))
    run_git(root, "push", "-q", "-u", "origin", "main")
    with machine(tmp_path / "b") as other:
        run_git(tmp_path, "clone", "-q", "-b", "main", str(hub), str(other.home / "notes"))
        for it, where in ((box, root), (other, other.home / "notes")):
            it.configure(where)
            it.config.write_text(it.config.read_text() + f'[daemon]\nmachine = "{"desk" if it is box else "<b>lap"}"\n')
            it.start()
        with page(box) as site:
            site.enter()
            (root / "new.txt").write_text("new\n")
            wait_for("both", lambda: "All 2 machines have it: safe to close" in site.get("/machines").text)
            answer = site.get("/machines")
            assert re.search(r"notes .*desk this machine .*&lt;b&gt;lap .*has all", seen(answer))
            assert b"<b>lap" not in answer.body
            forget = re.search(r'action="(/machines/forget[^"]*)"', answer.text)
            assert forget
            other.stop()
            assert site.post(html.unescape(forget[1])).status == 303
            wait_for("the machine to go", lambda: "&lt;b&gt;lap<" not in site.get("/machines").text)
