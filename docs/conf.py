"""How Sphinx builds these pages: `make docs`, into docs/_build."""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.parsers import RSTParser

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))

from man_to_rst import man_to_rst  # noqa: E402 - the path comes first

from gitsync.version import VERSION  # noqa: E402 - the same

project = "gitsync"
version = release = VERSION
project_copyright = "the gitsync authors"
source_suffix = {".rst": "restructuredtext", ".1": "man", ".5": "man"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"gitsync {VERSION}"
html_show_sphinx = False
html_copy_source = False
html_static_path: list[str] = []
# A literal block is a command line, a configuration or an output: none of them is Python.
highlight_language = "none"
smartquotes = False

LINK = re.compile(r"`([^`<>]+?)\s+<([^`<>]+?\.(?:rst|1|5))>`_")
LITERAL = re.compile(r"``docs/([\w./-]+?)\.rst``")


class ManParser(RSTParser):
    """Reads a man page as if it were reStructuredText."""

    supported = ("man",)

    def parse(self, inputstring: str, document: object) -> None:
        """Parse a man page into `document`."""
        super().parse(man_to_rst(inputstring), document)  # type: ignore[arg-type]


def _pages_as_links(app: Sphinx, docname: str, source: list[str]) -> None:
    """Turn links between the files, which work in a clone, into links between the pages."""

    def page(match: re.Match[str]) -> str:
        there = posixpath.normpath(posixpath.join(posixpath.dirname(docname), match[2]))
        if there.startswith(".."):
            return f"``{there.removeprefix('../')}``"
        return f":doc:`{' '.join(match[1].split())} </{posixpath.splitext(there)[0]}>`"

    text = LITERAL.sub(lambda match: f":doc:`docs/{match[1]}.rst </{match[1]}>`", LINK.sub(page, source[0]))
    if docname == "index":
        text += _contents(source[0])
    source[0] = text


def _contents(index: str) -> str:
    """Return the tree of contents, which Sphinx wants beside the index that people read."""
    found = ""
    for part in re.split(r"\n(?=[^\n]+\n[=-]+\n)", index)[1:]:
        title, pages = part.split("\n", 1)[0], [posixpath.splitext(name)[0] for _, name in LINK.findall(part)]
        if pages:
            found += f"\n\n.. toctree::\n   :hidden:\n   :caption: {title}\n\n   " + "\n   ".join(pages)
    return found + "\n"


def setup(app: Sphinx) -> None:
    """Register the man pages and the links."""
    app.add_source_parser(ManParser)
    app.connect("source-read", _pages_as_links)
