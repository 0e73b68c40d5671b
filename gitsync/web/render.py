"""Makes pages from templates. Every text that comes in is shown as text: markup, control and bidi characters escaped.

Called from worker threads; the environment does not change after it was made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gitsync import clock, text, times

LONGEST = 10_000
# Where a page that is sent part by part may be cut: what is above is shown before the rest is there.
FLUSH = Markup("<!-- -->\n")


class Renderer:
    """The templates, with the words and filters that all of them may use."""

    def __init__(self, globals: dict[str, Any], navigation: Sequence[Any]) -> None:
        self._environment = Environment(
            loader=PackageLoader("gitsync.web"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=visible,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals.update(globals, navigation=navigation, note=None, here="", flush=FLUSH)
        filters: dict[str, Callable[..., Any]] = {
            "when": when,
            "ago": ago,
            "exact": exact,
            "clock": hour,
            "day": times.day,
            "size": text.size,
            "tilde": text.tilde,
            "counted": text.counted,
        }
        self._environment.filters.update(filters)

    def page(self, template: str, **values: Any) -> str:
        """Return a page."""
        return self._environment.get_template(template).render(values)

    def main(self, template: str, **values: Any) -> Markup:
        """Return what is in the middle of a page."""
        whole = self.page(template, **values)
        return Markup(whole.partition("<main")[2].partition(">")[2].rpartition("</main>")[0])

    def parts(self, template: str, **values: Any) -> Iterator[str]:
        """Return a page in parts, each as soon as its values are there."""
        pieces: list[str] = []
        for piece in self._environment.get_template(template).generate(values):
            pieces.append(piece)
            if piece == FLUSH:
                yield "".join(pieces)
                pieces.clear()
        yield "".join(pieces)


def visible(value: Any) -> Any:
    """Return a text with its control, format and undecodable characters as escapes, so that none of them acts."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return text.escape(value)
    return value


def when(iso: str) -> str:
    """Return an instant as people say it: "today 14:05"."""
    return times.short(iso, clock.SystemClock().wall())


def hour(iso: str) -> str:
    """Return the time of day of an instant: "14:05"."""
    return times.local(iso)[11:16]


def ago(iso: str) -> str:
    """Return how long ago an instant is."""
    try:
        return text.ago(clock.SystemClock().wall() - clock.parse_iso(iso))
    except ValueError:
        return iso


def exact(iso: str) -> str:
    """Return an instant to the second, with its day, in local time."""
    return times.local(iso)
