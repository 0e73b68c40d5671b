"""Questions to the user and their answers: ids, and which open question an answer is for. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from gitsync import digests
from gitsync.errors import UsageError
from gitsync.model import Problem, Question
from gitsync.text import as_word, shown

ACCEPT = "accept"
# A rewritten history takes the place of the one here.
TAKE = "take"
SHOWN_PATHS = 10
_KINDS = {
    "mass-deletion": "deletions",
    "root-emptied": "deletions",
    "home-emptied": "deletions",
    "root-replaced": "other-root",
}
_ID = re.compile(r"q-[0-9a-f]{8}")


def id_of(*parts: str) -> str:
    """Return the id of a question; the same cause always has the same id."""
    return f"q-{digests.sha256(chr(0).join(parts).encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def brake_question(problem: Problem, cause: str, branch: str, removed: Collection[bytes]) -> Question | None:
    """Return what the brake that found `problem` asks, None where nothing can be answered.

    `removed` are the files that would be deleted; without them their number is that of the message.
    """
    kind = _KINDS.get(problem.code)
    if kind is None:
        return None
    names = sorted(removed)
    number = re.search(r"(?<![\w/])\d+ (?:of \d+ |tracked )?files", problem.message)
    count = len(names) or (int(number[0].split()[0]) if number and kind == "deletions" else 0)
    return Question(
        id_of(problem.code, cause, *(name.decode("utf-8", "surrogateescape") for name in names)),
        kind,
        problem.message,
        branch,
        count,
        tuple(shown(name) for name in names[:SHOWN_PATHS]),
    )


def is_id(word: str) -> bool:
    """Return whether a word has the form of a question's id."""
    return _ID.fullmatch(word) is not None


def commands(name: str, question: Question, *, is_only: bool = True) -> list[str]:
    """Return the command of each answer to a question of `name`, with the question's id unless it `is_only`."""
    more = "" if is_only else f" {question.id}"
    start = f"gitsyncctl resume {as_word(name)} "
    if question.answers == (ACCEPT,):
        return [f"{start}--accept{more}"]
    return [f"{start}--answer {word}{more}" for word in question.answers]


def chosen(
    name: str, questions: Sequence[Question], word: str, ids: Iterable[str] = (), *, is_bare: bool = False
) -> list[Question]:
    """Return the open questions of `name` that the answer `word` is for: those of `ids`, or the only one that accepts
    it.

    With `is_bare` the person said yes and named neither question nor answer: that is for a question without any other
    answer. Raise UsageError, listing the possible commands, when there is none, or several.
    """
    wanted = list(ids)
    asked = [question for question in questions if question.id in wanted] if wanted else list(questions)
    unknown = [each for each in wanted if all(question.id != each for question in questions)]
    if unknown:
        raise UsageError(f"{name} has no open question {unknown[0]}", _hint(name, questions))
    several = [question for question in asked if is_bare and len(question.answers) > 1]
    fitting = [question for question in asked if word in question.answers and question not in several]
    if not fitting:
        what = "it has several answers" if word == ACCEPT and asked else f"{word!r} is not one of its answers"
        about = (several or asked)[:1]
        raise UsageError(
            f"{name}: {about[0].message}: {what}" if about else f"{name} has no open question", _hint(name, asked)
        )
    if len(fitting) > 1 and not wanted:
        raise UsageError(f"{name} has {len(fitting)} open questions; give the id of one", _hint(name, fitting))
    return fitting


def _hint(name: str, questions: Sequence[Question]) -> str:
    lines = [line for each in questions for line in commands(name, each, is_only=len(questions) == 1)]
    return "; ".join(lines) or f"gitsyncctl status {as_word(name)}"
