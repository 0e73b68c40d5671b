"""Reports of machines: what is read is what was written, and anything else is ignored."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.core.machines import MOST_MACHINES, REFS, Report, newest, parse

COMMIT, OTHER = "a" * 40, "b" * 40
NOW = 1_800_000_000.0
DESK = Report("0123456789abcdef", "desk", NOW - 5, COMMIT, "", 0, False, "main", "1.2.0")


def test_a_report_is_a_ref_that_git_servers_and_file_systems_take() -> None:
    assert DESK.ref == f"{REFS}0123456789abcdef,1,1799999995,0,0,1_2e2_2e0,desk,main,"
    assert parse(DESK.ref, COMMIT, NOW) == DESK


@given(
    st.text(max_size=60),
    st.text(max_size=60),
    st.integers(0, 10**7),
    st.booleans(),
    st.sampled_from(["", OTHER, "c" * 64]),
)
def test_every_report_can_be_read(name: str, branch: str, unsent: int, needs_user: bool, head: str) -> None:
    report = Report("f" * 16, name, NOW, COMMIT, head, unsent, needs_user, branch, "1")
    assert len(report.ref.rpartition("/")[2]) + len(".lock") <= 255
    found = parse(report.ref, COMMIT, NOW)
    assert found is not None
    assert (found.head, found.needs_user, found.at) == (head, needs_user, head or COMMIT)
    assert found.ref == report.ref


@pytest.mark.parametrize(
    "ref",
    [
        "refs/heads/main",
        REFS,
        f"{REFS}evil",
        DESK.ref + "x",
        DESK.ref.replace("desk", "d_65sk"),  # written in another way than gitsync does
        DESK.ref.replace("desk", "\x1b[2J"),
        DESK.ref.replace(",1,", ",2,", 1),
        DESK.ref.replace("desk", "d" * 500),
        DESK.ref.replace("desk", "d" * 61),
        DESK.ref.replace("1799999995", "01799999995"),
        DESK.ref.replace("1799999995", "9" * 13),
    ],
)
def test_forged_refs_are_ignored(ref: str) -> None:
    assert parse(ref, COMMIT, NOW) is None


def test_no_report_is_from_the_future() -> None:
    found = parse(DESK.ref, COMMIT, 1000.0)
    assert found is not None
    assert found.seen == 1000.0
    assert parse(DESK.ref, "not a commit", NOW) is None


def test_of_many_reports_the_newest_of_each_machine_count() -> None:
    older = Report(DESK.id, "old name", NOW - 60, OTHER)
    assert newest([DESK, older]) == (DESK,)
    crowd = [Report(f"{number:016x}", f"m{number}", NOW, COMMIT) for number in range(MOST_MACHINES + 50)]
    assert len(newest(crowd)) == MOST_MACHINES


def test_a_report_says_the_same_at_another_time() -> None:
    later = Report(DESK.id, "desk", NOW, COMMIT, "", 0, False, "main", "1.2.0")
    assert later.says_as(DESK)
    assert not later.says_as(None)
    assert not Report(DESK.id, "desk", NOW, OTHER, "", 0, False, "main", "1.2.0").says_as(DESK)
