"""Turns what git and libgit2 say about a failed exchange into a `Problem`: a code, a sentence with names in it, a hint.

Pure; any thread. git is always run with LC_ALL=C, so its sentences can be recognised; what is not recognised keeps
git's own last line. Texts come from remotes: credentials are taken out and control characters escaped before anything
leaves this module.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache

from gitsync.errors import OperationError, TransientError
from gitsync.git.remote.ssh_trouble import ssh_problem
from gitsync.model import Problem
from gitsync.redaction import redact
from gitsync.text import clean, span

# These go away by themselves or by integrating first: the caller tries again. Everything else waits for a person
# or for a change on the other side, and is tried at the slow end of the back-off.
TRANSIENT = frozenset({"offline", "timeout", "locked", "cancelled", "non-fast-forward", "fetch-first", "remote-locked"})
MAX_LINE = 300

# "Writing objects: 33% (1/3), 1.2 MiB | 300 KiB/s", "Enumerating objects: 5, done.", "Total 3 (delta 0), ..."
_PROGRESS = re.compile(r"^(remote: )?(Total \d|[A-Z][a-z]+( [a-z]+)*: +\d+(%|,|$))")
# A line that names the object, the rule or the lock; git goes on after it with what came of that.
_NAMES_THE_CAUSE = re.compile(
    r"object (file )?\S*[0-9a-f]{20,}\S*:? .|cannot lock ref|Unable to create '.*\.lock'|bad object|"
    r"insufficient permission|Permission denied$|unable to (write|append to|create) "
)
# Introductions in a server's messages; and of much what is likely to be the point.
_ASIDE = re.compile(r"(Trace:|hook declined|See (https?:|the ')|To squelch|[=*#-]+$)")
_TELLS = re.compile(
    r"\bGH\d{3}\b|exceed|too (large|big|long)|\bpath:|secret|token|den(y|ied)|not (allowed|permitted|accepted)|"
    r"protect|declin|reject|refus|forbid|private|invalid|\bmust\b|quota|limit|checked out|lock|object [0-9a-f]{7}|"
    r"violat|require|error|fail",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"^(hint:|To |From |Done$|Everything up-to-date|remote:\s*$|warning:|and the repository exists|"
    r"Please make sure you have|\(or you mis-spelled|fatal: the remote end hung up|error: failed to push some refs|"
    r"fatal: Could not read from remote|@@@|debug\d?:|\s*$)"
)


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of the failed operation: `action` is "fetch" or "push", `where` the work tree, "" without one."""

    action: str
    where: str
    remote: str
    branch: str = ""
    url: str = ""

    @property
    def label(self) -> str:
        """Return the names for a sentence: the work tree and the remote, safe to print."""
        return f"{clean(self.where)}: {clean(self.remote)}" if self.where else clean(self.remote)

    @property
    def try_it(self) -> str:
        """Return a command that shows the same error in a terminal."""
        there = f"-C {shlex.quote(clean(self.where))} " if self.where else ""
        return f"git {there}ls-remote {shlex.quote(clean(self.remote))}"

    @property
    def let_in(self) -> str:
        """Return what lets a program in that nobody sits at."""
        if re.match(r"https?:", self.url, re.IGNORECASE):
            return "set a credential.helper that asks nobody"
        return "load your key with ssh-add, into an agent that gitsync was started with"

    @property
    def host(self) -> str:
        """Return the host of the URL, or "" for a path."""
        if matched := re.match(r"[a-z][a-z0-9+.-]*://(?:[^/@]*@)*(\[[^\]]*\]|[^/:]*)", self.url, re.IGNORECASE):
            return clean(matched[1])
        if matched := re.match(r"(?:[^/@:]+@)?(\[[^\]]*\]|[^/:]+):", self.url):
            return clean(matched[1].strip("[]").partition(":")[0])
        return ""


def last_line(text: str) -> str:
    """Return the line of git's that tells most, else the last one that says something, cleaned; "" without any."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", text)]
    telling = [line for line in lines if line and not _NOISE.match(line) and not _PROGRESS.match(line)]
    first = [line for line in telling if _NAMES_THE_CAUSE.search(line)]
    chosen = (first[:1] or telling[-1:] or [line for line in lines if line][-1:] or [""])[0]
    return clean(_bare(chosen))[:MAX_LINE]


def remote_words(text: str) -> str:
    """Return what a server or its hook said of a push, on one line: all of it, or of much the lines that tell."""
    said = [line for line in re.split(r"[\r\n]+", text) if line.startswith("remote:") and not _PROGRESS.match(line)]
    lines = list(dict.fromkeys(_bare(line.strip()) for line in said))
    lines = [line for line in lines if re.search(r"\w", line) and not _ASIDE.match(line)]
    if sum(len(line) + 1 for line in lines) > MAX_LINE:
        lines = [line for line in lines if _TELLS.search(line)] or lines
    return clean(" ".join(lines))[:MAX_LINE]


def _bare(line: str) -> str:
    for prefix in ("remote:", "fatal:", "FATAL:", "error:", "ERROR:"):
        line = line.removeprefix(prefix).lstrip()
    return line


# (code, pattern), first match wins. The order is the point: ssh's own reason comes before git's closing sentence
# "Could not read from remote repository", which follows every kind of failure.
_SIGNS = (
    (
        "host-key",
        r"host key verification failed|remote host identification has changed|no (matching )?host key|"
        r"certificate verification failed|ssl certificate problem|server certificate verification|"
        r"self.signed certificate|the ssl certificate is invalid|hostkey .*(mismatch|revoked|is invalid|unknown)|"
        r"remote host key is not known|unknown or mismatched host key|invalid or unknown remote ssh hostkey",
    ),
    (
        "permission",
        r"unable to create '[^']*': permission denied|insufficient permission for adding an object|"
        r"cannot (open|create|update) [^:]*: permission denied|unable to (append to|write) .*: permission denied",
    ),
    # A setting of this repository asks for what the server cannot do: push.gpgSign, push.pushOption.
    ("refused", r"the receiving end does not support"),
    ("read-only", r"read-only file system"),
    ("disk-full", r"no space left on device|disk quota exceeded|insufficient disk space|out of diskspace"),
    (
        "offline",
        r"could not resolve|name or service not known|temporary failure in name resolution|"
        r"no address associated with hostname|nodename nor servname|failed to resolve address|"
        r"connection refused|failed to connect|couldn't connect to server|could not connect to|"
        r"no route to host|network is (unreachable|down)|host is (unreachable|down)|"
        r"connection reset|broken pipe|connection closed by|kex_exchange_identification|"
        r"banner exchange|failed to start ssh session|unable to connect|proxy connect aborted|"
        r"the requested url returned error: (50[0-9]|429)|empty reply from server|"
        r"early eof|unexpected disconnect|rpc failed|ssl_(connect|read|error_syscall)|gnutls_handshake|"
        r"connection timed out|operation timed out|connection was aborted",
    ),
    ("timeout", r"timed? ?out|timeout"),
    (
        "not-found",
        r"repository .*not found|does not appear to be a git repository|not a git repository|"
        r"no such (file or directory|remote|repository)|repository .*does not exist|"
        r"requested url returned error: (404|410)|could not find repository|failed to resolve path|"
        r"project you were looking for could not be found|unsupported url protocol|"
        r"remote '.*' does not exist|unable to find remote helper|"
        r"unexpected http status code: 404|remote helper .* aborted",
    ),
    (
        "auth",
        r"permission denied( \(|, please try again)|authentication (failed|required)|access denied|"
        r"could not read (username|password)|terminal prompts disabled|invalid (username|credentials)|"
        r"requested url returned error: (401|403)|too many authentication failures|"
        r"no credentials|failed to authenticate|authentication required but no callback|"
        r"username does not match|agent (refused|admitted failure)|failed (getting response|connecting agent)|"
        r"ssh[_-]agent|invalid privatekey|load key .*(invalid|permission)|unexpected http status code: 40[13]|"
        r"too many redirects or authentication replays|http basic: access denied|write access .*not granted|"
        r"deploy key|publickey|denied by (fallthru|refs/)|you are not allowed to|not authorized to|"
        r"user permission denied",
    ),
    ("fsck", r"fsck error|object [0-9a-f]{40,}: \w+: |invalid object in pack|nested .*object"),
    (
        "remote-corrupt",
        r"(remote|object|pack|index).*(corrupt)|corrupt.*(object|pack)|bad (tree|object|pack)|"
        r"missing (blob|tree|commit|necessary objects)|unpack(-objects)? (failed|error)|"
        r"index-pack (failed|died)|invalid index-pack output|inflate|fsck error|did not send all necessary objects|"
        r"bad object|not our ref|pack has bad|invalid sha1|hasdotgit|hasdotdot|fullpathname|upload-pack: not|"
        r"failed to read loose object|cannot read header for|hash mismatch",
    ),
    ("stale-branch", r"'refs/remotes/\S+' exists; cannot create '"),
    ("locked", r"unable to create '.*\.lock'|cannot lock ref|unable to lock|failed to lock|is locked"),
    ("unsafe", r"detected dubious ownership|is not owned by current user"),
    ("not-found", r"permission denied"),  # of a path on this machine; ssh's form was seen above
    ("offline", r"hung up unexpectedly|could not read from remote repository|unexpected eof|eof from|\bEOF\b"),
)

_SENTENCES: dict[str, tuple[str, str]] = {
    "offline": ("{label} cannot be reached", "{try_it}"),
    "timeout": ("{label} did not answer in time", "{try_it}"),
    "auth": ("{label} did not let us in", "{try_it}    ({let_in})"),
    "host-key": ("{label}: the server's key is not known or has changed", "{host_key}"),
    "not-found": ("{label}: there is no such repository, or it may not be read", "git -C {where} remote -v"),
    "disk-full": ("{label}: no space is left on the disk", "df -h {where}"),
    "read-only": ("{label}: the file system is read-only", "remount it writable"),
    "remote-corrupt": ("{label} sent objects that are broken", "git -C {where} fsck; the same on the remote"),
    "fsck": (
        "{label} has an object that git's checks refuse; nothing was taken in",
        "fix it where it was created; to accept it as it is: git -C {where} config fetch.fsck.{rule} ignore",
    ),
    "locked": ("{label}: another git holds a lock", "if no git is at work in {where} any more, remove it{lock}"),
    "permission": (
        "{label}: a file of the repository here may not be written",
        'if it belongs to another user, as after a `sudo git`: sudo chown -R "$(id -un)" {where}/.git',
    ),
    "unsafe": ("{label}: the repository belongs to another user", "git config --global --add safe.directory {where}"),
    "remote-locked": (
        "{label}: the branch {branch} is locked there",
        "it is tried again by itself; if nothing is at work on the remote any more, remove its lock there{lock}",
    ),
    "checked-out": (
        "{label} has {branch} checked out, and takes no push to a branch that is currently checked out",
        "push to a bare repository, or let its files follow: there, git config receive.denyCurrentBranch updateInstead",
    ),
    "unwatched": (
        "{label} is a work tree that has {branch} checked out and takes no push to it, and no gitsync watches it there",
        "watch it there: gitsyncctl watch {directory}; or meet in a bare repository: gitsyncctl server init {bare}, "
        "then: git -C {where} remote set-url {remote} {bare}",
    ),
    "stale-branch": (
        "{label}: what is remembered of another branch, which had a part of this one's name, is in the way of {branch}",
        "to forget the branches that are gone there: git -C {where} remote prune {remote}",
    ),
    "name-taken": (
        "{label} cannot have a branch {branch}, because another one has a part of its name",
        "give yours another name: git -C {where} branch -m NAME",
    ),
    "refused": ("{label} refused the push of {branch}", "git -C {where} push {remote} {branch}"),
    "non-fast-forward": ("{label} has commits on {branch} that are not here yet", "gitsyncctl sync {where}"),
    "fetch-first": ("{label} has commits on {branch} that are not here yet", "gitsyncctl sync {where}"),
    "cancelled": ("{label}: the {action} was abandoned", "gitsyncctl sync {where}"),
    "unknown": ("{label}: the {action} failed", "git -C {where} {action} {remote} {branch}"),
}


@cache
def _signs() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((code, re.compile(pattern, re.IGNORECASE | re.MULTILINE)) for code, pattern in _SIGNS)


def classify(said: str) -> str:
    """Return the code of what git or libgit2 said; "unknown" when nothing of it is recognised."""
    for code, pattern in _signs():
        if pattern.search(said):
            return code
    return "unknown"


def problem(subject: Subject, code: str, said: str = "") -> Problem:
    """Return the `Problem` for `code`, with git's own last line behind it."""
    sentence, hint = _SENTENCES[code]
    if not subject.where and code in ("not-found", "unknown"):
        hint = "{try_it}"
    where = shlex.quote(clean(subject.where) or ".")
    host = subject.host
    names = {
        "label": subject.label,
        "try_it": subject.try_it,
        "where": where,
        "remote": shlex.quote(clean(subject.remote)),
        "branch": clean(subject.branch) or "the branch",
        "action": subject.action,
        "let_in": subject.let_in,
        "server": shlex.quote(host) if host else "HOST",
        "host_key": f"ssh {shlex.quote(host)}    (compare the fingerprint, then accept it)" if host else subject.try_it,
    }
    names |= _places(subject)
    rule = re.search(r"object [0-9a-f]{40,}: (\w+):", said)
    lock = re.search(r"Unable to create '(?P<path>[^']*\.lock)'", said)
    names["rule"] = clean(rule[1]) if rule else "RULE"
    names["lock"] = f": rm {shlex.quote(clean(lock['path']).replace('/./', '/'))}" if lock else ""
    if code == "fsck" and subject.action == "push":
        sentence = "{label} has checks that refuse an object of this push"
        hint = "the remote's receive.fsck.{rule} decides; see the object: git -C {where} fsck"
    if code == "disk-full" and subject.action == "push" and re.search(r"^(remote:|error: remote)", said, re.MULTILINE):
        sentence, hint = "{label} has no space left on its disk", "make room on the remote; it is tried again by itself"
    if code == "host-key" and re.search(r"identification has changed|mismatch", said, re.IGNORECASE):
        sentence = "{label}: the server's key is another one than before; somebody may be in between"
        hint = "ask who runs it; if it was changed on purpose: ssh-keygen -R {server}, then ssh {server}"
    line = (remote_words(said) if code == "refused" else "") or last_line(said)
    message = sentence.format(**names) + (f": {line}" if line else "")
    # A command takes the branch's name, or none.
    return Problem(code, message, hint.format(**{**names, "branch": clean(subject.branch)}).rstrip())


def _places(subject: Subject) -> dict[str, str]:
    """Return the directory that the remote is, where that can be named, and where a bare repository could be."""
    url = clean(redact(subject.url)).rstrip("/").removesuffix("/.git")
    is_path = url.startswith("/")
    is_ssh = bool(subject.host) and not re.match(r"(https?|git|file)://", url)
    return {
        "directory": shlex.quote(url) if is_path else "DIR",
        "bare": shlex.quote(f"{url}.git") if is_path or is_ssh else "HOST:PATH",
    }


def failure(trouble: Problem) -> OperationError:
    """Return the exception for `trouble`: a TransientError when it goes away by itself."""
    if trouble.code in TRANSIENT:
        return TransientError(trouble.message, trouble.hint, code=trouble.code, wait_s=trouble.wait_s)
    return OperationError(trouble.message, trouble.hint, code=trouble.code)


def busy(subject: Subject, wait_s: float) -> Problem:
    """Return the `Problem` of a server that asks to be left alone for so many seconds."""
    message = f"{subject.label} answers no requests now and asks to wait for {span(wait_s)}"
    return Problem("offline", message, "gitsync will try again by itself then", wait_s)


def from_output(subject: Subject, stderr: bytes | str) -> Problem:
    """Return the `Problem` of a git that failed and wrote `stderr`."""
    said = stderr.decode("utf-8", "replace") if isinstance(stderr, bytes) else stderr
    return ssh_problem(subject.label, subject.url, said) or problem(subject, classify(said), said)


def from_exception(subject: Subject, error: Exception) -> Problem:
    """Return the `Problem` of an exception of pygit2's or of the system's."""
    return from_output(subject, str(error))


# The remote's own disk or its permissions, not what it was sent.
_UNWRITABLE = re.compile(r"unable to create temporary|read-only file system|insufficient permission", re.IGNORECASE)

# The reason in parentheses after "! ... [rejected]" and "[remote rejected]" of `git push --porcelain`.
_STALE = re.compile(
    r"non-fast-forward|fetch first|stale info|needs force|failed to update ref|cannot lock ref|"
    r"reference already exists|incorrect old value|failed to lock|is at .* but expected|"
    r"fetch-first|cannotpush because|cannot push|non-fastforwardable",
    re.IGNORECASE,
)

# The remote's own ref is locked: by a push that is under way, or by one that was killed.
_LOCKED = re.compile(r"^remote: .*(Unable to create '.*\.lock': File exists|could not lock)", re.MULTILINE)

# The same in libgit2's words, for a remote on this file system.
_LOCKED_NEARBY = re.compile(r"failed to lock file '.*\.lock'")


# The name of one branch is that of a directory of the other, as with a and a/b.
_TAKEN = re.compile(r"'refs/\S+' exists; cannot create '|directory.file conflict", re.IGNORECASE)


def from_rejection(subject: Subject, reason: str, stderr: bytes | str = "") -> Problem:
    """Return the `Problem` of a push whose ref was not taken, for git's `reason`.

    "fetch-first" when integrating what the remote has and pushing again helps (another machine was quicker),
    "refused" when the remote's rules or hooks said no.
    """
    said = stderr.decode("utf-8", "replace") if isinstance(stderr, bytes) else stderr
    if _LOCKED.search(said) or _LOCKED_NEARBY.search(reason):
        return problem(subject, "remote-locked", said or reason)
    if _TAKEN.search(said) or _TAKEN.search(reason):
        return problem(subject, "name-taken")
    if "currently checked out" in reason:
        return problem(subject, "checked-out")
    if _STALE.search(reason):
        code = "non-fast-forward" if "non-fast" in reason.lower() else "fetch-first"
        return problem(subject, code)
    if re.search(r"unpacker error|unpack failed", reason, re.IGNORECASE):
        inner = "refused" if _UNWRITABLE.search(said) else classify(said)
        return problem(
            subject, inner if inner in ("disk-full", "remote-corrupt", "fsck") else "refused", said or reason
        )
    # The hook's own words, as far as it said any, tell more than git's "pre-receive hook declined".
    words = remote_words(said)
    trouble = problem(subject, "refused", "" if words else reason)
    return Problem(trouble.code, f"{trouble.message}: {words} ({reason})", trouble.hint) if words else trouble
