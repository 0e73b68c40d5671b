"""The file is whole at every moment, is never another's than it was, and no edit is lost."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitsync import places
from gitsync.config import store
from gitsync.config.store import edit_file
from gitsync.errors import ConfigError, OperationError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "c" / "config.toml"
    file.parent.mkdir()
    file.write_text("one\n")
    return file


def names_in(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def test_an_edit_sees_the_text_and_replaces_it(file: Path) -> None:
    edit_file(file, lambda text: f"{text}two\n")
    assert file.read_text() == "one\ntwo\n"
    assert names_in(file.parent) == ["config.toml"]


def test_a_missing_file_is_made_with_its_directories_for_the_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b" / "config.toml"
    edit_file(file, lambda text: "new" if text is None else "wrong")
    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_the_mode_is_kept(file: Path) -> None:
    file.chmod(0o640)
    edit_file(file, lambda _: "new")
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_is_kept(file: Path) -> None:
    os.chown(file, 1777, 1777)
    edit_file(file, lambda _: "new")
    assert (file.stat().st_uid, file.stat().st_gid) == (1777, 1777)


def test_links_are_followed_and_stay(file: Path, tmp_path: Path) -> None:
    (tmp_path / "second").symlink_to("c/config.toml")
    (tmp_path / "first").symlink_to(tmp_path / "second")
    edit_file(tmp_path / "first", lambda text: f"{text}two\n")
    assert os.readlink(tmp_path / "first") == str(tmp_path / "second")
    assert os.readlink(tmp_path / "second") == "c/config.toml"
    assert file.read_text() == "one\ntwo\n"


def test_a_link_that_leads_nowhere_yet_is_followed_too(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("dotfiles/config.toml")
    edit_file(tmp_path / "link", lambda _: "new")
    assert (tmp_path / "dotfiles" / "config.toml").read_text() == "new"
    assert (tmp_path / "link").is_symlink()


def test_carriage_returns_and_the_byte_order_mark_are_kept(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfa\r\nb\r\n")
    edit_file(file, lambda text: f"{text}c\r\n")
    assert file.read_bytes() == b"\xef\xbb\xbfa\r\nb\r\nc\r\n"


def test_an_edit_without_effect_leaves_the_file_alone(file: Path) -> None:
    before = file.stat()
    edit_file(file, lambda text: text or "")
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_failing_edit_leaves_the_file_and_nothing_beside_it(file: Path) -> None:
    def fail(_: str | None) -> str:
        raise ConfigError(["no"])

    with pytest.raises(ConfigError):
        edit_file(file, fail)
    assert file.read_text() == "one\n"
    assert names_in(file.parent) == ["config.toml"]


def test_a_change_by_an_editor_meanwhile_is_not_lost(file: Path) -> None:
    seen: list[str | None] = []

    def edit(text: str | None) -> str:
        seen.append(text)
        if len(seen) == 1:
            file.write_text("saved by hand\n")
        return f"{text}ours\n"

    edit_file(file, edit)
    assert seen == ["one\n", "saved by hand\n"]
    assert file.read_text() == "saved by hand\nours\n"
    assert names_in(file.parent) == ["config.toml"]


def test_a_file_that_appears_meanwhile_is_not_lost(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"

    def edit(text: str | None) -> str:
        if text is None:
            file.write_text("by hand\n")
        return f"{text}ours\n"

    edit_file(file, edit)
    assert file.read_text() == "by hand\nours\n"


def test_a_file_that_never_stands_still_is_given_up_on(file: Path) -> None:
    count = 0

    def edit(text: str | None) -> str:
        nonlocal count
        count += 1
        file.write_text(f"by hand {count}\n")
        return f"{text}ours\n"

    with pytest.raises(OperationError, match="keeps changing"):
        edit_file(file, edit)
    assert file.read_text() == f"by hand {store.TRIES}\n"


def test_a_disk_that_is_full_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OperationError, match="No space left on device"):
        edit_file(file, lambda _: "new")
    assert file.read_text() == "one\n"
    assert names_in(file.parent) == ["config.toml"]


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="cannot write /proc/"):
        edit_file(Path("/proc/no/config.toml"), lambda _: "new")
    (tmp_path / "plain").write_text("x")
    with pytest.raises(OperationError, match="plain is a regular file") as caught:
        edit_file(tmp_path / "plain" / "config.toml", lambda _: "new")
    assert "--config" in caught.value.hint
    assert (tmp_path / "plain").read_text() == "x"


def test_somebody_elses_edit_is_waited_for_but_not_for_ever(file: Path) -> None:
    with open(places.state_dir() / "config.lock", "w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        with pytest.raises(OperationError, match="another gitsync has been editing"):
            edit_file(file, lambda _: "new", wait_s=0.0)
    edit_file(file, lambda _: "new")
    assert file.read_text() == "new"


EDITOR = """
import sys
from pathlib import Path
from gitsync.config.document import add_repo
for number in range(8):
    add_repo(Path(sys.argv[1]), Path(f"/r/{sys.argv[2]}-{number}"), name=None, remote=None)
"""


def test_no_edit_of_several_programs_at_once_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("# mine\n")
    editors = [
        subprocess.Popen([sys.executable, "-c", EDITOR, str(file), name], stderr=subprocess.PIPE) for name in "abc"
    ]
    said = [editor.communicate(timeout=100)[1] for editor in editors]
    assert said == [b"", b"", b""]
    text = file.read_text()
    assert text.startswith("# mine\n")
    assert sorted(line for line in text.split("\n") if line.startswith("path")) == [
        f'path = "/r/{name}-{number}"' for name in "abc" for number in range(8)
    ]
