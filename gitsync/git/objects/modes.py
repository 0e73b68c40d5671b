"""The modes of git's tree entries."""

from __future__ import annotations

MODE_FILE = 0o100644

MODE_EXECUTABLE = 0o100755

MODE_LINK = 0o120000

MODE_GITLINK = 0o160000

MODE_TREE = 0o040000
