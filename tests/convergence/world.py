"""Several machines, one hub, people who edit without looking: the world in which convergence is tried.

The `World` remembers which versions it owes to people: those that were on disk while an engine ran for longer than the
quiet period. `settle` ends the edits and the troubles, lets everybody exchange until nothing moves, and judges.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.conftest import run_git
from tests.convergence import verdict
from tests.convergence.engines import Engines, Site
from tests.convergence.person import NAMES, blank

# With a quiet period of 2 s: what was on disk for so long is owed. In the longer time, the hub is looked at too.
LONG_S = 5.0
# In a round everybody looks at the hub at least once: longer than the longest back-off of a commit; an exchange is
# asked for.
ROUND_S = 70.0
# Rounds until silence: what one machine has goes through the hub to all others, merges included.
ROUNDS = 12
LOOK_S = 70.0
# So rare a look is not made more often by what happens, which would cost a hundred looks for each minute told.
OPTIONS: dict[str, object] = {"quiet": "2s", "max_wait": "10s", "pull": "6m", "push": "5s"}
# With these policies no side of a conflict leaves the work tree, with `manual` not before a person says so.
VISIBLE = ("keep-both", "union")
# Longer than whoever asks for a change waits, as a rule.
PATIENCE_S = 120.0
# Merges that a person has to settle, one file after the other: each leads to one for the next machine.
SETTLINGS = 150


class World:
    """All machines and the hub. Every deed takes the number of a site."""

    def __init__(
        self, engines: Engines, count: int, *, conflict: str = "keep-both", bug: str = "", is_shared: bool = True
    ) -> None:
        self.tally = engines.tally
        self.conflict = conflict
        self.is_shared = is_shared
        self.base = Path(tempfile.mkdtemp(dir=engines.directory))
        self.hub = self.base / "hub.git"
        self.refusal = self.base / "refuse"
        self.owed: dict[str, str] = {}
        self.meant: set[bytes] = set()  # what a person chose to take away before anybody else knew of it
        self._dice = random.Random(count)
        self._make_hub()
        self.sites = [self._make_site(engines, number, conflict, bug) for number in range(count)]
        for site in self.sites:
            if not is_shared:
                site.person.names = tuple(f"{site.number}/{name}" for name in NAMES)
            site.start()

    def _make_hub(self) -> None:
        first = self.base / "first"
        first.mkdir()
        run_git(first, "init", "-q")
        for number, name in enumerate(NAMES):
            path = first / name
            if path.suffix in (".txt", ".sh") and number % 3 != 2:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(blank(number))
        run_git(first, "add", "-A")
        run_git(first, "commit", "-qm", "first")
        run_git(self.base, "clone", "-q", "--bare", str(first), str(self.hub))
        self.first = run_git(first, "rev-parse", "HEAD")
        # Not below the hub: memory is often mounted so that nothing there may be executed.
        self.hooks = Path(tempfile.mkdtemp(prefix="gitsync-hooks-"))
        (self.hooks / "pre-receive").write_text(f"#!/bin/sh\n[ ! -e '{self.refusal}' ]\n")
        (self.hooks / "pre-receive").chmod(0o755)
        run_git(self.hub, "config", "core.hooksPath", str(self.hooks))

    def _make_site(self, engines: Engines, number: int, conflict: str, bug: str) -> Site:
        # One in three by the git program, for it is slow, and the others by libgit2.
        transport = ("libgit2", "git", "libgit2")[number % 3]
        site = Site(engines, self.base, number, {**OPTIONS, "transport": transport, "conflict": conflict}, bug)
        site.repo_state_dir.mkdir(parents=True)
        site.hub.symlink_to(self.hub)
        run_git(self.base, "clone", "-q", str(site.hub), str(site.root))
        return site

    def close(self) -> None:
        """End every engine and remove everything."""
        for site in self.sites:
            site.kill()
        shutil.rmtree(self.base)
        shutil.rmtree(self.hooks)

    # -- what happens -------------------------------------------------------------------------------------------------

    def edit(self, site: int, deed: str, *arguments: Any) -> None:
        """Let a person do something in a work tree."""
        there = self.sites[site]
        there.fresh.clear()  # he may go over it before it is quiet
        there.note(getattr(there.person, deed)(*arguments))

    def run(self, site: int, seconds: float) -> None:
        """Let time pass on one machine; what was on disk long enough is owed from then on."""
        there = self.sites[site]
        before, unseen = verdict.on_disk(there.root), self._unseen(there)
        hub_was = self._waits_with(there)
        if seconds >= LOOK_S and there.hub.exists():
            there.order("hear" if site % 2 else "hurry")
        status = there.order("run", seconds)
        if status is not None and not there.fresh and self.conflict in (*VISIBLE, "manual"):
            gone = unseen - self.meant - verdict.marks_on_disk(there.root)
            assert not gone, f"nobody else knew of it, and it was taken away from site {site}: {gone}"
        if hub_was and self._waits_with(there):
            assert self._waits_with(there) == hub_was, f"site {site} pushed while a merge waited to be settled"
        if there.fresh and status is not None:
            # Saved at the last moment, perhaps, and over what was not quiet yet: that is given the time it needs.
            before = {}
            status = there.order("run", LONG_S)
        if status is None or status["state"] == "paused" or seconds < LONG_S:
            return
        for path, (_, blob) in before.items():
            self.owed.setdefault(blob, f"{os.fsdecode(path)!r} of site {site}")
        saved = (blob for blob in there.fresh if blob is not None)
        self.owed.update(dict.fromkeys(saved, f"saved in the middle of a call at site {site}"))
        there.fresh.clear()

    def _waits_with(self, site: Site) -> str:
        """Return the hub's branch while a machine keeps both sides of a merge for a person, "" while it does not."""
        if self.conflict != "manual":
            return ""
        refs = run_git(site.root, "for-each-ref", "--format=%(refname)", "refs/gitsync/conflict/")
        assert len(refs.split()) in (0, 2), refs
        return run_git(self.hub, "rev-parse", "main") if refs else ""

    def undo(self, site: int, number: int, is_keeping: bool, patience_s: float = PATIENCE_S) -> bool:
        """Let a person take back a change of gitsync's own; return whether there was one."""
        return self._ask(site, "undo", number, is_keeping, patience_s)

    def resolve(self, site: int, number: int, choice: int, patience_s: float = PATIENCE_S) -> bool:
        """Let a person settle a conflict; return whether there was one."""
        return self._ask(site, "resolve", number, choice, patience_s)

    def _ask(self, site: int, name: str, *arguments: object) -> bool:
        there = self.sites[site]
        before, unseen = verdict.on_disk(there.root), self._unseen(there)
        said = there.order(name, *arguments)
        is_done = said == "done"
        # Half done by who died of it, or chosen for a merge that is made later: then all of it may go.
        is_open = said is None or (is_done and self.conflict == "manual")
        self.meant |= unseen if is_open else unseen - verdict.marks_on_disk(there.root)
        what = "died" if said is None else said.partition(":")[0]
        self.tally[f"{name}: {what}"] += 1
        if is_done and not there.fresh:
            # What was pending is committed first, however short it was there.
            for path, (_, blob) in before.items():
                self.owed.setdefault(blob, f"{os.fsdecode(path)!r} of site {site} before {name}")
        return what not in ("", "nothing-to-undo")

    def step(self, site: int, count: int) -> None:
        """Let one machine take so many steps, and leave it in the middle of whatever that is."""
        self.sites[site].order("steps", count)

    def arm_death(self, site: int, call: int, is_aimed: bool) -> None:
        """Let the engine die at the call of that number."""
        self.sites[site].order("arm_death", call, is_aimed)

    def arm_save(
        self, site: int, call: int, is_aimed: bool, name: int, size: int, is_renamed: bool, is_deadly: bool
    ) -> None:
        """Let the person save at the call of that number."""
        person = self.sites[site].person
        data = person.content(size) if size else None
        path = "" if is_aimed and self.is_shared else str(person.path(name).relative_to(person.root))
        self.sites[site].order("arm_save", call, is_aimed, path, data, is_renamed, is_deadly)

    def arm_commit(self, site: int, call: int) -> None:
        """Let the person commit by hand at the step of that number of an integration."""
        self.sites[site].order("arm_commit", call)

    def kill(self, site: int) -> None:
        """End an engine between two steps."""
        self.sites[site].kill()

    def start(self, site: int) -> None:
        """Start an engine that is dead."""
        self.sites[site].start()

    def pause(self, site: int) -> None:
        """Hold a machine; also over its death."""
        self.sites[site].order("pause")
        self.sites[site].order("steps", 2)

    def resume(self, site: int) -> None:
        """Let it go on."""
        self.sites[site].order("resume")
        self.sites[site].order("steps", 2)

    def part(self, site: int) -> None:
        """Take a machine's way to the hub away."""
        with suppress(FileNotFoundError):
            self.sites[site].hub.unlink()

    def heal(self, site: int) -> None:
        """Give it back."""
        if not self.sites[site].hub.is_symlink():
            self.sites[site].hub.symlink_to(self.hub)

    def refuse(self, is_refusing: bool) -> None:
        """Let the hub's hook refuse every push, or no more."""
        if is_refusing:
            self.refusal.touch()
        else:
            self.refusal.unlink(missing_ok=True)

    # -- the end ------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """End all troubles, let everybody exchange until nothing moves any more, and judge."""
        self.refuse(False)
        for number, site in enumerate(self.sites):
            self.heal(number)
            site.order("disarm")
            site.start()
            self.resume(number)
        unseen = frozenset().union(*map(self._unseen, self.sites)) - self.meant
        rounds = self._settle_all() if self.conflict == "manual" else self._rest()
        statuses = {site.number: site.order("status") for site in self.sites}
        assert all(status["state"] == "ok" for status in statuses.values()), statuses
        assert all(status["pending"] == 0 for status in statuses.values()), statuses
        for site in self.sites:
            verdict.check_whole(site.root, [site.repo_state_dir])
        verdict.check_equal([site.root for site in self.sites], self.hub)
        verdict.check_sound(self.hub)
        kept = verdict.reachable([self.hub, *(site.root for site in self.sites)])
        lost = {blob: where for blob, where in self.owed.items() if blob not in kept}
        assert not lost, f"lost: {lost}"
        gone = unseen - verdict.marks_on_disk(self.sites[0].root)
        assert not (gone - self.meant and self.conflict in VISIBLE), f"nobody knew of it, and it is not there: {gone}"
        merges = run_git(self.hub, "rev-list", "--merges", "--count", "main")
        self.tally.update(
            {
                "worlds": 1,
                "rounds": rounds,
                "versions nobody else knew of": len(unseen),
                "merges": int(merges),
                "versions owed": len(self.owed),
            }
        )

    def _unseen(self, site: Site) -> frozenset[bytes]:
        """Return what this person wrote that nobody else has heard of: nobody can have meant to take it away."""
        own = {mark for mark in verdict.marks_on_disk(site.root) if mark.startswith(site.person.name.encode())}
        return frozenset(own - verdict.marks_in_history(self.hub) if own else own)

    def _settle_all(self) -> int:
        """Let some machine settle some file until nothing waits, then rest; return the rounds of that."""
        for _ in range(SETTLINGS):
            for site in self.sites:
                site.order("hurry")
                self.run(site.number, ROUND_S)
            waiting = [site.number for site in self.sites if self._waits_with(site)]
            if not waiting:
                return self._rest()
            self.tally["settled at the end"] += 1
            self.resolve(self._dice.choice(waiting), self._dice.randrange(9), self._dice.randrange(4))
        raise AssertionError(f"a merge waits after {SETTLINGS} were settled: {waiting}")

    def _rest(self) -> int:
        """Return after how many rounds nothing moved any more."""
        seen: list[object] = []
        for turn in range(ROUNDS + 1):
            for site in self.sites:
                site.order("hurry")
                self.run(site.number, ROUND_S)
            heads = [run_git(place, "rev-parse", "main") for place in (self.hub, *(site.root for site in self.sites))]
            # All equal twice over: whoever saw the last commit has had the time to answer it with another.
            if seen == heads and len(set(heads)) == 1:
                return turn
            seen = list(heads)
        told = [(site.number, site.order("status")) for site in self.sites]
        raise AssertionError(f"no silence after {ROUNDS} rounds: {heads} {told}")
