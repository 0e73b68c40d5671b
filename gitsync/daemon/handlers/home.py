"""Handlers of the mirror of home files.

Run on connection threads, or in the control command while no daemon runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from gitsync.config import document
from gitsync.config.expand import shorten_path
from gitsync.config.options import MIRROR_NAME
from gitsync.core.coverage import Added
from gitsync.core.coverage import add as would_add
from gitsync.core.manifest import ManifestEntry, is_host
from gitsync.core.questions import ACCEPT
from gitsync.daemon.handlers import init_mirror
from gitsync.daemon.handlers.clone import clone_and_watch, is_mirror
from gitsync.daemon.handlers.context import Answer, HandlerContext, Json, real
from gitsync.daemon.handlers.machines import machine_facts
from gitsync.engine.messages import CommitNow, TakeAnswer, Track, Untrack
from gitsync.errors import UsageError
from gitsync.mirror.home_paths import Places, places_of
from gitsync.mirror.untrack import entries_at
from gitsync.redaction import redact
from gitsync.text import as_word, shown

ASK_S = 60.0
COMMIT_S = 240.0


def answers(context: HandlerContext) -> dict[str, Answer]:
    """Return the handlers by method."""
    home = _Home(context)
    return {"init": home.init, "clone": home.clone, "add": home.add, "remove": home.remove}


class _Home:
    def __init__(self, context: HandlerContext) -> None:
        self._context = context

    def init(self, params: Json) -> Json:
        path = self._place(params.get("path"))
        known = self._context.config.home is not None
        made = init_mirror.make(path, params.get("remote"))
        self._configure(path)
        # Whoever makes a repository the mirror wants what it lists.
        self._answer(ACCEPT)
        self._commit()
        return {"repo": str(path), "created": made, "already": known and not made, "home": self._status()}

    def clone(self, params: Json) -> Json:
        """Take over a mirror of home files, or clone another repository and watch it."""
        url, path = params["url"], params.get("path")
        if params.get("home") and params.get("watch"):
            raise UsageError("--home and --watch exclude each other", "give one of them")
        if params.get("watch") or not (params.get("home") or is_mirror(url)):
            if path is None:
                raise UsageError(
                    "where the clone is to be is missing", "gitsyncctl clone URL DIR", code="which-directory"
                )
            return clone_and_watch(self._context, url, Path(path))
        return self._clone_mirror(params)

    def _clone_mirror(self, params: Json) -> Json:
        if self._context.config.home is not None and real(self._context.config.home.repo).exists():
            raise UsageError(
                f"home is already mirrored in {self._context.config.home.repo}",
                "to see it: gitsyncctl status home; to start again, move that directory away first",
            )
        path = self._place(params.get("path"))
        refused = init_mirror.clone(self._context, params["url"], path)
        self._configure(path)
        if params.get("yes") and not refused:
            self._answer(ACCEPT)
        self._commit()
        answer = {"repo": str(path), "url": redact(params["url"]), "home": self._status()}
        return {**answer, "refused": refused} if refused else answer

    def add(self, params: Json) -> Json:
        places = self._places()
        hosts = _hosts(params.get("host"))
        links = {path: target for path in params["paths"] if (target := places.target(path)) is not None}
        paths = [*params["paths"], *(links.values() if params.get("follow") else ())]
        entries = tuple(dict.fromkeys(places.entry(path, hosts) for path in paths))
        self._check_reach(places, entries)
        added = self._would_track(entries) if params.get("dry_run") else self._track(entries)
        status = self._status()
        tops = {os.fsdecode(entry.path) for entry in added.added}
        return {
            "added": [_shown(entry) for entry in added.added],
            "replaced": [
                {"path": _text(at), "by": _text(by)} for by, narrower in added.replaced.items() for at in narrower
            ],
            "covered": [{"path": _text(at), "by": _text(by)} for at, by in added.covered.items()],
            "quarantined": [item for item in status["quarantined"] if _is_below(item["path"], tops)],
            "left_out": [item for item in status["left_out"] if _is_below(item["path"], tops)],
            "links": [] if params.get("follow") else [_link(places, path, links[path]) for path in links],
            "dry_run": bool(params.get("dry_run")),
            "home": status,
        }

    def _would_track(self, entries: tuple[ManifestEntry, ...]) -> Added:
        assert self._context.config.home is not None
        return would_add(init_mirror.manifest(self._context.config.home.repo), entries)

    def _track(self, entries: tuple[ManifestEntry, ...]) -> Added:
        added: Added = self._context.runtime.committer.ask(Track(entries), ASK_S)
        self._context.note_change(MIRROR_NAME)
        self._commit()
        return added

    def _check_reach(self, places: Places, entries: Iterable[ManifestEntry]) -> None:
        """Raise UsageError for a path that a tracked directory would have, but for a repository in between."""
        assert self._context.config.home is not None
        tops = [entry.path for entry in init_mirror.entries(self._context.config.home.repo) if entry.is_directory]
        for entry in entries:
            top = next((top for top in tops if entry.path.startswith(top + b"/")), None)
            found = places.repository_above(entry.path)
            if top is not None and found is not None and found.startswith(top + b"/"):
                raise UsageError(
                    f"~/{shown(entry.path)} is in ~/{shown(found)}, a git repository of its own, "
                    f"which is left out of ~/{shown(top)}",
                    f"to watch that repository: gitsyncctl watch {as_word(places.home_path(found))}",
                )

    def remove(self, params: Json) -> Json:
        places = self._places()
        paths = tuple(dict.fromkeys(places.relative(path) for path in params["paths"]))
        if params.get("dry_run"):
            assert self._context.config.home is not None
            meant = entries_at(init_mirror.manifest(self._context.config.home.repo), paths)
            return {"removed": [_shown(entry) for entry in meant], "dry_run": True, "home": self._status()}
        removed: tuple[ManifestEntry, ...] = self._context.runtime.committer.ask(Untrack(paths), ASK_S)
        self._context.note_change(MIRROR_NAME)
        self._commit()
        return {"removed": [_shown(entry) for entry in removed], "dry_run": False, "home": self._status()}

    def _place(self, given: str | None) -> Path:
        """Return the path of the mirror, existing or not; raise UsageError when it cannot be there."""
        home = self._context.config.home
        path = Path(given) if given is not None else home.repo if home is not None else init_mirror.default_place()
        if home is not None and real(home.repo) != real(path):
            raise UsageError(
                f"home is already mirrored in {home.repo}",
                f"to move it: mv {as_word(str(home.repo))} {as_word(str(path))}, "
                f"then: gitsyncctl config set home.repo {as_word(str(path))}",
            )
        init_mirror.check_place(path, self._context.config.repos)
        return path

    def _places(self) -> Places:
        home = self._context.config.home
        if home is None:
            raise UsageError("there is no mirror of home files yet", "to create one: gitsyncctl init")
        return places_of(home.repo)

    def _configure(self, path: Path) -> None:
        if self._context.config.home is None:
            document.set_value(self._context.config_file, "home.repo", shorten_path(path))
        self._context.reload()

    def _commit(self) -> None:
        self._context.runtime.committer.ask(CommitNow(MIRROR_NAME, is_scanning=False), COMMIT_S)

    def _answer(self, word: str) -> None:
        self._context.runtime.committer.ask(TakeAnswer(word), ASK_S)

    def _status(self) -> Json:
        return home_status(self._context) or {}


def home_status(context: HandlerContext) -> Json | None:
    """Return the home files as `status` shows them, None without a mirror."""
    if context.config.home is None:
        return None
    if not context.is_daemon:
        init_mirror.look(context)
    part = context.runtime.board.home
    return {
        **context.runtime.board.status(MIRROR_NAME).to_json(),
        **machine_facts(context, context.config.home.settings),
        "repo": str(context.config.home.repo),
        "tracked": part.tracked,
        "broken": [{"path": path, "type": letter} for path, letter in part.broken],
        "left_out": [{"path": path, "why": why} for path, why in part.left_out],
    }


def bring_home(context: HandlerContext, paths: list[bytes]) -> None:
    """Commit the current content of these home paths, so that a change starts from what the user sees."""
    if paths:
        context.runtime.committer.home_buffer.note(paths)
        context.runtime.committer.ask(CommitNow(MIRROR_NAME, is_scanning=False), COMMIT_S)


def home_list(context: HandlerContext) -> list[Json]:
    """Return the tracked paths, one for each entry of the manifest."""
    return (
        []
        if context.config.home is None
        else [_shown(entry) for entry in init_mirror.entries(context.config.home.repo)]
    )


def _hosts(given: str | None) -> frozenset[str]:
    if given is None:
        return frozenset()
    names = frozenset(name.strip() for name in given.split(",") if name.strip())
    for name in names:
        if not is_host(name):
            raise UsageError(f"{name!r} is not a host name", "for the name of this machine: hostname -s")
    if not names:
        raise UsageError("--host contains no host name", "for the name of this machine: hostname -s")
    return names


def _shown(entry: ManifestEntry) -> Json:
    return {"path": _text(entry.path), "directory": entry.is_directory, "hosts": sorted(entry.hosts)}


def _link(places: Places, path: str, target: str) -> Json:
    return {"path": _text(places.relative(path)), "target": target}


def _text(path: bytes) -> str:
    return os.fsdecode(path)


def _is_below(path: str, tops: Iterable[str]) -> bool:
    return any(path == top or path.startswith(top + "/") for top in tops)
