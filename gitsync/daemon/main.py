"""The daemon's command line: foreground, detached, once, check.

Runs on the main thread until `Service` takes over. Errors such as a bad configuration or a held lock are reported
before detaching, with one error line and one hint line.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

from gitsync import places
from gitsync.clock import SystemClock, sleep
from gitsync.config.load import check_paths, load
from gitsync.config.options import MIRROR_NAME, Config
from gitsync.daemon import first_process, logs
from gitsync.daemon.lock import InstanceLock, is_answering
from gitsync.daemon.pidfile import PidFile
from gitsync.daemon.readiness import bound_errors, is_launchd
from gitsync.errors import (
    EXIT_NOT_RUNNING,
    EXIT_OK,
    EXIT_USAGE,
    AlreadyRunningError,
    ConfigError,
    GitsyncError,
    OperationError,
    UsageError,
)
from gitsync.git import late_ssl, program
from gitsync.model import JobStatus, RepoState, RepoStatus
from gitsync.redaction import redact
from gitsync.text import as_word, escape, tildes
from gitsync.version import VERSION

# The exit status that a shell reports for a program ended by Ctrl-C.
EXIT_INTERRUPTED = 130
# How long the daemon waits for the lock while `gitsync --once` or a command such as `gitsyncctl sync` works alone;
# any start waits a little while nobody knows who has it.
COMMAND_S = 600.0
HELD_S = 3.0
LOOK_S = 0.05
# At most this many things that wait for a person are listed by a single pass.
NAMED = 20


def main(argv: list[str] | None = None) -> int:
    """Run the daemon's command line and return the exit status."""
    if is_launchd():
        bound_errors()
    arguments = None
    try:
        arguments = make_parser().parse_args(argv)
        return _run(arguments)
    except GitsyncError as error:
        if _is_fresh(arguments, error):
            say_error(error)
        # launchd starts an agent again after every failure: here that would be for ever, and would help nobody.
        is_final = is_launchd() and error.exit_status in (EXIT_USAGE, EXIT_NOT_RUNNING)
        return EXIT_OK if is_final else error.exit_status
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - last resort: a bug ends in a report, not in a traceback
        from gitsync.control import bugs

        bug = bugs.BugError(bugs.save(error, sys.argv[1:] if argv is None else argv, "gitsync"))
        say_error(bug)
        return bug.exit_status


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, "see: gitsync --help; for other commands: gitsyncctl --help")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the daemon's command line; it raises UsageError for errors."""
    parser = _Parser(
        prog="gitsync",
        description="Watch directories, commit what changes, pull, merge and push, and never lose an edit.",
        epilog="Control it with gitsyncctl. Exit status: 0 done, 1 something needs you, 2 wrong usage or "
        "configuration, 3 already running, 4 failed, 70 a bug in gitsync.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config", metavar="FILE", help="the configuration file (default: config.toml in your configuration directory)"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="commit, pull and push everything once, then exit (for cron)")
    how.add_argument("--daemon", action="store_true", help="detach, write a PID file and log to a file")
    how.add_argument("--check", action="store_true", help="validate the configuration, print what it means, exit")
    parser.add_argument("-v", "--verbose", action="count", default=0, help="log details for developers")
    # For command lines of the first GitSync in crontabs.
    parser.add_argument("--debug", action="store_const", const=1, dest="verbose", help="the same as -v")
    parser.add_argument("--info", action="store_true", help="log what happens, whatever the configured level")
    parser.add_argument("-q", "--quiet", action="store_true", help="log problems only")
    parser.add_argument("--log-file", metavar="FILE", help="log there instead of to stderr")
    parser.add_argument("--pid-file", metavar="FILE", help="write the PID there")
    parser.add_argument("--version", action="version", version=f"gitsync {VERSION}")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    places.check_home()
    config = _loaded(arguments)
    late_ssl.import_pygit2()
    if arguments.check:
        return _check(config)
    if not arguments.daemon and (status := first_process.become_daemon()) is not None:
        return status
    program.check_installed()
    level = _level(arguments, config)
    log_file = _path(arguments.log_file)
    for own in (log_file, _path(arguments.pid_file), _path(arguments.config)):
        if own is not None:
            places.claim(own)
    lock = InstanceLock(places.state_dir() / "lock", ends_soon=arguments.once)
    _acquire(lock, HELD_S if arguments.once else COMMAND_S)
    try:
        if arguments.once:
            # The report at the end has all of it: in a mail from cron, the log would say it a second time.
            is_mailed = arguments.quiet and log_file is None
            logs.set_up(logging.CRITICAL if is_mailed else level, log_file)
            return _once(config, is_quiet=arguments.quiet)
        if arguments.daemon:
            from gitsync.daemon.detach import detached

            return detached(
                lambda on_ready: _serve(arguments, config, on_ready),
                lock=lock,
                pid_file=PidFile(_path(arguments.pid_file) or places.state_dir() / "gitsync.pid"),
                log_file=log_file or places.state_dir() / "gitsync.log",
                level=level,
            )
        logs.set_up(level, log_file)
        pid_file = PidFile(_path(arguments.pid_file))
        pid_file.check()
        try:
            return _serve(arguments, config, pid_file.write)
        finally:
            pid_file.remove()
    finally:
        lock.release()


def _acquire(lock: InstanceLock, patience_s: float) -> None:
    """Take the user's lock; what works without a daemon is waited for, for so long; another daemon is not."""
    clock = SystemClock()
    began = clock.now()
    is_said = False
    while True:
        try:
            lock.acquire()
            return
        except AlreadyRunningError:
            waited, is_free_soon = clock.now() - began, lock.is_free_soon()
            if waited > (patience_s if is_free_soon else HELD_S) or is_answering(places.socket_path()):
                raise
        if is_free_soon and waited > HELD_S and not is_said:
            is_said = True
            logs.complain(logging.INFO, "gitsync: waiting for a command that works without the daemon")
        sleep(LOOK_S)


def _serve(arguments: argparse.Namespace, config: Config, on_ready: Callable[[], None]) -> int:
    # Imported late: `--check`, `--version` and an early error need neither pygit2 nor watchdog.
    from gitsync.daemon.lifecycle import Service

    service = Service(config, SystemClock(), arguments.config, places.socket_path(), partial(_level, arguments))
    service.lock_repositories()
    for notice in config.notices:
        logs.complain(logging.INFO, f"gitsync: {notice}")
    return service.run(on_ready)


def _loaded(arguments: argparse.Namespace) -> Config:
    """Return the configuration; on a socket that systemd holds, its faults are answered there."""
    try:
        return load(arguments.config)
    except ConfigError as error:
        from gitsync.daemon import fault_server

        if arguments.check or arguments.once or arguments.daemon or not fault_server.is_wanted():
            raise
        say_error(error)
        fault_server.serve(error, arguments.config)
        raise


def _level(arguments: argparse.Namespace, config: Config) -> int:
    """Return the level of the log: options count for more than the configuration."""
    configured = "info" if arguments.info else config.daemon.log_level
    return logs.level_for(configured, arguments.verbose, arguments.quiet)


def _path(given: str | None) -> Path | None:
    return Path(places.absolute(given)) if given else None


def say_error(error: GitsyncError) -> None:
    """Print an error as one line with what happened and one with what to do; faults of a configuration one per line."""
    for line in error.message.splitlines():
        logs.complain(logging.ERROR, f"error: {escape(tildes(line))}")
    logs.complain(logging.WARNING, f"hint: {escape(tildes(error.advice))}")


def _is_fresh(arguments: argparse.Namespace | None, error: GitsyncError) -> bool:
    """Whether an error is to be reported: a single pass with `--quiet` reports each once, as cron mails it."""
    if arguments is None or not (arguments.once and arguments.quiet):
        return True
    from gitsync.daemon.reported import is_fresh

    return is_fresh(error)


def _once(config: Config, *, is_quiet: bool) -> int:
    from gitsync.daemon.oneshot import run_once

    try:
        status, statuses = run_once(config)
    except KeyboardInterrupt:
        return EXIT_OK  # stopped on request, after committing, as the daemon does
    reports = {repo.name: _reported(repo) for repo in statuses if not (is_quiet and repo.state is RepoState.OFFLINE)}
    if is_quiet:
        from gitsync.daemon.reported import fresh, is_fresh

        is_fresh(None)
        reports = fresh(reports)
    for lines in reports.values():
        for line in lines:
            logs.complain(logging.WARNING, line)
    return status


def _reported(repo: RepoStatus | JobStatus) -> list[str]:
    """Return the lines about a repository or job that needs its user, or could not be exchanged."""
    lines = []
    reason = repo.reason or (repo.error.message if repo.error is not None else "")
    if reason and (repo.needs_person or repo.error is not None):
        lines.append(f"{repo.name}: {repo.state}: {escape(tildes(reason))}")
    above = "~/" if repo.name == MIRROR_NAME and isinstance(repo, RepoStatus) else ""
    held = [f"in conflict: {above}{path}" for path in repo.conflicts]
    if isinstance(repo, RepoStatus):
        held += [f"not committed: {above}{item.path} ({item.why})" for item in repo.quarantined]
    lines += [f"{repo.name}: {escape(tildes(what))}" for what in held[:NAMED]]
    if held[NAMED:]:
        lines.append(f"{repo.name}: and {len(held) - NAMED} more: gitsyncctl status {as_word(repo.name)}")
    if repo.error is not None and repo.error.hint:
        lines.append(f"hint: {escape(tildes(repo.error.hint))}")
    # Paths left out are not always an error, but nothing else reports them here.
    if isinstance(repo, RepoStatus):
        lines += [f"{repo.name}: {escape(tildes(note))}" for note in repo.notes]
    return lines


def _check(config: Config) -> int:
    lines = [f"configuration: {config.source or 'none'}", *(f"note: {notice}" for notice in config.notices)]
    for repo in config.repos:
        remote = {None: "its upstream or origin", "": "none"}.get(repo.remote, redact(repo.remote or ""))
        remote = ", ".join(map(redact, repo.remotes)) or remote
        lines.append(f"watch {repo.name}: {repo.path} (mode {repo.mode}, remote {remote})")
    if config.home is not None:
        lines.append(f"home: mirrored in {config.home.repo} (link {config.home.link})")
    lines += [f"job {job.name}: {job.path} with {redact(job.url)} ({job.backend}, {job.mode})" for job in config.jobs]
    if not config.repositories and not config.jobs:
        lines.append("nothing is watched; to watch a directory: gitsyncctl watch DIR")
    _print(lines)
    faults = check_paths(config) or _unusable(config)
    for fault in faults:
        print(f"error: {tildes(fault)}", file=sys.stderr)
    if faults:
        print("hint: fix it, then check it: gitsync --check", file=sys.stderr)
    return EXIT_USAGE if faults else EXIT_OK


def _unusable(config: Config) -> list[str]:
    """Return why repositories that are there cannot be opened."""
    from gitsync.git.repository import open_repository  # late: a check of the configuration seldom needs libgit2

    faults = []
    for repo in config.repos:
        try:
            open_repository(os.path.realpath(repo.path)).free()
        except OperationError as error:
            faults.append(f"{repo.name}: {error.message}; {error.hint}")
    return faults


def _print(lines: list[str]) -> None:
    """Print for people; a reader that closes the output is not an error. Raise OperationError when it cannot be
    written.
    """
    if sys.stdout is None:
        return
    try:
        print(*lines, sep="\n", flush=True)
    except OSError as error:
        # What is still buffered would fail once more as the interpreter ends.
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, sys.stdout.fileno())
        os.close(sink)
        if not isinstance(error, BrokenPipeError):
            raise OperationError(f"cannot write the output: {error.strerror}", "is the disk full?") from error


if __name__ == "__main__":
    sys.exit(main())
