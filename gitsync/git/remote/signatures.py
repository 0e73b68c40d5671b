"""Asks git who signed commits, and whether git itself accepts the signature. Any thread; owns nothing.

git decides by its configuration: the two lists in `LISTS`, or the keyring. Only `G` with a known signer
is accepted: without a usable list git answers `U`, not an error.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from gitsync.errors import OperationError
from gitsync.git import program
from gitsync.git.rules import config
from gitsync.text import as_word, clean, tilde

# About 13 ms each: so many are asked about at a time, and an answer takes at most so long (seconds).
AT_ONCE, ASK_S = 200, 120.0
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
LISTS = ("gpg.ssh.allowedSignersFile", "gpg.ssh.revocationFile")
# Where a list that is synced is copied to.
_NAMES = dict(zip(LISTS, ("own_allowed_signers", "own_revoked_keys"), strict=True))
_FIELDS = "%H%x00%G?%x00%GS%x00%GF%x00%an <%ae>%x00"
_WHY = {
    "N": "not signed",
    "U": "signed by a key that git does not know",
    "B": "the signature is bad",
    "X": "the signature has expired",
    "Y": "signed by a key that has expired",
    "R": "signed by a revoked key",
    "E": "the signature cannot be checked",
}
# A replacement object would show another commit than the one that is taken in.
_ENVIRONMENT = {"GIT_NO_REPLACE_OBJECTS": "1"}


@dataclass(frozen=True, slots=True)
class Signature:
    """A commit's signature as git sees it: its status letter, the signer, the key, and the commit's author."""

    commit: str
    status: str
    signer: str
    key: str
    author: str

    @property
    def is_accepted(self) -> bool:
        """Whether git accepts it, and knows whose it is."""
        return self.status == "G" and bool(self.signer)

    @property
    def why(self) -> str:
        """Return what is wrong with it, with the key."""
        text = _WHY.get(self.status, "signed by nobody that git knows")
        return f"{text} ({clean(self.key)})" if self.key else text


def between(root: Path, newest: str, known: Iterable[str]) -> list[str]:
    """Return the commits of `newest`'s history, all parents followed, that no history of the `known` has."""
    lines = "\n".join([newest, *(f"^{commit}" for commit in known)])
    done = program.run(
        "rev-list", "--stdin", "--ignore-missing", root=root, deadline_s=ASK_S, env=_ENVIRONMENT, input=lines.encode()
    )
    if not done.ok:
        raise program.failed(f"cannot list the commits of {clean(str(root))}", done)
    return done.stdout.decode("ascii").split()


def signatures(root: Path, commits: list[str], is_cancelled: Callable[[], bool]) -> list[Signature]:
    """Return what git says of each commit; raise OperationError when it cannot be asked."""
    found: list[Signature] = []
    for at in range(0, len(commits), AT_ONCE):
        chunk = commits[at : at + AT_ONCE]
        done = program.run(
            "log", "--no-walk=unsorted", "--no-show-signature", "--no-mailmap", f"--format={_FIELDS}", "--stdin",
            root=root, deadline_s=ASK_S, env=_ENVIRONMENT, input="\n".join(chunk).encode(), is_cancelled=is_cancelled,
        )  # fmt: skip
        fields = done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
        if not done.ok or len(fields) != 5 * len(chunk):
            raise program.failed(f"cannot check the signatures of commits in {clean(str(root))}", done)
        for start in range(0, len(fields), 5):
            commit, *rest = fields[start : start + 5]
            found.append(Signature(commit.strip(), *rest))
    return found


def are_accepted(root: Path, newest: str, is_cancelled: Callable[[], bool] = lambda: False) -> bool:
    """Return whether git accepts the signature of every commit of a history; raise OperationError as `signatures`."""
    return all(each.is_accepted for each in signatures(root, between(root, newest, ()), is_cancelled))


def changed_files(root: Path, newest: str, known: str | None) -> list[str]:
    """Return the files in which `newest` differs from its merge base with `known` (None: from nothing)."""
    base = (f"{known}...{newest}",) if known is not None else (EMPTY_TREE, newest)
    done = program.run("diff", "--name-only", "-z", "--no-renames", *base, "--", root=root, deadline_s=ASK_S)
    if not done.ok and known is not None:  # they share no history
        return changed_files(root, newest, None)
    return [os.fsdecode(path) for path in done.stdout.split(b"\0") if path]


def check_lists(root: Path, synced: Iterable[Path] = (), mirror: Path | None = None) -> None:
    """Raise OperationError when a list of signers is in a tree that is synced: a pull could then add a key to it.

    `synced` are the directories that are synced besides the work tree `root`, `mirror` is the repository that mirrors
    files of the user's home directory.
    """
    settings = config.read(root)
    for key in LISTS:
        value = settings.get(key.lower())
        place = os.path.realpath(root / os.path.expanduser(value)) if value else ""
        if value and any(_is_inside(place, each) for each in (root, *synced)):
            raise _synced(
                root, key, value,
                f"copy it elsewhere: cp {as_word(tilde(clean(place)))} ~/.ssh/{_NAMES[key]}; then: "
                f"git config --global {key} ~/.ssh/{_NAMES[key]}",
            )  # fmt: skip
        if value and mirror is not None and _is_mirrored(place, mirror):
            raise _synced(
                root, key, value,
                f"to sync it no longer: gitsyncctl remove {as_word(tilde(place))}",
            )  # fmt: skip


def _synced(root: Path, key: str, value: str, hint: str) -> OperationError:
    return OperationError(
        f"{clean(str(root))}: {key} names {clean(value)}, which is synced itself: a pull could add a key; "
        "nothing was taken in",
        hint,
        code="signers-synced",
    )


def _is_inside(place: str, top: Path) -> bool:
    """Return whether a file is in the directory `top`, and not in a git directory, which nothing syncs."""
    inside = os.path.realpath(top) + os.sep
    return place.startswith(inside) and ".git" not in place.removeprefix(inside).split(os.sep)


def _is_mirrored(place: str, mirror: Path) -> bool:
    home = os.path.realpath(Path.home())
    if not place.startswith(home + os.sep) or not mirror.exists():
        return False
    name = os.path.relpath(place, home)
    return program.run("ls-files", "--error-unmatch", "--", f":(literal){name}", root=mirror).ok
