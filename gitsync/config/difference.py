"""Which values differ between two configurations, as a reload reports them. Pure; any thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gitsync.config.keys import home_values
from gitsync.config.literal import shown_values
from gitsync.config.options import Config


@dataclass(frozen=True, slots=True)
class ChangedValue:
    """A key, as `config get` takes it, with its value before and after; None is "not set"."""

    key: str
    old: Any
    new: Any

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {"key": self.key, "old": self.old, "new": self.new}


def differences(old: Config, new: Config) -> list[ChangedValue]:
    """Return the values that differ, of the tables that both have, in the order of the file's reference."""
    was, now = _values(old), _values(new)
    return [
        ChangedValue(f"{table}.{key}", was[table].get(key), value)
        for table, values in now.items()
        if table in was
        for key, value in values.items()
        if was[table].get(key) != value
    ]


def _values(config: Config) -> dict[str, dict[str, Any]]:
    return {
        **{f"repo.{repo.name}": shown_values(repo) for repo in config.repos},
        **({"home": home_values(config.home)} if config.home is not None else {}),
        **{f"job.{job.name}": shown_values(job) for job in config.jobs},
        "daemon": shown_values(config.daemon),
        "hooks": shown_values(config.hooks),
    }
