"""One case: a random work tree, committed by gitsync and by git, changed, and changed by a pull.

What gitsync commits has to be the tree that `git add -A` makes from the same index; what a pull writes has to be what
`git checkout` writes; and after a pull nothing is left to commit.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import stat
import subprocess
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from gitsync.git.applying.apply import OutcomeKind, apply
from gitsync.git.merging.plan import plan
from gitsync.git.staging.worktree import Staged, StageRules, Worktree
from tests.differential.worlds import World

LINK, EXECUTABLE, FILE = "link", "exec", "file"


class DifferentError(AssertionError):
    """gitsync and git came to something else; the text says what."""


class Case:
    """A repository of gitsync's, one that is written by git alone, and a home of rule files, all below `place`."""

    def __init__(self, place: Path, seed: int) -> None:
        self.place = place
        self.tally: Counter[str] = Counter()
        self._dice = random.Random(seed)
        self._home = place / "home"
        self._home.mkdir()
        (self._home / ".gitconfig").write_text(
            "[user]\n\tname = T\n\temail = t@example.org\n[init]\n\tdefaultBranch = main\n"
        )
        self._root = place / "work"
        self._git(place, "init", "-q", "--template=", str(self._root))
        self._world = World(os.fsencode(self._root), os.fsencode(self._home), self._dice)
        for key, value in self._world.configure():
            self._set(self._root, key, value)
        self._world.rules_outside(os.fsencode(self._root / ".git"))
        self._world.change(self._dice.randrange(10, 80))

    def run(self) -> None:
        """Go through the case; raise DifferentError."""
        before = {name: os.environ.get(name) for name in ("HOME", "XDG_CONFIG_HOME")}
        os.environ.update(HOME=str(self._home), XDG_CONFIG_HOME=str(self._home / ".config"))
        try:
            worktree = Worktree(self._root, self.place / "state")
            try:
                self._go_through(worktree)
            finally:
                worktree.close()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def _go_through(self, worktree: Worktree) -> None:
        self._commit(worktree, worktree.scan(), "the first scan")
        for step in range(self._dice.randrange(1, 4)):
            self._world.touched.clear()
            is_scan = self._dice.random() < 0.5
            if is_scan and self._dice.random() < 0.3:
                self._world.rules_outside(os.fsencode(self._root / ".git"))
            self._world.change(self._dice.randrange(1, 20), has_rules=is_scan)
            noted = worktree.scan() if is_scan else frozenset(self._world.touched)
            self._commit(worktree, noted, f"step {step}: {'a scan' if is_scan else 'what was noted'}", is_whole=is_scan)
        self._commit(worktree, worktree.scan(), "the last scan")
        if self._git(self._root, "rev-parse", "-q", "--verify", "HEAD", check=False):  # something was not ignored
            for _ in range(self._dice.randrange(1, 3)):
                self._pull(worktree)

    # -- what is committed --------------------------------------------------------------------------------------------

    def _commit(self, worktree: Worktree, noted: Collection[bytes], what: str, *, is_whole: bool = True) -> None:
        by_git = self._tree_by_git(noted, is_whole)
        staged = _staged(worktree, noted)
        if staged.problems or staged.unreadable:
            raise DifferentError(f"{what}: {staged.problems} {staged.unreadable}")
        worktree.commit(staged, what)
        self.tally["paths compared"] += len(self._world.touched) or len(staged.changes)
        self.tally["commits"] += 1
        head = self._git(self._root, "rev-parse", "-q", "--verify", "HEAD^{tree}", check=False) or self._git(
            self._root, "hash-object", "-t", "tree", "/dev/null"
        )
        if head != by_git:
            raise DifferentError(f"{what}: git add -A makes another tree\n{self._between(head, by_git)}")

    def _tree_by_git(self, noted: Collection[bytes], is_whole: bool) -> str:
        """Return what git makes of everything, or of what was noted, on a copy of the index with its time."""
        env = self._copy_of_index()
        self._git(self._root, "add", "-A", env=env)
        if is_whole:
            return self._git(self._root, "write-tree", env=env)
        whole = self._entries(env)
        env = self._copy_of_index()
        below = tuple(path + b"/" for path in noted)

        def is_noted(path: bytes) -> bool:
            # A directory that has become a file takes what was in it along, and the other way round.
            return path in noted or path.startswith(below) or any(other.startswith(path + b"/") for other in noted)

        gone = [path for path in self._entries(env) if is_noted(path) and path not in whole]
        lines = [b"0 %b\t%b" % (b"0" * 40, path) for path in gone]
        lines += [entry + b"\t" + path for path, entry in whole.items() if is_noted(path)]
        self._git(
            self._root,
            "update-index",
            "--replace",
            "-z",
            "--index-info",
            env=env,
            input=b"".join(line + b"\0" for line in lines),
        )
        return self._git(self._root, "write-tree", env=env)

    def _copy_of_index(self) -> dict[str, str]:
        index = self.place / "index"
        index.unlink(missing_ok=True)
        if (self._root / ".git/index").exists():
            shutil.copy2(self._root / ".git/index", index)
        return {"GIT_INDEX_FILE": str(index)}

    def _entries(self, env: dict[str, str]) -> dict[bytes, bytes]:
        listed = os.fsencode(self._git(self._root, "ls-files", "-s", "-z", env=env, is_raw=True))
        pairs = (entry.partition(b"\t") for entry in listed.split(b"\0") if entry)
        return {path: said for said, _, path in pairs}

    # -- what is written ----------------------------------------------------------------------------------------------

    def _pull(self, worktree: Worktree) -> None:
        theirs = self.place / "theirs"
        if not theirs.exists():
            self._git(
                self.place, "clone", "-q", "--shared", "--template=", "--no-checkout", str(self._root), str(theirs)
            )
            # Theirs knows no filter and converts nothing: what it commits is what it has on disk.
            (theirs / ".git/info").mkdir()
            (theirs / ".git/info/attributes").write_text("* -text -filter -ident !eol !working-tree-encoding\n")
            self._git(theirs, "config", "core.autocrlf", "false")
        self._git(theirs, "reset", "-q", "--hard", self._git(self._root, "rev-parse", "HEAD"), check=False)
        their_world = World(os.fsencode(theirs), os.fsencode(self._home), self._dice, names=self._world.names)
        their_world.change(self._dice.randrange(1, 20))
        self._git(theirs, "add", "-A", "--force")
        self._git(theirs, "commit", "-q", "--allow-empty", "-m", "theirs")
        target = self._git(theirs, "rev-parse", "HEAD")
        self._git(self._root, "fetch", "-q", str(theirs), "+HEAD:refs/remotes/origin/main")
        base = self._git(self._root, "rev-parse", "HEAD")
        outcome = apply(worktree, plan(worktree, target, None), message="pull")
        if outcome.kind is not OutcomeKind.DONE:
            if outcome.kind is OutcomeKind.EDITED and all(map(self._is_met_by_git, outcome.paths)):
                self.tally["pulls that git refuses, too"] += 1
                return
            raise DifferentError(f"the pull is {outcome.kind}: {outcome.paths} {outcome.problem}")
        names = os.fsencode(
            self._git(self._root, "diff-tree", "-r", "-z", "--name-only", "--no-renames", base, target, is_raw=True)
        )
        # git writes into a repository inside this one; gitsync does not.
        changed = [path for path in names.split(b"\0") if path and path not in outcome.held]
        self._compare_files(theirs, target, changed)
        self.tally["files written"] += len(changed)
        self.tally["pulls"] += 1
        self._is_at_rest(worktree, changed)
        worktree.close()
        again = Worktree(self._root, self.place / "state")
        try:
            self._is_at_rest(again, changed)
        finally:
            again.close()
        worktree.__init__(self._root, self.place / "state")  # type: ignore[misc]

    def _is_met_by_git(self, path: bytes) -> bool:
        """Whether git takes a path for edited or untracked, as within the second of a change of its attributes."""
        literal, name = {"GIT_LITERAL_PATHSPECS": "1"}, os.fsdecode(path)
        if not self._git(self._root, "ls-files", "--", name, env=literal):
            return True
        return bool(self._git(self._root, "status", "--porcelain", "--", name, env=literal))

    def _compare_files(self, theirs: Path, target: str, changed: list[bytes]) -> None:
        """Compare each changed path with what git writes, by this repository's configuration, in an empty place."""
        apart = self.place / "checkout"
        shutil.rmtree(apart, ignore_errors=True)
        apart.mkdir()
        # Attribute files that are in no commit count for a checkout, too.
        untracked = self._git(self._root, "ls-files", "--others", "-z", is_raw=True).split("\0")
        for name in untracked:
            if name.rpartition("/")[2] == ".gitattributes" and not (self._root / name).is_symlink():
                (apart / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self._root / name, apart / name)
        env = {"GIT_INDEX_FILE": str(self.place / "checkout-index")}
        (self.place / "checkout-index").unlink(missing_ok=True)
        self._git(
            self._root, "--work-tree", str(apart), "checkout", "-q", "-f", target, "--", ".", env=env, check=False
        )
        for path in changed:
            ours, gits = (_look_below(os.fsencode(place), path) for place in (self._root, apart))
            if ours != gits and not (gits is None and ours == ("directory", b"")):
                # git's checkout goes through such a content by another code than its other commands, and finds less.
                if ours and gits and b"$$Id" in gits[1] and ours[1] == self._filtered(target, path):
                    continue
                raise DifferentError(f"{path!r} was written as {ours}, git writes {gits}")

    def _is_at_rest(self, worktree: Worktree, changed: list[bytes]) -> None:
        """A pull alone is no edit, neither by what was noted nor by a scan."""
        for noted in (changed, [path for path in worktree.scan() if path in changed]):
            staged = _staged(worktree, noted)
            if staged.changes:
                raise DifferentError(f"a pull alone would be committed: {staged.changes}")

    # -- git ----------------------------------------------------------------------------------------------------------

    def _between(self, ours: str, gits: str) -> str:
        lines = [self._git(self._root, "diff-tree", "-r", "--no-renames", ours, gits)]
        for line in lines[0].splitlines()[:3]:
            fields = line.split()
            lines += [repr(self._blob(blob)) for blob in fields[2:4] if set(blob) != {"0"}]
            lines.append(
                self._git(self._root, "check-attr", "-a", "--", line.partition("\t")[2].strip('"'), check=False)
            )
        return "\n".join(lines)

    def _blob(self, blob: str) -> bytes:
        done = subprocess.run(["git", "cat-file", "blob", blob], cwd=self._root, capture_output=True, check=False)
        return done.stdout

    def _filtered(self, commit: str, path: bytes) -> bytes:
        argv = [b"git", b"cat-file", b"--filters", commit.encode() + b":" + path]
        return subprocess.run(argv, cwd=self._root, capture_output=True, check=False).stdout

    def _set(self, root: Path, key: str, value: str | None) -> None:
        if value is not None:
            self._git(root, "config", key, value)
            return
        section, _, name = key.rpartition(".")
        with (root / ".git/config").open("a") as stream:
            stream.write(f"[{section}]\n\t{name}\n")

    def _git(
        self,
        where: Path,
        *argv: str,
        env: dict[str, str] | None = None,
        check: bool = True,
        input: bytes | None = None,
        is_raw: bool = False,
    ) -> str:
        around = {**os.environ, "HOME": str(self._home), "XDG_CONFIG_HOME": str(self._home / ".config"), **(env or {})}
        done = subprocess.run(["git", *argv], cwd=where, env=around, capture_output=True, input=input, check=False)
        if check and done.returncode:
            raise RuntimeError(f"git {argv}: {os.fsdecode(done.stderr)}")
        text = os.fsdecode(done.stdout)
        return text if is_raw else text.rstrip("\n")


def _staged(worktree: Worktree, noted: Iterable[bytes]) -> Staged:
    staging = worktree.begin_staging(noted, (), StageRules(secrets="off", is_forced=True))
    while not staging.advance(10):
        pass
    worktree.rest()
    return staging.result()


def _look_below(top: bytes, path: bytes) -> tuple[str, bytes] | None:
    """Return what is at `path` itself: beyond a link that has taken a directory's place there is nothing of it."""
    parts = path.split(b"/")
    above = (b"/".join(parts[:count]) for count in range(1, len(parts)))
    return None if any(os.path.islink(os.path.join(top, each)) for each in above) else _look(os.path.join(top, path))


def _look(place: bytes) -> tuple[str, bytes] | None:
    try:
        facts = os.lstat(place)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return None
    if stat.S_ISLNK(facts.st_mode):
        return LINK, os.readlink(place)
    if stat.S_ISDIR(facts.st_mode):
        return "directory", b""
    with open(place, "rb") as stream:
        return EXECUTABLE if facts.st_mode & 0o100 else FILE, stream.read()
