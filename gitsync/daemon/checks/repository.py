"""Checks of one repository: state, identity, signing, filters, hooks.

Run on the pool threads of `table`. They change nothing: trial commits are written outside the repository.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from gitsync import proc
from gitsync.config.options import RepoConfig
from gitsync.daemon.checks.model import Case, Finding, ok, problem, warning
from gitsync.daemon.lock import git_dir_of
from gitsync.errors import OperationError
from gitsync.git import program
from gitsync.git.remote.upstream import read_config
from gitsync.git.rules.identity import Identity, how_to_name, identity_of
from gitsync.model import RepoState, RepoStatus
from gitsync.text import as_word, clean, escape

CHILD_S = 20.0
# Hooks that git runs for a commit or merge; gitsync creates both without `git commit`.
COMMIT_HOOKS = ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "pre-merge-commit", "post-merge")
PUSH_HOOK = "pre-push"
# Errors that the check of the remote detects again, in their current state.
OF_THE_REMOTE = ("auth", "host-key", "not-found", "offline")
_FILTER = re.compile(r"(?:^|\s)filter=(\S+)")
# Fails instead of asking for a passphrase; one that the agent has cached still works.
_UNASKING_GPG = '#!/bin/sh\nexec {program} --batch --pinentry-mode error "$@"\n'


def state(case: Case, repo: RepoConfig) -> list[Finding]:
    """Check whether the repository exists, and does not wait for its user."""
    where = clean(str(repo.path))
    if not repo.path.is_dir():
        return [problem(f"{where} does not exist", f"restore it, or: gitsyncctl unwatch {as_word(repo.name)}")]
    if not os.access(repo.path, os.R_OK | os.W_OK | os.X_OK):
        return [problem(f"{where} is not readable and writable", f"to see its owner: ls -ld {where}")]
    git_dir = git_dir_of(repo.path)
    if not git_dir.is_dir():
        return [problem(f"{where} is not a git repository", f"to make it one: git init {where}")]
    if not os.access(git_dir, os.W_OK | os.X_OK):
        return [problem(f"{clean(str(git_dir))} is not writable", f"to see its owner: ls -ld {clean(str(git_dir))}")]
    status = case.status(repo.name)
    if status.error is not None and status.error.code in OF_THE_REMOTE:
        return [ok(f"{where} is {status.state}: see the check of its remote")]
    if status.needs_person:
        what = status.error.message if status.error else status.reason or _waiting(status)
        see = "conflicts" if status.conflicts and not status.quarantined else "status"
        return [problem(what, (status.error.hint if status.error else "") or f"gitsyncctl {see} {as_word(repo.name)}")]
    if status.state in (RepoState.PAUSED, RepoState.BUSY):
        fix = (
            f"gitsyncctl resume {as_word(repo.name)}" if status.state is RepoState.PAUSED else f"git -C {where} status"
        )
        return [warning(f"{status.state}: {status.reason}", fix)]
    if status.error is not None:
        return [problem(status.error.message, status.error.hint or f"gitsyncctl status {as_word(repo.name)}")]
    return [ok(f"{where} is {status.state}")]


def _waiting(status: RepoStatus) -> str:
    """Return what a repository without an error needs its user for."""
    held = [f"{escape(item.path)} ({item.why})" for item in status.quarantined]
    told = [("not committed", held), ("in conflict", [escape(path) for path in status.conflicts])]
    return "; ".join(f"{what}: {', '.join(names[:3])}" + ", …" * (len(names) > 3) for what, names in told if names)


def identity(case: Case, repo: RepoConfig) -> list[Finding]:
    """Check whether git has an identity for commits."""
    if repo.author:
        return [ok(f"commits are by {clean(repo.author)}, as configured")]
    try:
        who = identity_of(repo.path)
    except OperationError as error:
        return [problem(error.message, error.hint)]
    author, committer = (clean(f"{person.name} <{person.mail}>") for person in (who.author, who.committer))
    told = f"commits are by {author}" + ("" if author == committer else f", committed by {committer}")
    if who.is_gits and who.author.mail and who.committer.mail:
        return [ok(told)]
    settings = read_config(repo.path)
    missing = " and ".join(key for key in ("user.name", "user.email") if not settings.get(key, "").strip())
    fix = how_to_name(settings.get, "git config --global")
    if who.is_gits:
        return [warning(f"{told}: there is no e-mail address, because user.email is empty", fix)]
    what = f"git does not know your {missing or 'name and address'} and uses the system's user and host instead"
    return [warning(what, fix)]


def signing(case: Case, repo: RepoConfig) -> list[Finding]:
    """Check whether commits can be signed without a prompt, if they are to be signed."""
    settings = read_config(repo.path)
    if settings.get("commit.gpgsign", "").lower() not in ("true", "yes", "on", "1"):
        return [ok("commits are not signed")]
    try:
        who = identity_of(repo.path, repo.author)
    except OperationError as error:
        return [problem(error.message, error.hint)]
    done = _signed_beside(repo.path, settings, who)
    if done.ok:
        return [ok("commits can be signed without a prompt")]
    said = "it prompts, or takes too long" if done.is_over_deadline else clean(done.errors.splitlines()[-1:][0])
    fix = f"unlock or load the key, or: git -C {clean(str(repo.path))} config commit.gpgsign false"
    return [problem(f"commits cannot be signed: {said}", fix)]


def _signed_beside(root: Path, settings: Mapping[str, str], who: Identity) -> proc.Completed:
    """Sign a trial commit whose objects are written to a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="gitsync-doctor-") as beside:
        options: list[str] = []
        if settings.get("gpg.format", "openpgp") == "openpgp":
            wrapper = Path(beside, "gpg")
            gpg = settings.get("gpg.openpgp.program") or settings.get("gpg.program") or "gpg"
            wrapper.write_text(_UNASKING_GPG.format(program=shlex.quote(gpg)))
            wrapper.chmod(0o700)
            options = [f"gpg.program={wrapper}", f"gpg.openpgp.program={wrapper}"]
        objects = Path(beside, "objects")
        objects.mkdir()
        environment = {
            "GIT_OBJECT_DIRECTORY": str(objects),
            "GIT_AUTHOR_NAME": who.author.name,
            "GIT_AUTHOR_EMAIL": who.author.mail,
            "GIT_COMMITTER_NAME": who.committer.name,
            "GIT_COMMITTER_EMAIL": who.committer.mail,
        }
        git = partial(program.run, root=root, deadline_s=CHILD_S, env=environment, settings=options)
        tree = git("mktree", input=b"")
        if not tree.ok:
            return tree
        name = tree.stdout.decode("ascii", "replace").strip()
        return git("commit-tree", "-S", "-m", "try", name)


def filters(case: Case, repo: RepoConfig) -> list[Finding]:
    """Check whether each filter in .gitattributes can run here."""
    wanted = _filters_wanted(repo.path)
    settings = read_config(repo.path)
    found = [finding for name in sorted(wanted) for finding in _filter(repo.path, name, settings)]
    return found or [ok(f"set up: {', '.join(map(clean, sorted(wanted)))}" if wanted else "no filters are used")]


def _filters_wanted(root: Path) -> set[str]:
    listed = ("-z", "--cached", "--others", "--", ":(glob)**/.gitattributes")
    done = program.run("ls-files", *listed, root=root, deadline_s=CHILD_S)
    files = {root / os.fsdecode(name) for name in done.stdout.split(b"\0") if name}
    wanted = set()
    for file in (*files, git_dir_of(root) / "info/attributes"):
        if file.is_file() and not file.is_symlink():
            for line in file.read_text("utf-8", "surrogateescape").splitlines():
                wanted.update(_FILTER.findall("" if line.lstrip().startswith("#") else line))
    return wanted


def _filter(root: Path, name: str, settings: Mapping[str, str]) -> list[Finding]:
    shown, where = clean(name), clean(str(root))
    fixes = {"lfs": f"install git-lfs, then: git -C {where} lfs install", "git-crypt": f"cd {where}; git-crypt unlock"}
    fix = fixes.get(name, f"git -C {where} config filter.{shown}.clean COMMAND")
    command = settings.get(f"filter.{name}.process") or settings.get(f"filter.{name}.clean") or ""
    if not command and not settings.get(f"filter.{name}.smudge"):
        what = "locked" if name == "git-crypt" else "not set up"
        return [problem(f"the filter {shown} is {what}: its files are not committed", fix)]
    program = _program(command)
    if program and shutil.which(program) is None:
        return [problem(f"the filter {shown} needs {clean(program)}, which is not installed, or not on the PATH", fix)]
    if name == "git-crypt" and not (git_dir_of(root) / "git-crypt/keys").is_dir():
        return [problem("git-crypt is locked: its files are not committed", fix)]
    return []


def _program(command: str) -> str:
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    first = words[0] if words else ""
    # `git lfs` is a separate program, which git finds by its name.
    return f"git-{words[1]}" if first == "git" and len(words) > 1 and words[1] == "lfs" else first


def hooks(case: Case, repo: RepoConfig) -> list[Finding]:
    """Check for hooks that do not run."""
    done = program.run("rev-parse", "--git-path", "hooks", root=repo.path, deadline_s=CHILD_S)
    place = repo.path / os.fsdecode(done.stdout.removesuffix(b"\n"))
    present = [name for name in (*COMMIT_HOOKS, PUSH_HOOK) if done.ok and (place / name).is_file()]
    runnable = [name for name in present if os.access(place / name, os.X_OK)]
    found = []
    if skipped := [name for name in runnable if name in COMMIT_HOOKS]:
        fix = "use a pre-push hook, which runs, or the key after_commit in [hooks] of the configuration"
        found.append(warning(f"gitsync's commits and merges do not run {', '.join(skipped)}", fix))
    if dead := [name for name in present if name not in runnable]:
        paths = " ".join(shlex.quote(clean(str(place / name))) for name in dead)
        found.append(warning(f"git does not run hooks that are not executable: {', '.join(dead)}", f"chmod +x {paths}"))
    told = "pre-push runs before each push" if PUSH_HOOK in runnable else "there are none"
    return found or [ok(told)]
