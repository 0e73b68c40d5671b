"""Checks of the requirements of an exchange: the remote answers, host key, ssh agent or key, synchronized clocks.

Run on the pool threads of `table`; they change nothing, neither here nor on the remote. OpenSSH itself is asked what it
would do (`ssh -G` reads its configuration and does not connect).
"""

from __future__ import annotations

import os
import pwd
import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gitsync import clock, proc
from gitsync.config.options import RepoConfig
from gitsync.daemon.checks.model import Case, Finding, ok, problem, warning
from gitsync.errors import OperationError
from gitsync.git import program
from gitsync.git.objects.refs import commit_in
from gitsync.git.remote import errors, noninteractive_env, transport, upstream
from gitsync.git.remote.first_branch import remote_head
from gitsync.git.remote.local_remote import missing_disk
from gitsync.git.remote.results import RemoteChoice
from gitsync.model import Problem
from gitsync.text import clean

CHILD_S = 5.0
NETWORK_S = 15.0
SKEW_S = 120.0
SHOWN_BRANCHES = 5
# For addresses that belong to no repository.
_NEW_HOSTS_ALLOWED = ("no", "off", "false", "accept-new")


def choice_of(repo: RepoConfig) -> RemoteChoice | None:
    """Return the remote and branch that a repository is exchanged with, None for none; raise OperationError."""
    if repo.mode == "commit" or repo.remote == "":
        return None
    done = program.run("symbolic-ref", "--quiet", "--short", "HEAD", root=repo.path, deadline_s=CHILD_S)
    branch = os.fsdecode(done.stdout).strip()
    return upstream.remote_for(repo.path, repo.remote, branch) if done.ok and branch else None


def answers(case: Case, repo: RepoConfig) -> list[Finding]:
    """Check whether the remote answers, with the exchanger's own settings."""
    choice = choice_of(repo)
    if choice is None:
        return [ok("local only, no remote")]
    url, was_there = upstream.url_of(repo.path, choice.remote), commit_in(repo.path, choice.tracking) is not None
    if missing_disk(repo.path, url, was_there=was_there) is not None:
        return [ok(f"{clean(choice.remote)} is on a disk that is not mounted now")]
    now = clock.SystemClock().now
    began_at = now()
    try:
        head = transport.remote_head(
            repo.path,
            choice.remote,
            choice.branch,
            timeout_s=min(case.config.daemon.network_timeout, NETWORK_S),
            transport=repo.transport,
        )
    except OperationError as error:
        return [problem(error.message, error.hint)]
    took_s = now() - began_at
    others = () if head else remote_head(repo.path, choice.remote).branches
    if others:
        return [_other_branches(repo, choice, others)]
    has = "has" if head else "has not yet"
    return [ok(f"{clean(choice.remote)} answers after {took_s:.1f} s and {has} {clean(choice.branch)}")]


def _other_branches(repo: RepoConfig, choice: RemoteChoice, others: Sequence[str]) -> Finding:
    """Return the finding about a branch that is none of the remote's."""
    there = ", ".join(map(clean, others[:SHOWN_BRANCHES])) + (" and more" if len(others) > SHOWN_BRANCHES else "")
    return warning(
        f"{clean(choice.remote)} has {there}, and not {clean(choice.branch)}, the branch here",
        f"to go on with a branch of the remote: git -C {shlex.quote(clean(str(repo.path)))} switch "
        f"{shlex.quote(clean(others[0]))}",
    )


def unanswered(url: str, where: str, remote: str, timeout_s: float) -> Problem | None:
    """Return why git gets no answer from an address, None when it does; `where` and `remote` name it in messages.

    Asked without a terminal, as a daemon does, and without the settings of any repository.
    """
    command = {"GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh") + " -o BatchMode=yes"}
    done = program.run("ls-remote", "--quiet", "--heads", "--", url, root="/", deadline_s=timeout_s, env=command)
    if done.ok:
        return None
    subject = errors.Subject("fetch", where, remote, url=url)
    trouble = errors.problem(subject, "timeout") if done.is_over_deadline else errors.from_output(subject, done.stderr)
    if trouble.code == "host-key":
        return trouble
    # The other hints assume a repository, which may not exist yet.
    more = f"    ({subject.let_in})" if trouble.code == "auth" else ""
    return replace(trouble, hint=f"git ls-remote {shlex.quote(clean(url))}{more}")


def address_of(repo: RepoConfig) -> str:
    """Return the URL of the remote after git's url.*.insteadOf; "" without a remote."""
    choice = choice_of(repo)
    if choice is None:
        return ""
    done = program.run("ls-remote", "--get-url", "--", choice.remote, root=repo.path, deadline_s=CHILD_S)
    return os.fsdecode(done.stdout).strip() if done.ok else ""


def ssh_place(address: str) -> tuple[str, str] | None:
    """Return destination ("user@host") and port ("" for ssh's default) of an ssh address; None for another."""
    if matched := re.match(r"(?:git\+)?ssh(?:\+git)?://([^/]+)", address, re.IGNORECASE):
        host, _, port = matched[1].rpartition(":")
        return (host, port) if host and port.isdigit() else (matched[1].replace("[", "").replace("]", ""), "")
    if "://" not in address and (matched := re.match(r"([^/:]+):", address)):
        return matched[1], ""
    return None


def ssh_settings(command: str, place: tuple[str, str]) -> dict[str, list[str]]:
    """Return the settings that ssh would use for a destination, by key in lower case; {} when it is not OpenSSH."""
    port = ["-p", place[1]] if place[1] else []
    done = proc.run(
        ["sh", "-c", f'{command} "$@"', "ssh", "-G", *port, "--", place[0]], deadline_s=CHILD_S, env=program.ASK_NOBODY
    )
    found: dict[str, list[str]] = {}
    for line in os.fsdecode(done.stdout).splitlines() if done.ok else []:
        key, _, value = line.partition(" ")
        found.setdefault(key.lower(), []).append(value)
    return found


def known_host(case: Case, repo: RepoConfig) -> list[Finding]:
    """Check whether the host key of the remote is known: a daemon cannot ask whether it is right."""
    return [host_key(address_of(repo), noninteractive_env.ssh_command(repo.path))]


def host_key(address: str, command: str) -> Finding:
    """Return whether the host key of an address is known to ssh."""
    place = ssh_place(address)
    if place is None:
        return ok("no host key is needed")
    settings = ssh_settings(command, place)
    if not settings:
        return ok(f"{clean(place[0])} is reached by a program that manages its own host keys")
    first = {key: values[0] for key, values in settings.items()}
    host, port = first.get("hostkeyalias") or first.get("hostname", place[0]), first.get("port", "22")
    named = host if port == "22" or "hostkeyalias" in first else f"[{host}]:{port}"
    files = [
        _ssh_path(file)
        for key in ("userknownhostsfile", "globalknownhostsfile")
        for file in first.get(key, "").split(" ")
    ]
    if first.get("knownhostscommand", "none") != "none" or any(_knows(file, named) for file in files):
        return ok(f"the key of {clean(named)} is known")
    if first.get("stricthostkeychecking") in _NEW_HOSTS_ALLOWED:
        return ok(f"the key of {clean(named)} is accepted at the first connection, as ssh is configured")
    port_option = f" -p {port}" if port != "22" else ""
    return problem(
        f"the host key of {clean(named)} is not known, and the daemon cannot ask whether it is right",
        f"compare the fingerprint, then accept it: ssh{port_option} {clean(place[0])}",
    )


def _ssh_path(path: str) -> str:
    """Return a path as ssh interprets it: its home directory is that of the password file, whatever HOME says."""
    if not path.startswith("~/"):
        return path
    try:
        return pwd.getpwuid(os.getuid()).pw_dir + path[1:]
    except KeyError:  # a container's user without an entry in the password file
        return path


def _knows(file: str, host: str) -> bool:
    if not Path(file).is_file():
        return False
    return proc.run(["ssh-keygen", "-F", host, "-f", file], deadline_s=CHILD_S).ok


def ssh_keys(case: Case) -> list[Finding]:
    """Check whether ssh has a usable key: in an agent, or in a file without a passphrase."""
    files = _key_files(case)
    found = [
        problem(f"{clean(file)} is readable by others, so ssh does not use it", f"chmod 600 {clean(file)}")
        for file in files
        if Path(file).stat().st_mode & 0o077
    ]
    exchanges = [each for repo in case.repos for each in repo.exchanges]
    is_needed = any(ssh_place(address_of(each)) for each in exchanges)
    socket = case.environment.get("SSH_AUTH_SOCK", "")
    hint = "to load a key: ssh-add; for a service: systemctl --user import-environment SSH_AUTH_SOCK, then restart it"
    if not socket:
        agent, has_keys = "SSH_AUTH_SOCK is not set, so no agent is asked", False
    elif not shutil.which("ssh-add"):
        return found or [ok("ssh-add is not installed, so the agent cannot be asked")]
    else:
        done = proc.run(["ssh-add", "-l"], deadline_s=CHILD_S, env={"LC_ALL": "C"})
        has_keys = done.ok
        count = len(done.stdout.splitlines())
        keys = f"{count} key{'' if count == 1 else 's'}"
        agent = f"the agent has {keys}" if done.ok else "the agent has no key"
        if done.returncode not in (0, 1):
            agent = f"no agent answers on {clean(socket)} (SSH_AUTH_SOCK)"
            hint = f"the agent of that session has ended: {hint}"
            if not is_needed:
                found.append(warning(agent, hint))
    if found:
        return found
    if has_keys:
        return [ok(agent)]
    if not is_needed:
        return [ok(f"no remote is reached by ssh; {agent}")]
    free = next((file for file in files if _needs_no_passphrase(file)), None)
    if free is not None:
        return [ok(f"{agent}, but {clean(free)} has no passphrase")]
    return [warning(f"{agent}, and there is no key file without a passphrase", hint)]


def _key_files(case: Case) -> list[str]:
    """Return the private keys that ssh would try for the remotes."""
    named: dict[str, None] = {}
    for repo in [one for each in case.repos for one in each.exchanges]:
        place = ssh_place(address_of(repo))
        for file in (
            ssh_settings(noninteractive_env.ssh_command(repo.path), place).get("identityfile", []) if place else []
        ):
            named[_ssh_path(file)] = None
    return [file for file in named if Path(file).is_file()]


def _needs_no_passphrase(file: str) -> bool:
    return proc.run(["ssh-keygen", "-y", "-P", "", "-f", file], deadline_s=CHILD_S, env=program.ASK_NOBODY).ok


def clocks(case: Case, repo: RepoConfig) -> list[Finding]:
    """Check whether the remote's clock and its newest commits agree with this machine's clock."""
    choice = choice_of(repo)
    if choice is None:
        return [ok("there is no remote to compare clocks with")]
    done = program.run("log", "-1", "--format=%ct", choice.tracking, "--", root=repo.path, deadline_s=CHILD_S)
    newest = done.stdout.strip()
    if done.ok and newest.isdigit() and int(newest) - case.wall > SKEW_S:
        late = int(int(newest) - case.wall)
        said = f"the newest commit of {clean(choice.remote)} was made {late} s in the future"
        return [warning(f"{said}: a clock is wrong, here or there", "on both machines: timedatectl; date -u")]
    there = _remote_time(repo, choice)
    if there is None:
        return [ok("no sign of a clock difference")]
    skew = there - clock.SystemClock().wall()
    if abs(skew) > SKEW_S:
        which = "ahead of" if skew > 0 else "behind"
        said = f"the clock of {clean(choice.remote)} is {abs(skew):.0f} s {which} ours"
        return [warning(said, "on both machines: timedatectl; date -u")]
    return [ok(f"the clock of {clean(choice.remote)} differs by {abs(skew):.0f} s")]


def _remote_time(repo: RepoConfig, choice: RemoteChoice) -> float | None:
    """Return the time of an http server, in seconds since the epoch; None for other remotes."""
    if not re.match(r"https?://", address_of(repo), re.IGNORECASE):
        return None
    done = program.run(
        "ls-remote",
        "--quiet",
        "--",
        choice.remote,
        "HEAD",
        root=repo.path,
        deadline_s=NETWORK_S,
        env={
            **noninteractive_env.environment(repo.path, NETWORK_S),
            "GIT_TRACE_CURL": "1",
            "GIT_TRACE_CURL_NO_DATA": "1",
        },
    )
    matched = re.search(rb"Recv header:\s*date:\s*([^\r\n]+)", done.stderr, re.IGNORECASE)
    return clock.parse_http(matched[1].decode("ascii", "replace")) if matched else None
