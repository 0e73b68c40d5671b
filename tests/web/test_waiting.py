"""What takes long begins with an answer, says how far it is, and ends when nobody waits for it any more."""

from __future__ import annotations

import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for
from tests.web.kit import Site, begun, page, path_of
from tests.web.test_history import seen
from tests.web.world import usual

# A git that begins with `word` only when a file is gone.
SLOW = """\
#!/bin/sh
case " $* " in *" {word} "*) echo $$ >>{hold}.held; while [ -e {hold} ]; do sleep 0.05; done;; esac
exec {git} "$@"
"""


class Held:
    """A machine without a daemon, on which some commands of git wait until `release`."""

    def __init__(self, box: Machine) -> None:
        self.root = usual(box.home / "Notes").root
        self.hold = box.home / "hold"
        self._bin = box.home / "bin"
        self._bin.mkdir()
        box.env["PATH"] = f"{self._bin}:{box.env['PATH']}"
        box.configure(self.root)

    def begin(self, word: str) -> None:
        """Have every git with this word wait."""
        self.hold.touch()
        git = self._bin / "git"
        git.write_text(SLOW.format(word=word, hold=self.hold, git=shutil.which("git")))
        git.chmod(0o755)

    def release(self) -> None:
        """Let them go on."""
        self.hold.unlink(missing_ok=True)

    def waiting(self) -> list[int]:
        """Return the processes that wait."""
        file = Path(f"{self.hold}.held")
        pids = [int(word) for word in file.read_text().split()] if file.exists() else []
        return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Held, Site]]:
    with machine(tmp_path_factory.mktemp("waiting") / "a") as box:
        it = Held(box)
        try:
            with page(box) as site:
                site.enter()
                yield it, site
        finally:
            it.release()


def test_a_preview_that_takes_long_begins_at_once_and_ends_with_its_result(held: tuple[Held, Site]) -> None:
    it, site = held
    first = run_git(it.root, "rev-list", "--max-parents=0", "HEAD")
    it.begin("--name-only")
    where = path_of("/restore", repo="Notes", path="journal", rev=first)
    begun(site, where, "Working out what would change").close()
    it.release()
    wait_for("the end of what nobody waits for", lambda: not it.waiting())
    answer = site.get(where)
    assert "2026-10.md changes" in seen(answer)
    assert "problem" not in answer.text


def test_a_search_ends_with_its_reader(held: tuple[Held, Site]) -> None:
    it, site = held
    it.begin("cat-file")
    connection = begun(site, "/find?word=Zanzibar", "Looking through every version")
    wait_for("the search", it.waiting)
    assert connection.sock is not None
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()
    it.release()
    wait_for("its end", lambda: not it.waiting())
    assert "Looking through" not in site.get("/find?word=Zanzibar&stop=1").text


def test_a_change_that_takes_long_has_a_page_of_its_own(held: tuple[Held, Site]) -> None:
    it, site = held
    first = run_git(it.root, "rev-list", "--max-parents=0", "HEAD")
    it.begin("--name-only")
    where = path_of("/restore", repo="Notes", path="code", rev=first)
    answer = site.ask("POST", where, sec_fetch_site="same-origin", origin=site.origin)
    assert (answer.status, answer.headers["location"][:12]) == (303, "/waiting?id=")
    work = answer.headers["location"]
    assert "Bringing it back" in seen(site.get(work))
    assert site.get(work.replace("/waiting", "/waiting/state")).text.startswith('{"done":false')
    assert site.post(work.replace("/waiting", "/waiting/cancel")).status == 400
    it.release()
    wait_for("its end", lambda: '"done":true' in site.get(work.replace("/waiting", "/waiting/state")).text)
    done = site.get(work)
    assert "code is back" in seen(site.get(done.headers["location"]))
    assert site.get("/waiting?id=nothing").status == 400


def test_it_ends_in_the_middle_of_a_change(box: Machine) -> None:
    it = Held(box)
    with page(box) as site:
        site.enter()
        it.begin("--name-only")
        connection = begun(site, path_of("/restore", repo="Notes", path="journal"), "Working out")
        site.process.send_signal(signal.SIGTERM)
        wait_for("its end", lambda: site.process.poll() is not None, 8.0)
        connection.close()
        it.release()
