"""The checks of one repository, each with a real one that is well and one that is broken on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitsync.daemon.checks import conflicting_tools, repository
from gitsync.daemon.checks.model import CheckState
from gitsync.model import Problem, Quarantined, RepoState, RepoStatus
from tests.conftest import Git
from tests.fakes import checkup
from tests.fakes.checkup import case, only
from tests.needs import needs


def test_a_repository_in_good_order_has_nothing_to_say(repo: Path) -> None:
    notes = checkup.repository(repo)
    looks = (repository.state, repository.identity, repository.signing, repository.filters, repository.hooks)
    for look in (*looks, conflicting_tools.other_tools):
        assert only(look(case(notes), notes)).state is CheckState.OK, look


def test_a_missing_root_and_a_root_without_git_are_problems(tmp_path: Path) -> None:
    gone = checkup.repository(tmp_path / "gone")
    assert "does not exist" in only(repository.state(case(gone), gone)).message
    bare = checkup.repository(tmp_path)
    found = only(repository.state(case(bare), bare))
    assert (found.state, found.fix) == (CheckState.PROBLEM, f"to make it one: git init {tmp_path}")


def test_what_waits_for_a_person_is_a_problem_and_a_pause_a_warning(repo: Path) -> None:
    notes = checkup.repository(repo)
    trouble = RepoStatus("notes", str(repo), state=RepoState.ERROR, error=Problem("index", "unreadable", "git fsck"))
    found = only(repository.state(case(notes, status=trouble), notes))
    assert (found.state, found.message, found.fix) == (CheckState.PROBLEM, "unreadable", "git fsck")
    # The check of the remote asks it now, which is worth more than what it said last time.
    trouble = RepoStatus("notes", str(repo), state=RepoState.AUTH, error=Problem("auth", "no key", "run: ssh-add"))
    assert only(repository.state(case(notes, status=trouble), notes)).state is CheckState.OK
    held = RepoStatus("notes", str(repo), quarantined=(Quarantined("id_rsa", "secret: private key"),), conflicts=("a",))
    found = only(repository.state(case(notes, status=held), notes))
    assert found.message == "not committed: id_rsa (secret: private key); in conflict: a"
    paused = RepoStatus("notes", str(repo), state=RepoState.PAUSED, reason="paused by you")
    found = only(repository.state(case(notes, status=paused), notes))
    assert (found.state, found.fix) == (CheckState.WARNING, "gitsyncctl resume notes")


def test_an_unknown_person_is_a_warning_unless_an_author_is_configured(repo: Path, git: Git) -> None:
    git(repo, "config", "user.email", "")
    notes = checkup.repository(repo)
    found = only(repository.identity(case(notes), notes))
    assert found.state is CheckState.WARNING
    assert "user.email" in found.message
    assert "user.name" not in found.message
    told = checkup.repository(repo, author="Ada <ada@example.org>")
    assert only(repository.identity(case(told), told)).state is CheckState.OK


def test_signing_is_tried_without_a_trace(repo: Path, git: Git, tmp_path: Path) -> None:
    notes = checkup.repository(repo)
    signer = tmp_path / "signer"
    # What git wants to see of gpg: a status line, and something on stdout.
    signer.write_text("#!/bin/sh\ncat >/dev/null\nprintf '\\n[GNUPG:] SIG_CREATED x\\n' >&2\necho signature\n")
    signer.chmod(0o755)
    git(repo, "config", "commit.gpgsign", "true")
    git(repo, "config", "gpg.program", str(signer))
    before = git(repo, "count-objects", "-v")
    assert only(repository.signing(case(notes), notes)).state is CheckState.OK
    signer.write_text("#!/bin/sh\necho 'no secret key' >&2\nexit 2\n")
    found = only(repository.signing(case(notes), notes))
    assert found.state is CheckState.PROBLEM
    assert "config commit.gpgsign false" in found.fix
    assert git(repo, "count-objects", "-v") == before


def test_gpg_is_told_never_to_ask(repo: Path, git: Git, tmp_path: Path) -> None:
    notes, heard = checkup.repository(repo), tmp_path / "heard"
    signer = tmp_path / "signer"
    signer.write_text(f'#!/bin/sh\necho "$@" >{heard}\nexit 2\n')
    signer.chmod(0o755)
    git(repo, "config", "commit.gpgsign", "true")
    git(repo, "config", "gpg.program", str(signer))
    repository.signing(case(notes), notes)
    assert "--pinentry-mode error" in heard.read_text()


def test_signing_with_a_missing_ssh_key_is_a_problem(repo: Path, git: Git, tmp_path: Path) -> None:
    needs("ssh-keygen")
    git(repo, "config", "commit.gpgsign", "true")
    git(repo, "config", "gpg.format", "ssh")
    git(repo, "config", "user.signingkey", str(tmp_path / "no-such-key.pub"))
    notes = checkup.repository(repo)
    assert only(repository.signing(case(notes), notes)).state is CheckState.PROBLEM


@pytest.mark.parametrize("place", [".gitattributes", "sub/.gitattributes", ".git/info/attributes"])
def test_a_filter_that_is_not_set_up_is_a_problem_wherever_it_is_asked_for(repo: Path, git: Git, place: str) -> None:
    notes = checkup.repository(repo)
    file = repo / place
    file.parent.mkdir(exist_ok=True)
    file.write_text("# filter=comment\n*.bin filter=lfs diff=lfs -text\n")
    found = only(repository.filters(case(notes), notes))
    assert found.state is CheckState.PROBLEM
    assert "lfs" in found.message
    git(repo, "config", "filter.lfs.process", "no-such-program filter-process")
    assert "not on the PATH" in only(repository.filters(case(notes), notes)).message
    git(repo, "config", "filter.lfs.process", "cat filter-process")
    assert only(repository.filters(case(notes), notes)).state is CheckState.OK


def test_a_locked_git_crypt_is_a_problem(repo: Path, git: Git) -> None:
    notes = checkup.repository(repo)
    (repo / ".gitattributes").write_text("secret filter=git-crypt diff=git-crypt\n")
    found = only(repository.filters(case(notes), notes))
    assert (found.state, "git-crypt unlock" in found.fix) == (CheckState.PROBLEM, True)
    git(repo, "config", "filter.git-crypt.clean", '"cat" clean')
    assert "locked" in only(repository.filters(case(notes), notes)).message
    (repo / ".git/git-crypt/keys").mkdir(parents=True)
    assert only(repository.filters(case(notes), notes)).state is CheckState.OK


def test_hooks_that_do_not_run_are_named(repo: Path, git: Git) -> None:
    notes = checkup.repository(repo)
    hooks = repo / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "pre-commit").write_text("#!/bin/sh\n")
    (hooks / "pre-commit").chmod(0o755)
    (hooks / "pre-push").write_text("#!/bin/sh\n")
    (hooks / "pre-push").chmod(0o644)
    skipped, dead = repository.hooks(case(notes), notes)
    assert "do not run pre-commit" in skipped.message
    assert dead.fix.startswith("chmod +x")
    git(repo, "config", "core.hooksPath", "elsewhere")
    assert only(repository.hooks(case(notes), notes)).state is CheckState.OK


@pytest.mark.parametrize(
    ("trace", "tool"),
    [
        ("work/.stfolder", "Syncthing"),
        (".stfolder", "Syncthing"),
        ("work/.dropbox", "Dropbox"),
        (".sync_1a2b.db", "Nextcloud"),
        ("work/.git/annex", "git-annex"),
        ("work/.etckeeper", "etckeeper"),
        ("work/.obsidian/plugins/obsidian-git", "obsidian-git"),
    ],
)
def test_a_second_tool_on_the_tree_is_a_warning(repo: Path, trace: str, tool: str) -> None:
    (repo.parent / trace).mkdir(parents=True)
    notes = checkup.repository(repo)
    found = only(conflicting_tools.other_tools(case(notes), notes))
    assert found.state is CheckState.WARNING
    assert found.message.startswith(tool)


def test_what_the_home_directory_itself_holds_says_nothing_of_a_tree_below_it(repo: Path) -> None:
    (repo.parent / ".dropbox").mkdir()  # Dropbox keeps its settings in ~/.dropbox, wherever its directory is
    notes = checkup.repository(repo)
    assert (
        only(conflicting_tools.other_tools(case(notes, environment={"HOME": str(repo.parent)}), notes)).state
        is CheckState.OK
    )


def test_a_tool_that_is_there_but_switched_off_is_none(repo: Path) -> None:
    plugin = repo / ".obsidian/plugins/obsidian-git"
    plugin.mkdir(parents=True)
    (plugin / "data.json").write_text('{"autoSaveInterval": 0}')
    (repo / ".vscode").mkdir()
    (repo / ".vscode/settings.json").write_text('{"gitdoc.enabled": false}')
    notes = checkup.repository(repo)
    assert only(conflicting_tools.other_tools(case(notes), notes)).state is CheckState.OK
    (repo / ".vscode/settings.json").write_text('{"gitdoc.enabled": true}')
    assert "GitDoc" in only(conflicting_tools.other_tools(case(notes), notes)).message
