"""Drives a real browser over the page: by clicks that are counted, with every complaint of the browser a failure."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import axe_playwright_python  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, sync_playwright

from tests.needs import needs
from tests.tools import PATH

WIDTHS = (390, 1280, 1920)
AXE = next(Path(axe_playwright_python.__file__).parent.glob("axe.min.js")).read_text(encoding="utf-8")
# What axe complains of: each rule with the first element that breaks it.
RUN_AXE = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
    .map((found) => `${found.id}: ${found.nodes[0].html} ${found.nodes[0].failureSummary}`)"""
# Text that is cut or lies on other text, and whatever reaches out of the window.
FAULTS = """() => {
  const faults = [];
  const said = (one) => `"${one.textContent.trim().slice(0, 40)}"`;
  const name = (one) => `${one.tagName.toLowerCase()}.${one.className.baseVal ?? one.className} ${said(one)}`;
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth) faults.push(`the page is ${root.scrollWidth} wide`);
  const texts = [];
  for (const one of document.querySelectorAll("body *")) {
    const style = getComputedStyle(one);
    const box = one.getBoundingClientRect();
    const hidden = one.closest(".sr, .skip, svg, [hidden], details:not([open]) > :not(summary)");
    if (hidden || style.clipPath !== "none" || style.visibility === "hidden" || !box.width || !box.height) continue;
    if (box.right > innerWidth + 1 || box.left < -1) faults.push(`out of the window: ${name(one)}`);
    const text = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (text && one.scrollWidth > one.clientWidth + 2 && style.overflowX !== "visible" && !one.matches("input, select"))
      faults.push(`cut: ${name(one)}`);
    if (text && one.closest("main") && style.position !== "absolute" && !one.closest(".menu-body"))
      texts.push([one, [...one.getClientRects()]]);
  }
  for (const [at, [one, boxes]] of texts.entries()) {
    for (const [other, more] of texts.slice(at + 1, at + 60)) {
      if (one.contains(other) || other.contains(one)) continue;
      if (boxes.some((a) => more.some((b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 3
          && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 6)))
        faults.push(`${name(one)} lies on ${name(other)}`);
    }
  }
  return faults;
}"""


@dataclass
class Tab:
    """A tab of the browser; `clicks` counts what a person did in it."""

    page: Page
    origin: str
    clicks: int = 0
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to a page of this server, as by a bookmark."""
        self.page.goto(self.origin + path)

    def click(self, text: str, *, role: str = "link", within: str = "") -> None:
        """Click on what is called so: a link, a button, a checkbox."""
        place = self.page.locator(within).first if within else self.page
        place.get_by_role(role, name=text).first.click()  # type: ignore[arg-type]
        self.clicks += 1

    def text(self) -> str:
        """Return what can be read in the middle of the page."""
        return " ".join(self.page.locator("main").inner_text().split())

    def begin(self) -> None:
        """Begin a task at the overview, with no click yet."""
        self.open("/")
        self.clicks = 0


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a browser; skip the test where there is none."""
    needs("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium", path=PATH), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def tab(browser: Browser, entry: str, *, width: int = 1280, is_dark: bool = False) -> Iterator[Tab]:
    """Give a tab that has entered the page; what the browser complains of fails the test."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if is_dark else "light", reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(15_000)
    found = Tab(page, "/".join(entry.split("/")[:3]))
    page.on("console", lambda message: found.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.goto(entry)
    try:
        yield found
    finally:
        context.close()
    assert found.complaints == []


def look(found: Tab, *, width: int, is_dark: bool) -> None:
    """Have the page as wide, and as light or dark, as that."""
    found.page.set_viewport_size({"width": width, "height": 900})
    found.page.emulate_media(color_scheme="dark" if is_dark else "light")


def axe(found: Tab) -> list[str]:
    """Return what axe finds; it is handed over by the debugger, as the page would run no script of others."""
    found.page.evaluate(AXE)
    violations: list[str] = found.page.evaluate(RUN_AXE)
    return violations
