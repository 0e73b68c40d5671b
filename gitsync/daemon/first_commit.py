"""Commits what is in a repository that was just made, without a daemon: people try a program by changing something.

Runs on the calling thread, with the daemon's lock and engine, for that repository alone; nothing is sent.
"""

from __future__ import annotations

from dataclasses import replace
from queue import SimpleQueue

from gitsync import places
from gitsync.clock import SystemClock
from gitsync.config.options import Config, RepoConfig
from gitsync.daemon.lock import InstanceLock
from gitsync.daemon.runtime import Runtime
from gitsync.engine.messages import CommitNow

PATIENCE_S = 600.0


def commit_alone(repo: RepoConfig) -> None:
    """Commit everything in `repo` now; raise AlreadyRunningError when a daemon has it, which will commit it."""
    messages: SimpleQueue[object] = SimpleQueue()
    config = Config(repos=(replace(repo, mode="commit"),))
    runtime = Runtime(config, SystemClock(), places.state_dir(), messages.put, is_watching=False)
    lock = InstanceLock(places.state_dir() / "lock", ends_soon=True)
    lock.acquire()
    try:
        runtime.lock_all()
        try:
            runtime.start()
            runtime.committer.ask(CommitNow(repo.name), PATIENCE_S)
        finally:
            runtime.stop()
    finally:
        lock.release()
