"""Fetch, push and asking a remote, through libgit2, for repositories with transport = "libgit2".

Runs on an exchange thread: the Repository is opened, used and dropped within each call. libgit2 reads neither
~/.ssh/config nor credential helpers; credentials come from the ssh agent or the system's login (Kerberos), for the
configured host only and a few times only. libgit2's own answer about a certificate or a host key is always obeyed.
"""

from __future__ import annotations

from pathlib import Path

import pygit2
from pygit2.enums import CredentialType, FetchPrune

from gitsync.git.late_ssl import trust_authorities
from gitsync.git.objects.ref_names import kept
from gitsync.git.objects.refs import is_ancestor
from gitsync.git.remote.errors import Subject, failure, from_exception, from_rejection, problem
from gitsync.git.remote.results import FetchResult, IsCancelled, PushKind, PushResult, never, tracking_ref
from gitsync.model import Problem

CREDENTIAL_TRIES = 3
CONNECT_TIMEOUT_MS = 20_000
_ANY_SSH = CredentialType.SSH_KEY | CredentialType.SSH_CUSTOM | CredentialType.SSH_INTERACTIVE


class _GaveUpError(Exception):
    """A callback ended the operation; `code` is the problem's."""

    def __init__(self, code: str, said: str = "") -> None:
        super().__init__(said)
        self.code = code


class _Callbacks(pygit2.RemoteCallbacks):
    """The callbacks of libgit2 during one operation."""

    def __init__(self, host: str, is_cancelled: IsCancelled) -> None:
        super().__init__()
        self._host = host
        self._is_cancelled = is_cancelled
        self._tries = 0
        self.answers: dict[str, str | None] = {}

    def certificate_check(self, certificate: None, valid: bool, host: bytes | str) -> bool:
        """Obey libgit2's own check: without this callback's answer it takes any host key."""
        if not valid:
            raise _GaveUpError("host-key")
        return True

    def credentials(
        self, url: str, username_from_url: str | None, allowed_types: CredentialType
    ) -> pygit2.Username | pygit2.KeypairFromAgent:
        """Hand out the agent's keys to the configured host, and stop when they do not help."""
        asked_by = Subject("", "", "", url=url).host
        if asked_by.lower() != self._host.lower():
            raise _GaveUpError("auth", f"asked for credentials by {asked_by}, not by {self._host}")
        self._tries += 1
        if self._tries > CREDENTIAL_TRIES:
            raise _GaveUpError("auth", "the ssh agent has no key that is accepted")
        user = username_from_url or "git"
        if allowed_types & CredentialType.USERNAME:
            return pygit2.Username(user)
        if allowed_types & _ANY_SSH:
            return pygit2.KeypairFromAgent(user)
        raise _GaveUpError("auth", "only keys of the ssh agent can be used without the git program")

    def transfer_progress(self, stats: object) -> None:
        """Look whether the operation was cancelled."""
        self._look()

    def push_transfer_progress(self, objects_pushed: int, total_objects: int, bytes_pushed: int) -> None:
        """Look whether the operation was cancelled."""
        self._look()

    def sideband_progress(self, string: str) -> None:
        """Look whether the operation was cancelled."""
        self._look()

    def push_update_reference(self, refname: str, message: str | None) -> None:
        """Collect what the remote says of each ref: libgit2 raises nothing when it refuses."""
        self.answers[refname] = message

    def _look(self) -> None:
        if self._is_cancelled():
            raise _GaveUpError("cancelled")


class _Session:
    """One operation: its own Repository, remote and callbacks."""

    def __init__(
        self, action: str, root: Path, remote: str, branch: str, timeout_s: float, is_cancelled: IsCancelled
    ) -> None:
        trust_authorities()
        # Process-wide in libgit2; every exchange sets them from the same option.
        pygit2.settings.server_timeout = max(1, int(timeout_s * 1000))
        pygit2.settings.server_connect_timeout = max(1, min(CONNECT_TIMEOUT_MS, int(timeout_s * 1000)))
        self.subject = Subject(action, str(root), remote, branch)
        self.repo = pygit2.Repository(str(root))
        self.branch = branch
        self.tracking = tracking_ref(remote, branch)
        self._name = remote
        remote_here = self.remote()
        self._url = (remote_here.push_url if action == "push" else None) or remote_here.url or ""
        self.subject = Subject(action, str(root), remote, branch, self._url)
        self.callbacks = _Callbacks(self.subject.host, is_cancelled)

    def remote(self) -> pygit2.Remote:
        """Return a remote of its own for one conversation: a connection that has listed refs cannot push."""
        if self._name in list(self.repo.remotes.names()):
            return self.repo.remotes[self._name]
        return self.repo.remotes.create_anonymous(self._name)

    def heads(self) -> dict[str, str]:
        """Ask the remote (where it is pushed to, in a push) for its refs."""
        listed = self.repo.remotes.create_anonymous(self._url).list_heads(callbacks=self.callbacks)
        return {str(head.name): str(head.oid) for head in listed}

    def known(self) -> str | None:
        """Return where the tracking ref is."""
        found = self.repo.references.get(kept(self.tracking))
        return None if found is None else str(found.target)


def _trouble(subject: Subject, error: Exception) -> Problem:
    if isinstance(error, _GaveUpError):
        return problem(subject, error.code, str(error))
    return from_exception(subject, error)


_FAILURES = (pygit2.GitError, _GaveUpError, KeyError, ValueError, OSError)


def fetch(root: Path, remote: str, branch: str, *, timeout_s: float, is_cancelled: IsCancelled = never) -> FetchResult:
    """Fetch `branch` of `remote` into its tracking ref; see `transport.fetch`."""
    subject = Subject("fetch", str(root), remote, branch)
    try:
        session = _Session("fetch", root, remote, branch, timeout_s, is_cancelled)
        subject, was = session.subject, session.known()
        if session.repo.is_shallow:
            # libgit2 deletes .git/shallow when it fetches from a path: the history would look broken afterwards.
            raise failure(problem(subject, "unknown", "libgit2 cannot fetch into a shallow clone; git can"))
        heads = session.heads()
        commit = heads.get(f"refs/heads/{branch}")
        if commit is None:
            is_empty = not any(name.startswith("refs/heads/") for name in heads)
            return FetchResult(None, was, is_empty_remote=is_empty)
        if commit != was or commit not in session.repo:
            session.remote().fetch(
                [f"+refs/heads/{branch}:{session.tracking}"],
                callbacks=session.callbacks,
                prune=FetchPrune.NO_PRUNE,
            )
        return FetchResult(session.known(), was)
    except _FAILURES as error:
        raise failure(_trouble(subject, error)) from error


def push(
    root: Path,
    remote: str,
    branch: str,
    commit: str,
    *,
    expected: str | None = None,
    timeout_s: float,
    is_cancelled: IsCancelled = never,
) -> PushResult:
    """Push `commit` to `branch` of `remote`, never with force; see `transport.push`."""
    subject, ref = Subject("push", str(root), remote, branch), f"refs/heads/{branch}"
    try:
        session = _Session("push", root, remote, branch, timeout_s, is_cancelled)
        subject = session.subject
        there = session.heads().get(ref)
        kind = PushKind.UP_TO_DATE
        if there != commit:
            if expected is not None and there != expected:
                return PushResult(PushKind.REJECTED, problem(subject, "fetch-first"))
            # libgit2 checks a fast-forward only against what it knows; what it does not know is never overwritten.
            if there is not None and not is_ancestor(session.repo, there, commit):
                return PushResult(PushKind.REJECTED, problem(subject, "fetch-first"))
            kind = _send(session, commit, ref)
    except _FAILURES as error:
        raise failure(_trouble(subject, error)) from error
    if kind is PushKind.REJECTED:
        return PushResult(kind, problem(subject, "fetch-first"))
    _note_pushed(session, commit)
    return PushResult(kind)


def _send(session: _Session, commit: str, ref: str) -> PushKind:
    """Send the commit; return PUSHED only when the remote's ref was read back and is at it."""
    try:
        session.remote().push([f"{commit}:{ref}"], callbacks=session.callbacks)
    except _FAILURES as error:
        if isinstance(error, _GaveUpError):
            raise
        if "non-fastforwardable" in str(error) or "contains commits" in str(error):
            return PushKind.REJECTED
        if _is_there(session, commit, ref):
            return PushKind.PUSHED  # the answer was lost, the push was not
        raise
    if said := session.callbacks.answers.get(ref):
        trouble = from_rejection(session.subject, said)
        if trouble.code in ("fetch-first", "non-fast-forward"):
            return PushKind.REJECTED
        raise failure(trouble)
    if session.heads().get(ref) != commit:
        raise failure(problem(session.subject, "unknown", "the remote's branch is not at the commit"))
    return PushKind.PUSHED


def _is_there(session: _Session, commit: str, ref: str) -> bool:
    try:
        return session.heads().get(ref) == commit
    except _FAILURES:
        return False  # still no answer: report the first error


def _note_pushed(session: _Session, commit: str) -> None:
    if session.known() != commit:
        session.repo.references.create(session.tracking, commit, force=True)


def remote_head(
    root: Path, remote: str, branch: str, *, timeout_s: float, is_cancelled: IsCancelled = never
) -> str | None:
    """Ask `remote` where its `branch` is; see `transport.remote_head`."""
    subject = Subject("fetch", str(root), remote, branch)
    try:
        session = _Session("fetch", root, remote, branch, timeout_s, is_cancelled)
        subject = session.subject
        return session.heads().get(f"refs/heads/{branch}")
    except _FAILURES as error:
        raise failure(_trouble(subject, error)) from error
