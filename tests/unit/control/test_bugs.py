"""A bug report says what is needed and keeps secrets."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from gitsync.control import bugs


def test_a_report_holds_the_traceback_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    argv = ["watch", "x", "--remote", "https://me:hunter2@host/x.git", "config", "set", "job.api_token", "s3cret"]
    try:
        raise RuntimeError("cannot reach https://me:hunter2@host/x.git with token=abc123")
    except RuntimeError as error:
        path = Path(bugs.save(error, argv))
    report = path.read_text()
    assert path.is_relative_to(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "RuntimeError: cannot reach https://***@host/x.git" in report
    assert "test_bugs.py" in report
    for secret in ("hunter2", "s3cret", "abc123"):
        assert secret not in report


def test_without_a_place_for_it_the_report_goes_to_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert bugs.save(ValueError("odd"), []) == "stderr"
    assert "ValueError: odd" in capfd.readouterr().err
