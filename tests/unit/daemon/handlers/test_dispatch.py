"""Every command that its row gives a handler is answered by that module, and by no other."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from unittest.mock import sentinel

import pytest

from gitsync.control.commands import COMMANDS

HANDLERS = sorted({command.handler for command in COMMANDS if command.handler})


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_module_of_handlers_answers_the_commands_whose_rows_name_it(handler: str) -> None:
    context: Any = sentinel.context
    answered = set(import_module(f"gitsync.daemon.handlers.{handler}").answers(context))
    assert answered == {command.name for command in COMMANDS if command.handler == handler}
