"""The inotify instance that all of this process shares, and the thread that reads it.

A user has 128 instances for all programs, so one serves every work tree and every remote on this machine. Any thread
listens, adds watches and takes its events; the thread `inotify` reads and delivers (see `gitsync.watch.routes`), and
sleeps in poll without a timeout. The lock is held for memory and for calls that never wait: not while a watch is added,
because looking a path up may take as long as a dead mount likes.
"""

from __future__ import annotations

import errno
import logging
import os
import select
import threading
from collections.abc import Callable

from gitsync.watch import syscalls
from gitsync.watch.routes import Mailbox, Routes
from gitsync.watch.syscalls import Event, Inotify, Wake

logger = logging.getLogger(__name__)

# After a few events the next read waits: a file written a thousand times a second then costs a hundred reads. The first
# wait after a lull is short, because a single save is a write and a close, and its quiet period begins when the close
# is read. After a flood there is no wait, because the kernel's queue is finite.
FIRST_PAUSE_MS, PAUSE_MS = 1, 10
LULL_MS = 100
FLOOD = 2000
# Each removed watch is an event: the kernel's queue is emptied after this many.
REMOVALS = 1000


class SharedInotify:
    """Opens an instance for the first listener and closes it with the last one."""

    def __init__(self, kernel: Callable[[], Inotify] = Inotify, removals: int = REMOVALS) -> None:
        self._kernel = kernel
        self._removals = removals
        self._lock = threading.Lock()
        self._instance: _Instance | None = None

    def listen(self, ring: Callable[[], None]) -> Listener:
        """Return a new listener; `ring` is called on any thread, and never waits. Raise OSError where the kernel
        allows no instance.
        """
        with self._lock:
            mailbox = Mailbox(ring)
            if self._instance is None or not self._instance.admit(mailbox):
                self._instance = _Instance(self._kernel(), self._removals)
                self._instance.admit(mailbox)
            return Listener(self._instance, mailbox)


class Listener:
    """Watches directories for one owner, and takes what happens in them."""

    def __init__(self, instance: _Instance, mailbox: Mailbox) -> None:
        self._instance = instance
        self._mailbox = mailbox

    def add(self, path: bytes, mask: int) -> int:
        """Watch `path`, for these events too where it is watched already; return the watch descriptor."""
        return self._instance.add(self._mailbox, path, mask)

    def remove(self, wd: int) -> None:
        """Stop watching for this owner."""
        self._instance.remove(self._mailbox, wd)

    def take(self) -> list[Event]:
        """Return the events since the last call, in the kernel's order. Raise OSError when the instance has failed."""
        return self._instance.take(self._mailbox)

    def pull(self) -> None:
        """Have everything delivered that has happened until now."""
        self._instance.pull()

    def close(self) -> None:
        """Stop listening; may be called more than once."""
        self._instance.leave(self._mailbox)


class _Instance:
    """One inotify descriptor from its opening to its end."""

    def __init__(self, inotify: Inotify, removals: int) -> None:
        self._lock = threading.Lock()
        self._inotify = inotify
        self._removals = removals
        self._wake = Wake()
        self._routes = Routes()
        self._has_ended = False
        self._failure: OSError | None = None
        threading.Thread(target=self._run, name="inotify", daemon=True).start()

    def admit(self, mailbox: Mailbox) -> bool:
        with self._lock:
            if not self._has_ended:
                self._routes.mailboxes.add(mailbox)
            return not self._has_ended

    def leave(self, mailbox: Mailbox) -> None:
        while True:
            with self._lock:
                if self._has_ended or mailbox not in self._routes.mailboxes:
                    return
                if self._routes.mailboxes == {mailbox}:
                    self._end()
                    return
                for wd in list(mailbox.masks)[: self._removals]:
                    self._remove(mailbox, wd)
                if not mailbox.masks:
                    self._routes.mailboxes.discard(mailbox)
            self.pull()

    def add(self, mailbox: Mailbox, path: bytes, mask: int) -> int:
        with self._lock:
            self._check(mailbox)
            self._routes.begin_adding()
        wd: int | None = None
        try:
            # Added to what other listeners have asked for.
            wd = self._inotify.add(path, mask | syscalls.IN_MASK_ADD)
            return wd
        finally:
            with self._lock:
                is_first = wd is not None and self._routes.added(mailbox, wd, mask)
                for unwanted in self._routes.end_adding():
                    self._inotify.remove(unwanted)
                self._close_if_unused()
            if is_first:
                mailbox.ring()

    def remove(self, mailbox: Mailbox, wd: int) -> None:
        with self._lock:
            self._remove(mailbox, wd)

    def take(self, mailbox: Mailbox) -> list[Event]:
        with self._lock:
            events = mailbox.take()
            if not events:
                self._check(mailbox)
            return events

    def pull(self) -> int:
        """Deliver what the kernel has; return the number of events."""
        count = 0
        while True:
            with self._lock:
                data = b"" if self._has_ended else self._inotify.read()
                events = syscalls.parse(data)
                rung = self._routes.deliver(events)
            for mailbox in rung:
                mailbox.ring()
            if not data:
                return count
            count += len(events)

    def _run(self) -> None:
        try:
            self._read_on()
        except Exception as error:
            # On purpose anything: otherwise all work trees would be deaf, and nobody know.
            logger.exception("the thread that reads inotify events has failed")
            self._fail(error if isinstance(error, OSError) else OSError(errno.EIO, str(error)))

    def _read_on(self) -> None:
        all_news, wake_only = select.poll(), select.poll()
        all_news.register(self._inotify.fd, select.POLLIN)
        all_news.register(self._wake.fd, select.POLLIN)
        wake_only.register(self._wake.fd, select.POLLIN)
        pause = FIRST_PAUSE_MS
        while not self._has_ended:
            if not all_news.poll(LULL_MS):
                pause = FIRST_PAUSE_MS
                all_news.poll()
            self._wake.clear()
            if self.pull() < FLOOD and not self._has_ended:
                wake_only.poll(pause)
                pause = min(2 * pause, PAUSE_MS)

    def _remove(self, mailbox: Mailbox, wd: int) -> None:
        if self._routes.remove(mailbox, wd) and not self._has_ended:
            self._inotify.remove(wd)

    def _check(self, mailbox: Mailbox) -> None:
        if self._failure is not None:
            raise self._failure
        if self._has_ended or mailbox not in self._routes.mailboxes:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    def _fail(self, error: OSError) -> None:
        with self._lock:
            self._failure = error
            self._end()
            mailboxes = list(self._routes.mailboxes)
        for mailbox in mailboxes:
            mailbox.ring()

    def _end(self) -> None:
        self._has_ended = True
        self._wake.ring()
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        """Close the descriptor after the end, once no thread can add a watch to another one of its number."""
        if self._has_ended and not self._routes.is_adding:
            self._inotify.close()
