"""The manifest: what is written is read, what is damaged is told, and two machines' changes merge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitsync.core.dotfiles import SHARED_BITS
from gitsync.core.manifest import (
    HEADER,
    Manifest,
    ManifestEntry,
    is_sound,
    merge,
    merge_bytes,
    parse,
    render,
    with_modes,
)

names = st.binary(min_size=1, max_size=8).filter(lambda name: b"/" not in name and is_sound(name))
paths = st.lists(names, min_size=1, max_size=3).map(b"/".join).filter(is_sound)
hosts = st.frozensets(st.sampled_from(["laptop", "desk", "a.b-c_1"]), max_size=2)
entries = st.dictionaries(paths, st.tuples(st.booleans(), hosts, st.booleans()), max_size=5).map(
    lambda found: {path: ManifestEntry(path, *rest) for path, rest in found.items()}
)
modes = st.dictionaries(
    st.tuples(paths, st.sampled_from([b"", b"/"])).map(b"".join),
    st.integers(0, 0o777).map(SHARED_BITS.__and__),
    max_size=4,
)
manifests = st.builds(Manifest, entries, modes)


@given(manifests)
def test_what_is_written_is_read(manifest: Manifest) -> None:
    assert parse(render(manifest)) == (manifest, True)


@given(st.binary(max_size=200))
def test_whatever_is_read_does_not_raise_and_is_sound(data: bytes) -> None:
    manifest, _ = parse(data)
    assert all(map(is_sound, manifest.entries))


def test_lines_are_sorted_and_the_path_comes_last() -> None:
    manifest = Manifest(
        {b".vimrc": ManifestEntry(b".vimrc"), b".ssh": ManifestEntry(b".ssh", True, frozenset(("laptop", "desk")))},
        {b".ssh/": 0o700},
    )
    assert render(manifest).split(b"\n") == [
        HEADER,
        b"mode 0700 .ssh/",
        b"track * .vimrc",
        b"track desk,laptop .ssh/",
        b"",
    ]


@pytest.mark.parametrize(
    "line", [b"nonsense", b"track * ../x", b"track * /x", b"track * a/.git/x", b"mode 99 x", b"track , x", b"<<<<<<< a"]
)
def test_a_damaged_line_is_told_and_the_rest_is_read(line: bytes) -> None:
    manifest, is_whole = parse(HEADER + b"\ntrack * a\n" + line + b"\ntrack * b\n")
    assert not is_whole
    assert set(manifest.entries) == {b"a", b"b"}


@pytest.mark.parametrize("data", [b"", b"track * a\n", HEADER + b"\ntrack * a"])
def test_a_manifest_that_is_cut_is_not_whole(data: bytes) -> None:
    assert not parse(data)[1]


@pytest.mark.slow
@given(manifests, manifests, manifests)
def test_a_merge_does_not_depend_on_the_side(base: Manifest, one: Manifest, other: Manifest) -> None:
    assert merge(base, one, other) == merge(base, other, one)
    assert merge(base, one, base) == one
    assert merge(base, base, other) == other
    assert merge(base, one, one) == one


def entry(is_gone: bool = False, hosts: tuple[str, ...] = ()) -> Manifest:
    return Manifest({b"a": ManifestEntry(b"a", False, frozenset(hosts), is_gone)})


@pytest.mark.parametrize(
    ("base", "one", "other", "wanted"),
    [
        (Manifest(), entry(), Manifest(), entry()),
        (entry(), Manifest(), entry(), Manifest()),
        (entry(), entry(is_gone=True), entry(), entry(is_gone=True)),
        # Both changed it: tracked beats gone and removed, removed beats gone.
        (entry(), entry(is_gone=True), entry(hosts=("b",)), entry(hosts=("b",))),
        (entry(), Manifest(), entry(hosts=("b",)), entry(hosts=("b",))),
        (entry(), Manifest(), entry(is_gone=True), Manifest()),
        (Manifest(), entry(hosts=("a",)), entry(hosts=("b",)), entry(hosts=("a", "b"))),
        (Manifest(), entry(hosts=("a",)), entry(), entry()),
    ],
)
def test_what_both_changed(base: Manifest, one: Manifest, other: Manifest, wanted: Manifest) -> None:
    assert merge(base, one, other) == merge(base, other, one) == wanted


def test_neighbouring_lines_do_not_conflict() -> None:
    base = render(Manifest())
    one = render(Manifest({b"a": ManifestEntry(b"a")}, {b"a": 0o600}))
    other = render(Manifest({b"b": ManifestEntry(b"b")}, {b"a": 0o640}))
    merged, is_whole = parse(merge_bytes(base, one, other))
    assert is_whole
    assert set(merged.entries) == {b"a", b"b"}
    assert merged.modes == {b"a": 0o600}


def test_usual_permissions_need_no_line() -> None:
    manifest = with_modes(Manifest({}, {b"a": 0o600}), {b"a": 0o644, b"b": 0o640}, lambda _: 0o644)
    assert manifest.modes == {b"b": 0o640}
