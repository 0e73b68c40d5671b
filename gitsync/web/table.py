"""The table of pages: every module of pages has its line here, in the order of the navigation."""

from __future__ import annotations

from gitsync.web.page import Link, Page
from gitsync.web.pages import (
    conflicts,
    file,
    find,
    job,
    machines,
    overview,
    restore,
    room,
    settings,
    setup,
    timeline,
    tree,
    undo,
    watch,
    work,
)

MODULES = (
    overview,
    timeline,
    find,
    conflicts,
    machines,
    room,
    settings,
    tree,
    file,
    restore,
    undo,
    watch,
    job,
    setup,
    work,
)


def pages() -> list[Page]:
    """Return every page."""
    return [page for module in MODULES for page in module.PAGES]


def links() -> list[Link]:
    """Return the navigation."""
    return [link for module in MODULES for link in module.LINKS]
