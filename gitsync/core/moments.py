"""Validates dates as people write them, such as "2 hours ago" or "yesterday 18:00", before git parses them.

Pure; any thread. git (`git log --since`) takes anything that it does not understand, such as a misspelt word, for the
current time. A version restored from the wrong time looks like the right one, so each word is checked here first.
"""

from __future__ import annotations

import re

from gitsync.errors import UsageError
from gitsync.text import nearest

EXAMPLES = 'write it like "2 hours ago", "yesterday 18:00" or "2026-03-01 14:30"'
# The words that git's date parser (date.c) understands, and those that it may ignore without harm.
_UNITS = ("second", "minute", "hour", "day", "week", "month", "year")
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_SPECIAL = ("now", "today", "yesterday", "midnight", "noon", "tea", "am", "pm", "last", "ago")
_PASSED_OVER = ("at", "on", "of", "and", "the", "utc", "gmt", "z")
WORDS = frozenset(
    [*_UNITS, *(unit + "s" for unit in _UNITS), *_NUMBERS, *_WEEKDAYS, *_MONTHS, *_SPECIAL, *_PASSED_OVER]
    + [name[:3] for name in (*_WEEKDAYS, *_MONTHS)]
)
# Only these may mean the current time.
_NOW = frozenset({"now", "today", "zero", "0"})
_LENGTHS = {
    "s": "seconds",
    "sec": "seconds",
    "m": "minutes",
    "min": "minutes",
    "h": "hours",
    "hr": "hours",
    "d": "days",
}
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_PIECE = re.compile(
    r"""(?P<date>\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?=$|[\sT,]))
      | (?P<other_date>\d{1,2}[-/.]\d{1,2}[-/.]\d{4}(?=$|[\s,]))
      | (?P<compact>\d{8}T\d{6}(?=$|[\sZ+-]))
      | (?P<time>\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(?P<half>[ap]m)?(?=$|[\sZ,+-])
      | (?P<zone>[+-]\d{2}:?\d{2}(?=$|\s))
      | (?P<epoch>@?\d{9,11}(?=$|\s))
      | (?P<nth>\d{1,2}(?:st|nd|rd|th|am|pm)(?=$|[\s,]))
      | (?P<number>\d{1,4})(?![\d:])
      | (?P<joint>T(?=\d))
      | (?P<word>[a-z]+)
      | (?P<gap>[\s,._-]+)
    """,
    re.VERBOSE | re.IGNORECASE,
)


def spelled(text: str) -> str:
    """Return a date in the form that git understands; raise UsageError "when" with a hint for an invalid one."""
    plain = text.strip()
    if not plain:
        raise _refusal(text, "is empty")
    at = 0
    while at < len(plain):
        found = _PIECE.match(plain, at)
        if found is None:
            raise _refusal(text, "is not a valid date", _guess(plain[at:].split()[0]))
        _check(text, found)
        at = found.end()
    if re.fullmatch(r"\d{1,8}", plain):
        raise _refusal(text, "is a number without a unit", f'did you mean "{plain} minutes ago"?')
    # People write "an hour ago" and "friday"; git takes the first for now, and on most days the second, too.
    plain = re.sub(rf"(?i)\ban?\s+(?={'|'.join(_UNITS)})", "1 ", plain)
    days = "|".join((*_WEEKDAYS, *(day[:3] for day in _WEEKDAYS)))
    return re.sub(rf"(?i)(?<!last )(?<!\w )(?<!, )\b({days})\b", r"last \1", plain)


def may_be_now(text: str) -> bool:
    """Whether the current time can be what `text` means."""
    return not _NOW.isdisjoint(re.split(r"[\s,._-]+", text.lower())) or bool(re.search(r"\d{4}-|:|@|\d{9}", text))


def _check(text: str, found: re.Match[str]) -> None:
    word = (found["word"] or "").lower()
    if word and word not in WORDS and not (word in ("a", "an") and _names_unit(found)):
        raise _refusal(text, f"is not a valid date: {word!r} is not understood", _guess(word))
    if found["time"]:
        hours, minutes, *seconds = found["time"].split(":")
        if int(hours) > 23 or int(minutes) > 59 or any(float(second) >= 61 for second in seconds):
            raise _refusal(text, f"has an invalid time of day: {found['time']}")
    if found["date"]:
        year, month, day = map(int, re.split(r"[-/.]", found["date"]))
        # git's calendar ends with 2099; it takes later dates for the current time.
        if not 1970 <= year < 2100 or not 1 <= month <= 12 or not 1 <= day <= _DAYS[month - 1]:
            raise _refusal(text, f"has an invalid date: {found['date']}")
    number = found["number"]
    if number and (rest := re.match(r"([a-z]+)\b", found.string[found.end() :], re.IGNORECASE)):
        unit = _LENGTHS.get(rest[1].lower())
        raise _refusal(text, "is not a valid date", f'did you mean "{number} {unit} ago"?' if unit else "")


def _names_unit(found: re.Match[str]) -> bool:
    return found.string[found.end() :].lstrip().lower().startswith(_UNITS)


def _guess(word: str) -> str:
    like = nearest(word, [known for known in WORDS if len(known) > 2], likeness=0.7)
    return f'did you mean "{like[0]}"?' if like else ""


def _refusal(text: str, why: str, hint: str = "") -> UsageError:
    return UsageError(f"{text!r} {why}", hint or EXAMPLES, code="when")
