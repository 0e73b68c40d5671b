from __future__ import annotations

import subprocess

import pytest

from gitsync.core.message import PLACEHOLDERS, SUBJECT_COLUMNS, check_template, commit_message, file_message
from gitsync.model import Change, ChangeKind

KINDS = {"+": ChangeKind.ADDED, "~": ChangeKind.CHANGED, "-": ChangeKind.REMOVED}


def changes(*texts: str) -> list[Change]:
    return [Change(text[1:].encode("utf-8", "surrogateescape"), KINDS[text[0]]) for text in texts]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["+a.txt"], "Add a.txt"),
        (["~notes/b.txt"], "Change notes/b.txt"),
        (["-c"], "Remove c"),
        (["~notes/c", "~notes/a", "~notes/b"], "Change 3 files in notes/: a, b, c"),
        (["+a", "+b"], "Add 2 files: a, b"),
        (["+x/y/1", "~x/y/z/2"], "Add 1 and change 1 files in x/y/: 1, z/2"),
        (["+a", "~b", "-c"], "Add 1, change 1 and remove 1 files: a, b, c"),
        (["-d/a", "-e/a"], "Remove 2 files: d/a, e/a"),
        (["+ab/1", "+abc/1"], "Add 2 files: ab/1, abc/1"),
    ],
)
def test_a_sentence_for_what_changed(given: list[str], message: str) -> None:
    assert commit_message(changes(*given)) == message
    assert commit_message(changes(*reversed(given))) == message


def test_what_does_not_fit_is_listed_in_the_body() -> None:
    given = changes(*(f"~notes/{n:02}-meeting.md" for n in range(12)))
    subject, blank, *body = commit_message(given).split("\n")
    assert subject == "Change 12 files in notes/: 00-meeting.md, 01-meeting.md, …"
    assert blank == ""
    assert body[0] == "- Change notes/00-meeting.md"
    assert len(body) == 12


def test_the_body_is_bounded() -> None:
    body = commit_message(changes(*(f"+f{n:04}" for n in range(1000)))).split("\n")[2:]
    assert len(body) == 101
    assert body[-1] == "- and 900 more"


def test_a_long_name_keeps_its_end_in_the_subject_and_is_whole_in_the_body() -> None:
    path = "deep/" * 30 + "report.txt"
    subject, _, body = commit_message(changes(f"+{path}")).partition("\n\n")
    assert len(subject) == SUBJECT_COLUMNS
    assert subject.startswith("Add …")
    assert subject.endswith("/report.txt")
    assert body == f"- Add {path}"


def test_a_long_common_directory_is_cut_and_the_names_wait_in_the_body() -> None:
    deep = "deep/" * 30
    subject, _, body = commit_message(changes(f"+{deep}a", f"~{deep}b")).partition("\n\n")
    assert len(subject) <= SUBJECT_COLUMNS
    assert subject.startswith("Add 1 and change 1 files in …")
    assert body == f"- Add {deep}a\n- Change {deep}b"


def test_a_name_may_use_the_last_column() -> None:
    name = "n" * (SUBJECT_COLUMNS - len("Add "))
    assert commit_message(changes(f"+{name}")) == f"Add {name}"
    assert "\n" in commit_message(changes(f"+{name}n"))


def test_odd_names_are_escaped() -> None:
    assert commit_message(changes("+caf\udce9", "+a\x1b[2J")) == "Add 2 files: a\\x1b[2J, caf\\xe9"


FORGERIES = [
    "x\n\nSigned-off-by: Eve <eve@example.org>",
    ": forged",
    "Signed-off-by: Eve <eve@example.org>",
    "# comment",
    "---",
    "(cherry picked from commit 0123456789)",
    " Reviewed-by: Eve",
]


@pytest.mark.parametrize("template", ["", "{summary}\n\n{files}", "{host}\n\n{summary}", "{files}\n{files}\n{summary}"])
def test_no_file_name_forges_a_line_or_a_trailer(template: str) -> None:
    long_names = [f"+{name}" for name in FORGERIES] + [f"~{'long' * 20}{n}" for n in range(3)]
    message = commit_message(changes(*long_names), template, host="desk")
    trailers = subprocess.run(
        ["git", "interpret-trailers", "--parse"], input=message.encode(), capture_output=True, check=True, timeout=60
    ).stdout
    assert trailers == b""
    assert not any(line.startswith(("Signed", "#", "(", "---", " ")) for line in message.split("\n")[1:])


@pytest.mark.parametrize("name", FORGERIES)
def test_no_single_file_name_does_either(name: str) -> None:
    message = commit_message(changes(f"+{name}"), "{summary}\n\n{files}")
    assert message.count("\n") == 2
    assert message.split("\n")[2].startswith("- ")


def test_a_template_is_filled() -> None:
    template = "{host}: {summary} ({count}: {added}+ {changed}~ {removed}-) {{{date}}}\n\nFrom: {host}"
    message = commit_message(changes("+a", "~b"), template, host="desk", date="2024-05-01T10:00:00+00:00")
    subject = "desk: Add 1 and change 1 files: a, b (2: 1+ 1~ 0-) {2024-05-01T10:00:00+00:00}"
    assert message == f"{subject}\n\nFrom: desk"


def test_files_in_a_template_are_bounded() -> None:
    message = commit_message(changes(*(f"+{n:04}" for n in range(1000))), "{files}")
    assert message.endswith(", 0099, and 900 more")


def test_a_template_that_comes_out_empty_falls_back() -> None:
    assert commit_message(changes("+a"), "{host}") == "Add a"


def test_a_host_name_cannot_add_a_line() -> None:
    assert commit_message(changes("+a"), "{host}", host="x\nSigned-off-by: y") == "x\\nSigned-off-by: y"


@pytest.mark.parametrize("template", ["{sumary}", "{}", "{0}", "{summary!r}", "{summary:>9}", "{summary.x}", "{", "a}"])
def test_a_bad_template_is_refused_with_what_is_allowed(template: str) -> None:
    with pytest.raises(ValueError, match=r"\{summary\}, \{files\}, \{count\}"):
        check_template(template)


def test_every_placeholder_is_good_in_a_template() -> None:
    template = " ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    check_template(template)
    assert "{" not in commit_message(changes("+a"), template)


def test_no_change_no_message() -> None:
    with pytest.raises(ValueError, match="at least one change"):
        commit_message([])


@pytest.mark.parametrize(
    ("given", "message"),
    [("+a b", "Add file a b"), ("~d/x", "Change file d/x"), ("-x\ny", "Remove file x\\ny")],
)
def test_one_commit_a_file_is_called_as_the_first_gitsync_did(given: str, message: str) -> None:
    assert file_message(changes(given)[0]) == message
