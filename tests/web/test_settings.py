"""Settings, what is watched and what is tracked, changed on the page."""

from __future__ import annotations

import http.client
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from gitsync.config.options import SECTIONS
from gitsync.config.rows import ValueKind
from gitsync.web.fields import changed, field_of, typed
from tests.conftest import run_git
from tests.daemon.harness import BIN, Machine, wait_for
from tests.web.kit import Site, page, path_of
from tests.web.test_history import seen


@pytest.fixture
def site(box: Machine) -> Iterator[Site]:
    box.configure(box.repo())
    box.config.write_text(f"# mine\n{box.config.read_text()}")
    with page(box) as it:
        it.enter()
        yield it


def test_every_key_is_a_field_that_gives_back_what_it_shows() -> None:
    rows = [row for section in SECTIONS.values() for row in section.rows.values()]
    assert len(rows) > 80
    for row in rows:
        field = field_of(row, row.example)
        assert changed({row.key: row}, {row.key: row.example}, {row.key: field.value}) == {}, row.key
        if row.kind not in (ValueKind.TEXTS, ValueKind.CHOICE_BY_GLOB, ValueKind.CHOICE_OR_TEXTS):
            assert typed(row, field.value) == field.value, row.key


def test_a_fault_is_shown_at_its_field_and_nothing_is_written(box: Machine, site: Site) -> None:
    before = box.config.read_text()
    shown = site.get("/settings?table=repo.notes").text
    assert all(f'name="{key}"' in shown for key in SECTIONS["repo"].rows if key != "name")
    answer = site.post("/settings?table=repo.notes", urlencode({"quiet": "soon", "pull": "5m"}))
    assert answer.status == 400
    fault = re.search(r'id="e-quiet">([^<]*)<', answer.text)
    assert fault
    assert "soon" in fault[1]
    assert 'value="5m"' in answer.text
    assert box.config.read_text() == before
    answer = site.post("/settings?table=repo.notes", urlencode({"quiet": "3s", "exclude": "*.tmp\r\nbuild/\r\n"}))
    assert answer.status == 303
    assert "quiet, exclude set: it holds when gitsync starts" in seen(site.get(answer.headers["location"]))
    text = box.config.read_text()
    assert text.startswith("# mine\n")
    assert 'exclude = ["*.tmp", "build/"]' in text
    assert site.get("/settings?table=repo.nope").status == 400


def test_a_directory_is_watched_and_given_up(box: Machine, site: Site) -> None:
    (box.home / "Papers").mkdir()
    (box.home / "Papers/a.txt").write_text("a\n")
    box.start()
    text = seen(site.get("/watch"))
    assert re.search(r"Papers .*notes watched|notes watched .*Papers", text)
    papers = str(box.home / "Papers")
    assert "one is made in it" in seen(site.get(path_of("/watch", dir=papers)))
    answer = site.post(path_of("/watch", path=papers), "init=1&remote=&name=")
    assert answer.status == 303
    assert "Papers is watched: ~/Papers" in seen(site.get(answer.headers["location"]))
    wait_for("the first commit", lambda: run_git(box.home / "Papers", "ls-files", check=False) == "a.txt")
    assert site.post("/unwatch?name=Papers").status == 303
    assert [repo["name"] for repo in box.status()["repos"]] == ["notes"]
    assert (box.home / "Papers/.git").exists()


def test_a_home_file_is_tracked_and_a_job_added(box: Machine, site: Site) -> None:
    (box.home / ".vimrc").write_text("one\n")
    assert "Nothing of your home directory is tracked yet" in seen(site.get("/home"))
    answer = site.post(path_of("/home", path=".vimrc", track="1"))
    assert answer.status == 303, answer.text
    assert re.search(
        r"~/.vimrc is tracked .*1 entry .*\.vimrc tracked Stop", seen(site.get(answer.headers["location"]))
    )
    assert site.post(path_of("/home", path=".vimrc")).status == 303
    assert (box.home / ".vimrc").read_text() == "one\n"
    assert "0 entries" in seen(site.get("/home"))
    assert site.get(path_of("/home", dir="../..")).status == 404
    faulty = site.post("/job", urlencode({"name": "thesis", "backend": "git", "path": "thesis", "url": "/srv/t.git"}))
    assert faulty.status == 400
    assert "path" in faulty.text.partition('class="fault"')[2][:200]
    job = {"name": "thesis", "backend": "git", "path": "~/thesis", "url": "/srv/t.git", "mode": "both", "every": "1h"}
    answer = site.post("/job", urlencode(job))
    assert answer.status == 303
    assert "thesis was added" in seen(site.get(answer.headers["location"]))
    assert [each["name"] for each in box.status()["jobs"]] == ["thesis"]
    assert site.post("/settings?table=job.thesis", urlencode({"every": "2h"})).status == 303
    assert 'every = "2h"' in box.config.read_text()
    assert "Remove the job thesis" in seen(site.get("/settings?table=job.thesis"))
    assert site.post("/job/remove?name=thesis").status == 303
    assert box.status()["jobs"] == []
    assert site.post("/job/remove?name=thesis").status == 400


def test_the_set_up_leads_from_nothing_to_a_working_machine(box: Machine, hub: Path) -> None:
    box.config.unlink(missing_ok=True)
    (box.home / ".gitconfig").write_text("[init]\n\tdefaultBranch = main\n")
    seed = box.home.parent / "seed"
    seed.mkdir()
    for argv in (
        ("init", "-q", "-b", "main"),
        ("commit", "-q", "--allow-empty", "-m", "0"),
        ("push", "-q", str(hub), "main"),
    ):
        run_git(seed, *argv)
    (box.home / ".sync-conf").mkdir()
    (box.home / ".sync-conf/work.conf").write_text('[git]\n~/thesis /srv/thesis.git "Ada" ada@example.org\n')
    with page(box) as site:
        site.enter()
        assert re.search(r"Who you are Open .*Sync Manager: ~/.sync-conf", seen(site.get("/setup")))
        wrong = site.post("/setup/who", urlencode({"user.name": "Ada", "user.email": "nowhere"}))
        assert (wrong.status, "mail address" in wrong.text) == (400, True)
        assert site.post("/setup/who", urlencode({"user.name": "Ada", "user.email": "ada@example.org"})).status == 303
        assert run_git(box.home, "config", "--file", ".gitconfig", "user.email") == "ada@example.org"
        assert site.post("/setup/import?kind=sync-conf").status == 303
        assert '[[job]]\nname = "thesis"' in box.config.read_text()
        answer = site.post("/setup/clone", urlencode({"url": str(hub), "dir": "~/Cloned"}))
        assert answer.status == 303, answer.text
        text = seen(site.get(answer.headers["location"]))
        assert re.search(r"is in ~/Cloned, and watched .*Who you are Done .*Cloned ~/Cloned .*thesis", text)
        assert site.post("/setup/import?kind=trakk").status == 400


def test_the_window_of_the_set_up_is_the_page(box: Machine) -> None:
    process = subprocess.Popen(
        [BIN / "gitsyncctl", "setup", "--window"],
        env=box.env,
        stdout=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        address = re.search(r"http://(\S+?)(/enter\S*)", process.stdout.readline())
        assert address
        connection = http.client.HTTPConnection(address[1], timeout=20)
        connection.request("GET", address[2])
        assert connection.getresponse().getheader("location") == "/setup"
        connection.close()
    finally:
        process.terminate()
        process.communicate(timeout=20)
