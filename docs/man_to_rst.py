"""Man pages as reStructuredText: the few macros that gitsync's own pages use."""

from __future__ import annotations

import re

_ESCAPES = {r"\-": "-", r"\(aq": "'", r"\(ti": "~", r"\(ga": "`", r"\(ha": "^", r"\&": "", r"\e": "\\", r"\(dq": '"'}
_FONT = re.compile(r"\\f[BIRP]")


def man_to_rst(source: str) -> str:
    """Return a man page as reStructuredText; raise ValueError for a macro that is not known here."""
    page = _Page()
    for line in source.splitlines():
        page.take(line)
    return "\n".join(page.lines) + "\n"


class _Page:
    """The page so far: `indent` in spaces, and what the next line is."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.indent = 0
        self.outer: list[int] = []
        self.is_term = False
        self.is_example = False

    def take(self, line: str) -> None:
        """Take one line of the source."""
        macro, _, rest = line.partition(" ")
        text = _plain(rest.replace('"', ""))
        if not line.startswith("."):
            self._text(_plain(line))
        elif macro == ".TH":
            name, section = text.split()[:2]
            self._title(f"{name.lower()}({section})", "=")
        elif macro in (".SH", ".SS"):
            self.indent, self.outer = 0, []
            self._title(text.capitalize() if text.isupper() else text, "-" if macro == ".SH" else "~")
        elif macro == ".TP":
            self.indent, self.is_term = (self.outer[-1] if self.outer else 0), True
            self.lines.append("")
        elif macro in (".B", ".BR", ".I"):
            self._text(text if macro != ".BR" else text.replace(" ", "", 1), is_bold=True)
        elif macro == ".RS":
            self.outer.append(self.indent)
        elif macro == ".RE":
            self.outer.pop()
            self.indent = self.outer[-1] if self.outer else 0
            self.lines.append("")
        elif macro == ".PP":
            self.indent = self.outer[-1] if self.outer else 0
            self.lines.append("")
        elif macro == ".EX":
            self.is_example = True
            self.lines += ["", " " * self.indent + "::", ""]
        elif macro == ".EE":
            self.is_example = False
            self.lines.append("")
        elif macro not in (".ad", '.\\"'):
            raise ValueError(f"the man page has the macro {macro}, which is not known here")

    def _text(self, text: str, *, is_bold: bool = False) -> None:
        if self.is_example:
            self.lines.append(" " * (self.indent + 4) + text)
            return
        shown = f"``{text}``" if is_bold and text.strip() else _escaped(text)
        self.lines.append(" " * self.indent + shown)
        if self.is_term:
            self.is_term = False
            self.indent += 4

    def _title(self, title: str, line: str) -> None:
        self.lines += ["", _escaped(title), line * max(4, len(title) + title.count("*")), ""]


def _plain(text: str) -> str:
    text = _FONT.sub("", text)
    for escape, char in _ESCAPES.items():
        text = text.replace(escape, char)
    return text


def _escaped(text: str) -> str:
    return re.sub(r"([\\*`|_])", r"\\\1", text)
