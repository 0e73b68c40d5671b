"""Which modules a daemon that only watches has loaded: each costs memory for as long as it runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LATE = {
    "hashlib",
    "ssl",
    "secrets",
    "html",
    "configparser",
    "difflib",
    "pathspec",
    "jeepney",
    "tomlkit",
    "gitsync.engine.repository.home",
    "gitsync.mirror.mirror_sync",
    "gitsync.backends.rsync.job",
}


def loaded(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


def test_what_a_plain_repository_does_not_need_is_not_loaded_at_the_start() -> None:
    modules = loaded("from gitsync.git import late_ssl; late_ssl.import_pygit2(); import gitsync.daemon.lifecycle")
    assert {"pygit2", "gitsync.engine.committer"} <= modules
    assert LATE & modules == set()


def test_https_through_libgit2_has_its_certificates() -> None:
    code = """
from gitsync.git import late_ssl
late_ssl.import_pygit2()
import pygit2
assert (pygit2.settings.ssl_cert_file, pygit2.settings.ssl_cert_dir) == (None, None)
late_ssl.trust_authorities()
import ssl
paths = ssl.get_default_verify_paths()
assert (pygit2.settings.ssl_cert_file, pygit2.settings.ssl_cert_dir) == (paths.cafile, paths.capath)
"""
    assert "ssl" in loaded(code)


def test_a_question_about_a_history_needs_no_engine(repo: Path) -> None:
    config = repo / "config.toml"
    config.write_text(f'[[repo]]\npath = "{repo}"\n')
    for asked in (["log", "-n3"], ["show", "HEAD"], ["find", "nothing-like-this"], ["size"]):
        modules = loaded(f"from gitsync.cli.main import main; main(['--config', {str(config)!r}, *{asked}])")
        assert "gitsync.daemon.alone" in modules
        assert {"gitsync.daemon.runtime", "gitsync.git.repository"} & modules == set(), asked
