"""What an integration met instead of the version that it started from. Pure; any thread."""

from __future__ import annotations

from dataclasses import dataclass, field

BUSY = "it is open for writing in another program"
IN_THE_WAY = "something that git does not track is in the way"


@dataclass(slots=True)
class Surprise:
    """What was met instead of the base: `edited` paths hold something else, `blocked` ones cannot be changed now."""

    edited: list[bytes] = field(default_factory=list)
    blocked: dict[bytes, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.edited or self.blocked)
