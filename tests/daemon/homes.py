"""What the tests of home files share: a mirror, its states, and how programs save."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.daemon.harness import Machine, wait_for

QUICK = '[defaults]\nquiet = "100ms"\nmax_wait = "5s"\npull = "1s"\npush = "50ms"\n'


def mirror_of(box: Machine) -> Path:
    return box.home / ".local/share/gitsync/home"


def ctl(box: Machine, *argv: str, status: int = 0) -> Any:
    done = box.ctl(*argv, "--json")
    assert done.returncode == status, (argv, done.stdout, done.stderr)
    return json.loads(done.stdout)


def begin(box: Machine, *options: str, link: str = "auto") -> Path:
    """Make a mirror and start the daemon; return the mirror."""
    box.write_config(QUICK)
    ctl(box, "init", *options)
    box.config.write_text(box.config.read_text() + f'link = "{link}"\n')
    box.start()
    return mirror_of(box)


def home_status(box: Machine) -> dict[str, Any]:
    found: dict[str, Any] = box.status()["home"]
    return found


def wait_home(box: Machine, what: str = "home to be in order") -> dict[str, Any]:
    """Wait until everything is committed and nothing is broken."""

    def is_good() -> dict[str, Any] | None:
        status = home_status(box)
        good = status["state"] == "ok" and not status["broken"] and not status["pending"]
        return status if good else None

    try:
        found: dict[str, Any] = wait_for(what, is_good)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{home_status(box)}\n{box.log.read_text()[-4000:]}") from None
    return found


def committed(mirror: Path, name: str) -> bytes | None:
    done = subprocess.run(["git", "-C", str(mirror), "show", f"HEAD:{name}"], check=False, capture_output=True)
    return done.stdout if done.returncode == 0 else None


def wait_committed(box: Machine, name: str, data: bytes) -> None:
    try:
        wait_for(f"{name} to be committed", lambda: committed(mirror_of(box), name) == data)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{box.log.read_text()[-4000:]}") from None


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


# How programs save a file. Each gets the file and its new content.


def truncate(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def rename_over(path: Path, data: bytes) -> None:
    beside = path.with_name(path.name + ".tmp")
    beside.write_bytes(data)
    beside.chmod(mode_of(path))
    beside.rename(path)


def unlink_and_create(path: Path, data: bytes) -> None:
    mode = mode_of(path)
    path.unlink()
    path.write_bytes(data)
    path.chmod(mode)


def back_up_and_write(path: Path, data: bytes) -> None:
    path.rename(path.with_name(path.name + "~"))
    unlink_mode = mode_of(path.with_name(path.name + "~"))
    path.write_bytes(data)
    path.chmod(unlink_mode)


def append(path: Path, data: bytes) -> None:
    before = path.read_bytes()
    assert data.startswith(before)
    with path.open("ab") as stream:
        stream.write(data[len(before) :])


def vim(*settings: str) -> tuple[str, ...]:
    """Return a command of vim's that puts a line at the end of a file."""
    chosen = [part for setting in settings for part in ("--cmd", f"set {setting}")]
    return ("vim", "-u", "NONE", "-N", "-n", "-es", *chosen, "-c", "$put ='edited'", "-c", "wq")


def emacs(*settings: str) -> tuple[str, ...]:
    """Return a command of emacs' that does the same; the file has to come before the last two words."""
    lisp = f'(progn (setq {" ".join(settings)}) (goto-char (point-max)) (insert "edited\\n") (save-buffer))'
    return ("emacs", "-Q", "--batch", "--eval", lisp)


# How the editors of Debian save, by their own settings for it.
EDITORS = {
    "vim-renames": vim("backup", "backupcopy=no"),
    "vim-overwrites": vim("backupcopy=yes"),
    "vim-without-backup": vim("nowritebackup", "nobackup"),
    "emacs": emacs("make-backup-files", "t"),
    "emacs-copies": emacs("backup-by-copying", "t"),
    "emacs-precious": emacs("file-precious-flag", "t"),
}


def edit(command: tuple[str, ...], path: Path, env: dict[str, str]) -> None:
    """Let an editor put a line at the end of `path`."""
    argv = [*command[:3], str(path), *command[3:]] if command[0] == "emacs" else [*command, str(path)]
    done = subprocess.run(argv, check=False, env=env, cwd=path.parent, capture_output=True, timeout=60)
    assert path.read_text().endswith("edited\n"), (argv, done)


STYLES: tuple[Callable[[Path, bytes], None], ...] = (
    truncate,
    rename_over,
    unlink_and_create,
    back_up_and_write,
    append,
)
