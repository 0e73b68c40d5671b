"""Real keys of real people: ssh keys that sign commits, and git's list of those that are allowed to."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.conftest import run_git


class Signers:
    """A directory of ssh keys, with an allowed-signers file and a revocation file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir()
        self.allowed = directory / "allowed_signers"
        self.allowed.write_text("")
        self.revoked = directory / "revoked"

    def key(self, name: str, *, is_allowed: bool = True) -> Path:
        """Make a key pair and return the private key's path."""
        path = self._directory / name
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
        subprocess.run(keygen, check=True, timeout=30)
        if is_allowed:
            self.allow(name)
        return path

    def allow(self, name: str) -> None:
        """Add the key to the list."""
        public = (self._directory / f"{name}.pub").read_text().rpartition(" ")[0]
        with self.allowed.open("a") as stream:
            stream.write(f"{name}@example.org {public}\n")

    def revoke(self, name: str) -> None:
        """Add the key to the revocation file."""
        with self.revoked.open("a") as stream:
            stream.write((self._directory / f"{name}.pub").read_text())

    def trust_in(self, root: Path) -> None:
        """Name both files in a repository's configuration."""
        run_git(root, "config", "gpg.ssh.allowedSignersFile", str(self.allowed))
        self.revoked.touch()
        run_git(root, "config", "gpg.ssh.revocationFile", str(self.revoked))


def sign_with(root: Path, key: Path) -> None:
    """Let git sign all commits in a repository with an ssh key."""
    run_git(root, "config", "gpg.format", "ssh")
    run_git(root, "config", "user.signingkey", str(key))
    run_git(root, "config", "commit.gpgsign", "true")
