"""The one page of the setup's window, drawn with tkinter: the only module that imports it.

On the control command's only thread. `ask` runs Tk's loop until the page is answered; while a command works,
`show_work` draws between two of its instructions and lets Tk hear. Cancel raises KeyboardInterrupt in either case.
"""

from __future__ import annotations

import tkinter
from functools import partial
from tkinter import filedialog, font, ttk
from types import TracebackType

from gitsync.cli.setup.dialogue import Choice
from gitsync.errors import OperationError

NEXT, YES, NO, LEFT = "next", "yes", "no", "left"
# In the order of Tab, with their columns.
BUTTONS = ((NO, "No", 1), (YES, "Yes", 2), (NEXT, "Next", 3), (LEFT, "Cancel", 0))
# Around the page, and what a label keeps for itself.
PAD, INNER = 16, 8
SIZE, LEAST = (760, 600), (520, 480)
# How late a Ctrl-C where the window was started from may be heard: Tk's loop looks for it with each event.
HEAR_MS = 200
COLOURS = {"green": "#1a6b2d", "yellow": "#7a5200", "red": "#a31515", "dim": "#555555", "plain": "#000000"}
ENTRY_ROW = 4


class Sheet:
    """A window with a page in it. What is written must be escaped already."""

    def __init__(self) -> None:
        try:
            self._root = _Root(className="gitsync-setup")
        except tkinter.TclError as error:
            raise OperationError(
                f"cannot open a window: {error}",
                "start it where there is a screen, or be asked on the terminal: gitsyncctl setup",
            ) from error
        self.is_closed = self._is_left = self._is_listening = False
        self._answer = ""
        # For as long as the window: a variable or a font that goes by itself talks to Tk, on whatever thread that is.
        self._picked = tkinter.StringVar(self._root)
        self._fonts = _fonts()
        self._lay_out()
        # In Tcl, so that nothing that is raised meanwhile can end it.
        self._root.tk.eval(f"proc hear {{}} {{ after {HEAR_MS} hear }}; hear")

    def begin(self, title: str, about: str) -> None:
        """Turn to a new page."""
        self._title.configure(text=title)
        _say(self._about, about)
        self._story.configure(state="normal")
        self._story.delete("1.0", "end")
        self._story.configure(state="disabled")

    def write(self, line: str, style: str) -> None:
        """Write a line below what was written before; it can be selected and copied."""
        self._story.configure(state="normal")
        self._story.insert("end", f"{line}\n", style)
        self._story.configure(state="disabled")
        self._story.see("end")

    def ask_for_line(self, question: str, text: str | None, note: str, fault: str, *, can_browse: bool) -> str:
        """Return what is in the field when the page is answered; it begins with `text`, None for what is there."""
        if text is not None:
            self._entry.delete(0, "end")
            self._entry.insert(0, text)
        self._entry.grid()
        if can_browse:
            self._browse.grid()
        _say(self._note, note)
        _say(self._fault, fault)
        self.ask(question, NEXT, focus=self._entry)
        return self._entry.get()

    def ask_for_one(self, question: str, choices: tuple[Choice, ...]) -> str:
        """Return the word of the choice that is picked when the page is answered; the first one is at the beginning."""
        self._picked.set(choices[0].word)
        buttons = [
            ttk.Radiobutton(
                self._choices,
                name=choice.word,
                text=f"{choice.word}: {choice.meaning}",
                value=choice.word,
                variable=self._picked,
            )
            for choice in choices
        ]
        for number, button in enumerate(buttons):
            button.pack(anchor="w", pady=2)
            for key, other in (("<Up>", number - 1), ("<Down>", number + 1 - len(buttons))):
                button.bind(key, partial(_pick, buttons[other]))
        self._choices.grid()
        try:
            self.ask(question, NEXT, focus=buttons[0])
        finally:
            for button in buttons:
                button.destroy()
        return self._picked.get()

    def ask(self, question: str, *answers: str, focus: tkinter.Widget | None = None) -> str:
        """Show the page and return which button ended it; the first of `answers` is what Return does."""
        _say(self._question, question)
        for name, button in self._buttons.items():
            button.configure(state="normal", default="active" if name == answers[0] else "normal")
            if name in answers or name == LEFT:
                button.grid()
            else:
                button.grid_remove()
        self._default = self._buttons[answers[0]]
        (focus or self._default).focus_set()
        # A question refers to the text before it; an account is read from its beginning.
        self._story.yview_moveto(1 if question else 0)
        self._answer = ""
        # Not wait_variable: what is raised where a callback begins, as by Ctrl-C, is lost in there.
        try:
            self._root.mainloop()
        finally:
            self._rest()
        self._raise_caught()
        return self._answer

    def show_work(self, line: str) -> None:
        """Show what is being done ("" for nothing), and let the person cancel it: raise KeyboardInterrupt, once."""
        self._work.configure(text=line)
        if self._is_listening:
            return
        self._is_listening = True
        try:
            self._root.update()
        finally:
            self._is_listening = False
        self._raise_caught()

    def _raise_caught(self) -> None:
        """Raise what a callback raised, and KeyboardInterrupt for Cancel; each once."""
        broken, self._root.broken = self._root.broken, None
        if broken is not None:
            raise broken
        if self._is_left:
            self._is_left = False
            raise KeyboardInterrupt

    def finish(self) -> None:
        """Show the page until it is closed, unless the window is closed already, and take the window away."""
        if not self.is_closed:
            self._buttons[LEFT].configure(text="Close")
            try:
                self.ask("", LEFT)
            except KeyboardInterrupt:
                self.is_closed = True  # this is how a last page is answered
        self._root.destroy()

    def _rest(self) -> None:
        """Take away what was to be answered; Cancel alone stays to be pressed."""
        for label in (self._question, self._note, self._fault):
            _say(label, "")
        for widget in (self._entry, self._browse, self._choices):
            widget.grid_remove()
        for name, button in self._buttons.items():
            if name != LEFT:
                button.configure(state="disabled")
        if self.is_closed:
            self._root.withdraw()
        self._root.update_idletasks()

    def _press_default(self, _: tkinter.Event[tkinter.Misc]) -> None:
        held = self._root.focus_get()
        (held if isinstance(held, ttk.Button) else self._default).invoke()

    def _select_all(self, _: tkinter.Event[tkinter.Misc]) -> str:
        """Do what Ctrl-A does everywhere but in Tk on X11."""
        self._entry.selection_range(0, "end")
        return "break"

    def _press(self, name: str) -> None:
        self._is_left = name == LEFT
        self._answer = name
        self._root.quit()

    def _close(self) -> None:
        self.is_closed = True
        self._press(LEFT)

    def _look_for(self) -> None:
        found = filedialog.askdirectory(parent=self._root, title="Which directory?")
        if found:
            self._entry.delete(0, "end")
            self._entry.insert(0, str(found))

    def _wrap(self, event: tkinter.Event[tkinter.Misc]) -> None:
        if event.widget is self._root:
            for label in (self._title, self._about, self._question, self._note, self._fault, self._work):
                label.configure(wraplength=event.width - 2 * PAD - INNER)

    def _lay_out(self) -> None:
        root = self._root
        root.title("gitsync setup")
        root.geometry(f"{SIZE[0]}x{SIZE[1]}")
        root.minsize(*LEAST)
        ttk.Style(root).theme_use("clam")
        page = ttk.Frame(root, padding=PAD, name="page")
        page.pack(fill="both", expand=True)
        page.columnconfigure(0, weight=1)
        page.rowconfigure(2, weight=1)
        self._title = ttk.Label(page, name="title", font=self._fonts["title"])
        self._about = ttk.Label(page, name="about")
        story, self._story = _story(page, self._fonts["command"])
        self._question = ttk.Label(page, name="question", font=self._fonts["bold"])
        self._entry = ttk.Entry(page, name="entry")
        self._browse = ttk.Button(page, name="browse", text="Browse…", command=self._look_for)
        self._choices = ttk.Frame(page, name="choices")
        self._note = ttk.Label(page, name="note", foreground=COLOURS["dim"])
        self._fault = ttk.Label(page, name="fault", foreground=COLOURS["red"])
        self._work = ttk.Label(page, name="work", foreground=COLOURS["dim"])
        below = ttk.Frame(page, name="buttons")
        rows = (self._title, self._about, story, self._question, self._entry, self._choices)
        for number, widget in enumerate((*rows, self._fault, self._note, self._work, below)):
            widget.grid(row=number, column=0, columnspan=1 if number == ENTRY_ROW else 2, sticky="nsew", pady=4)
        self._browse.grid(row=ENTRY_ROW, column=1, padx=(8, 0))
        self._buttons = {
            name: ttk.Button(
                below,
                name=name,
                text=label,
                command=partial(self._press, name),
            )
            for name, label, _ in BUTTONS
        }
        below.columnconfigure(0, weight=1)
        for name, _, column in BUTTONS:
            self._buttons[name].grid(row=0, column=column, sticky="" if column else "w", padx=(8 if column else 0, 0))
        self._default = self._buttons[LEFT]
        root.bind("<Return>", self._press_default)
        root.bind("<KP_Enter>", self._press_default)
        self._entry.bind("<Control-a>", self._select_all)
        root.bind("<Escape>", lambda _: self._press(LEFT))
        root.bind("<Configure>", self._wrap)
        root.protocol("WM_DELETE_WINDOW", self._close)
        self._rest()


class _Root(tkinter.Tk):
    """Tk's own window; what a callback raises ends the page, instead of being printed."""

    broken: BaseException | None = None

    def report_callback_exception(self, exc: type[BaseException], val: BaseException, tb: TracebackType | None) -> None:
        self.broken = val
        self.quit()


def _pick(button: ttk.Radiobutton, _: tkinter.Event[tkinter.Misc]) -> str:
    """Go to one of several and pick it: what an arrow key does, where Tk alone would only go there."""
    button.focus_set()
    button.invoke()
    return "break"


def _say(label: ttk.Label, text: str) -> None:
    """Show a text, and no room for none."""
    label.configure(text=text)
    if text:
        label.grid()
    else:
        label.grid_remove()


def _fonts() -> dict[str, font.Font]:
    plain = font.nametofont("TkDefaultFont")
    made = {"title": plain.copy(), "bold": plain.copy(), "command": font.nametofont("TkFixedFont").copy()}
    made["title"].configure(size=abs(int(plain.actual("size"))) + 5, weight="bold")
    made["bold"].configure(weight="bold")
    return made


def _story(page: ttk.Frame, command: font.Font) -> tuple[ttk.Frame, tkinter.Text]:
    """Return what shows all that was said in a step, and the frame that it is in with its scroll bar."""
    frame = ttk.Frame(page, name="story")
    frame.columnconfigure(0, weight=1)
    frame.rowconfigure(0, weight=1)
    background = str(ttk.Style(page).lookup("TFrame", "background"))
    made = tkinter.Text(frame, name="text", wrap="word", state="disabled", width=20, height=4, takefocus=False)
    made.configure(font="TkDefaultFont", spacing3=3, background=background, relief="flat", highlightthickness=0)
    bar = ttk.Scrollbar(frame, command=made.yview)

    def scrolled(first: float, last: float) -> None:
        bar.set(first, last)
        if float(last) - float(first) == 1:  # Tk passes them as text
            bar.grid_remove()
        else:
            bar.grid(row=0, column=1, sticky="ns")

    made.configure(yscrollcommand=scrolled)
    made.grid(row=0, column=0, sticky="nsew")
    for name, colour in COLOURS.items():
        made.tag_configure(name, foreground=colour)
    made.tag_configure("command", font=command, lmargin1=16, lmargin2=32, background="#f4f3ef")
    return frame, made
