"""`gitsyncctl web`: serve the page, until Ctrl-C. Runs in this process, which is the page's own."""

from __future__ import annotations

import importlib.util

from gitsync.cli.context import Context, Json, Reply
from gitsync.errors import OperationError, UsageError

# The distribution packages of the extra [web], by the names of their modules.
NEEDED = ("starlette", "uvicorn", "jinja2", "pygments")


def run(context: Context, arguments: Json) -> Reply:
    """Print the address that opens the page, and serve it."""
    return serve_page(context, arguments)


def serve_page(context: Context, arguments: Json, start: str = "/") -> Reply:
    """Serve the page, which a browser enters at `start`; raise OperationError where its extra is not installed."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise OperationError(
            f"the page needs what is not installed: {', '.join(missing)}",
            "install gitsync with its extra: pipx install 'gitsyncd[web]', or: pip install 'gitsyncd[web]'",
            code="not-installed",
        )
    port = _port(arguments["port"] or "0")
    serve = __import__("gitsync.web.serve", fromlist=["run"])
    options = serve.Options(
        config=context.config,
        socket=context.socket,
        port=port,
        listen=arguments["listen"] or "",
        password_file=arguments["password_file"],
        certificate=arguments["certificate"],
        key=arguments["key"],
        is_opening=not arguments["no_browser"],
        start=start,
    )
    output = context.output

    def announce(entry: str) -> None:
        if output.is_json:
            output.json({"address": entry})
        else:
            output.line(f"the page is open at {entry}")
            output.line("this address works once; Ctrl-C ends the page", "dim")
        output.flush()

    serve.run(options, announce)
    return Reply()


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) < 65536:
        return int(text)
    raise UsageError(f"{text!r} is not a port", "write a number like 8080; 0, or none, is a free one")
