"""The index lock: ours is provable, a dead process's goes away, anybody else's stays."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gitsync.errors import TransientError
from gitsync.git.index.lock import IndexLock, is_gone
from tests.needs import needs

HOLD = """
import os, pathlib, sys
from gitsync.git.index.lock import IndexLock
lock = IndexLock(sys.argv[1], pathlib.Path(sys.argv[2]))
with lock.held() as replace:
    if sys.argv[3] == "kill":
        os.kill(os.getpid(), 9)
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def places(tmp_path: Path) -> tuple[str, Path]:
    (tmp_path / "git").mkdir()
    (tmp_path / "notes").mkdir()
    return str(tmp_path / "git"), tmp_path / "notes"


def test_it_excludes_git_and_leaves_nothing_behind(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    lock = IndexLock(str(repo / ".git"), tmp_path / "notes")
    (repo / "a.txt").write_text("two")
    with lock.held():
        assert lock.is_held()
        done = subprocess.run(["git", "-C", repo, "add", "a.txt"], check=False, capture_output=True)
        assert b"index.lock" in done.stderr
    assert not lock.is_held()
    subprocess.run(["git", "-C", repo, "add", "a.txt"], check=True)
    lock.close()
    assert not list((tmp_path / "notes").iterdir())
    assert not [name for name in os.listdir(repo / ".git") if "gitsync" in name or "lock" in name]


def test_an_error_of_the_disk_leaves_no_lock_of_a_process_that_lives_on(
    places: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    git_dir, notes = places
    lock = IndexLock(git_dir, notes)
    failing = [lock.path]
    unlink = os.unlink

    def fail_once(path: str) -> None:
        if path in failing:
            failing.remove(path)
            raise OSError(errno.EIO, os.strerror(errno.EIO), path)
        unlink(path)

    monkeypatch.setattr(os, "unlink", fail_once)
    with lock.held():
        pass
    assert not failing
    assert not os.listdir(git_dir)


def test_what_is_put_in_place_is_whole_and_an_error_changes_nothing(places: tuple[str, Path]) -> None:
    git_dir, notes = places
    index = Path(git_dir, "index")
    index.write_bytes(b"old")
    index.chmod(0o640)
    lock = IndexLock(git_dir, notes)
    with lock.held() as replace:
        replace([b"new ", b"content"])
        assert Path(lock.path).exists()
    assert index.read_bytes() == b"new content"
    assert index.stat().st_mode & 0o777 == 0o640
    with pytest.raises(RuntimeError), lock.held():
        raise RuntimeError
    assert index.read_bytes() == b"new content"
    assert os.listdir(git_dir) == ["index"]


def test_the_lock_of_a_killed_process_is_removed(places: tuple[str, Path]) -> None:
    git_dir, notes = places
    subprocess.run([sys.executable, "-c", HOLD, git_dir, str(notes), "kill"], check=False)
    assert sorted(os.listdir(git_dir))[-1] == "index.lock"
    with IndexLock(git_dir, notes).held():
        pass
    assert os.listdir(git_dir) == []


def test_the_lock_of_a_living_process_is_waited_for(places: tuple[str, Path]) -> None:
    git_dir, notes = places
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, git_dir, str(notes), "wait"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        lock = IndexLock(git_dir, notes)
        assert lock.is_held()
        with pytest.raises(TransientError), lock.held():
            pass
        holder.kill()
    assert not lock.is_held()
    with lock.held():
        pass


@pytest.mark.parametrize("content", [b"", b"DIRC", b"gitsync 0123456789abcdef\n"])
def test_a_lock_that_is_not_provably_ours_stays(places: tuple[str, Path], content: bytes) -> None:
    git_dir, notes = places
    Path(git_dir, "index.lock").write_bytes(content)
    lock = IndexLock(git_dir, notes)
    assert lock.is_held()
    with pytest.raises(TransientError), lock.held():
        pass
    assert Path(git_dir, "index.lock").read_bytes() == content


def test_a_record_that_was_cut_short_proves_nothing(places: tuple[str, Path]) -> None:
    git_dir, notes = places
    (notes / "lock-0123.json").write_bytes(b'{"pid": 1')
    Path(git_dir, "index.lock").write_bytes(b"gitsync 0123\n")
    assert IndexLock(git_dir, notes).is_held()


def test_only_a_process_of_this_machine_can_be_known_to_be_gone(places: tuple[str, Path]) -> None:
    lock = IndexLock(*places)
    (note,) = places[1].glob("lock-*.json")
    me = json.loads(note.read_bytes())
    assert not is_gone(me)
    assert is_gone({**me, "start": "1"})
    assert is_gone({**me, "boot": "another"})
    assert not is_gone({**me, "boot": "another", "machine": "another"})
    assert not is_gone({**me, "start": "1", "namespace": "pid:[1]"})
    with subprocess.Popen(["true"]) as child:
        pass
    assert is_gone({**me, "pid": child.pid})
    assert not is_gone({})
    lock.close()


SYSTEM = """\
#!/bin/sh
case $* in
*kern.uuid) echo 5E7A ;;
*kern.bootsessionuuid) echo 1B0C ;;
*) exec /bin/ps "$@" ;;
esac
"""
WHO = """
import json, os, sys
from gitsync.git.index.lock import is_gone, myself
sys.platform = "darwin"
me = myself()
others = [{**me, "start": "Thu Jan 1 00:00:01 1970"}, {**me, "boot": "2C1D"}, {**me, "machine": "another"}]
print(json.dumps([me, is_gone(me), *map(is_gone, others)]))
"""


def test_without_proc_the_start_of_a_process_is_asked_of_ps(tmp_path: Path) -> None:
    needs("ps")
    for name in ("sysctl", "ps"):
        (tmp_path / name).write_text(SYSTEM)
        (tmp_path / name).chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([sys.executable, "-c", WHO], env=env, check=True, capture_output=True, text=True)
    me, *gone = json.loads(done.stdout)
    assert (me["machine"], me["boot"]) == ("5E7A", "1B0C")
    assert len(me["start"].split()) == 5
    # Another start, another boot; another machine is not known here.
    assert gone == [False, True, True, False]


def test_a_prepared_index_is_the_lock_until_it_is_in_place_and_the_next_lock_is_left_alone(
    places: tuple[str, Path],
) -> None:
    git_dir, notes = places
    index = Path(git_dir, "index")
    index.write_bytes(b"old")
    lock = IndexLock(git_dir, notes)
    prepared = lock.prepare([b"new"])
    with lock.held(prepared):
        assert Path(lock.path).read_bytes() == b"new"
        lock.install(prepared)
        assert not lock.is_held()
        Path(lock.path).write_bytes(b"another git's")
    assert (index.read_bytes(), Path(lock.path).read_bytes()) == (b"new", b"another git's")
    assert index.stat().st_nlink == 1
    with pytest.raises(TransientError), lock.held(lock.prepare([b"newer"])):
        pass
    assert Path(lock.path).read_bytes() == b"another git's"


def test_a_prepared_lock_of_a_killed_process_is_removed(places: tuple[str, Path]) -> None:
    git_dir, notes = places
    held = HOLD.replace("lock.held()", "lock.held(lock.prepare([b'new']))")
    subprocess.run([sys.executable, "-c", held, git_dir, notes, "kill"], check=False)
    assert Path(git_dir, "index.lock").read_bytes() == b"new"
    lock = IndexLock(git_dir, notes)
    assert not lock.is_held()
    assert os.listdir(git_dir) == []
