"""What is signed here by gpg is accepted where git knows the key, and nowhere else."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitsync.errors import OperationError
from gitsync.git.remote.signatures import between, check_lists, signatures
from gitsync.git.staging.worktree import StageRules, Worktree
from tests.conftest import run_git
from tests.needs import needs


@pytest.fixture
def keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A keyring with one key, and its address."""
    needs("gpg")
    home = Path("/tmp") / f"gpg-{tmp_path.parent.name}-{tmp_path.name}"[:60]  # its socket needs a short path
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    make = ["gpg", "--batch", "-q", "--passphrase", "", "--quick-gen-key", "ada@example.org", "ed25519", "sign"]
    subprocess.run(make, check=True, timeout=60, stderr=subprocess.DEVNULL)
    yield "ada@example.org"
    subprocess.run(["gpgconf", "--kill", "all"], check=True, timeout=30)
    subprocess.run(["rm", "-rf", str(home)], check=True)


def test_a_commit_is_signed_by_gpg_as_git_is_configured(
    repo: Path, tmp_path: Path, keyring: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_git(repo, "config", "user.signingkey", keyring)
    run_git(repo, "config", "commit.gpgSign", "yes")
    before = run_git(repo, "rev-parse", "HEAD")
    worktree = Worktree(repo, tmp_path / "state")
    (repo / "a.txt").write_text("signed\n")
    staging = worktree.begin_staging([b"a.txt"], [], StageRules())
    assert staging.advance(10.0)
    assert worktree.commit(staging.result(), "Signed") is not None
    worktree.close()
    commits = between(repo, "HEAD", [before])
    (found,) = signatures(repo, commits, lambda: False)
    assert (found.is_accepted, found.status, len(commits)) == (True, "G", 1)
    assert keyring in found.signer
    (unsigned,) = signatures(repo, [before], lambda: False)
    assert (unsigned.is_accepted, unsigned.why) == (False, "not signed")
    elsewhere = tmp_path / "k"
    elsewhere.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(elsewhere))
    (unknown,) = signatures(repo, commits, lambda: False)
    assert not unknown.is_accepted


def test_a_list_of_signers_that_a_pull_can_change_is_refused(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, other, mirror = (tmp_path / name for name in ("home", "other", "mirror"))
    for place in (home, other, mirror):
        place.mkdir()
    monkeypatch.setenv("HOME", str(home))
    run_git(mirror, "init", "-q")

    def refusal(place: Path, name: str = "allowedSignersFile") -> str:
        place.parent.mkdir(exist_ok=True)
        place.touch()
        run_git(repo, "config", f"gpg.ssh.{name}", str(place))
        try:
            check_lists(repo, [other, mirror], mirror)
        except OperationError as error:
            return error.advice
        finally:
            run_git(repo, "config", "--unset", f"gpg.ssh.{name}")
        return ""

    for allowed in (home / "signers", repo / ".git/signers", tmp_path / "elsewhere"):
        assert refusal(allowed) == ""
    for synced in (repo / "signers", other / "signers", mirror / "signers"):
        assert f"cp {synced} ~/.ssh/" in refusal(synced)
    assert "cp" in refusal(other / "revoked", "revocationFile")
    (home / "link").symlink_to(other / "signers")
    assert f"cp {other}/signers ~/.ssh/" in refusal(home / "link")
    (mirror / ".signers").touch()
    run_git(mirror, "add", ".signers")
    assert "gitsyncctl remove" in refusal(home / ".signers")
