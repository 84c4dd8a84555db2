"""Who may do what in a workspace: admins name leads, leads write for agents."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

from chatbot.errors import SteadyError
from chatbot.incidents import log_incident
from chatbot.model import Mention, Message, by_platform

#: Each may do what the ones before may.
Role = Literal["agent", "lead", "admin"]

#: What the id of a group begins with.
GROUP = "group:"
#: The same, of those who own a team on the platform.
OWNERS = f"{GROUP}owners:"
#: In the settings' admins, every workspace.
EVERYWHERE = "*"
#: For how long the members of a group are remembered, in seconds.
SECONDS_REMEMBERED = 60.0
#: For how long a platform that did not tell is not asked again: whoever is waiting would wait for each time.
SECONDS_TO_BE_LEFT_ALONE = 5.0
_RANK: Mapping[Role, int] = {"agent": 0, "lead": 1, "admin": 2}


@dataclass(frozen=True, slots=True)
class Actor:
    """A person who does something in a workspace; `name` is what the platform calls them."""

    workspace: str
    person: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class RoleRow:
    """A person, or ("group:" before the id) a group of people, and what they are."""

    subject: str
    role: Role
    name: str


class NotAllowed(SteadyError):  # noqa: N818 - it says what it is
    """Somebody may not do this: `needed` is the role that it takes, `admins` the names of those who give it."""

    def __init__(self, needed: Role, admins: tuple[str, ...]) -> None:
        self.needed = needed
        self.admins = admins
        super().__init__(f"That takes the role {needed!r}; an admin of the workspace gives it.")


class NotGranted(SteadyError):  # noqa: N818 - it says what it is
    """The platform does not tell who is in a group: `permission` is what Steady was not granted."""

    def __init__(self, permission: str) -> None:
        self.permission = permission
        super().__init__(
            f"The platform does not tell who is in a group: Steady has no permission {permission}. "
            "Install it again with the newest manifest."
        )


class Groups(Protocol):
    """What an adapter knows about people."""

    async def members(self, workspace: str, group: str) -> Collection[str]:
        """Return the ids of a group's members, as messages give them. Raises if the platform does not tell.

        Raises NotGranted if it does not because nobody has let Steady ask.
        """

    async def owners(self, message: Message) -> Mention | None:
        """Return the group of those who own the team that a message was written in; None if it was in no team.

        Its id begins with OWNERS, its name is the team's. Raises if the platform does not tell.
        """

    async def identified(self, message: Message, mention: Mention) -> Mention:
        """Return a mention with the id by which the person's own messages go. Raises if the platform does not tell."""


class RoleStore(Protocol):
    """Where roles are kept. Each change is one transaction with its line in the audit."""

    async def of(self, workspace: str) -> Sequence[RoleRow]:
        """Return who has a role in a workspace: admins first, each by name."""

    async def add(self, actor: Actor, row: RoleRow, now: float) -> None:
        """Give a role."""

    async def remove(self, actor: Actor, subject: str, now: float) -> bool:
        """Take the role of a lead away; return whether there was one."""

    async def install(self, actor: Actor, now: float) -> bool:
        """Make the actor admin if the workspace has none; return whether they became it."""


class Roles:
    """Tells and changes who may do what.

    `admins` are the settings': workspace, or "*", to ids of people. `groups` go by platform ("slack") or workspace.
    With `everyone` nobody has less than that role: the playground's, where nobody signs in.
    """

    def __init__(
        self,
        store: RoleStore,
        admins: Mapping[str, Collection[str]],
        groups: Mapping[str, Groups],
        everyone: Role | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._admins = admins
        self._groups = groups
        self._everyone: Role = everyone or "agent"
        self._clock = clock
        self._members: dict[tuple[str, str], tuple[float, Collection[str]]] = {}

    async def role_of(self, workspace: str, person: str) -> Role:
        """Return what a person is; read anew each time, so that a role that was taken away is gone at once."""
        if not person:
            return "agent"
        if any(person in self._admins.get(key, ()) for key in (workspace, EVERYWHERE)):
            return "admin"
        rows = await self._store.of(workspace)
        found = max(
            (self._everyone, *(row.role for row in rows if row.subject == person)), key=lambda role: _RANK[role]
        )
        if found == "agent":
            groups = [row for row in rows if row.subject.startswith(GROUP)]
            # All at once: a platform that does not answer is waited for, but not once for each.
            members = await asyncio.gather(*(self._members_of(workspace, row.subject) for row in groups))
            found = next((row.role for row, of in zip(groups, members, strict=True) if person in of), found)
        return found

    async def need(self, workspace: str, person: str, role: Role) -> None:
        """Raise NotAllowed unless the person has the role, or one that may do more."""
        if _RANK[await self.role_of(workspace, person)] >= _RANK[role]:
            return
        rows = await self._store.of(workspace)
        raise NotAllowed(role, tuple(row.name for row in rows if row.role == "admin" and row.name))

    async def leads(self, workspace: str) -> Sequence[RoleRow]:
        """Return who has a role here: first those named in chat, then the settings' admins, whose names are unknown."""
        rows = list(await self._store.of(workspace))
        known = {row.subject for row in rows if row.role == "admin"}
        named = dict.fromkeys(person for key in (workspace, EVERYWHERE) for person in self._admins.get(key, ()))
        return [*rows, *(RoleRow(person, "admin", "") for person in named if person not in known)]

    async def add_lead(self, actor: Actor, mention: Mention) -> None:
        """Make a person, or all members of a group, leads. Raises NotAllowed."""
        await self.need(actor.workspace, actor.person, "admin")
        await self._store.add(actor, RoleRow(mention.id, "lead", mention.name), self._now())

    async def remove_lead(self, actor: Actor, mention: Mention) -> bool:
        """Take the role of a lead from a person or a group; return whether they had it. Raises NotAllowed."""
        await self.need(actor.workspace, actor.person, "admin")
        return await self._store.remove(actor, mention.id, self._now())

    async def identified(self, message: Message, mention: Mention) -> Mention:
        """Return a mention with the id by which the person's own messages go. Raises if the platform does not tell."""
        groups = self._of_platform(message.workspace)
        return await groups.identified(message, mention) if groups else mention

    async def owners(self, message: Message) -> Mention | None:
        """Return the group of those who own the team that a message was written in; None if it was in no team.

        Raises if the platform does not tell.
        """
        groups = self._of_platform(message.workspace)
        return await groups.owners(message) if groups and not message.pressed else None

    async def look_into(self, workspace: str, group: str) -> None:
        """Find out who is in a group. Raises what keeps the platform from telling, NotGranted above all."""
        groups = self._of_platform(workspace)
        if groups:
            members = await groups.members(workspace, group.removeprefix(GROUP))
            self._members[workspace, group] = (self._now() + SECONDS_REMEMBERED, members)

    async def installed(self, actor: Actor) -> bool:
        """Make whoever installed Steady admin of a workspace that has none; return whether they became it."""
        if not actor.person or any(self._admins.get(key) for key in (actor.workspace, EVERYWHERE)):
            return False
        return await self._store.install(actor, self._now())

    async def _members_of(self, workspace: str, group: str) -> Collection[str]:
        until, members = self._members.get((workspace, group), (0.0, ()))
        if self._now() < until:
            return members
        try:
            await self.look_into(workspace, group)
        except Exception as error:  # who can't be told to be a lead is none
            log_incident(error)
            self._members[workspace, group] = (self._now() + SECONDS_TO_BE_LEFT_ALONE, ())
        return self._members.get((workspace, group), (0.0, ()))[1]

    def _of_platform(self, workspace: str) -> Groups | None:
        return by_platform(self._groups, workspace)

    def _now(self) -> float:
        return self._clock().timestamp()
