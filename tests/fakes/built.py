"""The wheel and the source archive of this checkout, built from a copy of it, without asking the network for tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = (".git", ".venv", "build", "dist", "demo", ".run", "*.egg-info", "*_cache", "__pycache__")
# setuptools leaves its own words in sys.argv.
BUILD = "import sys; out = sys.argv[1]; from setuptools import build_meta as b; b.build_sdist(out); b.build_wheel(out)"


def run(*argv: str | Path, cwd: Path = ROOT, timeout_s: float = 230.0, **env: str) -> str:
    """Run a program that has to end well, and return its output."""
    done = subprocess.run(
        argv, cwd=cwd, env=os.environ | env, check=False, capture_output=True, text=True, timeout=timeout_s
    )
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


def build(source: Path, out: Path) -> tuple[Path, Path]:
    """Build both from a tree, and return the source archive and the wheel."""
    run(sys.executable, "-c", BUILD, out, cwd=source)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


def build_checkout(base: Path) -> tuple[Path, Path]:
    """Build both from this checkout, below `base`."""
    shutil.copytree(ROOT, base / "source", ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
    return build(base / "source", base)
