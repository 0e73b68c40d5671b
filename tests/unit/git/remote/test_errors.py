"""What git says, and what we make of it."""

from __future__ import annotations

import os

import pytest

from gitsync.errors import TransientError
from gitsync.git.remote.errors import Subject, classify, clean, escape, failure, from_rejection, problem
from gitsync.redaction import redact

SUBJECT = Subject("push", "/home/u/My Notes", "origin", "main", "git@host.example:notes.git")

# Copied from runs of git 2.39 with OpenSSH 9, curl and libgit2 1.9.
SAID = {
    "ssh: Could not resolve hostname nohost: Name or service not known\nfatal: Could not read from remote repository.\n"
    "\nPlease make sure you have the correct access rights\nand the repository exists.": "offline",
    "ssh: connect to host 127.0.0.1 port 9: Connection refused\nfatal: Could not read from remote": "offline",
    "ssh: connect to host 10.0.0.1 port 22: Connection timed out": "offline",
    "ssh: connect to host x port 22: No route to host": "offline",
    "fatal: unable to access 'https://x.invalid/': Could not resolve host: x.invalid": "offline",
    "fatal: unable to access 'https://h/': Failed to connect to h port 443: Couldn't connect to server": "offline",
    "kex_exchange_identification: Connection closed by remote host\nConnection closed by 1.2.3.4 port 22": "offline",
    "fatal: the remote end hung up unexpectedly": "offline",
    "error: RPC failed; curl 18 transfer closed with outstanding read data remaining": "offline",
    "fatal: unable to access 'https://h/': The requested URL returned error: 503": "offline",
    "git@host: Permission denied (publickey).\nfatal: Could not read from remote repository.": "auth",
    "fatal: could not read Username for 'https://github.com': terminal prompts disabled": "auth",
    "remote: Invalid username or password.\nfatal: Authentication failed for 'https://github.com/x/y.git/'": "auth",
    "fatal: unable to access 'https://h/': The requested URL returned error: 403": "auth",
    "remote authentication required but no callback set": "auth",
    "FATAL: W any notes bob DENIED by fallthru\n(or you mis-spelled the reponame)\n"
    "fatal: Could not read from remote repository.": "auth",
    "ERROR: You are not allowed to push code to this project.\nfatal: Could not read from remote repository.": "auth",
    "Host key verification failed.\nfatal: Could not read from remote repository.": "host-key",
    "fatal: unable to access 'https://h/': SSL certificate problem: self signed certificate": "host-key",
    "fatal: '/srv/x.git' does not appear to be a git repository\nfatal: Could not read from remote": "not-found",
    "remote: Repository not found.\nfatal: repository 'https://github.com/x/y.git/' not found": "not-found",
    "ERROR: Repository not found.\nfatal: Could not read from remote repository.": "not-found",
    "fatal: No such remote 'orign'": "not-found",
    "failed to resolve path '/x/y': No such file or directory": "not-found",
    "fatal: write error: No space left on device": "disk-full",
    "error: unable to write file .git/objects/aa/bb: Disk quota exceeded": "disk-full",
    "fatal: bad object 1234\nfatal: remote did not send all necessary objects": "remote-corrupt",
    "error: object 1234: hasDotgit: contains '.git'\nfatal: fsck error in packed object": "remote-corrupt",
    "fatal: pack has bad object at offset 12: inflate returned -3": "remote-corrupt",
    "fatal: Unable to create '/r/.git/refs/remotes/origin/main.lock': File exists.": "locked",
    "fatal: detected dubious ownership in repository at '/r'": "unsafe",
    "fatal: something nobody has ever seen": "unknown",
    "": "unknown",
}


@pytest.mark.parametrize(("said", "code"), SAID.items())
def test_codes(said: str, code: str) -> None:
    assert classify(said) == code


def test_a_problem_names_place_and_remote_and_a_command() -> None:
    trouble = problem(SUBJECT, "auth", "git@host: Permission denied (publickey).")
    assert "/home/u/My Notes" in trouble.message
    assert "origin" in trouble.message
    assert "Permission denied" in trouble.message
    assert trouble.hint.startswith("git -C '/home/u/My Notes' ")


def test_gitolites_reason_is_told_not_its_guess() -> None:
    said = "FATAL: W any notes bob DENIED by fallthru\n(or you mis-spelled the reponame)\n"
    assert problem(SUBJECT, "auth", said).message.endswith("W any notes bob DENIED by fallthru")


def test_unknown_keeps_the_last_telling_line() -> None:
    trouble = problem(SUBJECT, "unknown", "remote: \nfatal: the moon is full\n\nPlease make sure you have the correct")
    assert trouble.message.endswith("the moon is full")


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("non-fast-forward", "non-fast-forward"),
        ("fetch first", "fetch-first"),
        ("failed to update ref", "fetch-first"),
        ("cannot lock ref 'refs/heads/main': is at 12 but expected 34", "fetch-first"),
        ("pre-receive hook declined", "refused"),
        ("protected branch hook declined", "refused"),
        ("branch is currently checked out", "refused"),
        ("anything else", "refused"),
    ],
)
def test_rejections(reason: str, code: str) -> None:
    assert from_rejection(SUBJECT, reason).code == code


def test_the_words_of_a_hook_are_told() -> None:
    trouble = from_rejection(SUBJECT, "hook declined", b"remote: main is protected        \nremote: \nerror: failed")
    assert "main is protected" in trouble.message


def test_a_full_disk_over_there() -> None:
    said = "remote: fatal: write error: No space left on device\nerror: remote unpack failed: index-pack abnormal exit"
    assert from_rejection(SUBJECT, "unpacker error", said).code == "disk-full"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("fatal: unable to access 'https://ada:s3cret@host/x.git/'", "s3cret"),
        ("https://ghp_s3cret@github.com/x.git", "s3cret"),
        ("https://ada:p@s3cret@host/x.git", "s3cret"),
        ("https://ada:s3%2Fcret@host/x.git", "s3%2Fcret"),
        ("GET https://host/x?access_token=s3cret&a=b", "s3cret"),
        ("Authorization: Bearer s3cret", "s3cret"),
        ("authorization: basic s3cret", "s3cret"),
    ],
)
def test_secrets_are_taken_out(text: str, hidden: str) -> None:
    assert hidden not in redact(text)
    assert hidden not in problem(SUBJECT, "unknown", text).message
    assert hidden not in problem(Subject("fetch", "/r", text), "offline").hint


def test_what_is_no_secret_stays() -> None:
    for text in ("git@host:x.git", "ssh://git@host/x", "https://host/x", "mail ada@example.org"):
        assert redact(text) == text


def test_control_characters_are_shown() -> None:
    hostile = "a\x1b[31mb\x07\u202ec\nd" + os.fsdecode(b"\xff")
    assert escape(hostile) == "a\\x1b[31mb\\x07\\u202ec\\nd\\xff"
    assert clean("Grüße 日本") == "Grüße 日本"
    assert "\x1b" not in problem(SUBJECT, "unknown", "remote: \x1b]0;title\x07").message


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("git@host.example:notes.git", "host.example"),
        ("ssh://git@host.example:2222/x", "host.example"),
        ("https://ada:pw@host.example/x", "host.example"),
        ("box:x.git", "box"),
        ("/srv/x.git", ""),
        ("file:///srv/x.git", ""),
    ],
)
def test_host(url: str, host: str) -> None:
    assert Subject("fetch", "/r", "origin", url=url).host == host


def test_what_goes_away_by_itself_is_transient() -> None:
    assert isinstance(failure(problem(SUBJECT, "offline")), TransientError)
    assert not isinstance(failure(problem(SUBJECT, "auth")), TransientError)
    assert failure(problem(SUBJECT, "auth")).code == "auth"
