"""Checks of the machine and of the daemon's process: git, environment, inotify, clock, configuration.

Run on the pool threads of `table`; they change nothing.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from gitsync import proc
from gitsync.config.load import load
from gitsync.daemon.checks.model import Case, Finding, ok, problem, warning
from gitsync.errors import ConfigError
from gitsync.git import program
from gitsync.text import clean
from gitsync.watch.budget import budget
from gitsync.watch.limits import roomy

CHILD_S = 5.0
# The versions that introduced fetch --no-write-fetch-head and core.fsync.
GIT_NEEDED = (2, 29)
GIT_WANTED = (2, 36)
# Variables that redirect git to another repository, index or object store.
LEADING_ASTRAY = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
)
NEARLY = 0.8
QUEUE_WANTED = 16384


def daemon(case: Case) -> list[Finding]:
    """Check whether the checks run in the daemon's own environment."""
    if case.is_daemon:
        return [ok(f"running with PID {os.getpid()}; the checks ran in its environment")]
    return [
        warning(
            "gitsync is not running: the checks ran in the environment of this command",
            "start it: gitsync --daemon",
        )
    ]


def configuration(case: Case) -> list[Finding]:
    """Check whether the current configuration file can be loaded."""
    try:
        now = load(case.config_option)
    except ConfigError as error:
        return [
            problem(
                f"the configuration file has a fault: {error.summary}", "to see all faults: gitsyncctl config check"
            )
        ]
    if not (now.repos or now.home or now.jobs):
        return [warning("nothing is watched", "gitsyncctl watch DIR")]
    if case.is_daemon and now != case.config:
        return [warning("the configuration file has changed since it was loaded", "gitsyncctl reload")]
    return [ok(f"{now.source} has no faults")]


def git_version(case: Case) -> list[Finding]:
    """Check whether git is installed and new enough."""
    if shutil.which("git") is None:
        fix = "install git, or correct the PATH of the service"
        return [problem("git is not installed, or not on the PATH", fix)]
    said = program.run("--version", deadline_s=CHILD_S).stdout.decode("ascii", "replace").strip()
    matched = re.search(r"(\d+)\.(\d+)", said)
    found = (int(matched[1]), int(matched[2])) if matched else (0, 0)
    if found < GIT_NEEDED:
        return [problem(f"{said} is too old: pulling needs 2.29", "install a newer git")]
    if found < GIT_WANTED:
        return [warning(f"{said} cannot sync everything that it writes to disk; 2.36 can", "install a newer git")]
    return [ok(said)]


def environment(case: Case) -> list[Finding]:
    """Check for missing or misleading environment variables."""
    found = []
    given = case.environment
    home = given.get("HOME", "")
    if not home or not Path(home).is_dir():
        found.append(
            problem(f"HOME is {home or 'not set'}: git finds no configuration there", "set HOME for the service")
        )
    found += [
        problem(f"{name} is set to {clean(given[name])}: git would use that", f"start gitsync without {name}")
        for name in LEADING_ASTRAY
        if name in given
    ]
    # Only the names are shown: the values may contain secrets.
    named = sorted(name for name in given if name.startswith("GIT_") and name not in LEADING_ASTRAY)
    told = f"; also set: {', '.join(clean(name) for name in named)}" if named else ""
    return found or [ok(f"HOME is {clean(home)}{told}")]


def inotify(case: Case) -> list[Finding]:
    """Check whether there is room for more inotify watches."""
    room = budget()
    if room is None:
        return [ok("there is no inotify on this system; its own mechanism is used")]
    found = [
        warning(f"{used} of {limit} {what} are in use by your programs", f"sudo sysctl {key}={roomy(max(limit, used))}")
        for used, limit, what, key in (
            (room.watches, room.watches_limit, "watches", room.watches_key),
            (room.instances, room.instances_limit, "instances", room.instances_key),
        )
        if used >= NEARLY * limit
    ]
    if room.queue_limit < QUEUE_WANTED:
        fix = f"sudo sysctl fs.inotify.max_queued_events={QUEUE_WANTED}"
        found.append(
            warning(f"the queue holds only {room.queue_limit} events: many changes at once cause a full scan", fix)
        )
    watches = f"{room.watches} of {room.watches_limit} watches"
    instances = f"{room.instances} of {room.instances_limit} instances"
    return found or [ok(f"your programs use {watches} and {instances}; the queue holds {room.queue_limit} events")]


def time_service(case: Case) -> list[Finding]:
    """Check whether the system says that its clock is synchronized."""
    if shutil.which("timedatectl") is None:
        return [ok("timedatectl is not installed; see the clock checks of the repositories")]
    done = proc.run(["timedatectl", "show", "--property=NTPSynchronized", "--property=CanNTP"], deadline_s=CHILD_S)
    said = dict(line.partition("=")[::2] for line in done.stdout.decode("ascii", "replace").splitlines())
    if not done.ok or said.get("CanNTP") != "yes":
        return [ok("the system does not synchronize the time itself; see the clock checks of the repositories")]
    if said.get("NTPSynchronized") == "yes":
        return [ok("the system's clock is synchronized")]
    return [
        warning(
            "the system's clock is not synchronized: times of commits may be wrong", "sudo timedatectl set-ntp true"
        )
    ]
