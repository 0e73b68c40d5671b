"""Every command that asks somebody has its answer, in the theme that is loaded for it."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from unittest.mock import sentinel

import pytest

from gitsync.control.commands import COMMANDS
from gitsync.daemon.handlers.dispatch import THEMES


def test_every_method_has_one_theme() -> None:
    methods = [method for methods in THEMES.values() for method in methods]
    assert sorted(methods) == sorted({command.method for command in COMMANDS} - {""})


@pytest.mark.parametrize("theme", THEMES)
def test_a_theme_answers_what_it_is_loaded_for(theme: str) -> None:
    desk: Any = sentinel.desk
    assert set(import_module(f"gitsync.daemon.handlers.{theme}").answers(desk)) == set(THEMES[theme])
