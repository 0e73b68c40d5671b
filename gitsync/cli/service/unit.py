"""The text of the systemd units that `service install` writes, made from those that packages install. Pure."""

from __future__ import annotations

import re
from pathlib import Path

from gitsync.cli.service.setting import Setting

NAME = "gitsync.service"
FAILED_NAME = "gitsync-failed.service"


def template(name: str) -> str:
    """Return the unit as packages install it."""
    return Path(__file__).with_name(name).read_text("utf-8")


def render(setting: Setting) -> str:
    """Return the unit for a program and an environment."""
    text = template(NAME)
    text = re.sub(r"(?m)^# The shell finds it.*\n(?:#.*\n)*(?=ExecStart=)", "", text)
    text = _with_line(text, "ExecStart", " ".join(map(_word, setting.daemon)))
    text = _with_line(text, "ExecReload", " ".join(map(_word, (*setting.control, "reload"))))
    return _with_environment(text, setting)


def render_page(setting: Setting) -> str:
    """Return the unit of the page for a program and an environment."""
    text = template("gitsync-web.service").replace("# As in gitsync.service.\n", "")
    text = _with_line(text, "ExecStart", " ".join(map(_word, (*setting.control, "web", "--no-browser"))))
    return _with_environment(text, setting)


def _with_environment(text: str, setting: Setting) -> str:
    told = "".join(f"Environment={_assignment(name, value)}\n" for name, value in setting.environment.items())
    return text.replace("LimitCORE=", f"{told}LimitCORE=", 1)


def render_failed(setting: Setting) -> str:
    """Return the unit that reports a failure, for a control command; only its program can be given."""
    return _with_line(template(FAILED_NAME), "Environment", _assignment("GITSYNCCTL", setting.control[0]))


def _with_line(text: str, key: str, value: str) -> str:
    return re.sub(rf"(?m)^{key}=.*$", lambda _: f"{key}={value}", text, count=1)


def _word(word: str) -> str:
    """Return a word of a command line: quoted, nothing in it expanded (systemd.service(5), COMMAND LINES)."""
    return _quoted(word.replace("$", "$$"))


def _assignment(name: str, value: str) -> str:
    return _quoted(f"{name}={value}")


def _quoted(text: str) -> str:
    plain = text.replace("%", "%%")
    if re.fullmatch(r"[\w@%+=:,./-]+", plain, re.ASCII):
        return plain
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
