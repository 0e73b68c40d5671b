"""The pages of a history, as a person reads them, with names and contents that try to be more than text."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for
from tests.web.kit import Reply, Site, page, path_of
from tests.web.world import World, usual

EVIL = "<img src=x onerror=alert(1)>\u202egnp.txt"
BYTES = os.fsdecode(b"caf\xe9")


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, World]]:
    """One machine with the usual history, and names that no page may take for its own."""
    with machine(tmp_path_factory.mktemp("past") / "a") as box:
        world = usual(box.home / "Notes")
        for name in (EVIL, BYTES, "a\nb", "a&b=c d#e"):
            world.write(name, f"<script>alert(1)</script>\u202e\x1b[31m {'x' * 10_000}\n")
        world.write("page.html", "<script>top.location='//evil'</script>")
        world.write("picture.svg", "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
        world.commit("<b>bold</b>\u202e message", ago_s=60)
        box.configure(world.root)
        yield box, world


@pytest.fixture(scope="module")
def site(past: tuple[Machine, World]) -> Iterator[Site]:
    with page(past[0]) as it:
        it.enter()
        wait_for("the history", lambda: it.get("/timeline/ready?repo=Notes").text == '{"ready":true}')
        yield it


def seen(answer: Reply) -> str:
    """Return the text of a page, one space between any two words."""
    assert answer.status == 200, answer.text
    body = answer.text.partition("<main")[2]
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_the_timeline_goes_by_day_machine_and_act(site: Site) -> None:
    text = seen(site.get("/timeline?repo=Notes"))
    assert re.search(r"Today .* Came in from laptop .* todo.txt .* Yesterday .* garden.png", text)
    assert "Rename letters/letter.txt to letters/aunt.txt" in text
    following = re.search(r'href="(/timeline\?[^"]*before=\d+[^"]*)" rel="next"', site.get("/timeline?repo=Notes").text)
    assert following
    assert "README.md" in seen(site.get(following[1].replace("&amp;", "&")))


def test_a_directory_is_followed_to_before_its_renaming(site: Site) -> None:
    assert "drafts/letter.txt" in seen(site.get("/timeline?repo=Notes&path=letters"))
    text = seen(site.get("/file?repo=Notes&path=letters/aunt.txt&view=one"))
    assert "removed: We will come to Zanzibar" in text
    assert "We cannot come this year" in text
    assert text.count("renamed") == 2


def test_a_directory_as_it_was_shows_what_is_deleted_now(site: Site, past: tuple[Machine, World]) -> None:
    assert "2025.ods deleted" in seen(site.get("/tree?repo=Notes&path=taxes"))
    then = seen(site.get(path_of("/tree", repo="Notes", path="taxes", at="3 days ago")))
    assert "2025.ods" in then
    assert "deleted" not in then
    assert "drafts" in seen(site.get(path_of("/tree", repo="Notes", at="20 days ago")))
    assert site.get(path_of("/tree", repo="Notes", at="nonsense")).status == 400
    assert site.get(path_of("/tree", repo="Notes", at="2001-01-01")).status == 404
    text = seen(site.get(path_of("/tree", repo="Notes", path="letters", at="20 days ago")))
    assert "when it was called drafts" in text
    assert "letter.txt" in text


def test_versions_that_are_no_text_are_described_and_can_be_kept(site: Site, past: tuple[Machine, World]) -> None:
    text = site.get("/file?repo=Notes&path=taxes/2025.ods").text
    assert "ODS file" in text
    assert "10.2 kB" in text
    link = re.search(r'href="(/content[^"]*download=1)"', text)
    assert link
    answer = site.get(link[1].replace("&amp;", "&"))
    assert answer.body == b"PK\3\4" + bytes(range(256)) * 40
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''2025.ods"


@pytest.mark.parametrize("name", [EVIL, BYTES, "a\nb", "a&b=c d#e"])
def test_no_name_and_no_content_is_more_than_text(site: Site, name: str) -> None:
    for address in (
        "/timeline?repo=Notes",
        "/tree?repo=Notes",
        path_of("/file", repo="Notes", path=name),
        path_of("/timeline", repo="Notes", path=name),
    ):
        answer = site.get(address)
        assert answer.status == 200
        for part in (b"<img src=x", b"<script>alert", b"<b>bold", b"\x1b", "\u202e".encode(), b"\xe9"):
            assert part not in answer.body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e\\x1b[31m" in answer.text or "timeline" in address
    assert "&lt;script&gt;alert(1)" in site.get(path_of("/file", repo="Notes", path=name)).text


@pytest.mark.parametrize("name", ["page.html", "picture.svg", EVIL])
def test_content_comes_in_a_sandbox_and_is_never_guessed(site: Site, name: str) -> None:
    answer = site.get(path_of("/content", repo="Notes", path=name, rev="HEAD"))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert Site(site.process, site.entry).ask("GET", path_of("/content", repo="Notes", path=name)).status == 401


def test_pictures_are_shown_as_what_their_bytes_say(site: Site) -> None:
    answer = site.get(path_of("/content", repo="Notes", path="pictures/garden.png", rev="HEAD"))
    assert (answer.headers["content-type"], answer.body[:4]) == ("image/png", b"\x89PNG")
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/passwd", "../../../../etc/passwd", ".git/config", "a/../../secret"]
)
@pytest.mark.parametrize("address", ["/file", "/tree", "/timeline", "/content"])
def test_nothing_outside_of_a_history_is_given_out(
    site: Site, past: tuple[Machine, World], address: str, path: str
) -> None:
    (past[0].home / "secret").write_text("the secret\n")
    answer = site.get(path_of(address, repo="Notes", path=path, rev="HEAD"))
    assert answer.status in (400, 404)
    assert "the secret" not in answer.text
    assert "root:" not in answer.text
    assert site.get(path_of(address, repo=str(past[0].home), path="secret")).status == 400


@pytest.mark.parametrize("rev", ["--output=x", "HEAD:todo.txt", "HEAD..HEAD~1", "nope", "\udcff", "-x"])
def test_a_revision_is_one_and_no_option(site: Site, rev: str) -> None:
    for address in ("/file", "/content", "/tree", "/moment"):
        assert site.get(path_of(address, repo="Notes", path="todo.txt", rev=rev)).status in (400, 404)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/tree?repo=Notes&path=a%00b", 400),
        ("/tree?repo=%00", 400),
        ("/watch?dir=%00", 400),
        ("/home?dir=%00", 400),
        ("/timeline?repo=Notes&slot=9999999&first=1&end=999999999999", 200),
        ("/timeline?repo=Notes&before=9999999999999999999&first=0&end=0", 200),
        ("/tree?repo=Notes&page=999999999", 200),
        ("/file?repo=Notes&path=todo.txt&part=999", 200),
        ("/file?repo=Notes&path=" + "a/" * 3000, 404),
    ],
)
def test_an_address_that_no_page_has_made_is_answered_in_words(site: Site, address: str, status: int) -> None:
    assert site.get(address).status == status


def test_a_long_text_is_shown_in_parts(site: Site, past: tuple[Machine, World]) -> None:
    world = past[1]
    world.write("long.txt", "".join(f"line {number}\n" for number in range(1, 1201)))
    world.commit("Add long.txt", ago_s=0)
    first = seen(site.get("/file?repo=Notes&path=long.txt"))
    assert "line 500" in first
    assert "line 501" not in first
    assert "1 of 3 Below" in first
    assert "line 1200" in seen(site.get("/file?repo=Notes&path=long.txt&part=3"))


def test_new_commits_are_there_at_once(site: Site, past: tuple[Machine, World]) -> None:
    world = past[1]
    world.write("todo.txt", "nothing any more\n")
    world.commit("Change todo.txt", ago_s=0)
    assert "nothing any more" in seen(site.get("/file?repo=Notes&path=todo.txt"))
    assert run_git(world.root, "rev-parse", "HEAD")[:10] in site.get("/timeline?repo=Notes").text
