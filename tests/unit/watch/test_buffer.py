"""The buffer between whoever notices changes and whoever commits them."""

from __future__ import annotations

import threading

from gitsync.watch.buffer import ChangeBuffer, Noted


class Told:
    """Counts how often the first note was announced, and holds the time."""

    def __init__(self, limit: int = 100) -> None:
        self.count = 0
        self.now = 100.0
        self.buffer = ChangeBuffer(self.tell, lambda: self.now, limit)

    def tell(self) -> None:
        # Peeking here hangs when the lock is still held.
        pending = self.buffer.peek()
        assert pending.count > 0 or pending.aside_at is not None
        self.count += 1


def test_only_the_first_note_since_a_steal_is_announced() -> None:
    told = Told()
    told.buffer.note([b"a"])
    told.buffer.note([b"b"])
    told.buffer.note_batch(trees=(b"d",))
    told.buffer.note_rescan("why")
    assert told.count == 1
    assert told.buffer.steal().paths == {b"a", b"b"}
    told.buffer.note_batch(trees=(b"",))
    assert told.count == 2


def test_an_empty_batch_changes_nothing() -> None:
    told = Told()
    told.buffer.note([])
    assert (told.count, told.buffer.peek().count) == (0, 0)
    told.buffer.note([b"a"])
    told.now = 105.0
    told.buffer.note(iter(()))
    assert told.buffer.peek().last_at == 100.0


def test_noting_the_same_path_again_restarts_the_quiet_period() -> None:
    told = Told()
    told.buffer.note([b"a"])
    told.now = 103.5
    told.buffer.note([b"a"])
    pending = told.buffer.peek()
    assert (pending.count, pending.first_at, pending.last_at) == (1, 100.0, 103.5)


def test_peek_leaves_everything_and_steal_leaves_nothing() -> None:
    told = Told()
    told.buffer.note_batch([b"a"], [b"t"], ["r"])
    assert told.buffer.peek() == told.buffer.peek()
    assert told.buffer.steal() == Noted(frozenset([b"a"]), frozenset([b"t"]), frozenset(["r"]), 100.0, 100.0)
    assert told.buffer.steal().is_empty
    assert told.buffer.peek().count == 0


def test_what_is_given_back_counts_from_when_it_was_first_noted() -> None:
    told = Told()
    told.buffer.note([b"a"])
    noted = told.buffer.steal()
    told.now = 200.0
    told.buffer.note([b"b"])
    told.buffer.give_back(noted)
    again = told.buffer.steal()
    assert (set(again.paths), again.first_at, again.last_at) == ({b"a", b"b"}, 100.0, 200.0)


def test_what_is_given_back_to_an_empty_buffer_keeps_its_times_and_tells_nobody() -> None:
    told = Told()
    told.buffer.note([b"a"])
    noted = told.buffer.steal()
    told.now = 200.0
    told.buffer.give_back(noted)
    assert told.count == 1
    assert told.buffer.peek().first_at == told.buffer.peek().last_at == 100.0
    # The next note is the first since the steal, although the buffer is not empty.
    told.buffer.note([b"b"])
    assert told.count == 2
    assert told.buffer.peek().first_at == 100.0


def test_giving_nothing_back_changes_nothing() -> None:
    told = Told()
    told.buffer.give_back(told.buffer.steal())
    assert told.buffer.peek().count == 0


def test_more_than_the_limit_collapses_into_a_reason_to_look_at_everything() -> None:
    told = Told(limit=3)
    told.buffer.note([b"a", b"b", b"c"])
    assert told.buffer.peek().count == 3
    told.buffer.note([b"d"])
    assert told.buffer.peek().count == 5  # four changes and the reason
    noted = told.buffer.steal()
    assert not noted.paths
    assert noted.reasons == {"more than 3 changes at once"}
    assert noted.first_at == 100.0
    told.buffer.note([b"e"])
    assert told.buffer.steal().paths == {b"e"}


def test_giving_back_more_than_the_limit_collapses_too() -> None:
    told = Told(limit=3)
    told.buffer.note([b"a", b"b", b"c"])
    noted = told.buffer.steal()
    told.buffer.note([b"d", b"e"])
    told.buffer.give_back(noted)
    assert told.buffer.steal().reasons


def test_nothing_is_lost_between_threads() -> None:
    # Between a note and its announcement somebody else may steal it: nothing to peek at in the announcement here.
    buffer = ChangeBuffer(lambda: None, lambda: 100.0, 1_000_000)
    stolen: set[bytes] = set()

    def note(which: int) -> None:
        for number in range(2000):
            buffer.note([b"%d-%d" % (which, number)])

    threads = [threading.Thread(target=note, args=(which,)) for which in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        noted = buffer.steal()
        stolen |= noted.paths
        if len(noted.paths) % 2:
            buffer.give_back(noted)
    stolen |= buffer.steal().paths
    assert len(stolen) == 8000


def test_a_path_known_as_ignored_begins_no_quiet_period_and_is_still_handed_over() -> None:
    told = Told()
    told.buffer.note([b"noise.log", b"a"])
    told.buffer.steal()
    told.buffer.learn([b"noise.log", b"a"], [b"noise.log"])
    told.buffer.note([b"noise.log"])
    pending = told.buffer.peek()
    assert (told.count, pending.count, pending.aside_at) == (2, 0, 100.0)
    told.buffer.note([b"a"])
    told.now = 105.0
    told.buffer.note([b"noise.log"])
    pending = told.buffer.peek()
    assert (told.count, pending.count, pending.last_at) == (3, 1, 100.0)
    assert told.buffer.steal().paths == {b"a", b"noise.log"}
    told.buffer.learn([b"a", b"noise.log"], [])
    told.buffer.note([b"noise.log"])
    assert told.count == 4


def test_what_is_kept_aside_can_be_brought_up() -> None:
    told = Told()
    told.buffer.learn([], [b"noise.log"])
    told.buffer.note([b"noise.log"])
    told.now = 130.0
    told.buffer.look_aside()
    pending = told.buffer.peek()
    assert (pending.count, pending.first_at, pending.aside_at) == (1, 130.0, None)
    assert told.buffer.steal().paths == {b"noise.log"}
    told.buffer.look_aside()
    assert told.buffer.peek().count == 0


def test_what_is_noted_can_be_asked_for_and_stays() -> None:
    told = Told()
    told.buffer.note([b"a", b"d/x"])
    told.buffer.note_batch(trees=(b"t",))
    held = [path for path in (b"a", b"aa", b"d", b"d/x", b"d/y", b"t", b"t/u", b"tt") if told.buffer.holds(path)]
    assert held == [b"a", b"d", b"d/x", b"t", b"t/u"]
    assert told.buffer.peek().count == 3
    told.buffer.note_rescan("why")
    assert told.buffer.holds(b"anything")
