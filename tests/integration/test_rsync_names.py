"""Names and options that rsync itself reads as something else: every file arrives, under the name that it has."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes.job_client import Client, ok

HOUR_S = 3600
NAMES = (
    *(
        b"#draft#",
        b";note",
        b"-rf",
        b"--delete",
        b"*",
        b"[a]",
        b"?",
        b"~",
        b"a:b",
        b"x -> y",
        b"tab\there",
        b"t\t -> q",
    ),
    *(b"caf\xe9", b"new\nline", b"back\\slash", b"\\#012", b"\x01", b" lead", b"trail ", b"dir\n/#deep", b"n" * 255),
)
LINKS = ((b"link", b"nowhere\t"), (b"\tlink", b"x\t -> y"), (b"lnk\n", b"caf\xe9"))

everywhere = pytest.mark.parametrize("place", ["local", "ssh"], indirect=True)


def contents(root: Path) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for above, directories, names in os.walk(os.fsencode(root)):
        for name in (*names, *directories):
            path = os.path.join(above, name)
            if os.path.islink(path):
                found[os.path.relpath(path, os.fsencode(root))] = os.readlink(path)
            elif os.path.isfile(path):
                found[os.path.relpath(path, os.fsencode(root))] = Path(os.fsdecode(path)).read_bytes()
    return found


@everywhere
def test_names_that_mean_something_to_rsync_are_names(clients: list[Client], place: tuple[str, object, Path]) -> None:
    one, two, _ = clients
    for name in NAMES:
        one.write(os.fsdecode(name), "first", age_s=HOUR_S)
    one.write("stays", "always", age_s=HOUR_S)
    for name, target in LINKS:
        os.symlink(target, os.path.join(os.fsencode(one.root), name))
    ok(one.run())
    ok(two.run())
    stays = {b"stays": b"always"}
    everything = dict.fromkeys(NAMES, b"first") | dict(LINKS) | stays
    assert contents(place[2]) == contents(two.root) == everything
    assert [ok(client.run()).items for client in (one, two)] == [(), ()]

    for name in NAMES:
        two.write(os.fsdecode(name), "second one")
    for name, _target in LINKS:
        (two.root / os.fsdecode(name)).unlink()
    ok(two.run())
    ok(one.run())
    assert contents(place[2]) == contents(one.root) == dict.fromkeys(NAMES, b"second one") | stays
    for name in NAMES:
        (one.root / os.fsdecode(name)).unlink()
    ok(one.run())
    ok(two.run())
    assert contents(place[2]) == contents(two.root) == stays


@pytest.mark.parametrize("options", [("-aH",), ("-r",), ("-avzh", "--stats", "-i")], ids=" ".join)
def test_usual_options_of_rsync_take_no_file_for_gone(
    clients: list[Client], place: tuple[str, object, Path], options: tuple[str, ...]
) -> None:
    one, two = (replace(client, options=(*client.options, *options)) for client in clients[:2])
    one.write("a", "one" * 1000, age_s=HOUR_S)
    os.link(one.root / "a", one.root / "b")
    one.write("dir/c", "c", age_s=HOUR_S)
    for client in (one, two):
        assert not [item for item in ok(client.run()).items if item.code not in ("taken", "sent")]
    assert contents(place[2]) == contents(two.root) == {b"a": b"one" * 1000, b"b": b"one" * 1000, b"dir/c": b"c"}
    one.write("dir/c", "changed by one")
    (two.root / "b").unlink()
    for client in (one, two, one, two):
        assert not [item for item in ok(client.run()).items if item.code in ("conflict", "kept")]
    assert contents(one.root) == contents(two.root) == {b"a": b"one" * 1000, b"dir/c": b"changed by one"}
    assert contents(place[2]) == contents(one.root)


@pytest.mark.parametrize("option", ["-aq", "--existing", "--max-size=5k", "-nv", "--relative", "--filter=: .f"])
def test_an_option_that_hides_files_from_one_look_is_refused(clients: list[Client], option: str) -> None:
    one = clients[0]
    one.write("a", "a")
    report = replace(one, options=(*one.options, option)).run()
    assert report.problem is not None
    assert report.problem.code == "usage"
    assert option in report.problem.message
    assert ok(replace(one, options=(*one.options, "--exclude=*.o", "-f", "- *.q")).run()).items
