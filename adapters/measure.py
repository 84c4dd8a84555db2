"""How much of what a platform allows a message takes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """The size of a message on the wire, what is allowed, and everything that the platform would refuse."""

    bytes: int
    limit: int
    problems: tuple[str, ...]
