"""What ssh and the programs behind it say, as cause and command; the texts are OpenSSH's 9 and the programs' own."""

from __future__ import annotations

import pytest

from gitsync.git.remote.errors import Subject, from_output
from gitsync.git.remote.ssh_trouble import Destination, destination_of, ssh_problem

URL = "ssh://ada@server:2222/srv/x"
GONE = "\nfatal: Could not read from remote repository."
CHANGED = (
    "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n"
    "Offending ED25519 key in {file}:3\n"
    "Host key for [server]:2222 has changed and you have requested strict checking.\nHost key verification failed."
)


@pytest.mark.parametrize(
    ("url", "destination"),
    [
        ("ssh://ada@server:2222/x", Destination("ada", "server", "2222")),
        ("ssh://server//srv/x", Destination("", "server", "")),
        ("ssh://[::1]:2222/x", Destination("", "[::1]", "2222")),
        ("ada@server:x.git", Destination("ada", "server", "")),
        ("[::1]:x", Destination("", "[::1]", "")),
        ("/srv/a:b", None),
        ("./a:b", None),
        ("https://server:443/x", None),
        ("rsync://server/module", None),
        ("server::module", None),
        ("file:///srv/x", None),
    ],
)
def test_whom_ssh_goes_to(url: str, destination: Destination | None) -> None:
    assert destination_of(url) == destination


def test_a_destination_as_ssh_takes_it() -> None:
    assert Destination("ada", "server", "2222").command == "ssh -p 2222 ada@server"
    assert Destination("", "[::1]", "22").command == "ssh ::1"
    assert Destination("", "server", "2222").known_as == "[server]:2222"
    assert Destination("", "server", "").known_as == "server"


@pytest.mark.parametrize(
    ("said", "code", "message", "hint"),
    [
        (CHANGED.format(file="/k"), "host-key", "has changed", "ssh-keygen -f /k -R '[server]:2222'"),
        ("Host key verification failed." + GONE, "host-key", "is not known here", "ssh -p 2222 ada@server "),
        (
            "Unable to negotiate with h port 2222: no matching host key type found. Their offer: ssh-rsa,ssh-dss",
            "ssh-setup",
            "no host key type in common",
            "HostKeyAlgorithms +ssh-rsa",
        ),
        (
            "Unable to negotiate with h port 22: no matching key exchange method found. Their offer: dh-sha1",
            "ssh-setup",
            "no key exchange method in common",
            "KexAlgorithms +dh-sha1",
        ),
        ("ControlPath too long ('/x' >= 108 bytes)", "ssh-setup", "ControlPath too long", "ControlPath ~/.ssh/%C"),
        (
            'unix_listener: path "/very/long.x" too long for Unix domain socket',
            "ssh-setup",
            "too long",
            "ControlPath ~/.ssh/%C",
        ),
        (
            "/home/a/.ssh/config: line 3: Bad configuration option: foo\n"
            "/home/a/.ssh/config: terminating, 1 bad configuration options",
            "ssh-setup",
            "Bad configuration option: foo",
            "correct /home/a/.ssh/config line 3",
        ),
        (
            "/home/a/.ssh/config line 7: Missing argument.",
            "ssh-setup",
            "Missing argument",
            "correct /home/a/.ssh/config line 7",
        ),
        ("Bad owner or permissions on /home/a/.ssh/config", "ssh-setup", "Bad owner", "chmod 600 /home/a/.ssh/config"),
        ("FATAL: W any notes bob DENIED by fallthru" + GONE, "auth", "knows who you are", "administrator"),
        ("ERROR: Write access to repository not granted." + GONE, "auth", "knows who you are", "administrator"),
        ("bash: line 1: rsync: command not found", "not-found", "rsync is not installed on", "install rsync there"),
        ("sh: 1: git-upload-pack: not found" + GONE, "not-found", "git-upload-pack is not inst", "install git there"),
        ("zsh:1: command not found: unison", "not-found", "unison is not installed on", "install unison there"),
        (
            "fatal: protocol error: bad line length character: Welc",
            "protocol",
            "login shell on ada@server port 2222 prints",
            "ssh -p 2222 ada@server true",
        ),
        (
            "protocol version mismatch -- is your shell clean?\n(see the rsync manpage for an explanation)",
            "protocol",
            "prints something",
            "true must print nothing",
        ),
        (
            "fatal: server is speaking an unknown protocol",
            "protocol",
            "another version of the protocol",
            "ssh -p 2222 ada@server git --version",
        ),
        ("ada@server: Permission denied (publickey).", "auth", "does not let you in", "ssh -p 2222 ada@server "),
    ],
)
def test_each_cause_has_its_name_and_a_command(said: str, code: str, message: str, hint: str) -> None:
    told = ssh_problem("notes", URL, said)
    assert told is not None
    assert told.code == code
    assert message in told.message
    assert hint in told.hint
    assert "try again" not in told.hint


def test_git_tells_it_too_and_a_path_never_does() -> None:
    remote = Subject("fetch", "/w", "origin", "main", URL)
    assert from_output(remote, "FATAL: R any x DENIED by fallthru" + GONE).message.startswith("/w: origin: ada@server")
    assert ssh_problem("notes", "/srv/x", "Host key verification failed.") is None
    assert ssh_problem("notes", URL, "ssh: connect to host server port 2222: Connection refused") is None
