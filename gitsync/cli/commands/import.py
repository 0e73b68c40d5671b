"""`gitsyncctl import`: turn the configuration of a program before us into config.toml. The old file stays."""

from __future__ import annotations

import os
from functools import partial

from gitsync import places, text
from gitsync.cli import old_ini
from gitsync.cli.commands.config import apply
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.control.commands import BY_NAME
from gitsync.errors import EXIT_ATTENTION, EXIT_OK, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def run(context: Context, arguments: Json) -> Reply:
    """Take over what the options name."""
    if all(arguments[kind] is None for kind in ("gitsync", "trakk", "sync_conf")):
        raise UsageError("import what?", "name the file: gitsyncctl import --gitsync ~/.config/gitsync.ini")
    path = places.config_file(context.config)
    if arguments["dry_run"]:
        return _trial(arguments, path)
    if moved := old_ini.make_way(context):
        given = arguments["gitsync"]
        arguments = {**arguments, "gitsync": moved if given == os.path.dirname(path) else given}  # noqa: PTH120
    document: Json = {"config": str(path), "repos": [], "home": None, "jobs": [], "faults": []}
    lines: list[str] = []
    if arguments["gitsync"] is not None:
        lines += _import_ini(context, arguments["gitsync"], document)
    if arguments["trakk"] is not None:
        lines += _import_trakk(context, arguments["trakk"], document)
    if arguments["sync_conf"] is not None:
        lines += _import_sync_conf(context, arguments["sync_conf"], document)
    return Reply(document, partial(_show, lines), EXIT_ATTENTION if document["faults"] else EXIT_OK)


def _show(lines: list[str], output: Output, answer: Json) -> None:
    for line in lines:
        output.wrapped(line)


def _trial(arguments: Json, path: Path) -> Reply:
    """Return what would be written into the configuration; the old files are read, and nothing is changed."""
    from pathlib import Path

    from gitsync.config.import_legacy import import_ini, import_sync_conf, import_trakk
    from gitsync.config.legacy.trakk import parse_trakk
    from gitsync.config.trial import trial

    document: Json = {"config": str(path), "repos": [], "home": None, "jobs": [], "faults": [], "dry_run": True}
    with trial(path) as copy:
        before = copy.read_text() if copy.exists() else ""
        if arguments["gitsync"] is not None:
            document["repos"] = [str(root) for root in import_ini(copy, Path(arguments["gitsync"]))]
        if arguments["trakk"] is not None:
            found = parse_trakk(Path(arguments["trakk"]))
            import_trakk(copy, found)
            tracked = [os.fsdecode(entry.path) for entry in found.entries]
            document["home"] = {"repo": str(found.repository), "tracked": tracked}
            document["faults"] += found.faults
        if arguments["sync_conf"] is not None:
            document["jobs"], faults, document["left_out"] = import_sync_conf(copy, Path(arguments["sync_conf"]))
            document["faults"] += faults
        after = copy.read_text() if copy.exists() else ""
    document["patch"] = _patch(before, after, text.tilde(str(path)))
    lines = document["patch"].splitlines() or ["nothing would be changed in the configuration"]
    lines += [f"would track ~/{name}" for name in (document["home"] or {}).get("tracked", ())]
    lines += [*document["faults"], *document.get("left_out", ())]
    return Reply(document, partial(_show, lines), EXIT_ATTENTION if document["faults"] else EXIT_OK)


def _patch(before: str, after: str, name: str) -> str:
    from difflib import unified_diff

    return "".join(unified_diff(before.splitlines(True), after.splitlines(True), name, f"{name} (would be)"))


def _import_ini(context: Context, given: str, document: Json) -> list[str]:
    from pathlib import Path

    from gitsync.config.import_legacy import import_ini

    path = Path(document["config"])
    roots = [str(root) for root in import_ini(path, Path(given))]
    document["repos"] = roots
    lines = [f"{text.tilde(root)} is in {text.tilde(str(path))}" for root in roots]
    return [*lines, f"{text.tilde(given)} can go now{apply(context)}" if roots else "there is nothing to take over"]


def _import_sync_conf(context: Context, given: str, document: Json) -> list[str]:
    """Turn the lines of Sync Manager's files into jobs."""
    from pathlib import Path

    from gitsync.config.import_legacy import import_sync_conf

    path = Path(document["config"])
    names, faults, left = import_sync_conf(path, Path(given))
    document["jobs"] = names
    document["faults"] += faults
    document["left_out"] = left
    lines = [f"the job {name} is in {text.tilde(str(path))}" for name in names]
    if names:
        holds = apply(context)
        needed = f"taken over{holds}; {text.tilde(given)} is still needed for what was left out:"
        lines.append(needed if faults or left else f"{text.tilde(given)} can go now{holds}")
    return [*(lines or ["there is nothing to take over"]), *faults, *left]


def _import_trakk(context: Context, given: str, document: Json) -> list[str]:
    """Adopt TRAKK's repository as the mirror, and track what TRAKK tracked."""
    from pathlib import Path

    from gitsync.config.import_legacy import import_trakk
    from gitsync.config.legacy.trakk import parse_trakk

    found = parse_trakk(Path(given))
    # First the mirror, which may be refused: then the configuration is as it was.
    _ask(context, "init", {"path": str(found.repository)})
    import_trakk(Path(document["config"]), found)
    home = os.path.expanduser("~")  # noqa: PTH111 - never raises
    names = [os.fsdecode(entry.path) for entry in found.entries]
    there = [name for name in names if any(os.path.lexists(f"{top}/{name}") for top in (home, found.repository))]
    lost = [f"~/{name} is neither in home nor in the mirror: left out" for name in names if name not in there]
    refused = _track(context, [f"{home}/{name}" for name in there])
    lost += refused.values()
    there = [name for name in there if f"{home}/{name}" not in refused]
    document["home"] = {"repo": str(found.repository), "tracked": there}
    document["faults"] += [*found.faults, *lost]
    lines = [f"tracking ~/{name}" for name in there]
    lines.append(f"home is mirrored in {text.tilde(str(found.repository))}")
    if not names:
        lines.append(f"{text.tilde(given)} lists nothing, and neither does its repository: nothing was taken over")
    elif found.faults or lost:
        lines.append(f"{text.tilde(given)} is still needed for what was left out:")
    else:
        lines.append(f"{text.tilde(given)} can go now")
    return [*lines, *found.faults, *lost]


def _track(context: Context, paths: list[str]) -> dict[str, str]:
    """Track what TRAKK tracked; return what cannot be, and why."""
    try:
        if paths:
            _ask(context, "add", {"paths": paths, "host": None})
    except UsageError as error:
        if len(paths) == 1:
            return {paths[0]: f"{error.message}: left out"}
        return {path: why for one in paths for path, why in _track(context, [one]).items()}
    return {}


def _ask(context: Context, command: str, arguments: Json) -> Json:
    return Context(BY_NAME[command], context.output, context.config, context.socket).ask(arguments)
