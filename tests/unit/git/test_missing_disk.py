"""A remote on a disk that is not there is distinguished from one that does not exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.git.remote.local_remote import missing_disk


def test_below_a_directory_for_disks_what_is_missing_is_awaited(tmp_path: Path) -> None:
    media = tmp_path / "media"
    assert missing_disk(tmp_path, str(media / "usb/notes.git"), was_there=False) is None, "an ordinary directory"
    wanted = Path("/media/gitsync-no-such-disk/notes.git")
    assert missing_disk(tmp_path, str(wanted), was_there=False) == wanted
    assert missing_disk(tmp_path, f"file://{wanted}", was_there=False) == wanted
    link = tmp_path / "stick"
    link.symlink_to("/media/gitsync-no-such-disk")
    assert missing_disk(tmp_path, str(link / "notes.git"), was_there=False) == wanted


@pytest.mark.parametrize("was_there", [True, False])
def test_elsewhere_only_what_was_there_before_and_lost_its_parent_too(tmp_path: Path, was_there: bool) -> None:
    disk = tmp_path / "disk"
    assert (missing_disk(tmp_path, str(disk / "notes.git"), was_there=was_there) is not None) is was_there
    disk.mkdir()
    assert missing_disk(tmp_path, str(disk / "notes.git"), was_there=was_there) is None, "the repository was removed"


@pytest.mark.parametrize("url", ["host:notes.git", "ssh://host/media/usb/notes.git", "https://host/x.git", ""])
def test_a_remote_elsewhere_is_on_no_disk(tmp_path: Path, url: str) -> None:
    assert missing_disk(tmp_path, url, was_there=True) is None
