"""Takes pictures of every page, in each width and theme: `python -m tests.web.pictures DIRECTORY`.

It fails where text is cut or overlaps, something reaches out of the window, or axe finds a violation. With `--docs`,
only those of the documentation are taken.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.conftest import run_git
from tests.daemon.harness import Machine, machine, wait_for
from tests.web.browser import FAULTS, WIDTHS, Tab, axe, chromium, look, tab
from tests.web.kit import page
from tests.web.world import World, usual

# As narrow, and as wide, as a page may be.
EDGES = (360, 3840)
LONG = "a-name-of-a-file-that-does-not-end-" * 6
DOCS = {"overview": "/", "timeline": "/timeline?repo=Notes", "file": "/file?repo=Notes&path=todo.txt"}
PAGES = {
    **DOCS,
    "everything": "/timeline",
    "directory": "/tree?repo=Notes",
    "then": "/tree?repo=Notes&path=taxes",
    "text": "/file?repo=Notes&path=code/words.py&view=one",
    "version": "/file?repo=Notes&path=letters/aunt.txt&view=text",
    "pictures": "/file?repo=Notes&path=pictures/garden.png",
    "binary": "/file?repo=Notes&path=taxes/2025.ods",
    "moment": "/moment?repo=Notes&rev=HEAD",
    "restore": "/restore?repo=Notes&path=todo.txt",
    "deleted": "/deleted?repo=Notes",
    "problem": "/tree?repo=Notes&path=nothing",
    "empty": "/timeline?repo=Sketches",
    "empty-tree": "/tree?repo=Sketches",
    "full": "/tree?repo=Archive",
    "full-timeline": "/timeline?repo=Archive",
    "full-file": f"/file?repo=Archive&path={LONG}.txt",
    "full-find": "/find?word=again&ignore_case=1",
    "full-room": "/room?repo=Archive",
    "full-machines": "/machines",
    "found": "/find?word=Zanzibar",
    "find": "/find",
    "nothing-found": "/find?word=Timbuktu",
    "conflicts": "/conflicts",
    "conflict": "/conflict?repo=Household&path=list.txt",
    "conflict-edit": "/conflict/edit?repo=Household&path=list.txt",
    "room": "/room?repo=Notes",
    "forget": "/forget?repo=Notes&path=pictures/garden.png",
    "held-back": "/held-back?name=Notes&path=id_rsa",
    "settings": "/settings",
    "settings-repo": "/settings?table=repo.Notes",
    "home": "/home",
    "watch": "/watch",
    "job": "/job",
    "set-up": "/setup",
    "undo": "/undo?name=Household",
}
# What is made of the same template, with other names in it: axe looks at one of each in the tests, here at all.
TWINS = frozenset(
    {"everything", "then", "full", "full-timeline", "full-file", "full-find", "full-room", "settings-repo"}
)


def overfull(root: Path) -> World:
    """Make a repository that has too much of everything: names, lines, files, changes at once."""
    world = World(root)
    for number in range(300):
        world.write(f"many/file {number}.txt", f"{number}\n")
    world.write(f"{LONG}.txt", "x" * 12_000 + "\n")
    world.commit(
        "Add 301 files: " + LONG, ago_s=7000, machine="a machine with a name that is far too long for its place"
    )
    world.write(f"{LONG}.txt", "x" * 6_000 + " and words " * 500 + "\n")
    world.write("<script>alert(1)</script>\u202e.txt", "odd\n")
    world.commit("W" * 300, ago_s=3000)
    for number in range(32):
        world.write(f"many/file {number}.txt", f"{number} again\n")
        world.commit(f"Change many/file {number}.txt", ago_s=2000 - number)
    return world


def torn(root: Path) -> World:
    """Make a repository that has changed a line otherwise than its remote has."""
    world, hub = World(root), root.parent.parent / "torn.git"
    world.write("list.txt", "bread\nmilk\npay the rent\nlibrary: return the atlas\ncall Josephine\n")
    world.commit("Add list.txt", ago_s=9000)
    run_git(root, "branch", "-M", "main")
    run_git(root, "clone", "-q", "--bare", ".", str(hub))
    run_git(root, "remote", "add", "origin", str(hub))
    world.write("list.txt", "bread rolls\nmilk\npay the rent\nlibrary: renew the atlas\ncall Josephine\n")
    world.commit("Change list.txt", ago_s=4000, machine="laptop")
    run_git(root, "push", "-q", "-u", "origin", "main")
    run_git(root, "reset", "-q", "--hard", "HEAD~")
    world.write("list.txt", "rye bread\nmilk and honey\npay the rent\nlibrary: return the atlas by Friday\n")
    world.commit("Change list.txt", ago_s=3000, machine="desk")
    return world


def furnish(box: Machine) -> None:
    """Have a usual, an overfull, an empty and a torn repository, home files and a job, and what needs a person."""
    roots = [usual(box.home / "Notes").root, overfull(box.home / "Archive").root, box.home / "Sketches"]
    roots[2].mkdir()
    run_git(roots[2], "init", "-q")
    box.configure(*roots, torn(box.home / "Household").root)
    job = f'[[job]]\nname = "thesis"\nbackend = "rsync"\npath = "~/thesis"\nurl = "{box.home}/server"\nevery = "off"\n'
    box.write_config(f'{box.config.read_text()}\n{job}[daemon]\nmachine = "desk"\n')
    box.start()
    (box.home / ".bashrc").write_text("alias ll='ls -l'\n")
    for words in (("init",), ("add", ".bashrc")):
        assert box.ctl(*words).returncode == 0
    (roots[0] / "id_rsa").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nx\n")
    wait_for("the key to be held back", lambda: box.repo_status("Notes")["quarantined"])
    wait_for("the conflict", lambda: box.repo_status("Household")["conflicts"])


def take(found: Tab, name: str, path: str, out: Path | None, *, width: int, is_dark: bool) -> list[str]:
    """Take one picture, of the page that is open where no `path` is given, and return what is wrong with it."""
    look(found, width=width, is_dark=is_dark)
    if path:
        found.open(path)
    # A history that is being read for the first time.
    found.page.wait_for_selector("#reading", state="detached")
    theme = "dark" if is_dark else "light"
    if out is not None:
        found.page.screenshot(path=out / f"{name}-{width}-{theme}.png", full_page=out.name != "pictures")
    faults: list[str] = found.page.evaluate(FAULTS)
    return [f"{name}, {width} px, {theme}: {fault}" for fault in faults]


def main(argv: list[str]) -> int:
    """Take the pictures; return 1 when something is wrong with one."""
    is_docs = "--docs" in argv
    out = Path(next(word for word in argv if not word.startswith("-")))
    out.mkdir(parents=True, exist_ok=True)
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as scratch, machine(Path(scratch) / "a") as box, chromium() as browser:
        furnish(box)
        with page(box) as site, tab(browser, site.entry) as found:
            for name, path in (DOCS if is_docs else PAGES).items():
                for width in (1280,) if is_docs else (*WIDTHS, *EDGES):
                    for is_dark in (False,) if is_docs else (False, True):
                        faults += take(found, name, path, out, width=width, is_dark=is_dark)
                        if width == WIDTHS[0] and not is_docs:
                            faults += [f"{name}, {'dark' if is_dark else 'light'}: {each}" for each in axe(found)]
            # The page of a problem is one that the browser complains of, too.
            faults += found.complaints
            found.complaints.clear()
    faults = [each for each in faults if "status of 404" not in each]
    sys.stdout.write("".join(f"{fault}\n" for fault in faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
