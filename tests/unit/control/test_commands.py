"""The table of commands: complete, and strict with what it is given."""

from __future__ import annotations

import contextlib
import importlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.control.commands import BY_NAME, COMMANDS, InvalidParamsError, checked, duration_s


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_row_has_its_file_and_its_help(command: Any) -> None:
    module = importlib.import_module(f"gitsync.cli.commands.{command.name.replace('-', '_')}")
    assert callable(module.run)
    if command.handler:
        assert callable(importlib.import_module(f"gitsync.daemon.handlers.{command.handler}").answers)
    assert command.summary
    assert not command.summary.endswith(".")
    assert all("gitsyncctl " in line for line in command.epilog.splitlines())
    assert all(parameter.help for parameter in command.parameters)


def test_defaults_are_filled_in_and_accepted_again() -> None:
    status = BY_NAME["status"]
    assert checked(status, {}) == {"names": [], "short": False, "watch": False}
    pause = BY_NAME["pause"]
    params = checked(pause, {"for": "1h", "names": ["a", "/b/c"]})
    assert params == {"names": ["a", "/b/c"], "for": 3600.0}
    assert checked(pause, params) == params
    assert checked(BY_NAME["watch"], {"path": "/x"}) == {
        "path": "/x",
        "init": False,
        "remote": None,
        "name": None,
        "dry_run": False,
    }


REFUSED = [
    ("status", {"nmaes": []}, "nmaes"),
    ("status", {"names": "notes"}, "names"),
    ("status", {"names": [1]}, "names"),
    ("status", {"names": ["a/b"]}, "absolute"),
    ("status", {"names": [""]}, "empty"),
    ("status", {"names": ["a\0b"]}, "characters"),
    ("status", {"names": ["\ud800"]}, "characters"),
    ("status", {"short": 1}, "short"),
    ("watch", {}, "missing"),
    ("watch", {"path": "Notes"}, "absolute"),
    ("watch", {"path": None}, "missing"),
    ("watch", {"path": "/x", "remote": 5}, "remote"),
    ("pause", {"for": "soon"}, "for"),
    ("pause", {"for": 0}, "for"),
    ("pause", {"for": True}, "for"),
    ("pause", {"for": 10**400}, "for"),
    ("config", {"action": "burn"}, "action"),
]


@pytest.mark.parametrize(("name", "params", "told"), REFUSED)
def test_what_the_table_does_not_allow_is_refused(name: str, params: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidParamsError, match=told):
        checked(BY_NAME[name], params)


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("2s", 2), ("5m", 300), ("1.5h", 5400), ("1d", 86400), (90, 90), (0.5, 0.5)]
)
def test_durations(text: Any, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "h", "-5m", "5 m m", "5mh", "1..5s", "inf", "nans", "1e3s", "٣s", "off", None]
)
def test_what_is_no_duration(text: Any) -> None:
    with pytest.raises(ValueError, match="duration"):
        duration_s(text)


@given(st.text() | st.integers() | st.floats())
def test_a_duration_is_positive_or_refused(value: Any) -> None:
    with contextlib.suppress(ValueError):
        assert 0 < duration_s(value) <= 3650 * 86400
