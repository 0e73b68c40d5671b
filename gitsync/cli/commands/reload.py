"""`gitsyncctl reload`: read the configuration again."""

from __future__ import annotations

from gitsync import text
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.redaction import redact


def run(context: Context, arguments: Json) -> Reply:
    """Have it read, and say which values are different now."""
    return Reply(context.ask(arguments), _show)


def _show(output: Output, answer: Json) -> None:
    told = [f"{key}: {', '.join(answer[key])}" for key in ("added", "removed", "changed") if answer.get(key)]
    values = answer.get("values") or []
    if told or not values:
        output.wrapped("; ".join(told) or "nothing is different")
    for each in values:
        output.wrapped(f"{each['key']}: {_shown(each['old'])} is now {_shown(each['new'])}")


def _shown(value: object) -> str:
    from gitsync.config.literal import toml_literal

    return "not set" if value is None else text.escape(redact(toml_literal(value)))
