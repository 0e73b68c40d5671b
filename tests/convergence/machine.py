"""Random orders of everything that can happen to several machines and one hub; hypothesis makes and shortens them."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.convergence.engines import Engines
from tests.convergence.person import NAMES
from tests.convergence.world import World

SITE = st.integers(0, 4)
NAME = st.integers(0, len(NAMES) - 1)
SIZE = st.integers(1, 12)
# Where the engine is met: a commit has about twenty such calls, an integration some ten for each file.
CALL = st.integers(0, 160)
# One file is met at four to six of them.
STEP = st.integers(0, 7)
# What happens in the middle of an undo or a resolve, and for how long whoever asked for it waits.
MET = st.sampled_from(["", "death", "save there", "save"])
PATIENCE = st.sampled_from([120.0, 120.0, 0.5])
DEED = st.one_of(
    st.tuples(st.just("save"), NAME, SIZE, st.booleans()),
    st.tuples(st.just("change_line"), NAME, st.integers(0, 9)),
    st.tuples(st.sampled_from(["remove", "change_mode", "link"]), NAME),
    st.tuples(st.just("rename"), NAME, NAME),
    st.tuples(st.just("swap"), NAME, SIZE),
    st.tuples(st.just("commit")),
)
QUIET = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None, print_blob=False)


class MeetingMachine(RuleBasedStateMachine):
    """Three to five machines whose people meet at the same files, and whose engines are met in the middle of a merge.

    Whoever subclasses it says which bug is planted, what the policy is and whether people share files.
    """

    engines: ClassVar[Engines]
    bug: ClassVar[str] = ""
    conflict: ClassVar[str] = "keep-both"
    is_shared: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.world: World | None = None

    @initialize(count=st.integers(3, 5))
    def begin(self, count: int) -> None:
        self.count = count
        self.world = World(self.engines, count, bug=self.bug, conflict=self.conflict, is_shared=self.is_shared)

    @property
    def there(self) -> World:
        assert self.world is not None
        return self.world

    @rule(site=SITE, deeds=st.lists(DEED, min_size=1, max_size=3))
    def edit(self, site: int, deeds: list[tuple[object, ...]]) -> None:
        for name, *arguments in deeds:
            self.there.edit(site % self.count, str(name), *arguments)

    @rule()
    def run_all(self) -> None:
        for site in range(self.count):
            self.there.run(site, 70.0)

    @rule(
        site=SITE, other=st.integers(1, 2), name=NAME, call=STEP, size=st.integers(-2, 9), is_renamed=st.booleans(),
        is_deadly=st.booleans(),
    )  # fmt: skip
    def collide(
        self, site: int, other: int, name: int, call: int, size: int, is_renamed: bool, is_deadly: bool
    ) -> None:
        """What another machine has just sent is being taken in, and at one of the paths somebody saves, or all ends."""
        self._wake(site + other)
        self.there.edit((site + other) % self.count, "save", name, size, is_renamed)
        self.there.run((site + other) % self.count, 70.0)
        self._wake(site)
        self.there.run(site % self.count, 6.0)
        if size < -1:
            self.there.arm_commit(site % self.count, call)
        elif size < 0:
            self.there.arm_death(site % self.count, call, True)
        else:
            self.there.arm_save(site % self.count, call, True, name, size, is_renamed, is_deadly)
        self.there.run(site % self.count, 70.0)
        self.there.start(site % self.count)
        self.there.run(site % self.count, 6.0)

    def _wake(self, site: int) -> None:
        """Nothing can be met in a machine that rests."""
        for deed in (self.there.heal, self.there.start, self.there.resume):
            deed(site % self.count)

    def teardown(self) -> None:
        if self.world is None:
            return
        try:
            self.world.settle()
        finally:
            self.world.close()


class AskingMachine(MeetingMachine):
    """Machines whose people also take back what gitsync did and settle conflicts, in the middle of everything else."""

    @rule(
        site=SITE, number=st.integers(0, 3), is_keeping=st.booleans(), met=MET, call=CALL, name=NAME,
        size=st.integers(0, 9), is_renamed=st.booleans(), patience_s=PATIENCE,
    )  # fmt: skip
    def undo(
        self, site: int, number: int, is_keeping: bool, met: str, call: int, name: int, size: int, is_renamed: bool,
        patience_s: float,
    ) -> None:  # fmt: skip
        for at in range(site, site + self.count):
            self._wake(at)
            self._meet(at, met, call, name, size, is_renamed)
            if self.there.undo(at % self.count, number, is_keeping, patience_s):
                return

    @rule(
        site=SITE, number=st.integers(0, 9), choice=st.integers(0, 3), met=MET, call=CALL, name=NAME,
        size=st.integers(0, 9), is_renamed=st.booleans(), patience_s=PATIENCE,
    )  # fmt: skip
    def resolve(
        self, site: int, number: int, choice: int, met: str, call: int, name: int, size: int, is_renamed: bool,
        patience_s: float,
    ) -> None:  # fmt: skip
        for at in range(site, site + self.count):
            self._wake(at)
            self._meet(at, met, call, name, size, is_renamed)
            if self.there.resolve(at % self.count, number, choice, patience_s):
                return

    @rule(site=SITE, other=st.integers(1, 2), name=NAME, size=SIZE, line=st.integers(-9, 9))
    def disagree(self, site: int, other: int, name: int, size: int, line: int) -> None:
        """Two people change the same file, and hear of it one after the other."""
        for at in (site, site + other):
            self._wake(at)
            if line < 0:
                self.there.edit(at % self.count, "save", name, size, False)
            else:
                self.there.edit(at % self.count, "change_line", name, line)
        for at in (site, site + other):
            self.there.run(at % self.count, 70.0)

    def _meet(self, site: int, met: str, call: int, name: int, size: int, is_renamed: bool) -> None:
        """Let the engine die in the middle of what comes, or somebody save in it."""
        if met == "death":
            self.there.arm_death(site % self.count, call % 8, True)
        elif met:
            is_aimed = met == "save there"
            number = call % 8 if is_aimed else call
            self.there.arm_save(site % self.count, number, is_aimed, name, size, is_renamed, False)


class ConvergenceMachine(AskingMachine):
    """The same machines, with everything else that can happen to them."""

    @rule(site=SITE, seconds=st.sampled_from([70.0, 6.0, 1.0]))
    def run(self, site: int, seconds: float) -> None:
        self.there.run(site % self.count, seconds)

    @rule(site=SITE, count=st.integers(1, 6))
    def step(self, site: int, count: int) -> None:
        self.there.step(site % self.count, count)

    @rule(site=SITE, call=CALL)
    def die(self, site: int, call: int) -> None:
        self._wake(site)
        self.there.arm_death(site % self.count, call, False)
        self.there.run(site % self.count, 70.0)

    @rule(site=SITE, call=CALL, name=NAME, size=st.integers(0, 9), is_renamed=st.booleans(), is_deadly=st.booleans())
    def race(self, site: int, call: int, name: int, size: int, is_renamed: bool, is_deadly: bool) -> None:
        self._wake(site)
        self.there.arm_save(site % self.count, call, False, name, size, is_renamed, is_deadly)
        self.there.run(site % self.count, 70.0)

    @rule(site=SITE)
    def restart(self, site: int) -> None:
        self.there.kill(site % self.count)
        self.there.start(site % self.count)

    @rule(site=SITE, deed=st.sampled_from(["kill", "start", "pause", "resume", "part", "heal"]))
    def trouble(self, site: int, deed: str) -> None:
        getattr(self.there, deed)(site % self.count)

    @rule(is_refusing=st.booleans())
    def refuse(self, is_refusing: bool) -> None:
        self.there.refuse(is_refusing)


FAST = settings(QUIET, phases=[Phase.generate])
