"""Add or remove a job: a periodic exchange of a directory, or of all branches of a project, with a server."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from gitsync import places
from gitsync.config import document
from gitsync.config.literal import toml_table
from gitsync.config.load import parse
from gitsync.config.options import SECTIONS
from gitsync.errors import ConfigError
from gitsync.web.fields import field_of, typed
from gitsync.web.notes import Note
from gitsync.web.page import POST, Asked, Link, Page
from gitsync.web.pages.settings import taken_over

KEYS = ("name", "backend", "path", "url", "mode", "every", "user")
PROPOSED = {"backend": "git", "mode": "both", "every": "1h"}


def ask(asked: Asked) -> Response:
    """Show the form of a new job."""
    return _form(asked, PROPOSED, [])


def add(asked: Asked) -> Response:
    """Add it to the configuration, and have it taken over."""
    rows = SECTIONS["job"].rows
    given = {key: asked.get(key) for key in KEYS if asked.get(key)}
    path = places.config_file(asked.gateway.config)
    table = toml_table("[[job]]", {key: typed(rows[key], value) for key, value in given.items()})
    try:
        jobs = parse(table, path).jobs
    except ConfigError as error:
        return _form(asked, given, [fault.partition(": ")[2] or fault for fault in error.faults])
    added = document.add_jobs(path, jobs)
    how = taken_over(asked)
    return asked.leave("/", Note(f"{added[0]} was added{how}" if added else "there is such a job already"))


def remove(asked: Asked) -> Response:
    """Take it out of the configuration; what it has brought stays on both sides."""
    name = asked.needed("name")
    document.remove_job(places.config_file(asked.gateway.config), name)
    how = taken_over(asked)
    return asked.leave("/settings", Note(f"the job {name} was removed{how}; no file was deleted"))


def _form(asked: Asked, given: Mapping[str, str], faults: list[str]) -> Response:
    rows = SECTIONS["job"].rows
    fields = [field_of(rows[key], given.get(key)) for key in KEYS]
    return asked.render("job.html", http_status=400 if faults else 200, fields=fields, faults=faults)


PAGES = (Page("/job", ask), Page("/job", add, POST), Page("/job/remove", remove, POST))
LINKS: tuple[Link, ...] = ()
