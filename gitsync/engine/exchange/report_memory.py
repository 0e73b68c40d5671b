"""The reports of machines that one exchange remembers: what was read from the remote, and what it sent there.

Runs on the exchanger's thread, and on that of a command which only shows them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gitsync import digests
from gitsync.core.machines import REFS, Report, newest, parse
from gitsync.engine.memory import Memory
from gitsync.git.remote.results import RefLine

MACHINE_FILES = "machines*.json"
# A server that refused the ref is asked again after this (seconds).
REFUSED_S = 30 * 86_400.0
NOTHING = RefLine("!")

Row = tuple[str, str, float]


class ReportMemory(Memory):
    """Refs as they were on one remote: name, commit, and when the report was made, as far as is known here."""

    @classmethod
    def of(cls, repo_state_dir: Path, via: str) -> ReportMemory:
        """Return what is remembered for one exchange of a repository; `via` is its remote where there are several."""
        more = f"-{digests.sha256(os.fsencode(via)).hexdigest()[:16]}" if via else ""
        return cls(repo_state_dir / f"machines{more}.json")

    def use(self, address: str) -> None:
        """Forget everything when the remote is another one than before."""
        if self.get("address") != address:
            self.remember(address=address, refs=None, told=None, sending=None, refused_at=None, unseen=None)

    def reports(self) -> tuple[Report, ...]:
        """Return the newest report of each machine, this one included."""
        found = (parse(*row) for row in self._rows())
        return newest(report for report in found if report is not None)

    def own(self, id: str) -> dict[str, str]:
        """Return the refs of the machine `id` that are on the remote, and their commits."""
        return {ref: commit for ref, commit, _ in self._rows() if _is_of(ref, id)}

    def take_listing(self, found: Mapping[str, str], wall: float, own: str) -> None:
        """Note which refs the remote has; all of the machine `own` are kept, and the newest of each other one.

        A report that was read before is as old as it was then, whatever its clock says.
        """
        before = {ref: seen for ref, _, seen in self._rows()}
        rows = [(ref, commit, min(wall, before.get(ref, wall))) for ref, commit in found.items()]
        parsed = [(report, row) for row in rows if (report := parse(*row)) is not None]
        kept = set(newest(report for report, _ in parsed))
        self.remember(
            refs=[[row[0], row[1], report.seen] for report, row in parsed if report in kept or report.id == own]
        )

    def told(self, wall: float) -> Report | None:
        """Return the last report that this machine sent, None where there was none."""
        return self._report("told", wall)

    def sending(self, wall: float) -> Report | None:
        """Return the report that is being sent, or was when its answer was lost."""
        return self._report("sending", wall)

    def begin(self, report: Report) -> None:
        """Note, before it is sent, what is sent: another ref of this machine is then that of a twin."""
        self.remember(sending=[report.ref, report.commit])

    def end(self, report: Report, lines: Mapping[str, RefLine]) -> bool:
        """Note what git says of a report that was sent and of those that it replaces; return whether it is there."""
        if lines.get(report.ref, NOTHING).flag not in "*= ":
            return False
        kept = [list(row) for row in self._rows() if row[0] not in lines or lines[row[0]].flag == "!"]
        kept = [row for row in kept if row[0] != report.ref]
        sent = [report.ref, report.commit]
        self.remember(refs=[*kept, [*sent, report.seen]], told=sent, sending=None, refused_at=None)
        return True

    def forget(self, id: str) -> None:
        """Remove a machine, which a person has removed from the remote."""
        self.remember(refs=[list(row) for row in self._rows() if not _is_of(row[0], id)])

    def refuse(self, wall: float) -> None:
        """Note that the remote does not take the ref."""
        self.remember(refused_at=int(wall), sending=None)

    def is_refused(self, wall: float) -> bool:
        """Whether the remote refused the ref not long ago."""
        at = self.get("refused_at")
        return isinstance(at, int | float) and 0 <= wall - at < REFUSED_S

    def _report(self, key: str, wall: float) -> Report | None:
        found = self.get(key)
        is_sound = isinstance(found, list) and len(found) == 2 and all(isinstance(each, str) for each in found)
        return parse(found[0], found[1], wall) if is_sound and isinstance(found, list) else None

    def _rows(self) -> list[Row]:
        found = self.get("refs")
        return [row for each in (found if isinstance(found, list) else ()) if (row := _row(each)) is not None]


def _row(found: object) -> Row | None:
    if not isinstance(found, list) or len(found) != 3:
        return None
    ref, commit, seen = found
    is_sound = isinstance(ref, str) and isinstance(commit, str) and isinstance(seen, int | float)
    return (ref, commit, float(seen)) if is_sound else None


def _is_of(ref: str, id: str) -> bool:
    return ref.startswith(f"{REFS}{id},")
