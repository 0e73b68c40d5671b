"""Settings: every key of the configuration as a form, from the declarations that its documentation comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.responses import Response

from gitsync import places, text
from gitsync.config import document
from gitsync.config.load import check_paths, load
from gitsync.config.options import SECTIONS, Config
from gitsync.config.rows import Option
from gitsync.config.source import active_file
from gitsync.config.trial import trial
from gitsync.errors import GitsyncError, NotRunningError, UsageError
from gitsync.web.fields import changed, field_of
from gitsync.web.notes import Note
from gitsync.web.page import POST, Asked, Link, Page, address
from gitsync.web.states import Json

# What names a table cannot be changed on its own page.
FIXED = ("name",)


def show(asked: Asked) -> Response:
    """Show the fields of one table, and the way to the others."""
    return _page(asked, {}, {})


def save(asked: Asked) -> Response:
    """Write what was changed in a table, all of it or nothing, and have it taken over."""
    table = asked.needed("table")
    path, _, options, values = _table(asked, table)
    given = {key: asked.get(key) for key in options if key in asked.values}
    wanted = changed(options, values, given)
    faults = _faults(path, table, wanted)
    if faults:
        return _page(asked, faults, given)
    for key, value in wanted.items():
        document.set_value(path, f"{table}.{key}", value)
    how = taken_over(asked)
    done = f"{', '.join(wanted)} set{how}" if wanted else "Nothing was changed"
    return asked.leave(address("/settings", table=table), Note(done))


def _page(asked: Asked, faults: Mapping[str, str], given: Mapping[str, str]) -> Response:
    table = asked.get("table", "defaults")
    path, config, options, values = _table(asked, table)
    fields = [field_of(row, given.get(key, values.get(key)), faults.get(key, "")) for key, row in options.items()]
    return asked.render(
        "settings.html",
        http_status=400 if faults else 200,
        table=table,
        tables=_tables(config),
        fields=fields,
        file=text.tilde(str(active_file(asked.gateway.config) or path)),
        problems=check_paths(config),
        fault=faults.get("", ""),
        doc=SECTIONS[table.partition(".")[0]].doc,
        is_removable=table.startswith("repo.") or table == "home",
    )


def _table(asked: Asked, table: str) -> tuple[Path, Config, dict[str, Option], Json]:
    """Return the file, what it says, the options of a table and their values. Raise UsageError for an unknown one."""
    config = load(asked.gateway.config)
    if table not in [name for name, _ in _tables(config)]:
        raise UsageError(f"there is no table {table!r} in the configuration", "choose one on the page")
    section = SECTIONS[table.partition(".")[0]]
    path = places.config_file(asked.gateway.config)
    found = document.get(path, table)
    values: dict[str, Any] = found if isinstance(found, dict) else {}
    options = {key: row for key, row in section.rows.items() if key not in FIXED}
    return path, config, options, values


def _tables(config: Config) -> list[tuple[str, str]]:
    """Return the tables that there are, with what they are called."""
    found = [("defaults", "Defaults")]
    found += [(f"repo.{repo.name}", repo.name) for repo in config.repos]
    found += [("home", "Home files")] if config.home is not None else []
    found += [(f"job.{job.name}", f"{job.name} (job)") for job in config.jobs]
    return [*found, ("daemon", "gitsync itself"), ("hooks", "Commands")]


def _faults(path: Path, table: str, wanted: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with the new values, by key; what is wrong with them together is under ""."""
    faults: dict[str, str] = {}
    with trial(path) as copy:
        for key, value in wanted.items():
            try:
                document.set_value(copy, f"{table}.{key}", value)
            except GitsyncError as error:
                faults[key] = error.message.removeprefix(f"{table}.{key}: ").replace(str(copy), str(path))
    return faults


def taken_over(asked: Asked) -> str:
    """Have a running daemon read the configuration; return what to add to the sentence about a change."""
    try:
        asked.gateway.ask("reload")
    except NotRunningError:
        return ": it holds when gitsync starts"
    return ""


PAGES = (Page("/settings", show), Page("/settings", save, POST))
LINKS = (Link("/settings", "Settings", "settings"),)
