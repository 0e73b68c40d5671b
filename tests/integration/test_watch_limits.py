"""When the kernel refuses: limits, permissions, mounts. The real limits are lowered in a namespace of a child's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.watching import until, watching
from tests.needs import needs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
PROJECT = Path(__file__).parents[2]


def in_child(*prefix: str, body: str, root: Path, before: str = "") -> dict[str, object]:
    """Run `body` in a child under `prefix`, with a started watcher in `watched`; return what it put into `result`."""
    code = f"""
import json, os, subprocess, sys
from pathlib import Path
root = Path(sys.argv[1])
{before}
from tests.fakes.watching import until, watching
result = {{}}
with watching(root) as watched:
    result.update(kind=watched.watcher.kind, hint=watched.watcher.hint, count=watched.watcher.watch_count)
{os.linesep.join("    " + line for line in body.splitlines())}
print(json.dumps(result))
"""
    done = subprocess.run(
        [*prefix, sys.executable, "-c", code, str(root)], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def can(*argv: str) -> bool:
    """Whether this machine lets us do that."""
    return shutil.which(argv[0]) is not None and subprocess.run([*argv, "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not can("unshare", "-Ur"), reason="no user namespaces here")
def test_the_kernels_limit_of_watches_leads_to_polling_and_says_what_would_change_it(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}").mkdir()
    found = in_child(
        "unshare",
        "-Ur",
        before="Path('/proc/sys/user/max_inotify_watches').write_text('10')",
        body="(root / '7/f').write_text('1'); watched.expect(b'7/f')",
        root=tmp_path,
    )
    assert found["kind"] == "polling"
    assert found["hint"] == (
        "21 directories need a watch each, but user.max_inotify_watches allows 10 for all programs together;"
        " to change that: sudo sysctl user.max_inotify_watches=32"
    )


@pytest.mark.skipif(not can("unshare", "-Ur"), reason="no user namespaces here")
def test_the_kernels_limit_of_instances_leads_to_polling_and_says_what_would_change_it(tmp_path: Path) -> None:
    found = in_child(
        "unshare",
        "-Ur",
        before="Path('/proc/sys/user/max_inotify_instances').write_text('0')",
        body="(root / 'f').write_text('1'); watched.expect(b'f')",
        root=tmp_path,
    )
    assert found["kind"] == "polling"
    assert "sudo sysctl user.max_inotify_instances=" in str(found["hint"])


def test_a_process_without_files_to_open_is_told_so(tmp_path: Path) -> None:
    found = in_child(
        before="""
import resource
import gitsync.watch.inotify, tests.fakes.watching
from gitsync.watch.limits import shortage
held = []
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        held.append(os.open('/', os.O_RDONLY))
except OSError as error:
    text = shortage(error.errno).hint
for fd in held:
    os.close(fd)
""",
        body="result['text'] = text",
        root=tmp_path,
    )
    assert "LimitNOFILE" in str(found["text"])


def test_a_limit_reached_at_the_start_falls_back_to_polling(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}").mkdir()
    with watching(tmp_path, max_watches=5) as watched:
        assert watched.watcher.kind == "polling"
        assert watched.watcher.is_alive
        assert "11 directories" in watched.watcher.hint
        assert "sudo sysctl fs.inotify.max_user_watches=32" in watched.watcher.hint
        (tmp_path / "3/f").write_text("1")
        watched.expect(b"3/f")


def test_native_watching_that_was_asked_for_still_falls_back(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    with watching(tmp_path, mode="native", max_watches=1) as watched:
        assert (watched.watcher.kind, watched.watcher.is_alive) == ("polling", True)


def test_a_limit_reached_later_ends_the_watcher_and_the_next_one_polls(tmp_path: Path) -> None:
    with watching(tmp_path, max_watches=5) as watched:
        assert watched.watcher.kind == "native"
        for number in range(10):
            (tmp_path / f"{number}").mkdir()
        watched.expect_reason("inotify limit reached")
        assert not watched.watcher.is_alive
    with watching(tmp_path, max_watches=5) as watched:
        assert watched.watcher.kind == "polling"


# root reads everything; without these two capabilities it is as everybody else.
UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")
as_everybody: tuple[str, ...] = UNPRIVILEGED if os.geteuid() == 0 else ()


@pytest.mark.skipif(bool(as_everybody) and not can(*UNPRIVILEGED), reason="capabilities cannot be dropped here")
def test_an_unreadable_directory_is_reported_and_watched_once_it_is_readable(tmp_path: Path) -> None:
    (tmp_path / "closed/deep").mkdir(parents=True)
    (tmp_path / "open").mkdir()
    (tmp_path / "closed").chmod(0)
    try:
        found = in_child(
            *as_everybody,
            body="""
result['before'] = [problem.message for problem in watched.watcher.problems]
(root / 'open/f').write_text('1')
watched.expect(b'open/f')
(root / 'closed').chmod(0o755)
watched.expect_tree(b'closed')
until(lambda: not watched.watcher.problems)
result['after'] = watched.watcher.watch_count
(root / 'closed/deep/f').write_text('1')
watched.expect(b'closed/deep/f')
(root / 'closed').chmod(0)
until(lambda: watched.watcher.problems)
(root / 'closed').chmod(0o755)
until(lambda: not watched.watcher.problems)
""",
            root=tmp_path,
        )
    finally:
        (tmp_path / "closed").chmod(0o755)
    assert found["count"] == 2
    assert found["before"] == ["the directory 'closed' cannot be watched: Permission denied"]
    assert found["after"] == 4


@pytest.mark.skipif(not can("unshare", "-Urm"), reason="no mount namespaces here")
def test_an_unmounted_root_is_told(tmp_path: Path) -> None:
    needs("mount")
    in_child(
        "unshare",
        "-Urm",
        before="subprocess.run(['mount', '-t', 'tmpfs', 'none', root], check=True); (root / 'd').mkdir()",
        body="""
subprocess.run(['umount', root], check=True)
watched.expect_reason('root vanished')
assert not watched.watcher.is_alive
""",
        root=tmp_path,
    )


@pytest.mark.skipif(not can("unshare", "-Urm"), reason="no mount namespaces here")
def test_what_an_unmounted_directory_hid_is_noted_and_watched(tmp_path: Path) -> None:
    needs("mount")
    (tmp_path / "point").mkdir()
    in_child(
        "unshare",
        "-Urm",
        before="subprocess.run(['mount', '-t', 'tmpfs', 'none', root / 'point'], check=True)",
        body="""
subprocess.run(['umount', root / 'point'], check=True)
watched.expect_tree(b'point')
(root / 'point/f').write_text('1')
watched.expect(b'point/f')
""",
        root=tmp_path,
    )


def test_a_directory_that_cannot_be_watched_holds_up_no_other(tmp_path: Path) -> None:
    # A path that is longer than the kernel takes.
    top = os.open(tmp_path, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=top)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=top)
        os.close(top)
        top = below
    os.close(top)
    (tmp_path / "fine").mkdir()
    with watching(tmp_path) as watched:
        assert any("File name too long" in problem.message for problem in watched.watcher.problems)
        (tmp_path / "fine/f").write_text("1")
        watched.expect(b"fine/f")
    # Shortened, so that the test's own clean-up can reach it.
    (tmp_path / ("d" * 200) / ("d" * 200)).rename(tmp_path / "e")
    until(lambda: (tmp_path / "e").is_dir())
