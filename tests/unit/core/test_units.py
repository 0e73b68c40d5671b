from __future__ import annotations

import pytest

from gitsync.core.units import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("2s", 2.0),
        ("5m", 300.0),
        ("1h", 3600.0),
        ("1d", 86400.0),
        ("0s", 0.0),
        ("1.5s", 1.5),
        ("2 s", 2.0),
        ("0.001s", 0.001),
        ("36500d", 36500 * 86400.0),
        ("off", None),
    ],
)
def test_durations_are_read(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "s",
        "2x",
        "-2s",
        "+2s",
        "2S",
        "2sec",
        "1h30m",
        "2s ",
        " 2s",
        "2\ns",
        "Off",
        "OFF",
        "inf",
        "nan",
        "1e3s",
        "١s",
        "0.5ms",
        "0.0001s",
        "36501d",
        "9" * 400 + "s",
        "99999999999999999999s",
        "1_000s",
        ".5s",
        "5.s",
        "2  s",
    ],
)
def test_what_is_no_duration_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"allowed: .*500ms"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("10MB", 10_000_000),
        ("1GiB", 2**30),
        ("1kb", 1000),
        ("1 KiB", 1024),
        ("1.5KB", 1500),
        ("7B", 7),
        ("0B", 0),
        ("1TiB", 2**40),
        ("2TB", 2 * 10**12),
        ("off", None),
    ],
)
def test_sizes_are_read(text: str, size: int | None) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "10", "MB", "-1MB", "10M", "10 bytes", "1.0005KiB", "1.1B", "9999999TB", "1e3MB", "no"]
)
def test_what_is_no_size_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"allowed: .*10MB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "500ms"), (2, "2s"), (90, "90s"), (300, "5m"), (86400, "1d"), (0, "0s"), (1.001, "1001ms"), (None, "off")],
)
def test_durations_are_written_in_the_largest_unit_that_fits(seconds: float | None, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(10**8, "100MB"), (2**30, "1GiB"), (1536, "1536B"), (0, "0B"), (1000, "1KB"), (None, "off")]
)
def test_sizes_are_written_in_the_largest_unit_that_fits(size: int | None, text: str) -> None:
    assert format_size(size) == text
