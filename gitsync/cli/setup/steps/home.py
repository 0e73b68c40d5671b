"""Files of the home directory: `gitsyncctl init`, `clone` and `add`. On the control command's only thread."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from gitsync import text
from gitsync.cli.setup import answers, remotes
from gitsync.cli.setup.dialogue import DIRECTORY, PATH, Choice
from gitsync.cli.setup.guide import Guide
from gitsync.config.options import SECTIONS
from gitsync.daemon.handlers import init_mirror
from gitsync.errors import UsageError
from gitsync.mirror.home_paths import places_of
from gitsync.redaction import redact

TITLE = "files of your home directory"
ABOUT = (
    "A mirror is a repository of its own, beside your home directory, with the files of home that you choose: your "
    "shell's settings, your editor's. With a remote they are the same on all your machines."
)
TYPICAL = (
    ".bashrc",
    ".bash_profile",
    ".bash_aliases",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".inputrc",
    ".gitconfig",
    ".vimrc",
    ".emacs",
    ".tmux.conf",
    ".screenrc",
    ".Xresources",
    ".config/fish",
    ".config/git",
    ".config/nvim",
    ".ssh/config",
)
NOT_NOW, NEW, TAKE_OVER = "later", "new", "clone"
NONE = "no mirror now"


def act(guide: Guide) -> None:
    """Have a mirror, then track files in it."""
    home = guide.config().home
    if home is not None:
        guide.dialogue.tell(f"home is mirrored in {text.tilde(str(home.repo))}", "green")
    elif not _make(guide):
        return
    _track(guide)


def _make(guide: Guide) -> bool:
    how = guide.dialogue.choose(
        "What would you like?",
        (
            Choice(NOT_NOW, NONE),
            Choice(NEW, "a new mirror, begun on this machine"),
            Choice(TAKE_OVER, "the mirror that another machine has pushed to a server"),
        ),
    )
    if how == NOT_NOW:
        return False
    if how == NEW:
        url = remotes.ask_address(guide, remotes.QUESTION, empty="it stays on this machine").url
    else:
        url = remotes.ask_address(guide, "The address that it was pushed to?", empty=NONE).url
        if not url:
            return False
    path = _ask_place(guide)
    if not path:
        return False
    shown = text.tilde(path)
    words = (
        ["init", shown, *(("--remote", redact(url)) if url else ())] if how == NEW else ["clone", redact(url), shown]
    )
    if not guide.is_yes("Make it?" if how == NEW else "Take it over?", *words, is_default=True):
        return False
    make = partial(guide.run, "init", path=path, remote=url or None)
    if how == TAKE_OVER:
        guide.dialogue.tell("Files that home has already and that differ are committed first, and merged.")
        make = partial(guide.run, "clone", url=url, path=path)
    undo = [guide.typed("unwatch", "home")]
    if not os.path.lexists(path):
        undo.append(f"rm -rf {text.as_word(shown)}    # and all versions in it")
    return guide.carry_out(f"{words[0]} the mirror {shown}", undo, make)


def _ask_place(guide: Guide) -> str:
    """Return where the mirror is to be, "" for nowhere; the usual place is offered where it is possible."""
    usual = str(SECTIONS["home"].rows["repo"].default)
    check = partial(_place, guide)
    try:
        check(usual)
    except UsageError as error:
        guide.dialogue.refuse(error)
        return guide.ask("Where is it to be?", check, empty=NONE, kind=DIRECTORY)
    return guide.ask("Where is it to be?", check, default=usual, kind=DIRECTORY)


def _place(guide: Guide, answer: str) -> str:
    path = answers.directory(answer)
    init_mirror.check_place(Path(path), guide.config().repos)
    return path


def _track(guide: Guide) -> None:
    home = os.path.expanduser("~")  # noqa: PTH111 - never raises
    tracked = {str(entry["path"]) for entry in guide.answer("list")["home"]}
    for name in sorted(tracked):
        guide.dialogue.tell(f"tracked: ~/{name}", "green")
    typical = [
        name
        for name in TYPICAL
        if os.path.exists(f"{home}/{name}")  # noqa: PTH110 - one look
        and not any(name == each or name.startswith(f"{each}/") for each in tracked)
    ]
    if typical:
        guide.dialogue.tell("Files that people often track, and that you have:")
        for number, name in enumerate(typical, 1):
            guide.dialogue.show(f"{number:2}  ~/{name}")
        picked = guide.ask(
            "Which of them? (like: 1 3 5-7, or all)", partial(answers.numbers, len(typical)), empty="none"
        )
        wanted = [typical[int(number) - 1] for number in picked.split()]
        if wanted and guide.is_yes("Track this?", "add", *(f"~/{name}" for name in wanted), is_default=True):
            _add(guide, [f"{home}/{name}" for name in wanted])
    question = "Which file or directory of home is to be tracked?"
    while path := guide.ask(question, partial(_checked, guide), empty="no more", kind=PATH):
        if guide.is_yes(f"Track {text.tilde(path)}?", "add", text.tilde(path), is_default=True):
            _add(guide, [path])
        question = "Another one?"


def _checked(guide: Guide, answer: str) -> str:
    path = answers.path(answer)
    home = guide.config().home
    if home is not None:
        places_of(home.repo).entry(path, frozenset())
    return path


def _add(guide: Guide, paths: list[str]) -> None:
    shown = [text.tilde(path) for path in paths]
    guide.carry_out(
        f"track {', '.join(shown)}", [guide.typed("remove", *shown)], partial(guide.run, "add", paths=paths)
    )
