"""How `sync --dry-run` says what would happen. The control command's only thread."""

from __future__ import annotations

from gitsync import text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gitsync.cli.output import Output

    Json = dict[str, Any]

# How many files of a repository are named before the rest is only counted.
NAMED = 10
_HELD = ("paused", "busy", "halted", "error")
_MARKS = {"added": "+", "removed": "-"}


def show(output: Output, answer: Json) -> None:
    """Print what would be committed, and what would be exchanged with which remote or server."""
    for repo in answer.get("repos") or ():
        _show_repo(output, repo)
    for job in answer.get("jobs") or ():
        ways = {"pull": "pull from", "push": "push to"}
        way = ways.get(job["mode"], "exchange with")
        output.wrapped(f"{job['name']}: would {way} {job['url']}, with {job['backend']}", "bold")
    if not answer.get("repos") and not answer.get("jobs"):
        output.wrapped("no repository is watched yet; to watch one: gitsyncctl watch DIR")


def _show_repo(output: Output, repo: Json) -> None:
    files = repo["files"]
    if repo["state"] in _HELD:
        why = repo["reason"] or (repo["error"] or {}).get("message") or ""
        output.wrapped(f"{repo['name']}: would do nothing, it is {repo['state']}{': ' if why else ''}{why}", "bold")
        return
    would = f"would commit {text.counted(len(files), 'file')}" if files else "has nothing to commit"
    output.wrapped(f"{repo['name']}: {would}", "bold")
    for item in files[:NAMED]:
        output.line(f"  {_MARKS.get(item['what'], '~')} {item['path']}")
    if len(files) > NAMED:
        output.wrapped(f"and {len(files) - NAMED} more; all of them: --json", "dim", "  ")
    for line in _exchange(repo, is_new=bool(files)):
        output.wrapped(line, "", "  ")


def _exchange(repo: Json, *, is_new: bool) -> list[str]:
    if not repo["remote"] or repo["mode"] == "commit":
        return ["there is no remote to pull from or push to"] if not repo["remote"] else []
    lines = []
    if repo["mode"] != "push":
        known = f"; {text.counted(repo['behind'], 'commit')} of it known already" if repo["behind"] else ""
        lines.append(f"would pull from {repo['remote']}{known}")
    if repo["mode"] != "pull":
        count = repo["ahead"] + is_new
        what = text.counted(count, "commit") if count else "nothing, unless a pull has to be merged,"
        lines.append(f"would push {what} to {repo['remote']}")
    return lines
