"""A remote behind a web server: a refusal with Retry-After is left alone for so long, by all repositories there."""

from __future__ import annotations

import time
from pathlib import Path

from tests.conftest import run_git
from tests.daemon.harness import Machine, wait_for
from tests.fakes.web import Web

PAUSE_S = 4.0


def test_a_pause_that_a_server_asks_for_is_kept_by_all_its_repositories(box: Machine, tmp_path: Path) -> None:
    served = tmp_path / "served"
    served.mkdir()
    with Web(tmp_path / "web", served) as web:
        roots = []
        for name in ("one", "other"):
            run_git(served, "init", "-q", "--bare", name)
            run_git(served / name, "config", "http.receivepack", "true")
            roots.append(box.repo(name))
            run_git(roots[-1], "remote", "add", "origin", web.url(name))
        box.configure(*roots)
        box.start()
        wait_for("both to be sent", lambda: all(box.repo_status(root.name)["last_push"] for root in roots))
        web.refuse("429 Too Many Requests", f"Retry-After: {PAUSE_S:.0f}")
        before = len(web.requests)
        wait_for("a refusal", lambda: len(web.requests) > before)
        refused_at = time.monotonic()
        names = [root.name for root in roots]
        wait_for("it to be said", lambda: any(box.repo_status(name)["state"] == "offline" for name in names))
        time.sleep(0.5)  # whoever was on the way already gets the same answer
        before = len(web.requests)
        (roots[0] / "a.txt").write_text("a\n")
        (roots[1] / "a.txt").write_text("a\n")
        time.sleep(max(0.0, refused_at + PAUSE_S - 1.0 - time.monotonic()))
        assert len(web.requests) == before
        said = [found["message"] for name in names if (found := box.repo_status(name)["error"])]
        assert said
        assert all("asks to wait for" in each for each in said)
        web.refuse("")
        wait_for("both to be sent", lambda: all(run_git(served / name, "ls-tree", "main", "a.txt") for name in names))
