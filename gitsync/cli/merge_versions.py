"""The versions of a file in conflict, merged by a person: git's merge tool, else their editor. The only thread.

All happens in a private directory: text with conflict markers is never in a work tree.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from gitsync import places
from gitsync.cli.commands.conflicts import label
from gitsync.cli.context import Json
from gitsync.cli.edit_config import run_in_terminal
from gitsync.errors import OperationError
from gitsync.git import program
from gitsync.text import as_word

READ_S = 600.0
_MARKS = (b"<<<<<<< ", b">>>>>>> ")


def merged(conflict: Json) -> Path:
    """Return a file, in a directory of its own, with what the person made of the versions of a file in conflict.

    Raise OperationError when a version has no text, when the program fails, and when markers are left.
    """
    versions = conflict["versions"]
    name = Path(str(conflict["path"])).name
    if len(versions) != 2 or any(not str(version["mode"]).startswith("100") for version in versions):
        raise OperationError(
            f"{name} has not two versions that are files, so there is nothing to merge",
            "put the file right, then: gitsyncctl resolve PATH --done",
            code="cannot-merge",
        )
    root = str(conflict["root"])
    # Where the daemon can read it, too: the service has a /tmp of its own.
    scratch = Path(tempfile.mkdtemp(prefix="merge-", dir=places.state_dir()))
    contents = [_blob(root, str(version["blob"]), str(conflict["path"])) for version in versions]
    base = _base(conflict)
    result = scratch / name
    tool = program.run("config", "--get", "merge.tool", root=root).stdout.decode("utf-8", "replace").strip()
    if tool:
        _with_tool(tool, scratch, name, base, contents)
    else:
        labels = [f"{version['path']} {label(version)}" for version in versions]
        _in_editor(root, scratch, result, base, contents, labels)
    if any(line.startswith(_MARKS) for line in result.read_bytes().splitlines()):
        raise OperationError(
            f"{result} still has conflict markers; nothing was changed",
            f"take them out, then: gitsyncctl resolve PATH --with {as_word(str(result))}",
            code="markers",
        )
    return result


def discard(result: Path) -> None:
    """Remove what `merged` has returned, when it is in the repository."""
    shutil.rmtree(result.parent, ignore_errors=True)


def _blob(root: str, blob: str, path: str) -> bytes:
    done = program.run("cat-file", "--filters", f"--path={path}", blob, root=root, deadline_s=READ_S)
    if not done.ok:
        raise OperationError(f"git cannot read {path}: {done.errors}", "")
    return done.stdout


def _base(conflict: Json) -> bytes:
    if not conflict.get("base"):
        return b""
    return _blob(str(conflict["root"]), f"{conflict['base']}:{conflict['path']}", str(conflict["path"]))


def _with_tool(tool: str, scratch: Path, name: str, base: bytes, contents: list[bytes]) -> None:
    """Let `git mergetool` merge them, in a repository made for it."""
    program.run("init", "-q", root=scratch)
    entries = b""
    for stage, content in ((1, base), (2, contents[0]), (3, contents[1])):
        stored = program.run("hash-object", "-w", "--stdin", "--no-filters", root=scratch, input=content)
        entries += b"100644 %b %d\t%b\0" % (stored.stdout.strip(), stage, os.fsencode(name))
    git = program.run("update-index", "-z", "--index-info", root=scratch, input=entries)
    if not git.ok:
        raise OperationError(f"git cannot prepare the merge: {git.errors}", "")
    (scratch / name).write_bytes(contents[0])
    own = ("-c", f"merge.tool={tool}", "-c", "mergetool.keepBackup=false")
    run_in_terminal(["git", "-C", str(scratch), *own, "mergetool", "--no-prompt", "--", name])


def _in_editor(root: str, scratch: Path, result: Path, base: bytes, contents: list[bytes], labels: list[str]) -> None:
    """Open the merge, with markers where both changed the same lines, and the versions beside it."""
    sides = scratch / "versions"
    sides.mkdir()
    names = ("mine", "base", "other")
    for side, content in zip(names, (contents[0], base, contents[1]), strict=True):
        (sides / side).write_bytes(content)
    places = [str(sides / side) for side in names]
    marks = ["-L", labels[0], "-L", "before both", "-L", labels[1]]
    done = program.run("merge-file", "-p", "--diff3", *marks, *places, root=root)
    if not 0 <= done.returncode < 128:
        raise OperationError(f"git cannot merge these versions: {done.errors}", "put the file right by hand")
    result.write_bytes(done.stdout)
    editor = program.run("var", "GIT_EDITOR", root=root).stdout.decode("utf-8", "surrogateescape").strip()
    run_in_terminal(["sh", "-c", f'{editor or "vi"} "$@"', "editor", str(result)])
