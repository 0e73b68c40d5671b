"""Checks for another tool that syncs or commits the same tree: each would take the other's changes for the user's.

Runs on the pool threads of `table`; changes nothing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from gitsync.config.options import RepoConfig
from gitsync.daemon.checks.model import Case, Finding, ok, warning
from gitsync.text import as_word, clean

# Files that a tool creates in the directory that it syncs, or in one above.
TRACES = (
    (".stfolder", "Syncthing"),
    (".stignore", "Syncthing"),
    (".dropbox", "Dropbox"),
    (".dropbox.cache", "Dropbox"),
    (".nextcloudsync.log", "Nextcloud"),
    (".owncloudsync.log", "ownCloud"),
    (".OneDriveVersion", "OneDrive"),
    (".tmp.drivedownload", "Google Drive"),
    (".seafile-data", "Seafile"),
    (".resilio-sync", "Resilio Sync"),
    (".sparkleshare", "SparkleShare"),
    ("Mobile Documents", "iCloud"),
)
PATTERNS = ((".sync_*.db", "Nextcloud"), ("._sync_*.db", "Nextcloud"), (".csync_journal.db", "ownCloud"))
# Names of directories that a tool syncs.
NAMED = (("Dropbox", "Dropbox"), ("OneDrive", "OneDrive"), ("OneDrive -", "OneDrive"), ("Mobile Documents", "iCloud"))
# Programs that commit by themselves, by their names in the process list.
WATCHERS = ("gitwatch", "gitwatch.sh", "git-sync", "git-auto-sync", "git-annex", "gitjournal", "sparkleshare")
IGNORED_BY = {
    "Syncthing": "share another directory with Syncthing, or add .git to .stignore and unwatch this one",
    "obsidian-git": "turn off its automatic backup in Obsidian: Settings, Git, Auto commit-and-sync interval 0",
    "GitDoc": 'set "gitdoc.enabled": false in .vscode/settings.json',
    "git-annex": "stop its assistant here: git annex assistant --stop",
    "etckeeper": "leave this directory to etckeeper: gitsyncctl unwatch {name}",
}


def other_tools(case: Case, repo: RepoConfig) -> list[Finding]:
    """Check whether another tool syncs this tree."""
    root = Path(os.path.realpath(repo.path))
    home = Path(os.path.realpath(case.environment.get("HOME", "/")))
    found: dict[str, str] = {}
    for place in _places(root, home):
        for trace, tool in TRACES:
            if os.path.lexists(place / trace):
                found.setdefault(tool, f"{place / trace} is there")
        for pattern, tool in PATTERNS:
            if hit := next(place.glob(pattern), None):
                found.setdefault(tool, f"{hit} is there")
        for begin, tool in NAMED:
            if place.name == begin or (begin.endswith("-") and place.name.startswith(begin)):
                found.setdefault(tool, f"it lies in {place}")
    found.update(_inside(root))
    found.update({tool: f"process {pid} works there" for tool, pid in _processes(root)})
    advice = "use one tool only for this directory: gitsyncctl unwatch {name}, or remove it from {tool}"
    return [
        warning(f"{tool} seems to sync this tree, too: {clean(why)}", _fix(tool, advice, repo.name))
        for tool, why in found.items()
    ] or [ok("no other sync tool found")]


def _fix(tool: str, advice: str, name: str) -> str:
    return IGNORED_BY.get(tool, advice).format(name=as_word(name), tool=tool)


def _places(root: Path, home: Path) -> list[Path]:
    """Return the directory and those above it, up to the home directory, or to the root of the file system."""
    above = [root, *root.parents]
    return above[: above.index(home)] if home in above else above[:-1]


def _inside(root: Path) -> dict[str, str]:
    found = {}
    plugin = root / ".obsidian/plugins/obsidian-git"
    if plugin.is_dir() and _number(plugin / "data.json", "autoSaveInterval") != 0:
        found["obsidian-git"] = f"{plugin} is there"
    if _setting(root / ".vscode/settings.json", "gitdoc.enabled") is True:
        found["GitDoc"] = f"{root / '.vscode/settings.json'} enables it"
    if (root / ".git/annex").is_dir():
        found["git-annex"] = f"{root / '.git/annex'} is there"
    if (root / ".etckeeper").exists():
        found["etckeeper"] = f"{root / '.etckeeper'} is there"
    return found


def _number(file: Path, key: str) -> int | None:
    value = _setting(file, key)
    return value if isinstance(value, int) else None


def _setting(file: Path, key: str) -> object:
    try:
        settings = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return settings.get(key) if isinstance(settings, dict) else None


def _processes(root: Path) -> list[tuple[str, int]]:
    """Return this user's programs that commit by themselves and were started for this tree."""
    found = []
    wanted = os.fsencode(root)
    for process in Path("/proc").iterdir() if Path("/proc/self").exists() else ():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            tool = next((name for word in words[:2] if (name := os.fsdecode(word.rpartition(b"/")[2])) in WATCHERS), "")
            if tool and (wanted in words or (process / "cwd").readlink() == root):
                found.append((tool.removesuffix(".sh"), int(process.name)))
        except OSError:
            continue  # the process has ended, or cannot be inspected
    return found
