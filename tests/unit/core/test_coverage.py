"""Which paths are tracked, and what adding and removing comes to."""

from __future__ import annotations

from gitsync.core.coverage import Coverage, add, parents, remove
from gitsync.core.manifest import Manifest, ManifestEntry


def manifest(*entries: ManifestEntry) -> Manifest:
    return Manifest({entry.path: entry for entry in entries})


def test_the_nearest_entry_decides() -> None:
    here = Coverage(
        manifest(
            ManifestEntry(b".config", True),
            ManifestEntry(b".config/other", True, frozenset(("desk",))),
            ManifestEntry(b".vimrc"),
            ManifestEntry(b"old", is_gone=True),
        ),
        "laptop",
        (b".config/mirror",),
    )
    assert here.entry(b".config/a/b") == ManifestEntry(b".config", True)
    assert here.entry(b".config/other/x") is None
    assert here.entry(b".config/mirror/x") is None
    assert here.entry(b".vimrc") is not None
    assert here.entry(b".vimrc/below") is None
    assert here.entry(b"old") is None
    assert here.entry(b"else") is None
    assert here.files == {b".vimrc"}
    assert here.directories == {b".config"}


def test_what_is_watched_is_the_way_to_what_is_tracked() -> None:
    here = Coverage(manifest(ManifestEntry(b"a/b/file"), ManifestEntry(b"c/d", True)), "laptop", (b"c/d/mirror",))
    assert [
        path for path in (b"", b"a", b"a/b", b"c", b"c/d", b"c/d/e", b"a/b/file") if not here.is_watched(path)
    ] == []
    assert [path for path in (b"x", b"a/x", b"c/x", b"c/d/mirror", b"a/b/file/x") if here.is_watched(path)] == []
    assert here.concerns(b"a/b/file")
    assert here.concerns(b"a")
    assert not here.concerns(b"a/b/other")


def test_a_more_general_entry_replaces_the_narrower_ones() -> None:
    before = manifest(
        ManifestEntry(b"a/b"),
        ManifestEntry(b"a/c", True),
        ManifestEntry(b"d"),
        ManifestEntry(b"a/x", hosts=frozenset(("desk",))),
    )
    added = add(before, [ManifestEntry(b"a", True)])
    assert added.replaced == {b"a": (b"a/b", b"a/c", b"a/x")}
    assert set(added.manifest.entries) == {b"a", b"d"}


def test_an_entry_for_one_machine_does_not_replace_what_others_have() -> None:
    before = manifest(ManifestEntry(b"a/b"))
    added = add(before, [ManifestEntry(b"a", True, frozenset(("desk",)))])
    assert added.replaced == {}
    assert set(added.manifest.entries) == {b"a", b"a/b"}


def test_below_a_tracked_directory_everything_is_covered() -> None:
    before = manifest(ManifestEntry(b"a", True))
    added = add(before, [ManifestEntry(b"a/b/c")])
    assert added.covered == {b"a/b/c": b"a"}
    assert added.added == ()
    assert added.manifest == before


def test_the_order_of_what_is_added_does_not_matter() -> None:
    one = add(Manifest(), [ManifestEntry(b"a/b"), ManifestEntry(b"a", True)])
    other = add(Manifest(), [ManifestEntry(b"a", True), ManifestEntry(b"a/b")])
    assert one.manifest == other.manifest == manifest(ManifestEntry(b"a", True))


def test_what_was_gone_is_tracked_again() -> None:
    added = add(manifest(ManifestEntry(b"a", is_gone=True)), [ManifestEntry(b"a")])
    assert added.added == (ManifestEntry(b"a"),)


def test_removing_takes_the_permissions_along() -> None:
    before = Manifest(
        {b"a": ManifestEntry(b"a", True), b"ab": ManifestEntry(b"ab")}, {b"a/": 0o700, b"a/x": 0o600, b"ab": 0o600}
    )
    after = remove(before, [b"a"])
    assert set(after.entries) == {b"ab"}
    assert set(after.modes) == {b"ab"}


def test_parents() -> None:
    assert parents(b"a/b/c") == [b"a/b", b"a"]
    assert parents(b"a") == []
