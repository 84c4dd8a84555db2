"""Puts together what leads need: roles, what they write, and the libraries made of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime

from chatbot.coach import Coach
from chatbot.library import Libraries
from chatbot.model import Reply
from chatbot.publishing import Publishing, Size
from chatbot.roles import Groups, Role, Roles
from chatbot.store.audit import AuditLog
from chatbot.store.database import Database
from chatbot.store.pieces import SqlPieces
from chatbot.store.roles import SqlRoles
from chatbot.store.sessions import EndedSessions


class Leading:
    """Roles, publishing and libraries of one database, handed to `coach`.

    `admins` are the settings'; `groups` go by platform ("slack") or workspace, and may be filled in until `start`.
    With `everyone` nobody has less than that role. The clock gives seconds since 1970.
    """

    def __init__(
        self,
        database: Database,
        coach: Coach,
        admins: Mapping[str, Collection[str]],
        groups: Mapping[str, Groups],
        clock: Callable[[], float],
        everyone: Role | None = None,
        *,
        fits: bool = True,
    ) -> None:
        def now() -> datetime:
            return datetime.fromtimestamp(clock(), UTC)

        pieces = SqlPieces(database)
        self.roles = Roles(SqlRoles(database), admins, groups, everyone, now)
        self.libraries = Libraries(pieces, coach.guidance, coach.strings, coach.recogniser, fits=fits)
        self.publishing = Publishing(
            pieces,
            self.roles,
            coach.guidance,
            coach.strings,
            coach.parser.words,
            self.libraries.changed,
            _sizes,
            now,
        )
        coach.roles, coach.publishing, coach.libraries = self.roles, self.publishing, self.libraries
        coach.audit, coach.ended_sessions = AuditLog(database), EndedSessions(database)

    async def start(self) -> None:
        """Read which workspaces have guidance of their own, and look for changes; the database must be open."""
        await self.libraries.start()

    async def stop(self) -> None:
        """Look no more."""
        await self.libraries.stop()


def _sizes(reply: Reply) -> Sequence[Size]:
    from adapters.measures import sizes  # with both platforms' libraries: needed once somebody writes

    return sizes(reply)
