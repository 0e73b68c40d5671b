"""Bringing back by the page: what it says first, what it does then, and that an undo takes it back."""

from __future__ import annotations

import os
import re

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for
from tests.web.kit import Reply, Site, page, path_of
from tests.web.test_history import seen
from tests.web.world import usual


def forms(answer: Reply) -> list[str]:
    """Return the addresses that the forms of a page send to."""
    return [found.replace("&amp;", "&") for found in re.findall(r'<form method="post" action="([^"]*)"', answer.text)]


def follow(site: Site, answer: Reply) -> Reply:
    """Follow the redirect after a change."""
    assert answer.status == 303, answer.text
    return site.get(answer.headers["location"])


def test_a_file_a_copy_and_deleted_files_come_back_and_an_undo_takes_one_back(box: Machine) -> None:
    root = usual(box.home / "Notes").root
    box.configure(root)
    box.start()
    odd = "a&b\n<i>\udcff"
    for name in (odd, "plain"):
        (root / name).write_text(f"{len(name)}\n")
    box.wait_committed(root)
    for name in (odd, "plain"):
        (root / name).unlink()
    box.wait_committed(root)
    with page(box) as site:
        site.enter()
        before, now = run_git(root, "rev-parse", "HEAD"), (root / "todo.txt").read_text()
        old = run_git(root, "log", "-2", "--format=%H", "--", "todo.txt").split()[1]
        shown = site.get(path_of("/restore", repo="Notes", path="todo.txt", rev=old))
        assert "1 file changes todo.txt changes" in seen(shown)
        assert run_git(root, "rev-parse", "HEAD") == before  # looking changes nothing

        place, beside = forms(shown)
        done = follow(site, site.post(place))
        assert "todo.txt is back" in seen(done)
        assert (root / "todo.txt").read_text() == "buy milk and bread\ncall the plumber\npay the rent\n"

        undo = re.search(r'href="(/undo[^"]*)"', done.text)
        assert undo
        trial = site.get(undo[1].replace("&amp;", "&"))
        assert "added: buy bread" in seen(trial)
        assert "Undone" in seen(follow(site, site.post(forms(trial)[0])))
        assert (root / "todo.txt").read_text() == now

        assert "A copy is there as todo as of " in seen(follow(site, site.post(beside)))
        (copy,) = root.glob("todo as of *.txt")
        assert copy.read_text().startswith("buy milk and bread")
        assert (root / "todo.txt").read_text() == now

        gone = site.get("/deleted?repo=Notes")
        names = re.findall(r'name="chosen" id="row-\d+" value="([^"]*)"', gone.text)
        assert {name.partition(":")[2] or name for name in names} >= {"taxes/2025.ods"} or len(names) == 3
        chosen = "&".join(f"chosen={name.replace('%', '%25')}" for name in names)
        assert "3 files came back to Notes" in seen(follow(site, site.post(forms(gone)[0], chosen)))
        assert (root / odd).read_text() == f"{len(odd)}\n"
        assert os.path.getsize(root / "taxes/2025.ods") == 10244
        assert "Nothing was deleted" in seen(site.get("/deleted?repo=Notes"))


def test_without_a_daemon_it_works_as_well_and_untracked_files_stay(box: Machine) -> None:
    root = usual(box.home / "Notes").root
    box.configure(root)
    (root / ".gitignore").write_text("journal/secret*\n")
    (root / "journal/secret.txt").write_text("ignored\n")
    run_git(root, "add", ".")
    run_git(root, "commit", "-qm", "ignore")
    first = run_git(root, "rev-list", "--max-parents=0", "HEAD")
    with page(box) as site:
        site.enter()
        shown = site.get(path_of("/restore", repo="Notes", path="journal", rev=first))
        assert "2026-10.md changes" in seen(shown)
        assert "journal is back" in seen(follow(site, site.post(forms(shown)[0])))
    assert (root / "journal/2026-10.md").read_text().endswith("planted the tulips\n")
    assert (root / "journal/secret.txt").read_text() == "ignored\n"
    assert run_git(root, "status", "--porcelain") == ""


def test_a_repository_that_is_away_leaves_the_others_as_they_are(box: Machine) -> None:
    away, empty = usual(box.home / "Notes").root, box.home / "Sketches"
    there = box.repo("other")
    empty.mkdir()
    run_git(empty, "init", "-q")
    box.configure(away, there, empty)
    with page(box) as site:
        site.enter()
        assert "Nothing was committed yet" in seen(site.get("/tree?repo=Sketches"))
        away.rename(box.home / "Moved")
        for where in ("/timeline", "/find?name=*"):
            text = seen(site.get(where))
            assert "other" in text, where
            assert re.search("Notes is left out: .*does not exist", text), where
        assert "does not exist" in site.get("/tree?repo=Notes").text


def test_the_overview_follows_the_daemon_and_its_buttons_act(box: Machine) -> None:
    root = box.repo()
    box.configure(root)
    (root / "id_rsa").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n")
    with page(box) as site:
        site.enter()
        assert "gitsync is not running" in seen(site.get("/"))
        box.start()
        wait_for("the held-back file", lambda: "id_rsa is held back" in seen(site.get("/")))
        assert "notes needs you" in seen(site.get("/"))
        shown = site.get(path_of("/held-back", name="notes", path="id_rsa"))
        assert "private key" in seen(shown)
        assert "id_rsa is committed" in seen(follow(site, site.post(forms(shown)[0])))
        assert run_git(root, "ls-files").split() == ["first.txt", "id_rsa"]
        wait_for("nothing to be held back", lambda: "held back" not in seen(site.get("/")))
        assert "paused for 30m" in seen(follow(site, site.post("/pause?name=notes&for=30m")))
        assert "Paused" in seen(site.get("/"))
        assert "notes goes on" in seen(follow(site, site.post("/resume?name=notes")))
        assert "is being synced" in seen(follow(site, site.post("/sync?name=notes")))
        assert site.post("/sync?name=nothing").status == 400
        assert site.post("/answer?name=notes&id=q-00000000&word=accept").status == 400


def test_a_question_is_shown_before_it_is_answered_and_an_answer_is_for_it_alone(box: Machine) -> None:
    root = box.repo()
    for number in range(30):
        (root / f"{number}.txt").write_text(f"{number}\n")
    run_git(root, "add", ".")
    run_git(root, "commit", "-qm", "thirty")
    box.configure(root)
    box.start()
    for number in range(25):
        (root / f"{number}.txt").unlink()
    with page(box) as site:
        site.enter()
        wait_for("the question", lambda: "See and answer" in seen(site.get("/")))
        where = re.search(r'href="(/question[^"]*)"', site.get("/").text)
        assert where
        shown = site.get(where[1].replace("&amp;", "&"))
        assert "0.txt" in seen(shown)
        assert "and 15 more" in seen(shown)
        (answer,) = forms(shown)
        assert site.post(answer.replace("word=accept", "word=take")).status == 400
        assert "answered" in seen(follow(site, site.post(answer)))
        box.wait_committed(root)
        assert len(run_git(root, "ls-files").split()) == 6
        assert site.post(answer).status == 400  # it is not asked any more
