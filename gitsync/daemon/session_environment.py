"""The part of the session's environment that appears after a daemon was started by systemd: an agent, a ticket.

Runs on the main thread. A user manager starts the daemon before the session has an ssh agent, and each login may have
another one. `systemctl --user import-environment` tells the manager of it; the daemon asks the manager while a remote
refuses it. Values that are in force are kept, unless they are paths that do not exist any more.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import MutableMapping
from pathlib import Path

from gitsync import proc

logger = logging.getLogger(__name__)

NAMES = ("SSH_AUTH_SOCK", "KRB5CCNAME", "GNUPGHOME", "SSL_CERT_FILE", "SSL_CERT_DIR")
ASK_S = 2.0
# How often the manager is asked while a remote refuses the user.
LOOK_EVERY_S = 10.0
_ESCAPES = re.compile(r"\\(.)")


def refresh(environment: MutableMapping[str, str] = os.environ) -> list[str]:
    """Take over from the user manager what this process lacks; return the names that changed."""
    try:
        done = proc.run(["systemctl", "--user", "show-environment"], deadline_s=ASK_S, env={"SYSTEMD_PAGER": ""})
    except FileNotFoundError:
        return []
    given = dict(_parsed(done.stdout.decode("utf-8", "surrogateescape"))) if done.ok else {}
    changed = [name for name in NAMES if name in given and _is_wanted(environment.get(name), given[name])]
    for name in changed:
        environment[name] = given[name]
    if changed:
        logger.info("taken over from the session: %s", ", ".join(changed))
    return changed


def _is_wanted(own: str | None, given: str) -> bool:
    if not own:
        return True
    path = own.partition(":")[2] if own.startswith(("FILE:", "DIR:")) else own
    return own != given and path.startswith("/") and not Path(path).exists()


def _parsed(text: str) -> list[tuple[str, str]]:
    """Return the assignments that systemctl printed: as in a shell, in $'…' where that is needed."""
    found = []
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if value.startswith("$'") and value.endswith("'"):
            value = _ESCAPES.sub(lambda each: {"n": "\n", "t": "\t"}.get(each[1], each[1]), value[2:-1])
        found.append((name, value))
    return found
