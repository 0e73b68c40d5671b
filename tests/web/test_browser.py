"""A person with a browser: what was lost is found by a few clicks, by keys alone, and in both themes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine
from tests.web.browser import Tab, axe, chromium, look, tab
from tests.web.kit import page
from tests.web.pictures import PAGES, TWINS, furnish, take


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as it:
        yield it


@pytest.fixture(scope="module")
def furnished(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("browser") / "a") as box:
        furnish(box)
        yield box


@pytest.fixture(scope="module")
def whole(browser: Browser, furnished: Machine) -> Iterator[Tab]:
    """One page for all tests; each begins where it wants to."""
    with page(furnished) as site, tab(browser, site.entry) as it:
        yield it


@pytest.fixture
def person(whole: Tab) -> Iterator[Tab]:
    whole.open("/deleted?repo=Notes")
    whole.page.wait_for_selector("#reading", state="detached")  # the history is read
    yield whole
    complaints, whole.complaints[:] = [*whole.complaints], []
    assert complaints == []


def test_what_was_lost_comes_back_by_a_few_clicks(person: Tab, furnished: Machine) -> None:
    notes = furnished.home / "Notes"
    counts: dict[str, int] = {}

    person.begin()
    person.click("Files of Notes")
    person.click("taxes")
    person.click("Bring back 2025.ods")
    person.click("Bring it back", role="button")
    assert "2025.ods is back" in person.text()
    assert (notes / "taxes/2025.ods").stat().st_size == 10244
    counts["a deleted file"] = person.clicks

    person.begin()
    person.click("Files of Notes")
    person.click("todo.txt")
    person.click("Older")
    assert "buy milk and bread" in person.text()
    assert "call the plumber at nine" in person.text()
    counts["this morning's version beside the current one"] = person.clicks

    person.begin()
    person.click("Timeline of Notes")
    person.click("As of then", within=".day:has(h2:text-is('Yesterday'))")
    person.click("todo.txt")
    assert "buy milk\n" in person.page.locator("main").inner_text().replace("\t", "\n")
    counts["a directory as of yesterday"] = person.clicks

    person.begin()
    person.click("Files of Notes")
    person.click("letters")
    person.click("aunt.txt")
    person.click("Older")
    person.click("Older")
    assert "called drafts/letter.txt then" in person.text() or "called letters/letter.txt then" in person.text()
    counts["an old version from before a directory was renamed"] = person.clicks

    person.begin()
    person.click("Timeline of Notes")
    person.click("Undo this", within=".group.restore")
    person.click("Undo it", role="button")
    assert "Undone" in person.text()
    assert not (notes / "taxes/2025.ods").exists()
    counts["the undo of a restore"] = person.clicks

    person.begin()
    person.click("See and decide")
    person.click("Allow it", role="button")
    assert "id_rsa is committed" in person.text()
    assert "id_rsa" in run_git(notes, "ls-files")
    counts["a file that was held back"] = person.clicks
    assert counts == {
        "a deleted file": 4,
        "this morning's version beside the current one": 3,
        "a directory as of yesterday": 3,
        "an old version from before a directory was renamed": 5,
        "the undo of a restore": 3,
        "a file that was held back": 2,
    }


def test_keys_alone_are_enough(person: Tab) -> None:
    keys = person.page.keyboard
    person.open("/timeline?repo=Notes")
    keys.press("Tab")
    assert person.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    person.page.locator("#slot").focus()
    for _ in range(40):
        keys.press("ArrowLeft")
    assert person.page.locator("#slot").get_attribute("aria-valuetext") != "Now"
    person.page.wait_for_selector("#list:not([aria-busy]) >> text=journal/2026-10.md")
    person.page.wait_for_url("**slot=56**")
    assert "Today" not in person.text()
    person.open("/file?repo=Notes&path=todo.txt")
    keys.press("ArrowLeft")
    person.page.wait_for_url("**rev=**")
    assert "buy milk and bread" in person.text()
    person.open("/")
    person.page.locator("summary").first.focus()
    keys.press("Enter")
    assert person.page.get_by_role("button", name="For an hour").count() == 0
    assert person.page.get_by_role("button", name="For half an hour").first.is_visible()
    keys.press("Escape")
    assert not person.page.get_by_role("button", name="For half an hour").first.is_visible()


def test_the_overview_changes_by_itself(person: Tab, furnished: Machine) -> None:
    person.open("/")
    (furnished.home / "Notes/new.txt").write_text("new\n")
    person.page.wait_for_selector("text=Add new.txt", timeout=20_000)


def test_axe_finds_nothing_and_nothing_is_cut_in_either_theme(person: Tab) -> None:
    faults: list[str] = []
    for number, (name, path) in enumerate(PAGES.items()):
        for width, is_dark in ((1280, False), (390, True)):
            faults += take(person, name, path if width == 1280 else "", None, width=width, is_dark=is_dark)
            # Every page in one theme; tests.web.pictures has both.
            if name not in TWINS and is_dark == bool(number % 2):
                faults += [f"{name}, {width} px: {violation}" for violation in axe(person)]
    # The page of a problem; and another test may have allowed the file that is held back.
    person.complaints[:] = [each for each in person.complaints if not re.search("status of 40[04]", each)]
    look(person, width=1280, is_dark=False)
    assert faults == []


def test_pages_can_be_read_without_scripts(browser: Browser, person: Tab) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(person.page.context.cookies())  # type: ignore[arg-type]
    without = context.new_page()
    without.goto(f"{person.origin}/timeline?repo=Notes")
    without.get_by_role("button", name="Go there").click()
    assert "slot=96" in without.url
    without.get_by_role("link", name="todo.txt").first.click()
    assert "buy bread" in without.locator("main").inner_text()
    context.close()
