"""What is kept about a person in a workspace: to be shown to them, and to be erased."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept beside what a person chose for themselves; numbers are numbers of rows."""

    tips: bool = False
    chat: bool = False
    receipts: int = 0
    pieces: int = 0
    audit: int = 0
    zone: str = ""


class PersonalData(Protocol):
    """Where it is kept. Each call is one transaction."""

    async def of(self, workspace: str, person: str) -> Kept:
        """Return what is kept about a person."""

    async def erase(self, workspace: str, person: str) -> None:
        """Delete a person's receipts, time zone, and the tips they ordered for themselves with what became of these.

        What leads and admins did in their role stays, and that there is a conversation.
        """
