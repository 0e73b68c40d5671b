"""`gitsyncctl web`: serve the page, until Ctrl-C. Runs in this process, which is the page's own."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from gitsync import places
from gitsync.cli.context import Context, Json, Reply
from gitsync.cli.output import Output
from gitsync.errors import OperationError, UsageError

# The distribution packages of the extra [web], by the names of their modules.
NEEDED = ("starlette", "uvicorn", "jinja2", "pygments")
# With one of these options the page is one of its own.
OWN = ("port", "listen", "password_file", "certificate", "key")


def run(context: Context, arguments: Json) -> Reply:
    """Print the address that opens the page, and serve it."""
    return serve_page(context, arguments)


def serve_page(context: Context, arguments: Json, start: str = "") -> Reply:
    """Serve the page, which a browser enters at `start`; raise OperationError where its extra is not installed.

    Where it is a service already, an address of that one is printed, and nothing is served here.
    """
    check_installed()
    port = _port(arguments["port"] or "0")
    is_service = "LISTEN_FDS" in os.environ
    if not is_service and not any(arguments[name] for name in OWN) and (entry := _of_service(context, start)):
        return _announced(context, arguments, entry)
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
        elif is_service:
            output.line(f"the page is at {entry}, for those whom gitsyncctl web lets in")
        else:
            output.line(f"the page is open at {entry}")
            output.line("this address works once; Ctrl-C ends the page", "dim")
        output.flush()

    serve.run(options, announce)
    return Reply()


def check_installed() -> None:
    """Raise OperationError where the extra of the page is not installed."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise OperationError(
            f"the page needs what is not installed: {', '.join(missing)}",
            "install gitsync with its extra: pipx install 'gitsyncd[web]', or: pip install 'gitsyncd[web]'",
            code="not-installed",
        )


def _of_service(context: Context, start: str) -> Json | None:
    """Return an entry of the page that is a service, None where there is none for this configuration."""
    if context.socket is not None:
        return None
    entry: Json | None = __import__("gitsync.web.activation", fromlist=["visit"]).visit(start)
    return entry if entry is not None and entry.get("config") == str(places.config_file(context.config)) else None


def _announced(context: Context, arguments: Json, entry: Json) -> Reply:
    if not arguments["no_browser"]:
        __import__("gitsync.web.serve", fromlist=["open_browser"]).open_browser(Path(entry["file"]))

    def show(output: Output, answer: Json) -> None:
        output.line(f"the page is open at {answer['address']}")
        output.line("this address works once; the page is a service (gitsync-web.socket)", "dim")

    return Reply({"address": entry["address"]}, show)


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) < 65536:
        return int(text)
    raise UsageError(f"{text!r} is not a port", "write a number like 8080; 0, or none, is a free one")
