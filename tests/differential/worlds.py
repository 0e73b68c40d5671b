"""Random work trees: rule files that contradict each other, names and contents that are hard to treat alike.

Everything comes from one `random.Random`, so that a seed makes the same world again.
"""

from __future__ import annotations

import os
import random
import shutil
import stat
from dataclasses import dataclass, field

NAMES = (
    b"a", b"b", b"c.txt", b"C.TXT", b"d.bat", b"a b", b"a b.txt", b"e.log", b"build", b"keep.log", b"x.up", b"y.u16",
    b"\xff\xfe", b"\xc3\xa9.txt", b'q"q.txt', b"new\nline.txt", b":c", b"!n", b"#h", b"-d", b"*s", b"[ab]",
    b"back\\slash", b"tab\tx", b"end ", b".hidden", b"cr\r.txt",
)  # fmt: skip
DIRECTORIES = (b"a", b"b", b"build", b"sub dir", b"docs", b"\xff", b"deep", b".cfg", b"x.up")
PIECES = (
    b"line\n", b"line\r\n", b"lone\r", b"\0", b"\xef\xbb\xbf", b"$Id$", b"$Id: old $", b"$Id: a b\n", b"$Id:$",
    b"\x1a", b"\xff\xfe", b"\n", b"\r\n", b"\x01\x02\x7f", b"text " * 40, b"\r\r\n", b"$", b"\x1b[0m\b\t\f",
)  # fmt: skip
ATTRIBUTES = (
    "text", "-text", "!text", "text=auto", "text=input", "text=x", "eol=lf", "eol=crlf", "-eol", "crlf", "-crlf",
    "crlf=input", "ident", "-ident", "!ident", "binary", "filter=up", "-filter", "!filter", "filter=once", "m",
    "-m", "diff=x", "merge=union", "text eol=crlf", "text=auto eol=lf", "text=auto eol=crlf", "binary text",
    "ident text=auto", "filter=up text", "working-tree-encoding=utf8",
)  # fmt: skip
SETTINGS = (
    ("core.autocrlf", ("true", "input", "false", "yes", "1", "Input", None, "off", "0")),
    ("core.eol", ("lf", "crlf", "native", "CRLF")),
    ("core.safecrlf", ("warn", "false")),
    ("core.ignorecase", ("true",)),
    ("core.filemode", ("false",)),
    ("core.precomposeunicode", ("true",)),
    ("core.quotepath", ("false",)),
)
# A filter that git runs, one that does nothing to what is stored.
FILTERS = (
    ("up", "clean", "tr a-z A-Z"),
    ("up", "smudge", "tr A-Z a-z"),
    ("once", "smudge", "cat"),
    ("once", "clean", ""),
)


@dataclass(slots=True)
class World:
    """A work tree at `root` that changes at random; `home` holds the rule files outside of it."""

    root: bytes
    home: bytes
    dice: random.Random
    touched: set[bytes] = field(default_factory=set)
    names: tuple[bytes, ...] = NAMES

    def configure(self) -> list[tuple[str, str | None]]:
        """Return what is to be set in the repository's configuration."""
        chosen: list[tuple[str, str | None]] = [(f"filter.{name}.{key}", value) for name, key, value in FILTERS]
        for key, values in SETTINGS:
            if self.dice.random() < 0.3:
                chosen.append((key, self.dice.choice(values)))
        if ("core.ignorecase", "true") in chosen:
            self.names = tuple(name for name in NAMES if name != b"C.TXT")  # git refuses to add both
        return chosen

    def rules_outside(self, git_dir: bytes) -> None:
        """Write the rule files that are in no work tree, or take them away."""
        for place, make in (
            (os.path.join(git_dir, b"info/exclude"), self._ignore),
            (os.path.join(git_dir, b"info/attributes"), self._attributes),
            (os.path.join(self.home, b".config/git/ignore"), self._ignore),
            (os.path.join(self.home, b".config/git/attributes"), self._attributes),
        ):
            os.makedirs(os.path.dirname(place), exist_ok=True)
            if os.path.lexists(place):
                os.unlink(place)
            if self.dice.random() < 0.15:
                _write(place, make())

    def change(self, count: int, *, has_rules: bool = True) -> None:
        """Change `count` things; without `has_rules` no rule file is among them."""
        for _ in range(count):
            directory = self._directory()
            roll = self.dice.random()
            if has_rules and roll < 0.1:
                self._rule_file(os.path.join(directory, b".gitignore"), self._ignore())
            elif has_rules and roll < 0.2:
                self._rule_file(os.path.join(directory, b".gitattributes"), self._attributes())
            elif roll < 0.27:
                self._remove(os.path.join(directory, self.dice.choice((*self.names, *DIRECTORIES))), has_rules)
            elif roll < 0.37:
                self._link(os.path.join(directory, self.dice.choice((*self.names, *DIRECTORIES))), has_rules)
            else:
                self._file(os.path.join(directory, self.dice.choice(self.names)), has_rules)

    # -- what is in files ---------------------------------------------------------------------------------------------

    def _content(self, path: bytes) -> bytes:
        if path.endswith(b".u16"):
            return "\r\n".join(self.dice.choice(("grüß", "x", "")) for _ in range(3)).encode("utf-16-le")
        pieces = self.dice.choice((PIECES, PIECES[:2], PIECES[:3], PIECES[5:9] + PIECES[:1]))
        return b"".join(self.dice.choice(pieces) for _ in range(self.dice.randrange(6)))

    def _pattern(self) -> bytes:
        dice = self.dice
        name = dice.choice(
            (*NAMES, *DIRECTORIES, b"*.txt", b"*.log", b"*", b"?", b"*.up", b"[a-c]", b"**", b"d*", b"[!a]", b"\\a")
        )
        if dice.random() < 0.3:
            name = b"".join(
                b"\\" + name[at : at + 1] if name[at : at + 1] in b'\\ #!*?[]"' else name[at : at + 1]
                for at in range(len(name))
            )
        name = dice.choice((b"", b"", b"", dice.choice(DIRECTORIES) + b"/", b"/", b"**/", b"*/")) + name
        return name.replace(b"\n", b"?") + dice.choice((b"", b"", b"", b"/", b"/*", b"/**", b"/**/*.txt", b" ", b"\\ "))

    def _ignore(self) -> bytes:
        lines = []
        for _ in range(self.dice.randrange(1, 5)):
            lines.append(self.dice.choice((b"", b"", b"!", b"#")) + self._pattern())
        return self.dice.choice((b"\n", b"\n", b"\r\n")).join(lines) + self.dice.choice((b"\n", b""))

    def _attributes(self) -> bytes:
        lines = []
        for _ in range(self.dice.randrange(1, 5)):
            pattern = self._pattern().rstrip(b"/")
            if self.dice.random() < 0.4:
                pattern = b'"' + pattern.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\t", b"\\t") + b'"'
            said = " ".join(self.dice.choice(ATTRIBUTES) for _ in range(self.dice.randrange(1, 3))).encode()
            lines.append(self.dice.choice((b"", b"", b" ")) + pattern + b" " + said)
        if self.dice.random() < 0.3:
            lines.insert(0, b"[attr]m " + self.dice.choice((b"text eol=crlf", b"filter=up", b"binary", b"-text ident")))
        if self.dice.random() < 0.2:
            lines.append(b"*.u16 text=auto working-tree-encoding=UTF-16LE")
        # One that a filter changes on its way is not the one that is checked out by.
        lines.append(b".gitattributes -filter")
        return b"\n".join(lines) + self.dice.choice((b"\n", b""))

    # -- what is done -------------------------------------------------------------------------------------------------

    def _directory(self) -> bytes:
        parts = [self.dice.choice(DIRECTORIES) for _ in range(self.dice.choice((0, 0, 1, 1, 2, 3)))]
        return b"/".join(parts)

    def _rule_file(self, path: bytes, data: bytes) -> None:
        # One that goes, or becomes a link, counts for git as long as its entry is in the index, which `git add` takes
        # out in the middle of its work: no rule could be made of that.
        place = os.path.join(self.root, path)
        if os.path.lexists(place):
            if not os.path.islink(place) and not _is_directory(place):
                _write(place, data)
            return
        made = self._place(path)
        if made is None:
            return
        if self.dice.random() < 0.1:
            os.symlink(self.dice.choice((b"a", b"c.txt", b"nowhere")), made)
        else:
            _write(made, data)

    def _file(self, path: bytes, has_rules: bool) -> None:
        place = self._place(path, has_rules)
        if place is not None:
            _write(place, self._content(path))
            os.chmod(place, self.dice.choice((0o644, 0o644, 0o755)))

    def _link(self, path: bytes, has_rules: bool) -> None:
        place = self._place(path, has_rules)
        if place is not None:
            os.symlink(self.dice.choice((b"a", b"b", b"nowhere", b"..", b"docs", b"c.txt")), place)

    def _remove(self, path: bytes, has_rules: bool) -> None:
        self._place(path, has_rules, is_made=False)

    def _place(self, path: bytes, has_rules: bool = True, *, is_made: bool = True) -> bytes | None:
        """Clear a path and make the directories above; return where it is, None when it is not to be touched."""
        at = b""
        for part in path.split(b"/")[:-1]:
            at = at + b"/" + part if at else part
            above = os.path.join(self.root, at)
            if os.path.lexists(above) and not _is_directory(above):
                if not is_made:
                    return None
                os.unlink(above)
                self.touched.add(at)
            if not os.path.lexists(above):
                if not is_made:
                    return None
                os.mkdir(above)
        place = os.path.join(self.root, path)
        if _is_directory(place):
            if not has_rules and any(
                name in files for _, _, files in os.walk(place) for name in (b".gitignore", b".gitattributes")
            ):
                return None
            shutil.rmtree(place)
        elif os.path.lexists(place):
            os.unlink(place)
        self.touched.add(path)
        return place


def _is_directory(place: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(place).st_mode)
    except FileNotFoundError:
        return False


def _write(place: bytes, data: bytes) -> None:
    with open(place, "wb") as stream:
        stream.write(data)
