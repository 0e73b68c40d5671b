from __future__ import annotations

from dataclasses import replace

from gitsync.core.notices import Notice, Notified, Severity, changes
from gitsync.model import Problem, Quarantined, RepoState, RepoStatus

OK = RepoStatus("notes", "/home/u/Notes")
AUTH = replace(OK, state=RepoState.AUTH, error=Problem("auth", "notes: the key was refused", "ssh-add"))
OFFLINE = replace(OK, state=RepoState.OFFLINE, reason="no route to host")
SYNCING = replace(OK, state=RepoState.SYNCING)


def tell(*statuses: RepoStatus) -> list[Notice]:
    told, notices = Notified(), []
    for status in statuses:
        told, fresh = changes(told, status)
        notices += fresh
    return notices


def codes(*statuses: RepoStatus) -> list[str]:
    return [notice.code for notice in tell(*statuses)]


def test_nothing_to_tell_of_a_quiet_day() -> None:
    assert tell(OK, replace(OK, state=RepoState.PENDING), SYNCING, OK, replace(OK, state=RepoState.PAUSED), OK) == []


def test_trouble_is_told_once_with_what_to_do_and_its_end_once() -> None:
    first, last = tell(AUTH, AUTH, AUTH, OK, OK)
    assert (first.code, first.severity, first.text, first.hint) == (
        "auth",
        Severity.PROBLEM,
        "notes: the key was refused",
        "ssh-add",
    )
    assert (last.code, last.severity) == ("recovered", Severity.PROBLEM)


def test_a_retry_in_between_is_neither_recovery_nor_new_trouble() -> None:
    assert codes(AUTH, SYNCING, AUTH, replace(OK, state=RepoState.PENDING), AUTH) == ["auth"]


def test_recovery_by_way_of_a_retry_is_told() -> None:
    assert codes(OFFLINE, SYNCING, OK) == ["offline", "recovered"]


def test_a_pause_is_no_recovery() -> None:
    assert codes(AUTH, replace(OK, state=RepoState.PAUSED), AUTH) == ["auth"]


def test_other_trouble_is_told() -> None:
    halted = replace(OK, state=RepoState.HALTED, error=Problem("mass-deletion", "notes: 30 of 40", "accept"))
    assert codes(AUTH, halted, AUTH, OK) == ["auth", "mass-deletion", "auth", "recovered"]


def test_being_offline_is_no_problem_and_so_is_its_end() -> None:
    assert {notice.severity for notice in tell(OFFLINE, OK)} == {Severity.INFO}


def test_a_conflict_names_files_and_the_command() -> None:
    files = tuple(f"{n}.txt" for n in range(7))
    (notice,) = tell(replace(OK, state=RepoState.CONFLICT, conflicts=files))
    assert "0.txt, 1.txt, 2.txt, 3.txt, 4.txt, …" in notice.text
    assert notice.hint == "gitsyncctl status notes"


def test_polling_is_told_with_the_line_that_ends_it() -> None:
    polling = replace(OK, watch="polling", notes=("sysctl fs.inotify.max_user_watches=524288",))
    notices = tell(polling, polling, OK)
    assert [notice.code for notice in notices] == ["polling", "recovered"]
    assert "sysctl" in notices[0].hint


def test_a_held_back_file_that_grows_or_is_found_again_is_not_told_again() -> None:
    large = replace(OK, quarantined=(Quarantined("a.bin", "too large: 2 MB, the limit is 1 MB"),))
    larger = replace(OK, quarantined=(Quarantined("a.bin", "too large: 3 MB, the limit is 1 MB"),))
    other = replace(OK, quarantined=(Quarantined("a.bin", "secret: private key"),))
    assert codes(large, larger, SYNCING, larger) == ["quarantined"]
    assert codes(large, OK, large, other) == ["quarantined"] * 3


def test_a_held_back_file_is_told_once_and_an_escape_in_its_name_does_not_act() -> None:
    one = replace(OK, quarantined=(Quarantined("id_rsa", "secret: private key"),))
    two = replace(OK, quarantined=(*one.quarantined, Quarantined("b\x1b[2J", "too large")))
    notices = tell(one, one, two, one)
    assert [notice.code for notice in notices] == ["quarantined", "quarantined"]
    assert "id_rsa (secret: private key)" in notices[0].text
    assert "id_rsa" not in notices[1].text
    assert "\x1b" not in notices[1].text
