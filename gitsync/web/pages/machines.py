"""Machines: who has what, since when, and what exists only here."""

from __future__ import annotations

from starlette.responses import Response

from gitsync.text import counted
from gitsync.web.notes import Note
from gitsync.web.page import POST, Asked, Link, Page
from gitsync.web.states import Json

# Why there is nothing to show of other machines.
WHY_NOT = {
    "off": "Machines are not reported: presence is off, or commits stay here.",
    "local": "There is no remote: everything exists only here.",
    "no-shell": "Machines are not reported, because everybody with access to this remote could see their names and "
    "hours. The setting presence turns it on.",
    "refused": "The remote does not take reports of machines.",
    "elsewhere": "Commits are sent to another place than they are fetched from, so this machine is not reported.",
}


def show(asked: Asked) -> Response:
    """Show the machines of each repository."""
    repos = asked.gateway.ask("machines")["repos"]
    return asked.render("machines.html", repos=[_described(repo) for repo in repos])


def forget(asked: Asked) -> Response:
    """Forget a machine that is not used any more."""
    name = asked.needed("machine")
    asked.gateway.ask("machines", name="forget", machine=name)
    return asked.leave("/machines", Note(f"{asked.get('called', name)} is forgotten, until it reports again"))


def _described(repo: Json) -> Json:
    others = [each for each in repo["machines"] if not each.get("this")]
    lacking = [each for each in others if each.get("missing")]
    only = repo.get("only_here") or {}
    if only.get("commits"):
        headline = f"{counted(int(only['commits']), 'commit')} exist only here"
    elif others and not lacking:
        headline = f"All {len(others) + 1} machines have it: safe to close"
    elif lacking:
        headline = f"{counted(len(lacking), 'machine')} of {len(others)} still lack something"
    else:
        headline = ""
    return {
        "name": repo["name"],
        "headline": headline,
        "is_safe": bool(others) and not lacking and not only.get("commits"),
        "why": WHY_NOT.get(str(repo.get("presence")), ""),
        "machines": [_machine(each) for each in repo["machines"]],
        "error": repo.get("error"),
    }


def _machine(machine: Json) -> Json:
    missing, ahead = int(machine.get("missing") or 0), int(machine.get("ahead") or 0)
    has = "has all" if not missing else f"has all but {counted(missing, 'commit')}"
    return {
        "id": machine["id"],
        "name": machine["name"] or machine["id"],
        "is_this": bool(machine.get("this")),
        "seen": machine.get("seen") or "",
        "commit": str(machine.get("commit") or "")[:7],
        "has": "" if machine.get("this") else has,
        "more": f"has {counted(ahead, 'commit')} that are not here" if ahead else "",
        "needs_user": bool(machine.get("needs_user")),
        "is_complete": not missing,
    }


PAGES = (Page("/machines", show), Page("/machines/forget", forget, POST))
LINKS = (Link("/machines", "Machines", "machines"),)
