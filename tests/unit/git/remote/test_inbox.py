"""The inbox of a work tree, with real refs in it."""

from __future__ import annotations

from pathlib import Path

from gitsync.git.remote import inbox
from tests.conftest import run_git


def hand_over(repo: Path, commit: str) -> str:
    ref = f"{inbox.INBOX}{commit}/main"
    run_git(repo, "update-ref", ref, commit)
    return ref


def test_closing_it_leaves_what_was_not_taken_in(repo: Path) -> None:
    inbox.open_inbox(repo)
    hand_over(repo, run_git(repo, "rev-parse", "HEAD"))
    waiting = run_git(repo, "commit-tree", "-p", "HEAD", "-m", "from another machine", "HEAD^{tree}")
    kept = hand_over(repo, waiting)
    inbox.close_inbox(repo)
    assert run_git(repo, "for-each-ref", "--format=%(refname)", inbox.INBOX) == kept


def test_a_directory_that_is_away_can_be_closed(repo: Path) -> None:
    repo.rename(repo.with_name("away"))
    inbox.close_inbox(repo)
