"""The answers to control commands while no daemon runs: the same handlers, in the control command's process.

The engine takes longer to load than most questions about a history to answer: it is imported for what needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitsync.clock import SystemClock
from gitsync.config.load import load
from gitsync.control.client import HOW_TO_START
from gitsync.control.commands import BY_NAME
from gitsync.control.table import ACT, MAKERS, NO
from gitsync.daemon.handlers.context import HandlerContext, Selection
from gitsync.daemon.handlers.dispatch import Handlers
from gitsync.errors import NotRunningError

if TYPE_CHECKING:
    from gitsync.daemon.runtime import Runtime


def looking(config_option: str | None) -> Selection:
    """Return the repositories and jobs of the configuration; raise ConfigError for a faulty one."""
    config = load(config_option)
    return Selection(lambda: config)


def handle(method: str, params: dict[str, Any], config_option: str | None) -> dict[str, Any]:
    """Return the reply that the daemon would give, from files and git alone.

    Raise NotRunningError for commands that need a daemon, AlreadyRunningError when one has started meanwhile.
    """
    command = BY_NAME[method]
    is_of_daemon = command.acts_with and not any(params.get(name) for name in command.acts_with)
    if command.without_daemon == NO or is_of_daemon:
        raise NotRunningError("gitsync is not running", HOW_TO_START)
    if command.without_daemon == ACT and not any(params.get(name) for name in command.looks_with):
        from gitsync.daemon.oneshot import act

        return act(method, params, config_option)
    config = load(config_option, is_to_be_made=method in MAKERS)

    def runtime() -> Runtime:
        from gitsync.daemon.oneshot import resting

        return resting(config)

    context = HandlerContext(lambda: config, runtime, SystemClock(), config_option, dict, lambda: None, is_daemon=False)
    return Handlers(context).dispatch(method, params)
