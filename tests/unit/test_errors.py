"""Errors as they are shown in short."""

from __future__ import annotations

from gitsync.errors import ConfigError


def test_a_long_list_of_what_is_allowed_is_left_out_of_the_summary() -> None:
    head = 'config.toml:6: [[repo]] "notes": key quiett: is unknown here'
    names = ", ".join(f"name{number}" for number in range(40))
    fault = f'{head}; allowed: {names}; did you mean "quiet"?'
    assert ConfigError([fault, "another"]).summary == f'{head}; did you mean "quiet"? (and 1 more)'
    assert ConfigError([f"{head}; allowed: {names}"]).summary == head
    short = "config.toml:2: mode: allowed: both, push"
    assert ConfigError([short]).summary == short
