"""Runs every measurement in one temporary directory and prints the tables."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import (
    attributes,
    churn,
    compare,
    control,
    exchange,
    finding,
    first,
    fleet,
    flood,
    growth,
    history,
    homefiles,
    idle,
    jobs,
    notice,
    once,
    pulling,
    saving,
    slowdisk,
    starting,
    table,
    trees,
    wires,
)
from benchmarks.harness import Place, median, p90
from benchmarks.table import NONE, Table, against, ms, progress, ratio

SIZES = (1_000, 20_000, 100_000)
SMALL = ("flood", "churn", "exchange", "fleet", "control", "find", "many", "attributes")
LARGE = {
    "pull": pulling.rows,
    "home": homefiles.rows,
    "jobs": jobs.rows,
    "once": once.rows,
    "history": history.rows,
    "slow-disk": slowdisk.rows,
    "first": first.rows,
    "notice": notice.rows,
}
GROUPS = ("sizes", "flat", *SMALL, *LARGE, "growth")
PAIR = ("", "gitsync", "against", "ratio", "target")
FLAT = ("save, beyond quiet", "p90", "git add + commit", "ratio", "CPU", "git", "ratio", "disk / git")
TARGETS = {"file": "< 150 ms", "ssh": "< 600 ms"}


def main(argv: list[str] | None = None) -> int:
    """Run what was asked for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--sizes", metavar="N,N", default="", help="files in a work tree (default: 1000,20000,100000)")
    parser.add_argument("--only", metavar="GROUP,GROUP", default=",".join(GROUPS), help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="about a minute: fewer rounds, 1,000 and 20,000 files")
    parser.add_argument("--dir", metavar="DIR", help="where the work trees are made (default: the temporary directory)")
    parser.add_argument("--json", action="store_true", help="print each table as a line of JSON")
    parser.add_argument("--compare", metavar="REV", help="measure this revision and REV in turns, and print the ratios")
    parser.add_argument("--rounds", metavar="N", type=int, default=3, help="how often, with --compare (default: 3)")
    given = parser.parse_args(argv)
    sizes = tuple(int(size) for size in given.sizes.split(",") if size)
    with tempfile.TemporaryDirectory(prefix="gitsync-", dir=given.dir, ignore_cleanup_errors=True) as name:
        directory = Path(name).resolve()
        if given.compare:
            more = ["--only", given.only, *(("--sizes", given.sizes) if sizes else ()), "--dir", str(directory)]
            more += ["--quick"] if given.quick else []
            tables = iter([compare.table(directory / "compared", given.compare, more, given.rounds)])
        else:
            tables = _tables(directory, given.only.split(","), sizes, is_quick=given.quick)
        if not given.json:
            print(table.facts(directory))
        for shown in tables:
            print(shown.json() if given.json else shown.text(), flush=True)
    return 0


def _tables(directory: Path, only: list[str], sizes: tuple[int, ...], *, is_quick: bool) -> Iterator[Table]:
    usual = sizes or (SIZES[:2] if is_quick else SIZES)
    if "sizes" in only:
        yield _by_size(directory, usual, is_quick=is_quick)
    if "flat" in only:
        yield _flat(directory / "flat", usual, is_quick=is_quick)
    if rest := [group for group in SMALL if group in only]:
        yield _others(directory, rest, is_quick=is_quick)
    if rest := [group for group in LARGE if group in only]:
        shown = Table("What users have", PAIR)
        for group in rest:
            progress(group)
            shown.rows += LARGE[group](directory / group, is_quick=is_quick)
        yield shown
    if "growth" in only:
        yield growth.table(directory / "growth", sizes or growth.SIZES[: 2 if is_quick else 4], is_quick=is_quick)


def _by_size(directory: Path, sizes: tuple[int, ...], *, is_quick: bool) -> Table:
    saves, rounds, idle_s = (6, 3, 5.0) if is_quick else (20, 5, 60.0)
    columns = [_figures(directory / str(count), count, saves, rounds, idle_s) for count in sizes]
    shown = Table(
        f"By the number of files: medians of {saves} saves and {rounds} starts; idle for {idle_s:.0f} s",
        ["", *(f"{count:,}" for count in sizes), "target"],
    )
    shown.rows = [
        [name, *(column[number][1] for column in columns), column_target]
        for number, (name, _, column_target) in enumerate(columns[0])
    ]
    return shown


def _figures(directory: Path, count: int, saves: int, rounds: int, idle_s: float) -> list[tuple[str, str, str]]:
    place = Place(directory)
    progress(f"{count:,} files: making two work trees")
    root = trees.make(place, place.home / "watched", count)
    beside = trees.copy(place, root, place.home / "beside")
    empty = trees.make(place, place.home / "empty", 0)
    progress(f"{count:,} files: starting")
    begun = starting.measure(place, root, empty, count, rounds)
    place.configure([root], quiet=f"{saving.QUIET_S}s")
    with place.daemon() as daemon:
        progress(f"{count:,} files: idle for {idle_s:.0f} s")
        resting = idle.measure(daemon, idle_s)
        progress(f"{count:,} files: saving")
        saved = saving.measure(place, daemon, root, beside, count, saves)
        after = daemon.usage()
    git_s = median([spent.wall_s for spent in saved.git])
    git_cpu = median([spent.cpu_s for spent in saved.git])
    wait = median(saved.waits)
    return [
        ("save: closed to committed, beyond quiet", ms(wait), "<= 10 ms at 1,000; x1.5 at 100,000"),
        ("  nine of ten below", ms(p90(saved.waits)), NONE),
        ("  git add -A && git commit, no fsync", ms(git_s), NONE),
        ("  ratio", ratio(wait, git_s), NONE),
        ("save: CPU", ms(saved.cpu_s), NONE),
        ("  git add -A && git commit", ms(git_cpu), NONE),
        ("  ratio", ratio(saved.cpu_s, git_cpu), "<= 0.20 at 100,000"),
        ("start: every directory watched", ms(begun.watching_s), "<= 0.3 s at 20,000, 0.6 s at 100,000"),
        ("  socket answers", ms(begun.answering_s), NONE),
        ("  what was missed is committed, beyond quiet", ms(begun.caught_up_s), NONE),
        ("  CPU beyond a start on an empty repository", ms(begun.cpu_s), NONE),
        ("  git status: CPU", ms(begun.status.cpu_s), NONE),
        ("  git status: on the clock", ms(begun.status.wall_s), NONE),
        ("  ratio of the CPU", ratio(begun.cpu_s, begun.status.cpu_s), "<= 1.1"),
        ("idle: resident memory", f"{resting.rss_mb:.1f} MB", "<= 38 MB"),
        ("  after the saves", f"{after.rss_mb:.1f} MB", NONE),
        ("  CPU", f"{resting.cpu_ms:.1f} ms", "none"),
        ("  wake-ups", str(resting.switches), "none"),
    ]


def _flat(directory: Path, sizes: tuple[int, ...], *, is_quick: bool) -> Table:
    saves = 6 if is_quick else 20
    shown = Table(f"Saves in one directory with all files: medians of {saves}", ["files", *FLAT])
    for count in sizes:
        place = Place(directory / str(count))
        progress(f"{count:,} files in one directory")
        root = trees.make(place, place.home / "watched", count, trees.flat_path_of)
        beside = trees.copy(place, root, place.home / "beside")
        place.configure([root], quiet=f"{saving.QUIET_S}s")
        with place.daemon() as daemon:
            saved = saving.measure(place, daemon, root, beside, count, saves, trees.flat_path_of)
        git_s, git_cpu = (median([getattr(spent, what) for spent in saved.git]) for what in ("wall_s", "cpu_s"))
        wait = median(saved.waits)
        disk = [trees.stored_bytes(place, one) for one in (root, beside)]
        saving_row = [f"{count:,}", ms(wait), ms(p90(saved.waits)), ms(git_s), ratio(wait, git_s)]
        shown.rows.append([*saving_row, ms(saved.cpu_s), ms(git_cpu), ratio(saved.cpu_s, git_cpu), ratio(*disk)])
    shown.notes = ["targets: <= 15 ms at 20,000 and 100 ms at 100,000; CPU <= 0.25 of git's; no more disk than git"]
    return shown


def _others(directory: Path, groups: list[str], *, is_quick: bool) -> Table:
    shown = Table("The rest, on small work trees of 1,000 files", PAIR)
    place = Place(directory / "rest")
    root = trees.make(place, place.home / "watched", 1000)
    if "control" in groups:
        progress("the control command")
        told = control.measure(place, root, 7 if is_quick else 21)
        for what, taken, target in (
            ("status", told.status_s, "<= 2.5"),
            ("status, no daemon", told.alone_s, "< 60 ms"),
            ("--help", told.help_s, NONE),
        ):
            shown.rows.append(against(f"gitsyncctl {what} / python -c pass", taken, told.python_s, target))
    if "churn" in groups:
        seconds = 8.0 if is_quick else 20.0
        progress(f"10 saves and 200 ignored writes a second for {seconds:.0f} s")
        stirred = churn.measure(place, root, seconds)
        name = (
            f"10 saves + 200 ignored writes a second, {seconds:.0f} s (quiet {churn.QUIET}, max_wait {churn.MAX_WAIT})"
        )
        shown.rows.append([name, f"{stirred.share:.1%}", NONE, NONE, "< 5% of a core"])
        shown.rows.append(["  commits meanwhile", str(stirred.commits), NONE, NONE, NONE])
    if "flood" in groups:
        progress("10,000 new files")
        beside = trees.copy(place, root, place.home / "beside")
        flooded = flood.measure(place, root, beside)
        git = flooded.git
        shown.rows += [
            against(
                f"{flood.NEW_FILES:,} new files / git add + commit, no fsync", flooded.wall_s, git.wall_s, "<= 0.6"
            ),
            against("  CPU", flooded.cpu_s, git.cpu_s, NONE),
            ["  commits; files missing", f"{flooded.commits}; {flooded.missing}", NONE, NONE, "<= 2; 0"],
        ]
    if "exchange" in groups:
        for kind in filter(wires.is_there, wires.KINDS):
            progress(f"two machines and a remote: {kind}")
            sent = exchange.measure(directory / f"exchange-{kind}", kind, 5 if is_quick else 20)
            for what, times, target in (
                (f"save on A to the commit, beyond quiet; remote: {kind}", sent.committed, NONE),
                ("  to the remote's branch", sent.pushed, NONE),
                ("  to the whole file on B", sent.arrived, TARGETS[kind]),
            ):
                shown.rows.append([what, ms(median(times)), f"p90 {ms(p90(times))}", NONE, target])
            shown.rows.append(
                against(
                    "  to the whole file on B / git push + git pull", median(sent.arrived), median(sent.by_hand), NONE
                )
            )
    if "fleet" in groups and wires.is_there("ssh"):
        machines, seconds = (8, 20.0) if is_quick else (fleet.MACHINES, fleet.SECONDS)
        progress(f"{machines} machines that save for {seconds:.0f} s")
        met = fleet.measure(directory / "fleet", machines, seconds)
        name = f"{machines} machines over ssh, {met.saves} saves in {seconds:.0f} s: all equal after the last one"
        shown.rows += [
            [name, f"{met.equal_s:.1f} s", NONE, NONE, "seconds"],
            ["  commits; of them merges", f"{met.commits}; {met.merges}", NONE, NONE, NONE],
            ["  CPU of all daemons and their children", f"{met.cpu_s:.0f} s", NONE, NONE, NONE],
        ]
    if "attributes" in groups:
        progress("with attributes and without")
        pairs = attributes.measure(Place(directory / "attributes"), *((6, 1, 2) if is_quick else (20, 5, 7)))
        for name, target in (("save", "<= 1.1"), ("storm", "<= 1.3"), ("pull", "<= 1.2")):
            pair = pairs[name]
            shown.rows.append(against(f"{name} with attributes / without", pair.with_s, pair.without_s, target))
    if "find" in groups:
        progress(f"a history of {finding.COMMITS:,} commits")
        other = Place(directory / "find")
        seen = finding.measure(other, finding.make(other, other.home / "notes"), 3 if is_quick else 9)
        shown.rows += [
            against(f"find a word in {finding.COMMITS:,} commits / git log -S", seen.all_s, seen.log_s, "<= 150 ms"),
            ["  the first hit", ms(seen.first_s), NONE, NONE, "<= 50 ms"],
            against("  a word that is nowhere", seen.none_s, seen.log_none_s, "<= 150 ms"),
        ]
    if "many" in groups:
        progress(f"{idle.REPOSITORIES} repositories")
        many = idle.measure_many(Place(directory / "many"), 5.0 if is_quick else 30.0)
        shown.rows += [
            [f"{idle.REPOSITORIES} repositories: resident memory", f"{many.rss_mb:.1f} MB", NONE, NONE, "<= 70 MB"],
            ["  threads", str(many.threads), NONE, NONE, f"<= {idle.REPOSITORIES + 12}"],
            ["  descriptors", str(many.descriptors), NONE, NONE, f"<= {2 * idle.REPOSITORIES + 60}"],
            ["  inotify instances", str(many.instances), NONE, NONE, "1"],
            [f"  CPU in {many.seconds:.0f} s", f"{many.cpu_ms:.1f} ms", NONE, NONE, "none"],
            ["  wake-ups", str(many.switches), NONE, NONE, "none"],
        ]
    return shown


if __name__ == "__main__":
    sys.exit(main())
