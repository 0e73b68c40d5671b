"""`python -m tests.fakes.pressing SCRIPT ARGUMENT...`: gitsyncctl in this process, and a person at its window.

SCRIPT is JSON: a list of (what the page says, what is done about it, with what). The person is a timer in Tk's own loop
and does what a hand does: keys and clicks are events of Tk's, sent to the widgets that are there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tkinter
from typing import Any

LOOK_MS = 20
PATIENCE_S = 40.0
MISSED = 99
LINE = 20
KEYS = {" ": "space", "/": "slash", ".": "period", "~": "asciitilde", "-": "minus", "@": "at", "_": "underscore"}


class Hand:
    """Works off the script, one item a page."""

    def __init__(self, root: tkinter.Tk, script: list[list[str]]) -> None:
        self.root = root
        self.script = script
        self.is_acting = False
        self.begun_at = time.monotonic()
        # In Tcl, so that a Ctrl-C in the middle of a look is not the last of it.
        root.tk.eval(f"proc look {{}} {{ after {LOOK_MS} look; {root.register(self.look)} }}; after {LOOK_MS} look")

    def look(self) -> None:
        if not self.script or self.is_acting:
            return
        wanted, act, word = self.script[0]
        if wanted in self.page() and self.is_asked():
            self.script.pop(0)
            self.begun_at = time.monotonic()
            if cut := self.cut():
                self.give_up(f"not whole: {cut}")
            self.is_acting = True
            getattr(self, act)(word)
            self.is_acting = False
        elif time.monotonic() - self.begun_at > PATIENCE_S:
            self.give_up(f"no {wanted!r}")

    def give_up(self, why: str) -> None:
        print(f"{why} on this page:\n{self.page()}", file=sys.stderr, flush=True)
        os._exit(MISSED)

    def cut(self) -> list[str]:
        """Return what is shown with less room than it needs."""
        self.root.update_idletasks()
        shown = [*self.root.nametowidget(".page").winfo_children(), *self.widget("buttons").winfo_children()]
        shown += self.widget("choices").winfo_children()
        return [
            f"{widget} {widget.winfo_geometry()} needs {widget.winfo_reqwidth()}x{self.needs(widget)}"
            for widget in shown
            if widget.winfo_ismapped()
            and (widget.winfo_reqwidth() > widget.winfo_width() or self.needs(widget) > widget.winfo_height())
        ]

    def needs(self, widget: Any) -> int:
        """Return the least height of a widget; what can be scrolled needs two lines."""
        return 2 * LINE if widget is self.widget("story") else widget.winfo_reqheight()

    def widget(self, name: str) -> Any:
        return self.root.nametowidget(f".page.{name}")

    def page(self) -> str:
        names = ("title", "about", "question", "note", "fault", "work")
        labels = [f"{name}: {self.widget(name)['text']}" for name in names]
        return "\n".join([*labels, self.widget("story.text").get("1.0", "end")])

    def is_asked(self) -> bool:
        """Whether the page waits for an answer, or shows work that can be cancelled."""
        shown = [self.widget(f"buttons.{name}") for name in ("left", "no", "yes", "next")]
        return all(str(button["state"]) != "disabled" for button in shown) or bool(self.widget("work")["text"])

    def types(self, word: str) -> None:
        """Type into the field, in place of what is there, and press Return."""
        self.root.focus_force()
        entry = self.widget("entry")
        entry.focus_force()
        entry.event_generate("<<SelectAll>>")
        entry.event_generate("<BackSpace>")
        for char in word:
            if (char.isalnum() and char.isascii()) or char in KEYS:
                entry.event_generate("<Key>", keysym=KEYS.get(char, char))
            else:
                entry.insert("insert", char)  # as an input method would
        entry.event_generate("<Return>")

    def clicks(self, name: str) -> None:
        """Click a button."""
        button = self.widget(name)
        self.root.update_idletasks()
        button.event_generate("<Enter>")
        button.event_generate("<ButtonPress-1>", x=5, y=5)
        button.event_generate("<ButtonRelease-1>", x=5, y=5)

    def presses(self, key: str) -> None:
        """Press a key."""
        self.root.focus_force()
        self.root.event_generate(key)

    def keys(self, keys: str) -> None:
        """Press keys one after the other, each where the focus is by then."""
        self.root.update()
        held: Any = self.root.focus_lastfor() or self.root
        held.focus_force()
        self.root.update()
        for key in keys.split():
            (self.root.focus_get() or held).event_generate(key)
            self.root.update()

    def closes(self, _: str) -> None:
        """Close the window, as its frame does."""
        self.root.tk.call(*self.root.tk.splitlist(self.root.protocol("WM_DELETE_WINDOW")))

    def interrupts(self, _: str) -> None:
        """Press Ctrl-C where the window was started from."""
        subprocess.Popen(["sh", "-c", f"sleep 0.2; kill -INT {os.getpid()}"])

    def shrinks(self, size: str) -> None:
        """Make the window as small as this, or as it lets itself be made."""
        self.root.geometry(size)

    def photographs(self, path: str) -> None:
        """Keep a picture of the screen."""
        self.root.update()
        subprocess.run(["import", "-window", "root", path], check=True, timeout=30)


def main() -> int:
    script = json.loads(sys.argv[1])
    begin = tkinter.Tk.__init__

    def begin_with_a_hand(root: tkinter.Tk, *arguments: Any, **options: Any) -> None:
        begin(root, *arguments, **options)
        Hand(root, script)

    tkinter.Tk.__init__ = begin_with_a_hand  # type: ignore[method-assign, assignment]
    from gitsync.cli.main import main as gitsyncctl

    status = gitsyncctl(sys.argv[2:])
    if script:
        print(f"never came to: {script}", file=sys.stderr)
        return MISSED
    return status


if __name__ == "__main__":
    sys.exit(main())
