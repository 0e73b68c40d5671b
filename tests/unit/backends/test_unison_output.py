"""What unison 2.52 prints, with names that have line breaks in them."""

from __future__ import annotations

from gitsync.backends.unison.output import parse

OUT = "\n".join(
    [
        "changed  <-?-> changed    two",
        "lines  ",
        "one            : changed file       modified on 2026-11-28 at 12:56:51  size 5         rw-r--r--",
        "server         : changed file       modified on 2026-11-28 at 12:56:51  size 8         rw-r--r--",
        "new file ---->            new  ",
        "one            : new file           modified on 2026-11-28 at 12:56:51  size 2         rw-r--r--",
        "server         : absent",
        "         <---- deleted    a\rb  ",
        "100%  00:00 ETA\r               \rFailed [odd",
        "name]: Error in renaming:",
        "Permission denied",
        "",
    ]
)
ERR = """Unison 2.52.1 (ocaml 4.13.1): Contacting server...
  skipped: two
lines (contents changed on both sides)
  failed: odd
name
  failed: plain
"""


def test_a_name_with_a_line_break_is_one_name() -> None:
    said = parse(OUT, ERR)
    assert [(change.path, change.arrow) for change in said.changes] == [
        ("two\nlines", "<-?->"),
        ("new", "---->"),
        ("a\rb", "<----"),
    ]
    assert said.changes[0].facts_there == "changed file, 8 bytes, 2026-11-28 12:56:51"
    assert said.skipped == {"two\nlines": "contents changed on both sides"}
    assert said.failed == {"odd\nname": "Error in renaming: Permission denied", "plain": ""}


def test_a_line_that_is_cut_short_is_taken_as_it_is() -> None:
    said = parse("changed  ----> changed    a\nnew file ---->            b  \n", "")
    assert [change.path for change in said.changes] == ["a", "b"]
