"""Whose a watch is, when several listeners share one inotify instance. Knows no thread and no kernel.

Theory of operation:

- The kernel identifies a watched directory by its inode: two listeners that watch the same directory get the same
  descriptor. Each of them takes only the events that it has asked for; the watch ends with the last one.
- A descriptor is given out once (in 2^31), so events of a watch that was removed, at the end IN_IGNORED, are nobody's.
- An event may be read before the thread that adds the watch knows its descriptor. Until all threads that are adding one
  do, the events of unknown descriptors are kept, and a watch that has lost its last listener is not removed: it may be
  the one that is being returned.
- IN_Q_OVERFLOW concerns everybody. A listener that takes nothing for too long gets one of its own in the place of its
  events, so that its thread, which may hang on a dead mount, costs neither memory nor others their events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gitsync.watch import syscalls
from gitsync.watch.syscalls import Event

# More than the events of 50,000 new files, in about 50 MB.
LIMIT = 250_000
OVERFLOW: Event = (-1, syscalls.IN_Q_OVERFLOW, 0, b"")
_EVENTS = 0xFFF
_ALWAYS = syscalls.IN_IGNORED | syscalls.IN_UNMOUNT
# Of these the second in a row about one file says nothing new.
_CONTENT = syscalls.IN_MODIFY | syscalls.IN_CLOSE_WRITE | syscalls.IN_ATTRIB


class Mailbox:
    """The events of one listener that it has not taken yet; `ring` is called when the first one arrives."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self.ring = ring
        self.events: list[Event] = []
        self.is_rung = False
        self.masks: dict[int, int] = {}
        self._alone: dict[int, Takers] = {}

    def take(self) -> list[Event]:
        """Return the events, and expect the next."""
        events, self.events, self.is_rung = self.events, [], False
        return events

    def want(self, wd: int, mask: int) -> Takers:
        """Take events of one more watch, or more events of it; return this mailbox as its only taker."""
        wanted = self.masks[wd] = self.masks.get(wd, 0) | (mask & _EVENTS) | _ALWAYS
        # Made once for all watches of the kind.
        return self._alone.setdefault(wanted, ((self, wanted),))

    def bound(self) -> None:
        """Replace more events than there may be by an overflow."""
        if len(self.events) > LIMIT:
            self.events = [OVERFLOW]


Takers = tuple[tuple[Mailbox, int], ...]


class Routes:
    """Delivers events to mailboxes."""

    def __init__(self) -> None:
        self.mailboxes: set[Mailbox] = set()
        self._takers: dict[int, Takers] = {}
        self._adding = 0
        self._early: dict[int, list[Event]] = {}
        self._idle: set[int] = set()

    def begin_adding(self) -> None:
        """A thread is about to add a watch; `added` or `not_added` follows."""
        self._adding += 1

    @property
    def is_adding(self) -> bool:
        """Whether a thread is adding a watch."""
        return self._adding > 0

    def added(self, mailbox: Mailbox, wd: int, mask: int) -> bool:
        """Deliver the events of that watch to the mailbox, too, the earlier ones included; return whether it has had
        none so far.
        """
        alone = mailbox.want(wd, mask)
        others = tuple(taker for taker in self._takers.get(wd, ()) if taker[0] is not mailbox)
        self._takers[wd] = others + alone if others else alone
        return mailbox in self.deliver(self._early.pop(wd, ()))

    def end_adding(self) -> list[int]:
        """Return the descriptors that are to be removed now."""
        self._adding -= 1
        if self._adding:
            return []
        unwanted = [wd for wd in self._idle if wd not in self._takers]
        self._idle.clear()
        self._early.clear()
        return unwanted

    def remove(self, mailbox: Mailbox, wd: int) -> bool:
        """The mailbox takes no more events of that watch; return whether it is to be removed now."""
        if mailbox.masks.pop(wd, None) is None:
            return False
        others = tuple(taker for taker in self._takers[wd] if taker[0] is not mailbox)
        if others:
            self._takers[wd] = others
            return False
        del self._takers[wd]
        if self._adding:
            self._idle.add(wd)
        return not self._adding

    def deliver(self, events: Iterable[Event]) -> list[Mailbox]:
        """Put events into the mailboxes; return those that have had none so far."""
        touched: set[Mailbox] = set()
        last: Takers = ()
        for event in events:
            takers = self._put(event)
            if takers is not last:
                last = takers
                touched.update(mailbox for mailbox, _ in takers)
        rung = [mailbox for mailbox in touched if mailbox.events and not mailbox.is_rung]
        for mailbox in touched:
            mailbox.bound()
        for mailbox in rung:
            mailbox.is_rung = True
        return rung

    def _put(self, event: Event) -> Takers:
        wd, mask, _, name = event
        takers = self._takers.get(wd, ())
        for mailbox, wanted in takers:
            if mask & wanted:
                events = mailbox.events
                if mask & _CONTENT and events and not mask & syscalls.IN_ISDIR:
                    before = events[-1]
                    if before[0] == wd and before[3] == name and not before[1] & syscalls.IN_ISDIR:
                        continue
                events.append(event)
        if not takers:
            if wd < 0:
                takers = tuple((mailbox, mask) for mailbox in self.mailboxes)
                for mailbox, _ in takers:
                    mailbox.events.append(event)
            elif self._adding:
                self._early.setdefault(wd, []).append(event)
        elif mask & syscalls.IN_IGNORED:
            del self._takers[wd]
            for mailbox, _ in takers:
                mailbox.masks.pop(wd, None)
        return takers
