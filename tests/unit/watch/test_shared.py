"""Several listeners on one inotify instance: real directories, and the order of reads and adds where it matters."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("inotify is Linux's", allow_module_level=True)

from gitsync.watch import syscalls
from gitsync.watch.routes import LIMIT, OVERFLOW, Mailbox, Routes
from gitsync.watch.shared import Listener, SharedInotify
from gitsync.watch.syscalls import Event, Inotify
from tests.fakes.watching import until

CONTENT = syscalls.IN_CREATE | syscalls.IN_MODIFY | syscalls.IN_DELETE
SELF = syscalls.IN_DELETE_SELF | syscalls.IN_MOVE_SELF | syscalls.IN_CREATE


class Ears:
    """Two listeners on one instance, and how often each was rung."""

    def __init__(self, inotify: SharedInotify | None = None) -> None:
        self.inotify = inotify or SharedInotify()
        self.rings = [0, 0]
        self.one, self.other = (self.inotify.listen(lambda at=at: self._ring(at)) for at in (0, 1))  # type: ignore[misc]

    def _ring(self, at: int) -> None:
        self.rings[at] += 1

    def heard(self, listener: Listener) -> list[tuple[int, int, bytes]]:
        listener.pull()
        return [(wd, mask, name) for wd, mask, _, name in listener.take()]


@pytest.fixture
def ears() -> Iterator[Ears]:
    ears = Ears()
    yield ears
    ears.one.close()
    ears.other.close()


def instances() -> int:
    found = 0
    for entry in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{entry}") == "anon_inode:inotify"
        except FileNotFoundError:
            continue
    return found


def test_of_temporary_files_nothing_is_heard_and_of_directories_of_such_a_name_everything(tmp_path: Path) -> None:
    inotify = Inotify()
    try:
        wd = inotify.add(os.fsencode(tmp_path), CONTENT | syscalls.IN_MOVED_TO | syscalls.IN_MOVED_FROM)
        (tmp_path / ".gitsync-tmp-1").write_text("new")
        (tmp_path / ".gitsync-tmp-1").rename(tmp_path / "file")
        (tmp_path / ".gitsync-tmp-2").mkdir()
        heard = [(mask, name) for at, mask, _, name in syscalls.parse(inotify.read()) if at == wd]
    finally:
        inotify.close()
    made = syscalls.IN_CREATE | syscalls.IN_ISDIR
    assert heard == [(syscalls.IN_MOVED_TO, b"file"), (made, b".gitsync-tmp-2")]


def test_two_owners_of_one_directory_hear_what_each_has_asked_for(ears: Ears, tmp_path: Path) -> None:
    path = tmp_path / "d"
    path.mkdir()
    wd = ears.one.add(os.fsencode(path), CONTENT)
    assert ears.other.add(os.fsencode(path), SELF) == wd
    (path / "f").write_text("1")
    assert ears.heard(ears.one) == [(wd, syscalls.IN_CREATE, b"f")], "the write after it says nothing new"
    assert ears.heard(ears.other) == [(wd, syscalls.IN_CREATE, b"f")]
    path.rename(tmp_path / "e")
    assert ears.heard(ears.one) == []
    assert [mask for _, mask, _ in ears.heard(ears.other)] == [syscalls.IN_MOVE_SELF]


def test_a_watch_lives_as_long_as_its_last_owner(ears: Ears, tmp_path: Path) -> None:
    wd = ears.one.add(os.fsencode(tmp_path), CONTENT)
    ears.other.add(os.fsencode(tmp_path), CONTENT)
    ears.one.remove(wd)
    ears.one.remove(wd)
    (tmp_path / "f").touch()
    assert ears.heard(ears.one) == []
    assert ears.heard(ears.other) == [(wd, syscalls.IN_CREATE, b"f")]
    assert ears.one.add(os.fsencode(tmp_path), CONTENT) == wd
    ears.other.close()
    (tmp_path / "g").touch()
    assert ears.heard(ears.one) == [(wd, syscalls.IN_CREATE, b"g")]
    ears.one.remove(wd)
    assert ears.one.add(os.fsencode(tmp_path), CONTENT) != wd, "the watch was not removed with its last owner"


def test_the_end_of_a_directory_is_heard_by_both_and_harms_no_later_one(ears: Ears, tmp_path: Path) -> None:
    path = tmp_path / "d"
    path.mkdir()
    wd = ears.one.add(os.fsencode(path), CONTENT)
    ears.other.add(os.fsencode(path), CONTENT)
    shutil.rmtree(path)
    path.mkdir()
    new = ears.one.add(os.fsencode(path), CONTENT)
    for listener in (ears.one, ears.other):
        assert (wd, syscalls.IN_IGNORED, b"") in ears.heard(listener)
        listener.remove(wd)
    (path / "f").touch()
    assert ears.heard(ears.one) == [(new, syscalls.IN_CREATE, b"f")]


def test_an_owner_is_rung_once_until_it_has_taken_its_events(ears: Ears, tmp_path: Path) -> None:
    ears.one.add(os.fsencode(tmp_path), CONTENT)
    (tmp_path / "f").touch()
    until(lambda: ears.rings[0])
    (tmp_path / "g").touch()
    ears.one.pull()
    assert ears.rings == [1, 0]
    assert [name for _, _, name in ears.heard(ears.one)] == [b"f", b"g"]
    (tmp_path / "h").touch()
    until(lambda: ears.rings[0] == 2)


def test_the_instance_ends_with_its_last_listener_and_another_one_begins(tmp_path: Path) -> None:
    before = instances()
    ears = Ears()
    assert instances() == before + 1
    ears.one.close()
    assert instances() == before + 1
    ears.other.close()
    ears.other.close()
    assert instances() == before
    with pytest.raises(OSError, match="Bad file"):
        ears.one.add(os.fsencode(tmp_path), CONTENT)
    again = ears.inotify.listen(lambda: None)
    assert instances() == before + 1
    again.close()


def test_the_kernels_queue_is_emptied_while_many_watches_are_removed(tmp_path: Path) -> None:
    waiting = [0]

    class Counting(Inotify):
        def remove(self, wd: int) -> None:
            waiting.append(waiting[-1] + 1)
            super().remove(wd)

        def read(self) -> bytes:
            waiting.append(0)
            return super().read()

    ears = Ears(SharedInotify(Counting, removals=20))
    for number in range(70):
        (tmp_path / str(number)).mkdir()
        ears.one.add(os.fsencode(tmp_path / str(number)), CONTENT)
    ears.one.close()
    assert max(waiting) == 20
    ears.other.close()


def test_a_failed_read_is_an_error_for_everybody_and_the_next_listener_gets_a_new_instance(tmp_path: Path) -> None:
    broken: list[int] = []

    class Breaking(Inotify):
        def read(self) -> bytes:
            if self.fd in broken:
                raise OSError(5, "the kernel says no")
            return super().read()

    before = instances()
    ears = Ears(SharedInotify(Breaking))
    ears.one.add(os.fsencode(tmp_path), CONTENT)
    broken.extend(range(1000))
    (tmp_path / "f").touch()
    until(lambda: ears.rings == [1, 1])
    for listener in (ears.one, ears.other):
        with pytest.raises(OSError, match="the kernel says no"):
            listener.take()
    assert instances() == before
    broken.clear()
    again = ears.inotify.listen(lambda: None)
    again.add(os.fsencode(tmp_path), CONTENT)
    (tmp_path / "g").touch()
    assert [name for _, _, name in ears.heard(again)] == [b"g"]
    again.close()


# -- what cannot be timed with a real kernel --------------------------------------------------------------------------


def event(wd: int, name: bytes = b"f", mask: int = syscalls.IN_CREATE) -> Event:
    return wd, mask, 0, name


def mailbox(routes: Routes) -> Mailbox:
    made = Mailbox(lambda: None)
    routes.mailboxes.add(made)
    return made


def watch(routes: Routes, box: Mailbox, wd: int) -> None:
    routes.begin_adding()
    routes.added(box, wd, CONTENT)
    assert routes.end_adding() == []


def test_what_is_read_before_the_descriptor_is_known_is_not_lost() -> None:
    routes = Routes()
    box = mailbox(routes)
    routes.begin_adding()
    assert routes.deliver([event(7, b"a"), event(8, b"b")]) == []
    assert routes.added(box, 7, CONTENT), "nobody rings for it"
    assert routes.end_adding() == []
    assert box.take() == [event(7, b"a")]
    routes.begin_adding()
    routes.added(box, 8, CONTENT)
    assert box.take() == [], "kept for longer than a watch was being added"


def test_a_watch_that_another_thread_may_be_getting_is_removed_only_if_it_did_not() -> None:
    routes = Routes()
    one, other = mailbox(routes), mailbox(routes)
    for wd in (7, 8):
        watch(routes, one, wd)
    routes.begin_adding()
    assert not routes.remove(one, 7)
    assert not routes.remove(one, 8)
    routes.added(other, 7, CONTENT)
    assert routes.end_adding() == [8]
    routes.deliver([event(7)])
    assert other.take() == [event(7)]


def test_an_overflow_of_the_kernels_queue_concerns_everybody() -> None:
    routes = Routes()
    boxes = [mailbox(routes), mailbox(routes)]
    assert set(routes.deliver([OVERFLOW])) == set(boxes)
    assert [box.take() for box in boxes] == [[OVERFLOW], [OVERFLOW]]


def test_an_owner_that_takes_nothing_overflows_alone() -> None:
    routes = Routes()
    stuck, well = mailbox(routes), mailbox(routes)
    watch(routes, stuck, 1)
    watch(routes, well, 2)
    for number in range(LIMIT // 1000 + 1):
        routes.deliver([event(1, b"%d" % (number * 1000 + at)) for at in range(1000)])
        routes.deliver([event(2)])
        assert well.take() == [event(2)]
    taken = stuck.take()
    assert taken[0] == OVERFLOW
    assert len(taken) < LIMIT
