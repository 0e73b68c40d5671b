"""Jobs with a server: a [[job]] in the configuration. On the control command's only thread."""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path

from gitsync import text
from gitsync.cli.commands.config import apply
from gitsync.cli.setup import answers, remotes
from gitsync.cli.setup.dialogue import DIRECTORY, Choice
from gitsync.cli.setup.guide import Guide
from gitsync.config.checks import name_from
from gitsync.config.document import add_jobs
from gitsync.config.entries import writable_root
from gitsync.config.options import SECTIONS, JobConfig
from gitsync.core.units import parse_duration
from gitsync.daemon.checks.model import CheckState
from gitsync.daemon.checks.remotes import host_key
from gitsync.errors import OperationError, UsageError
from gitsync.redaction import redact

TITLE = "jobs with a server"
ABOUT = (
    "A job makes a directory the same here and on a server now and then, without watching it: a project with many "
    "branches, a music collection."
)
BACKENDS = (
    Choice("git", "a repository, with all of its branches and tags"),
    Choice("unison", "files both ways; unison has to be on the server, too"),
    Choice("rsync", "files, the newer one wins and the other is kept beside it"),
)
MODES = (
    Choice("both", "take in and send"),
    Choice("push", "only send"),
    Choice("pull", "only take in"),
)

NONE = "no job for it"


def act(guide: Guide) -> None:
    """Make one job after the other, until the person has no more."""
    question = "For which directory is there to be a job?"
    while path := guide.ask(question, answers.directory, empty="none", kind=DIRECTORY):
        _make(guide, path)
        question = "Another directory?"


def _make(guide: Guide, path: str) -> None:
    installed = tuple(choice for choice in BACKENDS if shutil.which(choice.word))
    for choice in BACKENDS:
        if choice not in installed:
            guide.dialogue.tell(f"{choice.word} is not installed here", "dim")
    backend = guide.dialogue.choose("Which program is to do it?", installed)
    url = _address(guide, backend, path)
    if not url:
        return
    mode = guide.dialogue.choose("Which way?", MODES)
    every = guide.ask(
        "How often? (30m, 1h, 1d; off: only when asked)",
        answers.every,
        default=str(SECTIONS["job"].rows["every"].default),
    )
    job = JobConfig(
        name=name_from(os.path.basename(path)) or "root",  # noqa: PTH119 - one look
        path=writable_root(Path(path)),
        backend=backend,
        url=url,
        mode=mode,
        every=parse_duration(every),
    )
    config_file = text.tilde(str(guide.config_file))
    ways = next(choice.meaning for choice in MODES if choice.word == mode)
    when = "only when asked" if job.every is None else f"every {every}"
    guide.dialogue.tell(f"The job {job.name}: {backend}, {text.tilde(path)} with {redact(url)}, {ways}, {when}.")
    if guide.is_yes(f"Write it into {config_file}?", is_default=True):
        undo = [guide.typed("config", "edit") + f"    # and take out [[job]] {job.name}"]
        guide.carry_out(f"make the job {job.name}", undo, partial(_write, guide, job))


def _address(guide: Guide, backend: str, path: str) -> str:
    question = "The address of the other side? (host:path, ssh://host/path, or a path)"
    if backend == "git":
        if Path(path).is_dir() and any(Path(path).iterdir()) and not os.path.lexists(f"{path}/.git"):
            guide.dialogue.refuse(
                UsageError(
                    f"{text.tilde(path)} has files and is not a git repository",
                    "a git job clones into one that is empty",
                )
            )
            return ""
        return remotes.ask_address(guide, question, empty=NONE).url
    while True:
        url = guide.ask(question, answers.address, empty=NONE)
        if not url:
            return ""
        found = host_key(url, "ssh")
        if found.state is CheckState.OK:
            return url
        guide.dialogue.refuse(OperationError(found.message, found.fix))
        if guide.is_yes("Use it anyway?"):
            return url


def _write(guide: Guide, job: JobConfig) -> None:
    names = add_jobs(guide.config_file, [job])
    if not names:
        raise UsageError(f"there is a job for {text.tilde(str(job.path))} with that server already", "gitsyncctl list")
    shown = text.tilde(str(guide.config_file))
    guide.dialogue.tell(f"the job {names[0]} is in {shown}{apply(guide.context)}", "green")
    guide.dialogue.show(guide.typed("sync", "--wait", names[0]))
