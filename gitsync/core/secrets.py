"""Detects files that look like secrets, so that a new one is quarantined before it gets into history.

Pure; any thread. The rules avoid false positives: public keys, templates such as `.env.example` and prose that mentions
a pattern pass. They look at the name and the head of a file, so a secret may go undetected.

Sources of the rules: the published token formats of GitHub ("Behind GitHub's new authentication token formats"),
GitLab ("Token prefixes"), Slack ("Token types"), AWS ("Unique identifier prefixes"), Stripe, npm, PyPI, Hugging Face,
DigitalOcean, age; RFC 7468 and OpenSSH's PROTOCOL.key for keys; the manual pages netrc(5), PostgreSQL's "The Password
File", gitcredentials(7), npmrc(5); and the rule lists of gitleaks and detect-secrets for further candidates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

# How much of a file is examined: keys and settings are small, and tokens are usually near the beginning.
HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret: `names` matches the whole base name (b"" = any file), `pattern` is searched in the head.

    Every match contains one of `literals`: searching for them first is much cheaper.
    """

    kind: str
    names: bytes = b""
    literals: tuple[bytes, ...] = (b"",)
    pattern: bytes = b""


# A PEM header alone on its line, followed (after "Proc-Type:" and the like) by a line of base64.
_PEM = (
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[ \t]*(?:\r?\n|\\n)"
    rb"(?:[ \t]*[A-Za-z-]+:[^\n]*\n|[ \t]*\r?\n)*"
    rb"[ \t]*[A-Za-z0-9+/=]{8,}[ \t]*(?:\r?\n|\\n|\\r|\Z)"
)
_ENV = rb"\.env(?!.*(?:example|sample|template|dist|default))(?:\..+)?|(?!.*(?:example|sample|template|dist)).+\.env"
# Bounded, because two unbounded repetitions around one word take quadratic time on a line of such words.
_TELLING = (
    rb"(?im)^[ \t]*(?:export[ \t]+)?\w{0,64}"
    rb"(?:password|passwd|passphrase|secret|token|api_?key|private_?key|access_?key|credential)s?\w{0,64}"
)
# A value that is present, and neither a reference ("${TOKEN}", "<token>") nor a placeholder.
_VALUE = (
    rb"[ \t]*[=:][ \t]*"
    rb"(?![\"']?(?:[<$%{*]|[ \t]*#))"
    rb"(?![\"']?(?i:change_?me|example|your|xxx|todo|placeholder|none|null|true|false)(?![a-z0-9]))"
    rb"(?![\"']?your_)(?![\"']{2})"
    rb"[^\s]"
)

NAMES_AND_PATTERNS: tuple[Rule, ...] = (
    # Recognised by the name, or by the name and the content.
    Rule("private key", rb"id_(?:rsa|dsa|ecdsa|ed25519|ecdsa_sk|ed25519_sk|xmss)"),
    Rule("private key", rb".*\.(?:pem|key)", (b"PRIVATE KEY-----",), rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    Rule("key store", rb".*\.(?:p12|pfx|jks|ppk)"),
    Rule("password file", rb"[._]netrc|\.authinfo", (b"password",), rb"\bpassword\s+\S"),
    Rule("password file", rb"\.pgpass", (b":",), rb"(?m)^[^#:\s][^:\n]*(?::[^:\n]*){3}:[^\s*]"),
    Rule("password file", rb"\.my\.cnf", (b"password",), rb"(?m)^[ \t]*password[ \t]*=[ \t]*\S"),
    Rule("password file", rb"\.git-credentials|\.?credentials", (b"://",), rb"https?://[^\s/:@]+:[^\s/@]+@"),
    Rule("password file", rb"\.htpasswd", (b":",), rb"(?m)^[^:\s#]+:\S"),
    Rule("password file", rb"g?shadow-?", (b":$",), rb"(?m)^[a-z_][a-z0-9_-]*:\$\w+\$"),
    Rule("password file", rb"\.pypirc", (b"password",), rb"(?m)^[ \t]*password[ \t]*[=:][ \t]*\S"),
    Rule("access token", rb"\.npmrc", (b"_auth", b"_pass"), rb"_(?:authToken|auth|password)\s*=\s*[\"']?[^\s$\"']"),
    Rule("access token", rb"\.vault-token", pattern=rb"\S{8,}"),
    Rule("registry credentials", rb"config\.json|\.dockercfg", (b'"auths"',), rb'"auth"\s*:\s*"[A-Za-z0-9+/=]{8,}"'),
    Rule(
        "cluster credentials", rb"(?:kube)?config|.*\.kubeconfig", (b"client-key-data:",), rb"key-data:\s*[\w+/=]{20,}"
    ),
    Rule(
        "cluster credentials",
        rb"(?:kube)?config|.*\.kubeconfig",
        (b"token:",),
        rb"(?m)^[ \t]+token:[ \t]*[\"']?[\w.-]{20,}",
    ),
    Rule(
        "client secret",
        rb"(?:client_secret|credentials).*\.json",
        (b"client_",),
        rb'"client_secret"\s*:\s*"[^"<$]{8,}"',
    ),
    Rule("environment file with secrets", _ENV, pattern=_TELLING + _VALUE),
    Rule(
        "environment file with secrets", _ENV, (b"://",), rb"(?m)^\w[\w ]*=[ \t]*[\"']?\w+://[^\s/:@]*:[^\s/@${<]{3,}@"
    ),
    # In home directories: files that programs keep in their own directories.
    Rule("private key", rb".*\.key", (b"private-key",), rb"\(\d*:?(?:protected-|shadowed-)?private-key"),
    Rule("private key", rb"secring\.(?:gpg|kbx|pgp|skr)", pattern=rb"(?s)."),
    Rule("browser logins", rb"logins(?:-backup)?\.json", (b"encryptedPassword",), rb'"encryptedPassword"\s*:\s*"[^"]'),
    Rule(
        "browser logins",
        rb"key[34]\.db|signons\.sqlite|Login Data(?: For Account)?",
        (b"SQLite format 3\0",),
        rb"\ASQLite format 3",
    ),
    Rule("browser logins", rb"key3\.db", pattern=rb"(?s)."),
    Rule("browser cookies", rb"cookies\.sqlite(?:-wal)?|Cookies", pattern=rb"\ASQLite format 3|\A\x37\x7f\x06"),
    Rule(
        "browser cookies",
        rb"\.?cookies?\.txt|\.?cookiejar",
        (b"\t",),
        rb"(?m)^(?:#HttpOnly_)?[^#\s]\S*\t(?:TRUE|FALSE)\t/\S*\t(?:TRUE|FALSE)\t\d+\t",
    ),
    Rule("access token", rb"hub|hosts\.yml", (b"oauth_token",), rb"oauth_token:\s*[\"']?[A-Za-z0-9_]{20,}"),
    Rule(
        "password file",
        rb"rclone\.conf",
        (b"token", b"pass", b"key", b"secret", b"auth"),
        rb"(?m)^(?:token|pass(?:word)?2?|secret_access_key|client_secret|key|api_key|auth)[ \t]*=[ \t]*\S",
    ),
    Rule("key store", rb".*\.keyring", (b"GnomeKeyring",), rb"\AGnomeKeyring"),
    Rule("key store", rb".*\.kwl", (b"KWALLET",), rb"\AKWALLET"),
    Rule("key store", rb"wallet\.dat", pattern=rb"(?s)."),
    # The keys of the documentation, too: in this file they stand for what replaces them.
    Rule("AWS secret key", rb"credentials", (b"aws_secret_access_key",), rb"(?m)^aws_secret_access_key[ \t]*=[ \t]*\S"),
    Rule("access token", rb"[0-9a-f]{40}\.json", (b"accessToken",), rb"\"accessToken\"\s*:\s*\"\S"),
    Rule("password file", rb"\.?smb_?credentials", (b"password",), rb"(?m)^password[ \t]*=[ \t]*\S"),
    Rule("password file", rb"secrets", (b"://",), rb"(?m)^https?://\S+[ \t]+\S+[ \t]+\S"),
    Rule("browser logins", rb"Web Data", (b"SQLite format 3\0",), rb"\ASQLite format 3"),
    Rule("access token", rb"credentials(?:\.toml)?", (b"token",), rb"(?m)^[ \t]*token[ \t]*=[ \t]*[\"']?\w"),
    Rule("access token", rb"credentials", (b"rubygems_api_key",), rb":rubygems_api_key:[ \t]*\S"),
    Rule("access token", rb"credentials\.tfrc\.json|\.terraformrc", (b"token",), rb"[\"']?token[\"']?\s*[:=]\s*\"\w"),
    Rule("access token", rb"(?:credentials|access_tokens)\.db", pattern=rb"\ASQLite format 3"),
    Rule(
        "access token",
        rb"(?:accessTokens|msal_token_cache|application_default_credentials)\.json",
        (b"efresh", b"ccess"),
        rb"(?i)\"(?:refresh_?token|access_?token|secret)\"\s*:",
    ),
    Rule(
        "access token",
        rb"\.boto",
        (b"refresh_token", b"secret"),
        rb"(?m)^\w*(?:refresh_token|secret\w*)[ \t]*=[ \t]*\S",
    ),
    Rule("access token", rb"\.s3cfg", (b"secret_key",), rb"(?m)^secret_key[ \t]*=[ \t]*\S"),
    Rule("registry credentials", rb"auth\.json", (b'"auth"',), rb'"auth"\s*:\s*"[A-Za-z0-9+/=]{8,}"'),
    Rule(
        "password file",
        rb"(?:sitemanager|recentservers|filezilla|accounts|settings)\.xml",
        (b"<Pass", b"<pass"),
        rb"(?i)<pass(?:word)?(?:\s[^>]*)?>(?!\$\{)[^<\s]",
    ),
    Rule("password file", rb"[0-9a-f]{32}", (b"\npassword\nV ",), rb"\nK 8\npassword\nV \d+\n"),
    Rule("password file", rb"\.?msmtprc", (b"password",), rb"(?m)^[ \t]*password[ \t]+\S"),
    Rule("password file", rb"\.?offlineimaprc", (b"remotepass",), rb"(?m)^[ \t]*remotepass[ \t]*[=:][ \t]*\S"),
    Rule(
        "password file", rb"\.?(?:fetchmail|getmail)rc", (b"pass",), rb"(?m)\bpass(?:word)?[ \t]*[= \t][ \t]*[\"']?\w"
    ),
    Rule("password file", rb"\.(?:X|ICE)authority", pattern=rb"(?s)."),
    Rule(
        "shell history",
        rb"\.(?:bash|zsh|sh|ksh|mksh|ash|fish|csh|tcsh|python|node_repl|irb|pry|lua|ghci|julia|gdb)_?history"
        rb"|\.histfile|\.history|fish_history|\.octave_hist|\.Rhistory|\.lesshst|\.scala_history",
        pattern=rb"\S",
    ),
    Rule(
        "database history",
        rb"\.(?:mysql|mariadb|psql|sqlite|duckdb|rediscli|mongo|mongosh|cqlsh|influx)_?history|\.dbshell|mongosh_repl_history",
        pattern=rb"\S",
    ),
    # Recognised by the content, whatever the name.
    Rule("private key", literals=(b"PRIVATE KEY",), pattern=_PEM),
    Rule("private key", literals=(b"PuTTY-User-Key-File-",), pattern=rb"\APuTTY-User-Key-File-\d"),
    Rule("private key", literals=(b"AGE-SECRET-KEY-1",), pattern=rb"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    Rule(
        "AWS access key",
        literals=(b"AKIA", b"ASIA", b"ABIA", b"ACCA"),
        pattern=rb"\b(?:AKIA|ASIA|ABIA|ACCA)(?![A-Z2-7]{9}EXAMPLE\b)[A-Z2-7]{16}\b",
    ),
    Rule(
        "AWS secret key",
        literals=(b"secret_access_key", b"SECRET_ACCESS_KEY", b"SecretAccessKey", b"secretAccessKey"),
        pattern=rb"(?i:secret_?access_?key)[\"']?\s*[=:]\s*[\"']?(?![\w/+]*EXAMPLEKEY)[A-Za-z0-9/+]{40}\b",
    ),
    Rule(
        "GitHub token",
        literals=(b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"),
        pattern=rb"\bgh[pousr]_(?![xX]{8})[A-Za-z0-9]{36,255}\b",
    ),
    Rule(
        "GitHub token", literals=(b"github_pat_",), pattern=rb"\bgithub_pat_(?![xX]{8})[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"
    ),
    Rule(
        "GitLab token",
        literals=(b"glpat-", b"gldt-", b"glrt-", b"glcbt-", b"glptt-", b"glagent-", b"gloas-"),
        pattern=rb"\bgl(?:pat|dt|rt|cbt|ptt|agent|oas)-(?![xX]{8})[A-Za-z0-9_-]{20,}",
    ),
    Rule(
        "Slack token",
        literals=(b"xoxa-", b"xoxb-", b"xoxe-", b"xoxo-", b"xoxp-", b"xoxr-", b"xoxs-"),
        pattern=rb"\bxox[abeoprs]-(?:\d-)?\d{8,}-[A-Za-z0-9-]{10,}",
    ),
    Rule("Slack token", literals=(b"xapp-",), pattern=rb"\bxapp-\d-[A-Z0-9]{8,}-\d{8,}-[a-z0-9]{20,}"),
    Rule(
        "Slack webhook",
        literals=(b"hooks.slack.com/",),
        pattern=rb"hooks\.slack\.com/services/T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/(?![xX]{8})[A-Za-z0-9]{20,}",
    ),
    Rule("Stripe key", literals=(b"k_live_",), pattern=rb"\b[sr]k_live_(?![xX]{8})[A-Za-z0-9]{20,}"),
    Rule("Google client secret", literals=(b"GOCSPX-",), pattern=rb"\bGOCSPX-[A-Za-z0-9_-]{28}"),
    Rule("npm token", literals=(b"npm_",), pattern=rb"\bnpm_(?![xX]{8})[A-Za-z0-9]{36}\b"),
    Rule("PyPI token", literals=(b"pypi-AgE",), pattern=rb"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
    Rule("OpenAI key", literals=(b"T3BlbkFJ",), pattern=rb"\bsk-[\w-]{20,200}T3BlbkFJ[\w-]{20,}"),
    Rule("Anthropic key", literals=(b"sk-ant-",), pattern=rb"\bsk-ant-[a-z]+\d\d-[A-Za-z0-9_-]{80,}"),
    Rule("Hugging Face token", literals=(b"hf_",), pattern=rb"\bhf_(?![xX]{8})[A-Za-z]{34}\b"),
    Rule("SendGrid key", literals=(b"SG.",), pattern=rb"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b"),
    Rule("DigitalOcean token", literals=(b"dop_v1_", b"doo_v1_", b"dor_v1_"), pattern=rb"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    Rule("Vault token", literals=(b"hvs.",), pattern=rb"\bhvs\.[A-Za-z0-9_-]{90,}"),
)


class _Tables(NamedTuple):
    """The rules, split by the cheapest first check: a name for the first table, a literal for the second.

    `names` matches any name of the first, and `literals` finds any literal of the second: most files have neither.
    """

    names: re.Pattern[bytes]
    by_name: tuple[tuple[str, re.Pattern[bytes], tuple[bytes, ...], re.Pattern[bytes]], ...]
    literals: re.Pattern[bytes]
    by_content: tuple[tuple[str, bytes, re.Pattern[bytes]], ...]


@cache
def _tables() -> _Tables:
    """Return the rules, compiled when the first new file is searched: a start does not wait for it."""
    by_name = [rule for rule in NAMES_AND_PATTERNS if rule.names]
    by_content = [(rule, literal) for rule in NAMES_AND_PATTERNS if not rule.names for literal in rule.literals]
    return _Tables(
        re.compile(b"|".join(b"(?:" + rule.names + b")" for rule in by_name), re.DOTALL),
        tuple(
            (rule.kind, re.compile(rule.names, re.DOTALL), rule.literals, re.compile(rule.pattern)) for rule in by_name
        ),
        re.compile(_one_of(literal for _, literal in by_content)),
        tuple((rule.kind, literal, re.compile(rule.pattern)) for rule, literal in by_content),
    )


def _one_of(words: Iterable[bytes]) -> bytes:
    """Return a pattern that finds any of these words; their beginnings are compared together, not word by word."""
    below: dict[bytes, list[bytes]] = {}
    for word in words:
        if not word:
            return b""
        below.setdefault(word[:1], []).append(word[1:])
    return b"(?:" + b"|".join(re.escape(first) + _one_of(rest) for first, rest in below.items()) + b")"


_PUBLIC = re.compile(
    rb"\s*(?:(?:ssh|ecdsa|sk)-[\w@.-]+ AAAA|---- BEGIN SSH2 PUBLIC KEY|-----BEGIN (?:[A-Z]+ )?PUBLIC KEY)"
)
# Content that is already encrypted is allowed under any name.
_SEALED = (
    b"$ANSIBLE_VAULT;",
    b"age-encryption.org/v1",
    b"-----BEGIN AGE ENCRYPTED FILE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"\x00GITCRYPT\x00",
)


def secret_in(path: bytes, head: bytes) -> str | None:
    """Return the kind of secret that a file looks like, such as "private key", or None.

    `head` is the beginning of its content, of which `HEAD_BYTES` are sufficient; for some files the name decides alone.
    """
    if head.startswith(_SEALED) or _PUBLIC.match(head):
        return None
    base = path.rpartition(b"/")[2]
    tables = _tables()
    if tables.names.fullmatch(base):
        for kind, names, literals, pattern in tables.by_name:
            if names.fullmatch(base) and any(literal in head for literal in literals) and pattern.search(head):
                return kind
    for kind, literal, pattern in tables.by_content if tables.literals.search(head) else ():
        if literal in head and pattern.search(head):
            return kind
    return None
