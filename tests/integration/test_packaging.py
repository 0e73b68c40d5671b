"""What is built holds what it should: wheel, source archive, Debian package, RPM; and one version everywhere."""

from __future__ import annotations

import configparser
import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import pytest

from gitsync.version import VERSION
from tests.fakes.built import ROOT, build, build_checkout, run
from tests.needs import needs

UNITS = sorted(path.name for path in (ROOT / "contrib/systemd").iterdir())
USER_UNITS = [name for name in UNITS if "@" not in name]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return build_checkout(tmp_path_factory.mktemp("packaging"))


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_has_all_modules_the_units_and_the_manual(built: tuple[Path, Path]) -> None:
    names = names_in(built[1])
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "gitsync").rglob("*.py")}
    assert modules <= names
    assert not [name for name in names if name.startswith(("tests/", "scripts/", "benchmarks/", "contrib/"))]
    data = f"gitsyncd-{VERSION}.data/data"
    assert {f"{data}/share/systemd/user/{name}" for name in USER_UNITS} <= names
    assert {f"{data}/lib/systemd/system/gitsync@.service"} <= names
    assert {f"{data}/share/man/man{page.suffix[1:]}/{page.name}" for page in (ROOT / "docs/man").iterdir()} <= names
    with zipfile.ZipFile(built[1]) as archive:
        assert archive.read("gitsync/py.typed") == b""
        for inside, outside in (
            ("gitsync.service", "systemd/gitsync.service"),
            ("gitsync-failed.service", "systemd/gitsync-failed.service"),
            ("org.gitsync.gitsync.plist", "launchd/org.gitsync.gitsync.plist"),
        ):
            assert archive.read(f"gitsync/cli/service/{inside}") == (ROOT / "contrib" / outside).read_bytes()
        metadata = email.message_from_bytes(archive.read(f"gitsyncd-{VERSION}.dist-info/METADATA"))
    # The name gitsync belongs to another program on PyPI.
    assert (metadata["Name"], metadata["Version"]) == ("gitsyncd", VERSION)


def test_the_source_archive_is_enough_to_test_and_to_package(built: tuple[Path, Path], tmp_path: Path) -> None:
    with tarfile.open(built[0]) as archive:
        # As its documentation says, for a Python that has no filters yet.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
        archive.extractall(tmp_path)
    source = tmp_path / f"gitsyncd-{VERSION}"
    for name in ("Makefile", "README.rst", "CHANGELOG.rst", "docs/index.rst", "tests/conftest.py", "scripts/run.py"):
        assert (source / name).is_file(), name
    for path in (ROOT / "contrib").rglob("*"):
        if path.is_file():
            there = source / path.relative_to(ROOT)
            assert there.read_bytes() == path.read_bytes()
            assert os.access(there, os.X_OK) == os.access(path, os.X_OK)
    out = tmp_path / "again"
    out.mkdir()
    assert names_in(build(source, out)[1]) == names_in(built[1])


def test_the_version_is_written_in_one_place() -> None:
    known = [path for folder in ("gitsync", "contrib") for path in (ROOT / folder).rglob("*") if path.is_file()]
    known += [ROOT / "setup.cfg", ROOT / "pyproject.toml", ROOT / "Makefile"]
    found = [
        str(path.relative_to(ROOT))
        for path in known
        if "__pycache__" not in path.parts and VERSION in path.read_text(errors="replace")
    ]
    assert found == ["gitsync/version.py"]


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_packages_of_distributions_build(tmp_path: Path) -> None:
    # Their tree is laid out by one script; what it asks pip for is what `make test` has asked for already.
    needs("rpmbuild", "rpmlint", "lintian")
    minor = run("/usr/bin/python3", "-c", "import sys; print(*sys.version_info[:2], sep='.')").strip()
    if tuple(map(int, minor.split("."))) < (3, 11):
        pytest.skip(f"the system's Python is {minor}")
    # Compressing would be half of the time.
    run(
        ROOT / "contrib/debian/build.sh",
        tmp_path,
        PIP_PYTHON=sys.executable,
        DPKG_DEB_COMPRESSOR_TYPE="none",
        DEBFULLNAME="Ada Lovelace",
        DEBEMAIL="ada@lovelace.dev",
    )
    (deb,) = tmp_path.glob("*.deb")
    compression = "uses-no-compression-for-data-tarball,uses-no-compression-for-control-tarball"
    assert run("lintian", "--allow-root", "--display-level", "error", "--suppress-tags", compression, deb) == ""
    fields = run("dpkg-deb", "--field", deb, "Package", "Version", "Depends")
    assert f"Version: {VERSION}" in fields
    assert f"python3 (>= {minor})" in fields
    root = tmp_path / "root"
    run("dpkg-deb", "--extract", deb, root)
    assert sorted(path.name for path in (root / "usr/lib/systemd/user").iterdir()) == USER_UNITS
    assert (root / "usr/lib/systemd/system/gitsync@.service").is_file()
    assert (root / "usr/share/man/man1/gitsync.1.gz").is_file()
    for shell in ("bash-completion/completions/", "fish/vendor_completions.d/", "zsh/vendor-completions/_"):
        for program in ("gitsyncctl", "gitsync"):
            suffix = ".fish" if "fish" in shell else ""
            if program != "gitsync" or "zsh" not in shell:  # there, one file is for both
                assert (root / "usr/share" / f"{shell}{program}{suffix}").stat().st_size > 500
    for entry in ("applications/org.gitsync.gitsync.desktop", "icons/hicolor/scalable/apps/org.gitsync.gitsync.svg"):
        assert (root / "usr/share" / entry).is_file()
    for program in ("gitsync", "gitsyncctl"):
        # As installed, but for the place.
        script = root / "usr/bin" / program
        script.write_text(script.read_text().replace('"/usr/lib/gitsync"', f'"{root}/usr/lib/gitsync"'))
        assert run(script, "--version").split()[-1] == VERSION
    assert "configuration:" in run(root / "usr/bin/gitsync", "--check")
    # The RPM is made of the same tree: it is laid out once.
    shutil.rmtree(root / "usr/share/lintian")
    spec = (ROOT / "contrib/rpm/gitsync.spec").read_text()
    staged = tmp_path / "staged.spec"
    staged.write_text(
        spec.replace("%{source}/contrib/packages/stage.sh %{buildroot} %{python}", f"cp -a {root}/. %{{buildroot}}/")
    )
    assert staged.read_text() != spec
    run(
        "rpmbuild",
        "--quiet",
        "-bb",
        "--define",
        f"_topdir {tmp_path}/rpm",
        "--define",
        f"source {ROOT}",
        "--define",
        f"version_now {VERSION}",
        "--define",
        "_binary_payload w0.ufdio",
        staged,
    )
    (rpm,) = tmp_path.glob("rpm/RPMS/*/*.rpm")
    assert run("rpm", "-qp", "--queryformat", "%{VERSION}", rpm) == VERSION
    assert set(USER_UNITS) <= {Path(line).name for line in run("rpm", "-qpl", rpm).splitlines()}
    found = subprocess.run(
        ["rpmlint", "--rpmlintrc", ROOT / "contrib/rpm/gitsync.rpmlintrc", rpm],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert [line for line in found.stdout.splitlines() if ": E: " in line] == []


def test_the_entry_in_the_menu_is_what_desktops_read() -> None:
    needs("desktop-file-validate", "appstreamcli")
    desktop = ROOT / "contrib/desktop"
    run("desktop-file-validate", desktop / "org.gitsync.gitsync.desktop")
    run("appstreamcli", "validate", "--no-net", desktop / "org.gitsync.gitsync.metainfo.xml")


def test_the_recipes_of_other_distributions_name_what_there_is() -> None:
    contrib = ROOT / "contrib"
    run("bash", "-n", contrib / "aur/PKGBUILD")
    metadata = configparser.ConfigParser()
    metadata.read(ROOT / "setup.cfg")
    needed = {re.split(r"[ ><;]", line)[0] for line in metadata["options"]["install_requires"].split("\n") if line}
    for recipe in ("aur/PKGBUILD", "nix/package.nix", "homebrew/gitsyncd.rb"):
        text = (contrib / recipe).read_text()
        missing = [name for name in needed if name not in text]
        assert not missing, f"{recipe} lacks {missing}"
        assert "gitsyncd" in text


def test_the_recipes_are_read_by_the_programs_that_they_are_for(tmp_path: Path) -> None:
    needs("makepkg", "pacman", "nix-instantiate", "ruby", "setpriv")
    contrib = ROOT / "contrib"
    run("ruby", "-c", contrib / "homebrew/gitsyncd.rb")
    # Evaluated with stand-ins for Nix's packages; a library that is missing there would be an error.
    libraries = "jeepney pathspec platformdirs pygit2 python-daemon tomlkit watchdog jinja2 pygments starlette uvicorn"
    given = " ".join(f"{name} = 1;" for name in (*libraries.split(), "setuptools"))
    lib = 'head = builtins.head; cleanSource = x: x; makeBinPath = x: ""; licenses.mit = 1; platforms.unix = [ ];'
    packages = f"{{ buildPythonApplication = x: x; {given} }}"
    arguments = f"{{ lib = {{ {lib} }}; python3Packages = {packages}; git = 1; openssh = 1; makeWrapper = 1; }}"
    recipe = f"(import {contrib / 'nix/package.nix'} {arguments})"
    expression = f"let of = {recipe}; in [ of.pname of.version (builtins.length of.dependencies) ]"
    found = run("nix-instantiate", "--eval", "--strict", "--store", "dummy://", "--expr", expression)
    assert found.split() == ["[", '"gitsyncd"', f'"{VERSION}"', "7", "]"]
    # As another user: makepkg does not run as root.
    place = tmp_path / "aur"
    place.mkdir()
    text = (contrib / "aur/PKGBUILD").read_text().replace("@VERSION@", VERSION)
    (place / "PKGBUILD").write_text(text)
    other: list[str] = []
    if os.geteuid() == 0:
        other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        os.chown(place, 65534, 65534)
        for path in place.parents:
            if path != Path(tempfile.gettempdir()) and path.is_relative_to(tempfile.gettempdir()):
                path.chmod(path.stat().st_mode | 0o055)
    source = run(*other, "makepkg", "--printsrcinfo", cwd=place, HOME=str(place))
    assert f"pkgver = {VERSION}" in source
    assert "depends = python-pygit2" in source
