"""How a machine at rest hears of another one's push, with the settings as they are without a configuration.

Two machines save after a rest in which nothing happens; fifty repositories rest with remotes on one server.
"""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks import wires
from benchmarks.harness import Place, median, p90, tip
from benchmarks.table import NONE, Row, ms

DEFAULT_QUIET_S = 2.0
REPOSITORIES = 50
TARGETS = {"file": "<= 100 ms, p90 200 ms", "ssh": "<= 300 ms, p90 500 ms; after ten minutes 350, 600"}


def rows(directory: Path, *, is_quick: bool) -> list[Row]:
    """Measure, and return the rows of the table."""
    saves, rest_s, still_s = (3, 5.0, 20.0) if is_quick else (10, 60.0, 130.0)
    directory = directory.with_name("n")  # the sockets of ssh have paths of at most 107 bytes
    directory.mkdir()
    found: list[Row] = []
    for kind in filter(wires.is_there, wires.KINDS):
        arrived = _after_rest(directory / kind[0], kind, saves, rest_s)
        name = f"save on A to the whole file on B, after {rest_s:.0f} s of rest, beyond quiet; remote: {kind}"
        found.append([name, ms(median(arrived)), f"p90 {ms(p90(arrived))}", NONE, TARGETS[kind]])
        found += _at_rest(directory / f"{kind[0]}m", kind, 5 if is_quick else REPOSITORIES, still_s)
    return found


def _after_rest(directory: Path, kind: str, saves: int, rest_s: float) -> list[float]:
    directory.mkdir()
    here, there = Place(directory / "a"), Place(directory / "b")
    arrived: list[float] = []
    with wires.laid(directory, kind, 100) as wire:
        first, second = wire.clone(here), wire.clone(there)
        here.configure([first])
        there.configure([second])
        with here.daemon(), there.daemon() as b:
            for turn in range(saves):
                time.sleep(rest_s)
                name, text = f"note{turn}.txt", f"changed {turn}\n" * 50
                (first / name).write_text(text)
                closed = time.perf_counter() + DEFAULT_QUIET_S
                arrived.append(b.wait_moved(second / name, f"note {turn}\n") - closed)
                if (second / name).read_text() != text:
                    raise RuntimeError(f"{name} arrived torn")
    return arrived


def _at_rest(directory: Path, kind: str, count: int, still_s: float) -> list[Row]:
    """Count what a daemon with repositories at rest does in `still_s`: git's own traces tell of each look."""
    directory.mkdir()
    place = Place(directory / "a")
    traces = directory / "traces"
    traces.mkdir()
    with wires.laid(directory, kind, 3) as wire:
        roots = [wire.clone(place, f"notes{number}") for number in range(count)]
        place.env["GIT_TRACE2_EVENT"] = str(traces)
        place.configure(roots)
        with place.daemon() as daemon:
            daemon.wait("every repository", lambda: all(tip(root) for root in roots))
            time.sleep(5.0)
            daemon.wait_resting()
            looks, connections = len(list(traces.iterdir())), wire.connections()
            before, kept_before = daemon.usage(), daemon.kept()
            time.sleep(still_s)
            after, kept = daemon.usage(), daemon.kept()
            looks, again = len(list(traces.iterdir())) - looks, wire.connections() - connections
    # Two processes for one connection: the one that keeps it, and the session of the channel in it.
    ssh_cpu = sum(each.cpu_s for each in kept) - sum(each.cpu_s for each in kept_before)
    ssh_switches = sum(each.switches for each in kept) - sum(each.switches for each in kept_before)
    switches = after.switches - before.switches + ssh_switches
    name = f"{count} repositories at rest for {still_s:.0f} s, remotes by {kind}: git processes; connections"
    more = f"; {again}" if kind == "ssh" else "; 0"
    return [
        [name, f"{looks}{more}", NONE, NONE, "0; 0"],
        ["  processes of ssh", str(len(kept)), NONE, NONE, "2" if kind == "ssh" else "0"],
        ["  CPU, of those too", ms(after.cpu_s - before.cpu_s + ssh_cpu), NONE, NONE, f"<= {still_s / 6:.0f} ms"],
        [
            "  wake-ups a minute, of those too",
            f"{switches * 60 / still_s:.1f}",
            f"ssh: {ssh_switches * 60 / still_s:.1f}",
            NONE,
            "< 1",
        ],
    ]
