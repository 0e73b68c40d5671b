"""The set-up: from nothing to a working machine, step by step, each of which shows what there is already."""

from __future__ import annotations

import os
import shlex
from functools import partial
from pathlib import Path

from starlette.responses import Response

from gitsync import text
from gitsync.config.legacy.sync_conf import conf_files
from gitsync.config.legacy.trakk import default_file
from gitsync.config.load import load
from gitsync.config.source import default_inis
from gitsync.errors import OperationError, UsageError
from gitsync.git import program
from gitsync.web.notes import Note
from gitsync.web.page import POST, Asked, Link, Page
from gitsync.web.states import Json
from gitsync.web.work import Work

GIT_S = 10.0
WHO = {"user.name": "Your name", "user.email": "Your mail address"}


def show(asked: Asked) -> Response:
    """Show the steps."""
    config = load(asked.gateway.config)
    status = asked.gateway.ask("status")
    return asked.render(
        "setup.html",
        who={key: (label, _known(key)) for key, label in WHO.items()},
        repos=[(repo.name, text.tilde(str(repo.path))) for repo in config.repos],
        has_home=config.home is not None,
        jobs=[job.name for job in config.jobs],
        old=_old(),
        daemon=status["daemon"],
    )


def who(asked: Asked) -> Response:
    """Tell git who commits, for all of its repositories."""
    done = []
    for key in WHO:
        value = asked.get(key).strip()
        if value and value != _known(key):
            if not value.isprintable():
                raise UsageError(f"{text.clean(value)!r} has characters that no name has", "write it without them")
            if key == "user.email" and "@" not in value:
                raise UsageError(f"{text.clean(value)!r} is not a mail address", "write it like ada@example.org")
            answer = program.run("config", "--global", key, value, root="/", deadline_s=GIT_S)
            if not answer.ok:
                raise OperationError(f"git cannot set {key}: {answer.errors[-300:]}", "look into ~/.gitconfig")
            done.append(f"git config --global {key} {shlex.quote(value)}")
    return asked.leave("/setup", Note("Git knows who you are", hint="; ".join(done)))


def clone(asked: Asked) -> Response:
    """Bring a repository, or a mirror of home files, from a server to this machine."""
    url, directory = asked.needed("url"), asked.get("dir")
    path = str(Path(os.path.expanduser(directory)).absolute()) if directory else _named(url)  # noqa: PTH111

    def show(answer: Json) -> Response:
        where = text.tilde(str(answer.get("path") or answer.get("repo") or path))
        return asked.leave("/setup", Note(f"{url} is in {where}, and watched"))

    act = partial(asked.gateway.ask, "clone", url=url, path=path, yes=asked.get("yes") == "1")
    return asked.patiently(Work(f"Bringing {url} here"), lambda is_over: act(), show)


def _named(url: str) -> str:
    name = url.rstrip("/").removesuffix(".git").replace(":", "/").rpartition("/")[2]
    if not name:
        raise UsageError("the directory for it is missing", "name one, as ~/Notes")
    return str(Path.home() / name)


def take_over(asked: Asked) -> Response:
    """Take over what a program before gitsync left, as `gitsyncctl import` does."""
    kind = asked.needed("kind")
    found = {each["kind"]: each for each in _old()}.get(kind)
    if found is None:
        raise UsageError("there is nothing of that program to take over", "see the list on the page")
    act = partial(asked.gateway.command, "import", f"--{kind}", found["path"])
    return asked.patiently(
        Work(f"Taking over {found['shown']}", back="/setup"),
        lambda is_over: act(is_cancelled=is_over),
        lambda said: asked.leave("/setup", Note(f"{found['name']} is taken over", hint=said)),
    )


def start(asked: Asked) -> Response:
    """Have gitsync started now and with each login."""
    return asked.patiently(
        Work("Installing the service"),
        lambda is_over: asked.gateway.command("service", "install"),
        lambda said: asked.leave("/setup", Note("gitsync is a service now", hint=said)),
    )


def _known(key: str) -> str:
    done = program.run("config", "--get", key, root="/", deadline_s=GIT_S)
    return os.fsdecode(done.stdout).strip() if done.ok else ""


def _old() -> list[Json]:
    """Return what programs before gitsync left on this machine."""
    inis = [
        {"kind": "gitsync", "name": "The first GitSync", "path": str(ini)} for ini in default_inis() if ini.is_file()
    ]
    trakk = default_file()
    found = inis[:1] + ([{"kind": "trakk", "name": "TRAKK", "path": str(trakk)}] if trakk.is_file() else [])
    files = conf_files()
    if files:
        found.append({"kind": "sync-conf", "name": "Sync Manager", "path": str(files[0].parent)})
    return [{**each, "shown": text.tilde(each["path"])} for each in found]


PAGES = (
    Page("/setup", show),
    Page("/setup/who", who, POST),
    Page("/setup/clone", clone, POST),
    Page("/setup/import", take_over, POST),
    Page("/setup/start", start, POST),
)
LINKS: tuple[Link, ...] = ()
