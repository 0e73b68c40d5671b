"""The run of all faults: `python -m tests.mutants [WORD ...]`, or `make mutants`; with words, of those that have one.

Each fault is applied to a copy of the program, and the test that `places` names has to fail then; without any fault all
of these tests have to pass. The status is 1 when a fault was not found.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.places import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("gitsync", "tests", "scripts", "docs", "setup.cfg", "pyproject.toml", "README.rst")
PATIENCE_S = 300.0


def main(words: list[str]) -> int:
    """Try the faults; return the exit status."""
    chosen = [each for each in MUTATIONS if not words or any(word in f"{each.path} {each.promise}" for word in words)]
    copies: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="gitsync-mutants-") as directory:
        for number in range(os.cpu_count() or 1):
            copies.put(copy(Path(directory, str(number))))
        first = copies.get()
        if not passes(first, *dict.fromkeys(each.test for each in chosen)):
            print("the tests fail without any fault", flush=True)
            return 1
        copies.put(first)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            survived = [each for each in pool.map(lambda each: tried(copies, each), chosen) if each is not None]
    print(f"{len(chosen)} faults, {len(survived)} of them not found")
    return 1 if survived else 0


def copy(place: Path) -> Path:
    """Copy what is needed to run a test of the program."""
    place.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, place / name)
    return place


def tried(copies: SimpleQueue[Path], mutation: Mutation) -> Mutation | None:
    """Return the fault if its test does not find it."""
    place = copies.get()
    try:
        file = place / mutation.path
        whole = file.read_text()
        file.write_text(mutation.applied(whole))
        is_found = not passes(place, mutation.test)
        file.write_text(whole)
    finally:
        copies.put(place)
    print(f"{'found' if is_found else 'NOT FOUND'}: {mutation.path}: {mutation.promise} ({mutation.test})", flush=True)
    return None if is_found else mutation


def passes(place: Path, *tests: str) -> bool:
    """Return whether tests pass in a copy; one that hangs does not."""
    options = ("-q", "-x", "-p", "no:randomly", "-p", "no:cacheprovider", "--timeout=60")
    command = (sys.executable, "-B", "-m", "pytest", *options, *tests)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "TESTS_RUN"))}
    try:
        done = subprocess.run(
            command, cwd=place, env=environment, check=False, capture_output=True, text=True, timeout=PATIENCE_S
        )
    except subprocess.TimeoutExpired:
        return False
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
