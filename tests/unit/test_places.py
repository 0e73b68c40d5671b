"""The quick way to the runtime directory must always say what platformdirs says."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import warnings
from pathlib import Path

import platformdirs
import pytest

from gitsync import places
from gitsync.errors import OperationError, UsageError


def theirs() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return platformdirs.user_runtime_dir("gitsync", appauthor=False)


def make_private(path: Path) -> Path:
    path.mkdir(mode=0o700)
    return path


def make_open(path: Path) -> Path:
    path.mkdir()
    path.chmod(0o755)
    return path


def make_link(path: Path) -> Path:
    make_private(path.with_name("real"))
    path.symlink_to("real")
    return path


def make_below_shared(path: Path) -> Path:
    make_private(path)
    path.chmod(0o777)
    return make_private(path / "run")


def make_below_sticky(path: Path) -> Path:
    make_private(path)
    path.chmod(0o1777)
    return make_private(path / "run")


CASES = [make_private, make_open, make_link, make_below_shared, make_below_sticky, lambda path: path / "missing"]


@pytest.mark.parametrize("make", CASES)
@pytest.mark.parametrize("tail", ["", "/", "/.", "//"])
def test_runtime_directory_is_always_platformdirs(
    make: object, tail: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(make)
    monkeypatch.setenv("XDG_RUNTIME_DIR", f"{make(tmp_path / 'xdg')}{tail}")
    assert places.runtime_address() == theirs()


@pytest.mark.parametrize("value", ["", "relative", "/", "/proc/1"])
def test_odd_values_are_platformdirs_business(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", value)
    assert places.runtime_address() == theirs()


def test_unset_is_platformdirs_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert places.runtime_address() == theirs()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere platformdirs is always asked")
def test_a_proper_runtime_directory_needs_no_platformdirs(tmp_path: Path) -> None:
    program = "import sys; from gitsync import places; print(places.socket_address(), 'platformdirs' in sys.modules)"
    environment = {"XDG_RUNTIME_DIR": str(make_private(tmp_path / "xdg")), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == [f"{tmp_path}/xdg/gitsync/socket", "False"]


def test_the_option_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GITSYNC_SOCKET", "/a/b")
    monkeypatch.chdir(tmp_path)
    assert places.socket_address("~/s") == f"{os.environ['HOME']}/s"
    assert places.socket_address("s") == f"{tmp_path}/s"
    assert places.socket_address() == "/a/b"
    assert places.socket_path() == Path("/a/b")


def test_a_path_too_long_to_bind_is_refused() -> None:
    with pytest.raises(UsageError, match="longer than"):
        places.socket_address("/" + "x" * places.SOCKET_PATH_MAX)


def test_the_runtime_directory_is_made_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(make_private(tmp_path / "xdg")))
    monkeypatch.delenv("GITSYNC_SOCKET", raising=False)
    path = places.socket_path()
    assert path == tmp_path / "xdg" / "gitsync" / "socket"
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.parent.chmod(0o750)
    with pytest.raises(OperationError, match="accessible to you only"):
        places.socket_path()


def test_a_runtime_directory_that_is_too_long_has_a_short_one_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(make_private(tmp_path / "xdg")))
    own = tmp_path / "xdg/gitsync"
    assert places.short_runtime_dir(len(os.fsencode(own))) == own
    short = places.short_runtime_dir(len(os.fsencode(own)) - 1)
    try:
        assert short.parent == Path("/tmp")
        assert short.stat().st_mode & 0o777 == 0o700
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(make_private(tmp_path / "other")))
        other = places.short_runtime_dir(0)
        assert other != short, "connections of one daemon are not another one's"
        other.rmdir()
        short.chmod(0o755)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "xdg"))
        with pytest.raises(OperationError, match="accessible to you only"):
            places.short_runtime_dir(0)
    finally:
        places.leave_short_runtime_dir()
    assert not short.exists()
    places.leave_short_runtime_dir()  # there is none


def test_the_systems_service_for_this_user_is_found_when_there_is_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = make_private(tmp_path / "xdg") / "gitsync"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(mine.parent))
    monkeypatch.delenv("GITSYNC_SOCKET", raising=False)

    def answering(option: str | None = None) -> str:
        return places.answering_address(option, system_run=str(tmp_path))

    assert answering() == str(mine / "socket")
    system = tmp_path / f"gitsync-{pwd.getpwuid(os.geteuid()).pw_name}/socket"
    system.parent.mkdir()
    system.touch()
    assert answering() == str(system)
    assert answering("/else/where") == "/else/where"
    # The daemon itself never binds there unasked, and one's own comes first.
    assert places.socket_address() == str(mine / "socket")
    make_private(mine)
    (mine / "socket").touch()
    assert answering() == str(mine / "socket")


def test_a_working_directory_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    assert places.absolute("x") == f"{gone}/x"
    assert places.config_file("x") == gone / "x"
    gone.rmdir()
    for ask in (lambda: places.absolute("x"), lambda: places.config_file("x")):
        with pytest.raises(UsageError, match="the working directory was removed"):
            ask()
    assert places.absolute("/x") == "/x"
    monkeypatch.chdir(tmp_path)
