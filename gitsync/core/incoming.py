"""Which home files run code or open a door, so that they ask before they come in for the first time on a machine.

Pure, so on no thread and owner of nothing. `docs/home-entries.rst` has the list for people. Sources: the manual pages
sshd(8), ssh_config(5), bash(1), zsh(1), fish(1), tcsh(1), git-config(1), githooks(5), systemd.unit(5), crontab(5),
launchd.plist(5), and the XDG Autostart Specification.
"""

from __future__ import annotations

import re
from functools import cache

# What such a file does, and the pattern of the whole path below home.
_KINDS = (
    ("lets people log in", rb"\.ssh/authorized_keys2?|\.[rs]hosts|\.k5(?:login|users)"),
    ("is run by ssh, or says whom it trusts", rb"\.ssh/(?:config|conf(?:ig)?\.d/.*|rc|environment|known_hosts2?)"),
    (
        "is run by a shell",
        rb"\.(?:profile|bash(?:rc|_profile|_login|_logout|_aliases|_completion)|zsh(?:rc|env)|zprofile|zlog(?:in|out)"
        rb"|t?cshrc|log(?:in|out)|m?kshrc|x(?:profile|initrc|session|sessionrc)|pam_environment)"
        rb"|\.(?:bashrc|zshrc|profile)\.d/.*"
        rb"|\.config/(?:fish/(?:config\.fish|(?:conf\.d|functions)/.*)|(?:zsh|bash|nushell|environment\.d)/.*)",
    ),
    ("can make git run programs", rb"\.gitconfig|\.config/git/(?:config|hooks/.*)"),
    (
        "is a git hook",
        rb"(?:.*/)?\.?git-?hooks/.*|(?:.*/)?hooks/(?:pre|post|prepare|commit|applypatch|update|push|proc|reference"
        rb"|sendemail|fsmonitor)[a-z-]*",
    ),
    (
        "is started when you log in",
        rb"\.config/(?:autostart|systemd/user|upstart|plasma-workspace/(?:env|shutdown))/.*"
        rb"|\.local/share/(?:systemd/user|dbus-1/services)/.*|Library/LaunchAgents/.*",
    ),
    ("is run at certain times", rb"\.?crontab|(?:.*/)?\.?cron(?:tabs?|\.d)/.*"),
)
# Most files do nothing of it, which one pattern shows.
_ANY = b"|".join(pattern for _, pattern in _KINDS)


@cache
def _compiled() -> tuple[re.Pattern[bytes], tuple[tuple[str, re.Pattern[bytes]], ...]]:
    """Return the patterns, compiled when they are needed first: a start without home files does not wait for it."""
    return re.compile(_ANY, re.DOTALL), tuple((why, re.compile(pattern, re.DOTALL)) for why, pattern in _KINDS)


def why_asked(path: bytes) -> str:
    """Return what a home file does that makes it ask before it comes in, "" for one that does not ask."""
    any_of_them, patterns = _compiled()
    if any_of_them.fullmatch(path) is None:
        return ""
    return next((why for why, pattern in patterns if pattern.fullmatch(path)), "")
