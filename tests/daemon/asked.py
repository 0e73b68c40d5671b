"""What the setup asks a person on a machine, and what became of the configuration."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

from tests.daemon.harness import Machine
from tests.fakes.person import Person

Ask = Callable[..., Person]
DIRECTORY, ANOTHER = "Which directory is to be watched?", "Another directory?"
REMOTE, HOME, JOB = "The address of its remote?", "What would you like?", "For which directory is there to be a job?"


def config(box: Machine) -> dict[str, Any]:
    """Return the tables of the configuration file, none when there is no file."""
    return tomllib.loads(box.config.read_text()) if box.config.exists() else {}
