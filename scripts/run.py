"""The first run, for `make run [DIR=~/Notes]`: prepare a directory and a configuration, then become the daemon.

The configuration is `.run/config.toml` in the checkout, so that trying gitsync touches nothing in your home directory
but the directory you name. What is missing (the directory, its repository) is offered, never made unasked.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from itertools import count
from pathlib import Path

import tomlkit

from gitsync.config.expand import expand_path, shorten_path
from gitsync.control.client import call
from gitsync.errors import EXIT_USAGE, AlreadyRunningError, ConfigError, GitsyncError, NotRunningError, UsageError
from gitsync.places import answering_address
from gitsync.text import escape, shown

CHECKOUT = Path(__file__).resolve().parent.parent
CONFIG = CHECKOUT / ".run" / "config.toml"
DEMO = CHECKOUT / "demo"
HEADER = """\
# Written by `make run`. Change what you like: a second `make run` on the same directory keeps it.
# Every key is explained in docs/configuration.rst.
"""
DEMO_SETTINGS = {"pull": "10s", "push": "1s"}
DEMO_FILES = {
    "todo.txt": "- write something into this file and save it\n- look at: git log --stat\n",
    "journal/first-day.md": "# First day\n\ngitsync commits what I write, without being asked.\n",
    ".gitignore": "*.tmp\n",
}


def main(argv: list[str] | None = None) -> int:  # noqa: RET503 - execv does not come back
    """Prepare, then become the daemon; return a status when there is nothing to start."""
    try:
        command = prepared(argv)
    except GitsyncError as error:
        for line in error.message.splitlines():
            print(f"error: {escape(line)}", file=sys.stderr)
        print(f"hint: {escape(error.hint)}", file=sys.stderr)
        return error.exit_status
    sys.stdout.flush()
    os.execv(command[0], command)


def prepared(argv: list[str] | None) -> list[str]:
    """Prepare what the command line asks for, say so, and return the command that starts the daemon on it."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--bin", required=True, type=Path, help="where the programs are installed")
    parser.add_argument("--dir", help="the directory to watch; without it a demo directory is made")
    parser.add_argument(
        "--yes", action="store_true", default=os.environ.get("INIT") == "1", help="make what is missing"
    )
    arguments = parser.parse_args(argv)
    if shutil.which("git") is None:
        raise UsageError("git is not installed", "install it; on Debian: apt install git")
    refuse_beside_another(arguments.bin)
    root = prepare(absolute(arguments.dir), is_sure=arguments.yes) if arguments.dir else prepare_demo()
    is_kept = write_config(root, is_demo=not arguments.dir)
    say_identity(root)
    say_what_next(root, arguments.bin, is_kept=is_kept, is_demo=not arguments.dir)
    return [str(arguments.bin.absolute() / "gitsync"), "--config", str(CONFIG)]


def refuse_beside_another(programs: Path) -> None:
    """Raise AlreadyRunningError when a daemon answers on this user's socket; it is said before anything is made."""
    try:
        pid = call(answering_address(), "status", {})["daemon"]["pid"]
    except NotRunningError:
        return
    ctl = shlex.quote(str(programs / "gitsyncctl"))
    raise AlreadyRunningError(
        f"gitsync is already running with PID {pid}",
        f"add the directory to it: {ctl} watch DIR; or stop it first: {ctl} stop",
    )


def absolute(text: str) -> Path:
    """Return the absolute path that a person means, relative to where make was called."""
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise UsageError(f"there is no home directory for {text}", "write it in full: make run DIR=/home/…") from None
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"the name {shown(os.fsencode(path))} is not UTF-8, and a configuration file can only hold UTF-8",
            "give gitsync a symbolic link to it with another name",
        ) from None
    return Path(os.path.abspath(path))  # noqa: PTH100 - not resolve(): links stay as they are written


def git(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run git there, deaf to what a surrounding git told its children."""
    env = {
        name: value for name, value in os.environ.items() if name not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")
    }
    return subprocess.run(
        ["git", *argv],
        cwd=cwd,
        env=env | {"LC_ALL": "C.UTF-8"},
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
    )


def must_git(*argv: str, cwd: Path) -> None:
    """Run git there, and end with its own words when it fails."""
    done = git(*argv, cwd=cwd)
    if done.returncode != 0:
        raise UsageError(f"git {argv[0]} failed in {cwd}: {done.stderr.strip()}", "mend that, then run it again")


def agreed(question: str, *, is_sure: bool) -> bool:
    """Ask on the terminal, or on whatever stdin is; no answer is a no."""
    print(f"{question} [y/N] ", end="", flush=True)
    if is_sure:
        print("yes (INIT=1)")
        return True
    answer = sys.stdin.readline()
    if not sys.stdin.isatty():
        print(answer.strip())
    return answer.strip().lower() in ("y", "yes", "j", "ja")


def prepare(root: Path, *, is_sure: bool) -> Path:
    """Return `root` when it is the top of a git work tree, made so where the user agrees, else raise UsageError."""
    again = f"make run DIR={shlex.quote(str(root))}"
    quoted, name = shlex.quote(str(root)), escape(str(root))
    try:
        if not root.exists():
            if not agreed(f"There is no directory {name}. Make it, with a git repository in it?", is_sure=is_sure):
                raise UsageError(f"there is no directory {root}", f"git init {quoted}, then: {again}")
            root.mkdir(parents=True)
            must_git("-c", "init.defaultBranch=main", "init", "--quiet", cwd=root)
        if not root.is_dir():
            raise UsageError(f"{root} is not a directory", "name the directory that holds what you want to keep")
        top = work_tree(root)
        if top is None:
            print(f"{name} is not a git repository yet. gitsync keeps versions with git, so it needs one there:")
            print("a hidden directory .git is added, and every file in it is committed (what .gitignore names is not).")
            if not agreed("Run `git init` there?", is_sure=is_sure):
                raise UsageError(f"{root} is not a git work tree", f"git init {quoted}, then: {again}")
            must_git("-c", "init.defaultBranch=main", "init", "--quiet", cwd=root)
    except OSError as error:
        raise UsageError(f"cannot use {error.filename}: {error.strerror}", "name a directory that is yours") from error
    if top is not None and not top.samefile(root):
        raise UsageError(
            f"{root} lies inside the git work tree {top}, and gitsync watches whole work trees",
            f"make run DIR={shlex.quote(str(top))}",
        )
    return root


def work_tree(root: Path) -> Path | None:
    """Return the top of the work tree that `root` lies in, None when git knows of none there."""
    done = git("rev-parse", "--show-toplevel", cwd=root)
    if done.returncode == 0:
        return Path(done.stdout.rstrip("\n"))
    if "not a git repository" in done.stderr:
        return None
    if "must be run in a work tree" in done.stderr:
        raise UsageError(
            f"{root} is a git repository without files (a bare one)",
            "clone it, and name the clone: git clone … ~/Notes",
        )
    first, _, rest = done.stderr.strip().partition("\n")
    raise UsageError(f"git does not open {root}: {first}", " ".join(rest.split()) or "mend that, then run it again")


def prepare_demo() -> Path:
    """Make demo/notes with a few files, and demo/hub.git for its remote; what is there is kept."""
    notes, hub = DEMO / "notes", DEMO / "hub.git"
    if not (hub / "HEAD").exists():
        hub.mkdir(parents=True, exist_ok=True)
        must_git("-c", "init.defaultBranch=main", "init", "--quiet", "--bare", cwd=hub)
    if not (notes / ".git").exists():
        for name, text in DEMO_FILES.items():
            (notes / name).parent.mkdir(parents=True, exist_ok=True)
            if not (notes / name).exists():
                (notes / name).write_text(text)
        must_git("-c", "init.defaultBranch=main", "init", "--quiet", cwd=notes)
    # The checkout may have been moved since.
    verb = "set-url" if git("remote", "get-url", "origin", cwd=notes).returncode == 0 else "add"
    must_git("remote", verb, "origin", str(hub), cwd=notes)
    return notes


def write_config(root: Path, *, is_demo: bool) -> bool:
    """Write the configuration for `root`, unless the one that is there watches it already; return whether it was kept.

    A configuration for something else is moved aside when somebody has changed it.
    """
    CONFIG.parent.mkdir(mode=0o700, exist_ok=True)
    if CONFIG.exists():
        roots = watched()
        if root in roots:
            return True
        if CONFIG.read_text(encoding="utf-8") not in [rendered(old, demo) for old in roots for demo in (True, False)]:
            aside = next(name for n in count(1) if not (name := CONFIG.with_name(f"config-{n}.toml")).exists())
            CONFIG.replace(aside)
            print(f"note: the settings of the directory you ran before are in {aside} now")
    fresh = CONFIG.with_name("config.toml.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as stream:
        stream.write(rendered(root, is_demo))
    fresh.replace(CONFIG)
    return False


def rendered(root: Path, is_demo: bool) -> str:
    """Return the text of the configuration that watches `root`."""
    repo = tomlkit.table()
    repo.add("path", shorten_path(root))
    for key, value in (DEMO_SETTINGS if is_demo else {}).items():
        repo.add(key, value)
    repos = tomlkit.aot()
    repos.append(repo)
    return HEADER + tomlkit.dumps(tomlkit.document().add("repo", repos))


def watched() -> list[Path]:
    """Return what the configuration watches now; a file with faults raises ConfigError, since it may hold work."""
    try:
        repos = tomllib.loads(CONFIG.read_text(encoding="utf-8")).get("repo", [])
        return [expand_path(repo["path"]) for repo in repos]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError([f"{CONFIG} has a fault: {error}"], f"mend it, or remove it: rm {CONFIG}") from error


def say_identity(root: Path) -> None:
    """Say how to set a name where git knows none; gitsync works without."""
    missing = [key for key in ("user.name", "user.email") if not git("config", key, cwd=root).stdout.strip()]
    if not missing or "GIT_AUTHOR_EMAIL" in os.environ:
        return
    print("note: git does not know your name yet, so commits carry your login name.")
    print("To set it:")
    print('    git config --global user.name "Ada Lovelace"')
    print("    git config --global user.email ada@example.org")


def say_what_next(root: Path, programs: Path, *, is_kept: bool, is_demo: bool) -> None:
    """Say what is about to happen and what to try."""
    print(f"gitsync starts on {escape(str(root))}; Ctrl-C stops it.")
    print(f"settings: {CONFIG}" + (" (kept as it was)" if is_kept else ""))
    ctl = f"{programs}/gitsyncctl"
    print("Save a file there: two seconds later it is committed. In another terminal:")
    print(f"    {ctl} status")
    if is_demo:
        notes, hub = (os.path.relpath(place) for place in (root, DEMO / "hub.git"))
        print("Or, to see it push and pull:")
        print(f"    echo '- buy milk' >> {notes}/todo.txt")
        print(f"    git -C {notes} log --stat")
        print(f"    git clone {hub} {os.path.relpath(DEMO)}/other")
        print("and commit and push something in that clone: a few seconds later it is in")
        print("the first directory, too. To get a file back:")
        print(f"    rm {notes}/todo.txt")
        print(f"    {ctl} restore {notes}/todo.txt")
    print()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print()
        sys.exit(EXIT_USAGE)
