"""What the programs before gitsync left: `gitsyncctl import`. On the control command's only thread."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from gitsync import text
from gitsync.cli.setup.guide import Guide
from gitsync.config.import_legacy import ASIDE, make_way
from gitsync.config.legacy.gitsync_ini import parse_ini
from gitsync.config.legacy.sync_conf import CONF_DIR, conf_files, jobs_of
from gitsync.config.legacy.trakk import default_file, parse_trakk
from gitsync.config.source import default_inis, read_text
from gitsync.errors import ConfigError

TITLE = "programs before gitsync"
ABOUT = (
    "The settings of the first GitSync, of TRAKK and of Sync Manager can be taken over into gitsync's own file, where "
    "the other commands can change them. The old files stay."
)


def is_wanted() -> bool:
    """Return whether one of these programs left something."""
    return bool(_inis() or default_file().is_file() or conf_files())


def _inis() -> list[Path]:
    inis = [*default_inis(), Path(os.path.expanduser("~/.config/gitsync.ini"))]  # noqa: PTH111 - never raises
    return [ini for ini in inis if ini.is_file()]


def act(guide: Guide) -> None:
    """Offer each import whose file is there and says something that gitsync's own file does not."""
    found = [partial(_offer_ini, guide, ini) for ini in _inis()]
    found += [partial(_offer_trakk, guide, default_file())] if default_file().is_file() else []
    found += [partial(_offer_sync_conf, guide, conf_files())] if conf_files() else []
    offered = False
    for offer in found:
        try:
            offered |= offer()
        except ConfigError as error:
            guide.dialogue.refuse(error)
            offered = True
    if not offered:
        guide.dialogue.tell("all of theirs is taken over already")


def _offer_ini(guide: Guide, ini: Path) -> bool:
    known = {os.path.realpath(repo.path) for repo in guide.written().repos}
    roots = [repo.path for repo in parse_ini(read_text(ini), ini).repos if os.path.realpath(repo.path) not in known]
    if not roots:
        return False
    shown = text.tilde(str(ini))
    guide.dialogue.tell(
        f"{shown} is the first GitSync's. It names {', '.join(text.tilde(str(root)) for root in roots)}."
    )
    undo = [guide.typed("unwatch", text.tilde(str(root))) for root in roots]
    aside = ini.with_name(ini.name + ASIDE)
    act = partial(guide.run, "import", gitsync=str(ini))
    if guide.config_file.is_relative_to(ini):
        there = text.tilde(str(aside))
        guide.dialogue.tell(f"It has the name of the directory that gitsync needs, so it would be moved to {there}.")
        old, new = text.as_word(shown), text.as_word(there)
        undo.append(f"rm -r {old} && mv {new} {old}    # with all settings in it")
        act = partial(_move_and_import, guide, ini)
        ini = aside
    if guide.is_yes("Take it over?", "import", "--gitsync", text.tilde(str(ini)), is_default=True):
        guide.carry_out(f"import {shown}", undo, act)
    return True


def _move_and_import(guide: Guide, ini: Path) -> int:
    """Make room for gitsync's directory; what the INI says is in gitsync's own file then."""
    return guide.run("import", gitsync=str(make_way(guide.config_file, ini)))


def _offer_trakk(guide: Guide, file: Path) -> bool:
    if guide.written().home is not None:
        return False
    found = parse_trakk(file)
    shown = text.tilde(str(file))
    count = text.counted(len(found.entries), "file or directory of home", "files and directories of home")
    guide.dialogue.tell(f"{shown} is TRAKK's. It mirrors {count} in {text.tilde(str(found.repository))}.")
    if guide.is_yes("Take it over?", "import", "--trakk", shown, is_default=True):
        undo = [guide.typed("unwatch", "home")]
        guide.carry_out(f"import {shown}", undo, lambda: guide.run("import", trakk=str(file)))
    return True


def _offer_sync_conf(guide: Guide, files: list[Path]) -> bool:
    jobs, faults = jobs_of(files, guide.written().jobs)
    if not jobs:
        for fault in faults:
            guide.dialogue.tell(f"left out: {fault}", "yellow")
        return bool(faults)
    directory = str(files[0].parent)
    shown = text.tilde(directory)
    guide.dialogue.tell(f"The files in {shown} are Sync Manager's. They name {', '.join(job.name for job in jobs)}.")
    if guide.is_yes("Take them over?", "import", "--sync-conf", CONF_DIR, is_default=True):
        undo = [guide.typed("config", "edit") + f"    # and take out [[job]] {', '.join(job.name for job in jobs)}"]
        guide.carry_out(f"import {shown}", undo, lambda: guide.run("import", sync_conf=directory))
    return True
