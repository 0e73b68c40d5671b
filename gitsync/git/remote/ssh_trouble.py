"""Interprets ssh's messages when it cannot connect to a server, or cannot start a program there: the cause, and a
command that helps.

Pure; any thread. For all that go by ssh: git, rsync and unison. The sentences are OpenSSH's (sshconnect.c, readconf.c,
kex.c, mux.c), the shells' for a missing program, gitolite's for a missing right, and what the three programs say when
something else than their counterpart answers. None of it is an outage: it does not go away by itself.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from gitsync.model import Problem
from gitsync.text import clean, escape

_SSH_URL = re.compile(
    r"(?:ssh|git\+ssh|ssh\+git)://(?:(?P<user>[^@/]+)@)?(?P<host>\[[^]]+\]|[^:/]+)(?::(?P<port>\d+))?(?:/.*|)",
    re.DOTALL,
)
_SCP = re.compile(r"(?!/|\.)(?:(?P<user>[^/:@]+)@)?(?P<host>\[[^]]+\]|[^/:@]+):(?!//|:).*", re.DOTALL)
_USUAL_PORT = ("", "22")
# ssh's names for the algorithms that it could not agree on with a server, and the option that allows more of them.
_ALGORITHMS = {
    "host key type": "HostKeyAlgorithms",
    "key exchange method": "KexAlgorithms",
    "cipher": "Ciphers",
    "MAC": "MACs",
}
_VERSION = {"rsync": "--version", "unison": "-version"}
_KNOWN_HOSTS = "~/.ssh/known_hosts"


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom ssh goes to; a user or a port that is not in the address is ""."""

    user: str
    host: str
    port: str

    @property
    def command(self) -> str:
        """Return the command that goes there by hand."""
        port = [] if self.port in _USUAL_PORT else ["-p", self.port]
        bare = self.host.strip("[]")
        return shlex.join(["ssh", *port, f"{self.user}@{bare}" if self.user else bare])

    @property
    def known_as(self) -> str:
        """Return what the file of known hosts calls it."""
        bare = self.host.strip("[]")
        return bare if self.port in _USUAL_PORT else f"[{bare}]:{self.port}"

    @property
    def text(self) -> str:
        """Return it for a sentence."""
        port = "" if self.port in _USUAL_PORT else f" port {self.port}"
        return f"{escape(f'{self.user}@' if self.user else '')}{escape(self.host)}{port}"


def destination_of(url: str) -> Destination | None:
    """Return whom ssh goes to for an address; None for a path, and for what does not go by ssh."""
    found = _SSH_URL.fullmatch(url) or (None if "://" in url else _SCP.fullmatch(url))
    if found is None:
        return None
    parts = found.groupdict()
    return Destination(parts.get("user") or "", parts["host"], parts.get("port") or "")


def ssh_problem(label: str, url: str, said: str, program: str = "git") -> Problem | None:
    """Return the problem that `said`, the output of an exchange of `program` with `url`, tells of; None for another.

    `label` is what the exchange is of, safe to print.
    """
    to = destination_of(url)
    if to is None:
        return None
    for pattern, tell in _TOLD:
        if found := re.search(pattern, said, re.MULTILINE):
            code, what, hint = tell(to, found, said, program)
            return Problem(code, f"{label}: {what}", hint)
    return None


# Each returns a code, what happened, and what to do.
Told = tuple[str, str, str]


def _clean(text: str) -> str:
    return clean(text.strip())[:200]


def _key_changed(to: Destination, found: re.Match[str], said: str, program: str) -> Told:
    place = re.search(r"^Offending .*key in (?P<file>\S+?)(:\d+)?\r?$", said, re.MULTILINE)
    file = place["file"] if place else ""
    is_usual = not file or file == os.path.expanduser(_KNOWN_HOSTS)
    forget = shlex.join(["ssh-keygen", *([] if is_usual else ["-f", _clean(file)]), "-R", to.known_as])
    return (
        "host-key",
        f"the host key of {to.text} has changed: it is another one than before; somebody may be in between",
        f"ask who runs the server; if it was changed on purpose: {forget}, then: {to.command}",
    )


def _key_revoked(to: Destination, found: re.Match[str], said: str, program: str) -> Told:
    return "host-key", f"the host key of {to.text} is marked as revoked", "ask who runs the server for its new key"


def _key_unknown(to: Destination, found: re.Match[str], said: str, program: str) -> Told:
    return (
        "host-key",
        f"the host key of {to.text} is not known here",
        f"{to.command}    (compare the fingerprint, then accept it)",
    )


def _nothing_common(to: Destination, found: re.Match[str], said: str, program: str) -> Told:
    what, offer = found["what"], _clean(found["offer"])
    option = _ALGORITHMS.get(what, "HostKeyAlgorithms")
    return (
        "ssh-setup",
        f"ssh could not negotiate with {to.text}: they have no {what} in common; the server offers {offer}",
        f"update the server; or, if you accept what it has, in ~/.ssh/config under Host {escape(to.host)}: "
        f"{option} +{offer.split(',')[0]}",
    )


def _control_path(to: Destination, found: re.Match[str], said: str, program: str) -> Told:
    return (
        "ssh-setup",
        f"ssh cannot share a connection: {_clean(found[0])}",
        "set a shorter one in ~/.ssh/config: ControlPath ~/.ssh/%C",
    )


def _bad_line(to: Destination, found: re.Match[str], said: str, program: str) -> Told:
    file = shlex.quote(_clean(found["file"]))
    line = f" line {found['line']}" if found["line"] else ""
    return (
        "ssh-setup",
        f"ssh does not understand its configuration: {_clean(found[0])}",
        f"correct {file}{line}; to try it: ssh -G {shlex.quote(to.host)}",
    )


def _bad_owner(to: Destination, found: re.Match[str], said: str, program: str) -> Told:
    file = _clean(found["file"])
    return (
        "ssh-setup",
        f"ssh does not trust its configuration: Bad owner or permissions on {file}",
        f"chmod 600 {shlex.quote(file)}; it has to belong to you",
    )


def _not_allowed(to: Destination, found: re.Match[str], said: str, program: str) -> Told:
    return (
        "auth",
        f"{to.text} knows who you are, and does not allow this: {_clean(found[0])}",
        "ask the server's administrator for the right to read and write there; the key itself is accepted",
    )


def _noisy(to: Destination, found: re.Match[str], said: str, program: str) -> Told:
    versions = "" if program == "git" else f"; else compare {program} {_VERSION[program]}, here and there"
    return (
        "protocol",
        f"the login shell on {to.text} prints something before {program} can speak there, or there is another "
        f"program in its place: {_clean(found[0])}",
        f"{to.command} true must print nothing; if it does, put what prints behind a test for a terminal in its "
        f"startup files, as: [ -t 1 ] || return{versions}",
    )


def _other_version(to: Destination, found: re.Match[str], said: str, program: str) -> Told:
    return (
        "protocol",
        f"the {program} on {to.text} speaks another version of the protocol: {_clean(found[0])}",
        f"compare: {to.command} {program} --version; {program} --version",
    )


def _no_program(to: Destination, found: re.Match[str], said: str, program: str) -> Told:
    name = found["name"] or found["name2"]
    package = "git" if name.startswith("git") else name
    return (
        "not-found",
        f"{name} is not installed on {to.text}, or not found there: {_clean(found[0])}",
        f"install {package} there; to see where it is looked for: {to.command} 'echo $PATH'",
    )


def _no_login(to: Destination, found: re.Match[str], said: str, program: str) -> Told:
    return (
        "auth",
        f"{to.text} does not let you in: {_clean(found[0])}",
        f"try it by hand: {to.command}    (load your key with ssh-add, into an agent that gitsync was started with)",
    )


_NAMES = r"(?:git(?:-upload-pack|-receive-pack)?|rsync|unison)"
# The order is the point: ssh's reason comes before what the programs say of it.
_TOLD: tuple[tuple[str, Callable[[Destination, re.Match[str], str, str], Told]], ...] = (
        (r"REMOTE HOST IDENTIFICATION HAS CHANGED|host key for \S+ has changed", _key_changed),
        (r"REVOKED HOST KEY|[Hh]ost key \S*.* revoked", _key_revoked),
        (r"no matching (?P<what>[A-Za-z ]+?) found\. Their offer: (?P<offer>\S+)", _nothing_common),
        (r"Host key verification failed|No \S+ host key is known for", _key_unknown),
        (r'ControlPath too long.*|unix_listener: path "?.* too long.*|ControlPath .* too long.*', _control_path),
        (r"^(?P<file>[/~]\S.*?):? line (?P<line>\d+): (?:[Bb]ad|[Mm]issing|[Uu]nsupported).*", _bad_line),
        (r"^(?P<file>/\S.*?): terminating, \d+ bad configuration options(?P<line>)", _bad_line),
        (r"Bad owner or permissions on (?P<file>.+)", _bad_owner),
        (r".*\bDENIED by .*|.*[Ww]rite access to repository not granted.*|.*Permission to \S+ denied to .*|"
         r".*[Yy]ou are not allowed to (?:push|upload|download).*|.*deploy key .*read.only.*|"
         r".*key you are authenticating with has been marked as read.only.*", _not_allowed),
        (rf"(?P<name>{_NAMES}): (?:command )?not found|(?:unknown command|command not found): (?P<name2>{_NAMES})",
         _no_program),
        (r"(?<=fatal: ).*unknown protocol.*", _other_version),
        (r"bad line length character: .*|is your shell clean.*|[Rr]eceived unexpected header from the server.*",
         _noisy),
        (r"Permission denied \([a-z,-]+\).*|Too many authentication failures.*", _no_login),
)  # fmt: skip
