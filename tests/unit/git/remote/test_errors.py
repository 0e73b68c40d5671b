"""What git says, and what we make of it."""

from __future__ import annotations

import os

import pytest

from gitsync.errors import TransientError
from gitsync.git.remote.errors import Subject, classify, failure, from_output, from_rejection, problem
from gitsync.redaction import redact
from gitsync.text import clean, escape

SUBJECT = Subject("push", "/home/u/My Notes", "origin", "main", "git@host.example:notes.git")

# Copied from runs of git 2.39 with OpenSSH 9, curl and libgit2 1.9.
SAID = {
    "error: unable to create temporary file '/n/.git/objects/pack/tmp_pack_XXXXXX': Read-only file system\n"
    "fatal: index-pack failed": "read-only",
    "fatal: the receiving end does not support push options\nfatal: the remote end hung up unexpectedly": "refused",
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
    "error: object 1234: hasDotgit: contains '.git'\nfatal: fsck error in packed object": "fsck",
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
        ("branch is currently checked out", "checked-out"),
        ("anything else", "refused"),
    ],
)
def test_rejections(reason: str, code: str) -> None:
    assert from_rejection(SUBJECT, reason).code == code


def test_the_words_of_a_hook_are_told() -> None:
    trouble = from_rejection(SUBJECT, "hook declined", b"remote: main is protected        \nremote: \nerror: failed")
    assert "main is protected" in trouble.message


REFUSALS = {
    "remote: error: GH007: Your push would publish a private email address.\n"
    "remote: You can change this in your settings:\nremote: https://github.com/settings/emails": "private email",
    "remote: error: GH013: Repository rule violations found for refs/heads/main.\nremote: \n"
    "remote: - GITHUB PUSH PROTECTION\nremote:   —————————————————————\n"
    "remote:     Resolve the following violations before pushing again\nremote: \n"
    "remote:     - Push cannot contain secrets\nremote: \n"
    "remote:      (?) Learn how to resolve a blocked push\nremote:      https://docs.github.com/code-security\n"
    "remote: \nremote:       —— Amazon AWS Access Key ID ————\nremote:        locations:\n"
    "remote:          - commit: 8728dbe67\nremote:            path: lib/mail.conf:7\nremote: \n"
    "remote:        (?) To push, remove secret from commit(s) or follow this URL to allow the secret.\n"
    "remote:        https://github.com/unblock-secret/2Q": "lib/mail.conf:7",
    "remote: error: Trace: 0a1b2c\nremote: error: See https://gh.io/lfs for more information.\n"
    "remote: error: File films/trip.mov is 130.00 MB; this exceeds GitHub's file size limit of 100.00 MB\n"
    "remote: error: GH001: Large files detected. You may want to try Git Large File Storage.": "films/trip.mov",
    "remote: GitLab: You are not allowed to push code to protected branches on this project.": "protected branches",
}


@pytest.mark.parametrize(("said", "telling"), REFUSALS.items())
def test_the_servers_reason_is_kept(said: str, telling: str) -> None:
    message = from_rejection(SUBJECT, "pre-receive hook declined", f"{said}        \nerror: failed").message
    assert telling in message
    assert message.endswith("(pre-receive hook declined)")


def test_a_lock_over_there_is_no_crowd() -> None:
    lock = "/srv/n.git/./refs/heads/main.lock"
    said = f"remote: error: cannot lock ref 'refs/heads/main': Unable to create '{lock}': File exists.        "
    trouble = from_rejection(SUBJECT, "failed to update ref", said)
    assert trouble.code == "remote-locked"
    assert "rm /srv/n.git/refs/heads/main.lock" in trouble.hint


def test_a_branch_whose_name_is_a_directory_of_another_is_neither_a_crowd_nor_locked() -> None:
    said = "remote: error: cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create 'refs/heads/a/b'"
    trouble = from_rejection(SUBJECT, "failed to update ref", f"{said}        \nerror: failed")
    assert trouble.code == "name-taken"
    assert "branch -m NAME" in trouble.hint
    ref = "refs/remotes/origin/a"
    assert classify(f"error: cannot lock ref '{ref}/b': '{ref}' exists; cannot create '{ref}/b'") == "stale-branch"
    assert "remote prune origin" in problem(SUBJECT, "stale-branch").hint


def test_a_branch_that_is_checked_out_there_is_told_without_gits_lecture() -> None:
    said = "remote: error: refusing to update checked out branch: refs/heads/main\nremote: To squelch this message"
    message = from_rejection(SUBJECT, "branch is currently checked out", said).message
    assert "checked out" in message
    assert "squelch" not in message


def test_a_lock_here_is_told_by_its_path() -> None:
    lock = "cannot lock ref 'refs/remotes/o/main': Unable to create '/r/.git/refs/remotes/o/main.lock'"
    said = f"error: {lock}: File exists."
    said += "\n\nAnother git process seems to be running in this repository, e.g.\nerror: unable to update local ref"
    assert "main.lock" in problem(SUBJECT, "locked", said).message


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


def test_before_there_is_a_work_tree_the_hint_asks_the_address_itself() -> None:
    url = "ssh://ada@server.example.org/notes.git"
    told = from_output(
        Subject("clone", "", url, url=url), "ssh: connect to host server.example.org port 22: Connection refused"
    )
    assert (
        told.message == f"{url} cannot be reached: ssh: connect to host server.example.org port 22: Connection refused"
    )
    assert told.hint == f"git ls-remote {url}"
    missing = from_output(Subject("clone", "", "/x.git"), "fatal: '/x.git' does not appear to be a git repository")
    assert (missing.code, missing.hint) == ("not-found", "git ls-remote /x.git")


@pytest.mark.parametrize("url", ["ssh://ada:word@h/x", "https://ada@h/x", "git+ssh://ada:word@h/x", "ssh://a@word@h/x"])
def test_only_the_plain_user_of_an_ssh_url_is_shown(url: str) -> None:
    assert "word" not in redact(url)
    assert "***@h/x" in redact(url)
    assert redact("ssh://ada@h/x") == "ssh://ada@h/x"
