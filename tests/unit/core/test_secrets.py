"""What is held back, and above all what is not. Tokens are put together here, so that no scanner minds."""

from __future__ import annotations

import random
import re
import string

import pytest

from gitsync.core.secrets import HEAD_BYTES, NAMES_AND_PATTERNS, secret_in

MIXED = (string.ascii_letters + string.digits) * 4
BASE64 = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ=="


def pem(kind: str, body: str = BASE64, newline: str = "\n") -> str:
    dashes = "-" * 5
    return newline.join([f"{dashes}BEGIN {kind}{dashes}", body, f"{dashes}END {kind}{dashes}", ""])


FOUND = [
    ("id_rsa", "anything", "private key"),
    (".ssh/id_ed25519", pem("OPENSSH PRIVATE KEY"), "private key"),
    ("notes.txt", pem("RSA PRIVATE KEY"), "private key"),
    ("notes.txt", pem("PRIVATE KEY", newline="\r\n"), "private key"),
    ("notes.txt", pem("PGP PRIVATE KEY BLOCK", "Version: x\n\n" + BASE64), "private key"),
    ("notes.txt", pem("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\n" + BASE64), "private key"),
    ("service.json", '{"private_key": "' + pem("PRIVATE KEY", newline="\\n") + '"}', "private key"),
    ("server.key", pem("EC PRIVATE KEY", "short"), "private key"),
    ("x.ppk", "", "key store"),
    (f"private-keys-v1.d/{'0A' * 20}.key", "Created: 20240101T0\nKey: (private-key (rsa (n #00#)))\n", "private key"),
    (f"private-keys-v1.d/{'0A' * 20}.key", "(21:protected-private-key(3:rsa(1:n", "private key"),
    (".gnupg/secring.gpg", "\x95\x01", "private key"),
    ("x.default/logins.json", '{"logins":[{"encryptedPassword":"MDIE"}]}', "browser logins"),
    ("x.default/key4.db", "SQLite format 3\x00", "browser logins"),
    ("Default/Login Data", "SQLite format 3\x00", "browser logins"),
    ("x.default/cookies.sqlite", "SQLite format 3\x00", "browser cookies"),
    ("Default/Cookies", "SQLite format 3\x00", "browser cookies"),
    (".config/hub", "github.com:\n- user: ada\n  oauth_token: " + "0123456789" * 4 + "\n", "access token"),
    ("rclone.conf", '[gd]\ntype = drive\ntoken = {"access_token":"x"}\n', "password file"),
    (".bash_history", "ls\n", "shell history"),
    (".psql_history", "select 1;\n", "database history"),
    ("keyrings/login.keyring", "GnomeKeyring\n\r\x00\n\x00", "key store"),
    ("Default/Web Data", "SQLite format 3\x00", "browser logins"),
    ("kwalletd/kdewallet.kwl", "KWALLET\n\r\x00\r\n", "key store"),
    (".bitcoin/wallet.dat", "\x00\x01", "key store"),
    ("firefox/x.y/key3.db", "\x00\x06\x15\x61", "browser logins"),
    (
        ".aws/credentials",
        "[default]\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
        "AWS secret key",
    ),
    (".aws/sso/cache/" + "0a" * 20 + ".json", '{"accessToken": "eyJ"}', "access token"),
    (".kube/config", "users:\n- user:\n    token: eyJhbGciOiJSUzI1NiJ9.abc\n", "cluster credentials"),
    (".smbcredentials", "username=ada\npassword=x\n", "password file"),
    (".davfs2/secrets", "https://dav.example.org/ ada hunter2\n", "password file"),
    (".authinfo", "machine imap.example.org login ada password x\n", "password file"),
    (".gnupg/private-keys-v1.d/AB.key", "(11:private-key(3:rsa", "private key"),
    (".cargo/credentials.toml", '[registry]\ntoken = "abc"\n', "access token"),
    (".gem/credentials", "---\n:rubygems_api_key: rubygems_abc\n", "access token"),
    ("credentials.tfrc.json", '{"credentials":{"app.terraform.io":{"token":"x"}}}', "access token"),
    ("gcloud/credentials.db", "SQLite format 3\x00", "access token"),
    ("gcloud/application_default_credentials.json", '{"refresh_token":"y"}', "access token"),
    (".azure/accessTokens.json", '[{"accessToken":"x"}]', "access token"),
    (".boto", "[Credentials]\ngs_oauth2_refresh_token = x\n", "access token"),
    (".s3cfg", "[default]\nsecret_key = abc\n", "access token"),
    ("containers/auth.json", '{"auths":{"x":{"auth":"dTpwYXNz"}}}', "registry credentials"),
    ("filezilla/sitemanager.xml", '<Pass encoding="base64">eA==</Pass>', "password file"),
    (".purple/accounts.xml", "<password>x</password>", "password file"),
    (".m2/settings.xml", "<password>x</password>", "password file"),
    (f"svn.simple/{'0a' * 16}", "K 8\npasstype\nV 6\nsimple\nK 8\npassword\nV 3\nabc\n", "password file"),
    (".msmtprc", "account x\npassword y\n", "password file"),
    (".offlineimaprc", "remotepass = x\n", "password file"),
    (".fetchmailrc", "poll x user y pass z\n", "password file"),
    (".Xauthority", "\x01\x00", "password file"),
    (".octave_hist", "x\n", "shell history"),
    ("x", "PuTTY-User-Key-File-2: ssh-rsa\n", "private key"),
    ("age.txt", "# created\nAGE-SECRET-KEY-" + "1" + "Q" * 58, "private key"),
    ("cert.p12", "\x00\x01", "key store"),
    (".netrc", "machine example.org login ada password lovelace", "password file"),
    (".pgpass", "# c\nlocalhost:5432:db:ada:lovelace\n", "password file"),
    (".my.cnf", "[client]\nuser=a\npassword = x1\n", "password file"),
    (".git-credentials", "https://ada:lovelace@example.org\n", "password file"),
    ("www/.htpasswd", "ada:$apr1$x$y\n", "password file"),
    ("shadow", "root:$6$salt$hash:19000::::::\n", "password file"),
    (".pypirc", "[pypi]\npassword = lovelace\n", "password file"),
    (".npmrc", "//registry.npmjs.org/:_authToken=abcdef-123\n", "access token"),
    (".vault-token", "s.abcdefghijk", "access token"),
    (".docker/config.json", '{"auths": {"h": {"auth": "YWRhOmxvdmVsYWNl"}}}', "registry credentials"),
    (".kube/config", "users:\n- user:\n    client-key-data: " + BASE64, "cluster credentials"),
    ("client_secret_1.json", '{"client_secret": "abcdefghijk"}', "client secret"),
    ("app/.env", "PORT=80\nDB_PASSWORD=lovelace\n", "environment file with secrets"),
    (".env.local", "export API_KEY='abc123'\n", "environment file with secrets"),
    ("prod.env", "MY_SECRET_VALUE: abc\n", "environment file with secrets"),
    (".env", "DATABASE_URL=postgres://ada:lovelace@db/x\n", "environment file with secrets"),
    (".env", "APP_TOKEN=yourself-42\n", "environment file with secrets"),
    ("a.py", "key = 'AKIA" + "IOSFODNN7ABCDEF2'", "AWS access key"),
    (".aws/credentials", "aws_secret_access_key = " + MIXED[:40] + "\n", "AWS secret key"),
    ("a.py", "ghp" + "_" + MIXED[:36], "GitHub token"),
    ("a.py", "github" + "_pat_" + MIXED[:22] + "_" + MIXED[:59], "GitHub token"),
    ("a.py", "glpat" + "-" + MIXED[:20], "GitLab token"),
    ("a.py", "xoxb" + "-123456789012-123456789012-" + MIXED[:24], "Slack token"),
    ("a.sh", "https://hooks.slack.com" + "/services/T00000001/B00000001/" + MIXED[:24], "Slack webhook"),
    ("a.py", "sk_" + "live_" + MIXED[:24], "Stripe key"),
    ("a.py", "npm" + "_" + MIXED[:36], "npm token"),
    ("a.py", "pypi-AgEI" + "cHlwaS5vcmc" + MIXED[:60], "PyPI token"),
    ("a.py", "hf" + "_" + string.ascii_letters[:34], "Hugging Face token"),
    ("a.py", "sk-" + MIXED[:20] + "T3Blbk" + "FJ" + MIXED[:20], "OpenAI key"),
    ("a.py", "dop_v1" + "_" + "0123456789abcdef" * 4, "DigitalOcean token"),
]
PASSED = [
    ("id_rsa.pub", "ssh-rsa AAAAB3NzaC1yc2E ada@desk"),
    ("id_rsa", "ssh-rsa AAAAB3NzaC1yc2E ada@desk"),
    ("cert.pem", pem("CERTIFICATE")),
    ("public.pem", pem("PUBLIC KEY")),
    ("talk.key", "PK\x03\x04 slides"),
    ("how-to.md", "A key begins with `" + "-----BEGIN RSA PRIVATE " + "KEY-----` and is secret.\n"),
    ("how-to.md", pem("RSA PRIVATE KEY", "...")),
    ("how-to.md", pem("RSA PRIVATE KEY", "<your key here>")),
    ("grep.sh", "grep -r 'BEGIN .* PRIVATE KEY' ."),
    (".env.example", "DB_PASSWORD=lovelace\n"),
    ("prod.env.sample", "DB_PASSWORD=lovelace\n"),
    ("example.env", "DB_PASSWORD=lovelace\n"),
    (".env", "PORT=80\nDEBUG=1\n"),
    (".env", "DB_PASSWORD=\nOTHER=3\n"),
    (".env", "DB_PASSWORD=''\n"),
    (".env", "DB_PASSWORD=${DB_PASSWORD}\nTOKEN=<token>\nA_SECRET=changeme\nB_SECRET='your_secret'\n"),
    (".env", "# DB_PASSWORD=lovelace\n"),
    ("environment", "DB_PASSWORD=lovelace\n"),
    (".netrc", "machine example.org login ada\n"),
    (".pgpass", "localhost:5432:db:ada:*\n# nothing\n"),
    (".npmrc", "//registry.npmjs.org/:_authToken=${NPM_TOKEN}\n"),
    ("config.json", '{"auth": true}'),
    ("config", "[core]\n\tbare = false\n"),
    ("credentials.md", "how credentials work"),
    ("a.py", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("a.md", "ghp" + "_" + "x" * 36),
    ("a.md", "tokens look like ghp" + "_ and 36 characters"),
    ("a.md", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("a.py", "sk-learn, task-T3Blbk" + "FJ"),
    ("vault.yml", "$ANSIBLE_VAULT;1.1;AES256\n6664"),
    ("id_rsa", "$ANSIBLE_VAULT;1.1;AES256\n6664"),
    ("secrets.py", "def token(): return password"),
    ("empty", ""),
    ("hub", "#!/bin/sh\nexec git\n"),
    ("hosts.yml", "all:\n  hosts:\n"),
    ("logins.json", "{}"),
    ("rclone.conf", "[x]\ntype = local\n"),
    ("history", "# what changed\n"),
    (".bash_history", ""),
    ("cookies.txt", "flour, sugar\n"),
    (".msmtprc", "account x\npasswordeval pass show mail\n"),
    (".offlineimaprc", "remotepasseval = get()\n"),
    (".m2/settings.xml", "<settings><password>${env.PASS}</password></settings>"),
    ("settings.xml", "<passwordField/>"),
    (".s3cfg", "secret_key =\n"),
    ("auth.json", '{"auths": {}}'),
    ("credentials", "[default]\nregion = x\n"),
]


@pytest.mark.parametrize(("path", "head", "kind"), FOUND, ids=[f"{n}-{f[0]}" for n, f in enumerate(FOUND)])
def test_a_secret_is_found_and_named(path: str, head: str, kind: str) -> None:
    assert secret_in(path.encode(), head.encode()) == kind


@pytest.mark.parametrize(("path", "head"), PASSED, ids=[f"{n}-{p[0]}" for n, p in enumerate(PASSED)])
def test_what_is_none_passes(path: str, head: str) -> None:
    assert secret_in(path.encode(), head.encode()) is None


def test_bytes_of_any_kind_are_looked_at() -> None:
    assert secret_in(b"caf\xe9/\xff", b"\xff\xfe" + b"\x00" * 100) is None
    assert secret_in(b"new\nline/id_rsa", b"x") == "private key"


def test_every_content_rule_has_a_literal_that_its_pattern_needs() -> None:
    assert [rule.kind for rule in NAMES_AND_PATTERNS if not rule.names and b"" in rule.literals] == []


@pytest.mark.parametrize(
    "piece",
    [
        b"\n",
        b" ",
        b"a",
        b"A",
        b"-----BEGIN RSA PRIVATE KEY-----\n",
        b"\n\n-----BEGIN PRIVATE KEY-----",
        b"sk-T3BlbkFJ",
        b"password",
        b"a:",
        b"https://a:",
        b'"auths" "auth"',
        b"xoxb-1234567890",
        b"x=",
        b"a=b://c:",
    ],
)
@pytest.mark.parametrize("path", [b"x", b".env", b".netrc", b".pgpass", b".git-credentials", b"config.json"])
def test_no_content_makes_the_search_slow(path: bytes, piece: bytes) -> None:
    # Sixteen heads at once: a quadratic pattern takes minutes here and runs into the timeout of every test.
    size = 16 * HEAD_BYTES
    secret_in(path, (piece * size)[:size])


def slow(head: bytes) -> str | None:
    """What the rules for any file find, asked one by one."""
    return next(
        (
            rule.kind
            for rule in NAMES_AND_PATTERNS
            if not rule.names and any(literal in head for literal in rule.literals) and re.search(rule.pattern, head)
        ),
        None,
    )


def test_one_search_for_all_words_finds_what_each_finds() -> None:
    dice = random.Random(5)
    samples = [content.encode() for name, content, _ in FOUND if name == "notes.txt"]
    words = [literal for rule in NAMES_AND_PATTERNS if not rule.names for literal in rule.literals]
    pieces = [*samples, *words, *(word[:-1] for word in words), *(word[1:] for word in words), b"a", b"\n", b"_", b"-"]
    heads = [*pieces, *(b"".join(dice.choices(pieces, k=dice.randrange(1, 6))) for _ in range(3000))]
    found = [secret_in(b"notes.txt", head) for head in heads]
    assert found == [slow(head) for head in heads]
    assert len({*found}) > 3
