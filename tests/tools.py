"""The programs that tests drive for real: each with the Debian package that has it and what it is for.

`python3 tests/tools.py` prints the packages that are missing; nothing outside of the standard library is needed for it.
"""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple

PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


class Tool(NamedTuple):
    """A program, or a module of Python."""

    name: str
    package: str
    purpose: str


TOOLS = (
    Tool("git", "git", "everything"),
    Tool("cc", "gcc", "what a killed machine leaves behind"),
    Tool("ssh", "openssh-client", "remotes over ssh"),
    Tool("ssh-keygen", "openssh-client", "remotes over ssh, and signatures"),
    Tool("gpg", "gpg", "signatures"),
    Tool("sshd", "openssh-server", "remotes over ssh"),
    Tool("lighttpd", "lighttpd", "remotes over http"),
    Tool("gitolite", "gitolite3", "a server with rights for each user"),
    Tool("rsync", "rsync", "jobs with rsync"),
    Tool("unison", "unison", "jobs with unison"),
    Tool("git-filter-repo", "git-filter-repo", "a history that is made smaller"),
    Tool("vim", "vim", "what editors do when they save"),
    Tool("emacs", "emacs-nox", "what editors do when they save"),
    Tool("ps", "procps", "looking at processes"),
    Tool("setpriv", "util-linux", "dropping rights"),
    Tool("unshare", "util-linux", "namespaces"),
    Tool("mount", "mount", "full and failing disks"),
    Tool("mkfs.ext4", "e2fsprogs", "a stick that is unmounted"),
    Tool("ip", "iproute2", "a network that goes and comes back"),
    Tool("systemctl", "systemd", "the service"),
    Tool("dbus-daemon", "dbus-user-session", "the service, and notices on the desktop"),
    Tool("systemd-nspawn", "systemd-container", "a machine that boots"),
    Tool("logrotate", "logrotate", "a log that is rotated"),
    Tool("plistutil", "libplist-utils", "the service on macOS"),
    Tool("rpmbuild", "rpm", "the package for Fedora"),
    Tool("chromium", "chromium", "the page in a browser"),
    Tool("openssl", "openssl", "the page for other machines"),
    Tool("git-lfs", "git-lfs", "content behind filters"),
    Tool("git-crypt", "git-crypt", "content behind filters"),
    Tool("rpmlint", "rpmlint", "the package for Fedora"),
    Tool("lintian", "lintian", "the package for Debian"),
    Tool("desktop-file-validate", "desktop-file-utils", "the entry in the menu"),
    Tool("appstreamcli", "appstream", "the entry in the menu"),
    Tool("makepkg", "makepkg", "the recipe for Arch Linux"),
    Tool("pacman", "pacman-package-manager", "the recipe for Arch Linux"),
    Tool("nix-instantiate", "nix-bin", "the recipe for Nix"),
    Tool("ruby", "ruby", "the recipe for Homebrew"),
    Tool("bash", "bash", "completion"),
    Tool("zsh", "zsh", "completion"),
    Tool("fish", "fish", "completion"),
    Tool("mandoc", "mandoc", "the man pages"),
)
PACKAGES = {tool.name: tool.package for tool in TOOLS}


def is_there(name: str) -> bool:
    """Return whether a program of the table is installed."""
    return shutil.which(name, path=PATH) is not None


def missing() -> list[Tool]:
    """Return the tools that this machine lacks."""
    return [tool for tool in TOOLS if not is_there(tool.name)]


def report() -> list[str]:
    """Return a line for each missing package: its name, and what is not tested without it."""
    purposes: dict[str, list[str]] = {}
    for tool in missing():
        known = purposes.setdefault(tool.package, [])
        known += [tool.purpose] if tool.purpose not in known else []
    return [f"Debian package {package} is missing: skips {', '.join(of)}" for package, of in purposes.items()]


if __name__ == "__main__":
    print(*dict.fromkeys(tool.package for tool in missing()), sep="\n")
