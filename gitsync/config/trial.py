"""A copy of the configuration file, on which an edit can be tried. On the calling thread, which owns the copy."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def trial(path: Path) -> Iterator[Path]:
    """Yield a copy of the configuration file `path`, which may not exist; the copy is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="gitsync-trial-") as directory:
        copy = Path(directory, path.name)
        # An INI of the first GitSync may have the name of the configuration's directory.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            shutil.copyfile(path, copy)
        yield copy
