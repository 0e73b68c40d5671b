"""Reads Sync Manager's `.conf` files: an optional `env=` line, sections, one line per directory. On the calling thread.

 env=home,work
 [git]
 ~/thesis  origin|git@server:thesis.git  "Ada Lovelace"  ada@example.org
 [unison]
 ~/Photos  ssh://server//srv/photos      photos-template
 [rsync]
 ~/Music   server:/srv/music

An invalid line is reported with file and line number, and the others are used.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gitsync.config.build import free_name
from gitsync.config.checks import check_identity, check_remote, check_url, name_from
from gitsync.config.expand import expand_path, expand_url
from gitsync.config.options import JobConfig
from gitsync.config.source import read_text
from gitsync.config.values import quoted
from gitsync.errors import ConfigError
from gitsync.text import did_you_mean, escape

CONF_DIR = "~/.sync-conf"
_QUOTES = "quote fields that contain blanks"
ENV_VARIABLE = "SYNC_ENV"
BACKENDS = ("git", "unison", "rsync")
_ENV = re.compile(r"\s*env\s*=\s*(.*?)\s*", re.IGNORECASE)
_SECTION = re.compile(r"\s*\[\s*(.*?)\s*\]\s*(?:#.*)?")
# Quoted fields may contain blanks, others end at one. A single quote inside a word is part of it (O'Brien).
_FIELD = re.compile(r"\s*('[^']*'(?!\S)|(?:\"[^\"]*\"|[^\s\"]+)+)")
_QUOTED = re.compile(r"^'([^']*)'$|\"([^\"]*)\"")
_REMOTE = re.compile(r"([^|/:\s]+)\|(.+)", re.DOTALL)
_MAIL = re.compile(r"<?(?P<mail>[^\s<>@]+@[^\s<>@]+)>?")
# Matches half of a name whose quotes were forgotten; an intentionally relative path begins with a dot.
_BARE = re.compile(r"(?![./~$])[^:]*")


@dataclass(frozen=True, slots=True)
class Conf:
    """The content of a file: its jobs, the faults of other lines, and the environments it is for (none: all)."""

    source: Path
    jobs: tuple[JobConfig, ...] = ()
    faults: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()

    @property
    def is_meant_here(self) -> bool:
        """Whether `$SYNC_ENV` is one of its environments, or it has none."""
        return not self.environments or os.environ.get(ENV_VARIABLE, "").strip() in self.environments


def conf_files(directory: str = CONF_DIR) -> list[Path]:
    """Return the `.conf` files in and below `directory`, sorted; none when the directory does not exist."""
    path = Path(os.path.expanduser(directory))  # noqa: PTH111 - Path.expanduser raises for an unknown home
    return sorted(file for file in path.rglob("*.conf") if file.is_file()) if path.is_dir() else []


def read_conf(path: Path) -> Conf:
    """Return the content of a file; raise ConfigError when it cannot be read."""
    if not os.path.lexists(path):
        there = ", ".join(escape(str(file)) for file in conf_files()) or f"no .conf file in {CONF_DIR}"
        raise ConfigError([f"{escape(str(path))}: no such file"], f"searched there and in {CONF_DIR}: {there}")
    return parse_conf(read_text(path), path)


def jobs_of(files: list[Path], taken: tuple[JobConfig, ...] = ()) -> tuple[list[JobConfig], list[str]]:
    """Return the jobs of those files that are for this environment, with names not in `taken`, and every fault.

    Jobs that `taken` has already (the same directory, address and program) are left out.
    """
    names = {job.name for job in taken}
    known = {(job.backend, os.path.realpath(job.path), job.url) for job in taken}
    jobs: list[JobConfig] = []
    faults: list[str] = []
    for file in files:
        try:
            conf = read_conf(file)
        except ConfigError as error:
            faults += error.faults
            continue
        if not conf.is_meant_here:
            continue
        faults += conf.faults
        for job in conf.jobs:
            key = (job.backend, os.path.realpath(job.path), job.url)
            if key not in known:
                known.add(key)
                named = replace(job, name=free_name(job.name, names))
                names.add(named.name)
                jobs.append(named)
    return jobs, faults


def elsewhere(files: list[Path]) -> list[str]:
    """Return a sentence for each readable file that is for other environments than this one."""
    left: list[str] = []
    for file in files:
        with suppress(ConfigError):  # `jobs_of` reports unreadable files
            conf = read_conf(file)
            if not conf.is_meant_here:
                wanted = ", ".join(conf.environments)
                now = os.environ.get(ENV_VARIABLE, "").strip()
                is_now = f"is {escape(now)}" if now else "is not set"
                left.append(f"{escape(str(file))} is skipped: it is for {ENV_VARIABLE}={wanted}, which {is_now}")
    return left


def parse_conf(text: str, source: Path) -> Conf:
    """Return the content of a file; `source` is only used in messages."""
    jobs: list[JobConfig] = []
    faults: list[str] = []
    environments: tuple[str, ...] = ()
    section, is_first = "", True
    seen: dict[tuple[str, str, str], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        env, header = _ENV.fullmatch(line) if is_first else None, _SECTION.fullmatch(line)
        is_first = False
        try:
            if env:
                environments = tuple(word for word in re.split(r"[,\s]+", env[1]) if word)
            elif header:
                section = header[1].lower()
                _check_section(section)
            elif section in BACKENDS:
                job = _job(section, line, {job.name for job in jobs})
                before = seen.setdefault((section, os.path.realpath(job.path), job.url), number)
                if before != number:
                    raise ValueError(f"the same directory and address are in line {before}")
                jobs.append(job)
            elif not section:
                raise ValueError("this line is before any section; allowed: [git], [unison], [rsync]")
        except ValueError as error:
            faults.append(f"{escape(str(source))}:{number}: {error}")
    return Conf(source, tuple(jobs), tuple(faults), environments)


def _check_section(section: str) -> None:
    if section not in BACKENDS:
        hint = did_you_mean(section, BACKENDS, lead="; ")
        raise ValueError(f"unknown section [{section}]; allowed: [git], [unison], [rsync]{hint}; its lines are skipped")


def _job(backend: str, line: str, taken: set[str]) -> JobConfig:
    fields = _fields(line)
    if len(fields) < 2:
        raise ValueError(f'{quoted(fields[0])} has no address; allowed: PATH [REMOTE|]URL "User Name" MAIL')
    raw, address, *rest = fields
    path = expand_path(raw)
    found = _REMOTE.fullmatch(address)
    remote, url = (found[1], found[2]) if found else ("origin", address)
    check_remote(remote)
    check_url(url)
    if _BARE.fullmatch(url):
        raise ValueError(f'{quoted(url)} is not an address; allowed: host:path, URLs, "/a/b", "~/b", "./b"; {_QUOTES}')
    try:
        url = expand_url(url, may_be_relative=backend == "git")
    except ValueError as error:
        raise ValueError(f"{quoted(url)} {error}") from error
    user, options = _rest(backend, rest)
    name = free_name(name_from(path.name) or "root", taken)
    return JobConfig(name=name, path=path, backend=backend, url=url, remote=remote, user=user, options=options)


def _rest(backend: str, rest: list[str]) -> tuple[str, tuple[str, ...]]:
    """Return the identity and the options in the fields after the address."""
    if len(rest) > 2:
        raise ValueError(f"too many fields: {quoted(' '.join(rest[2:]))}; {_QUOTES}")
    if len(rest) == 2:
        name, mail = rest
        found = _MAIL.fullmatch(mail)
        if found is None:
            raise ValueError(f"{quoted(mail)} is not a mail address; {_QUOTES}")
        user = f"{name} <{found['mail']}>"
        check_identity(user)
        return user, ()
    if rest and backend == "unison":
        if ":" in rest[0] or "/" in rest[0]:
            raise ValueError(f"{quoted(rest[0])} is not the name of a unison profile; {_QUOTES}")
        return "", (f"include {rest[0]}",)
    if rest:
        raise ValueError(f'{quoted(rest[0])} is a name without a mail address; allowed: "User Name" MAIL')
    return "", ()


def _fields(line: str) -> list[str]:
    fields: list[str] = []
    at = 0
    while line[at:].strip():
        found = _FIELD.match(line, at)
        if found is not None and found[1].startswith("#"):
            break  # a comment after the fields
        if found is None or line[found.end() :].startswith('"'):
            raise ValueError("has an unterminated quote")
        fields.append(_QUOTED.sub(lambda part: part[1] or part[2] or "", found[1]))
        at = found.end()
    if not all(fields):
        raise ValueError('has an empty field ("")')
    return fields
