"""The groups whose people a push can go to: user groups in Slack, teams in Teams. Who is in one the platform tells."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chatbot.errors import SteadyError
from chatbot.incidents import log_incident
from chatbot.model import by_platform
from chatbot.roles import GROUP, SECONDS_REMEMBERED, NotGranted

log = logging.getLogger("steady.pushes")

#: Slack shows a hundred options.
MOST_OFFERED = 100
#: Each is a request or more when a push is begun, and Slack takes about twenty in a minute.
MOST_CHOSEN = 20
_LONGEST_ID = 140


@dataclass(frozen=True, slots=True)
class Group:
    """People whom the platform knows as one; `id` begins with roles.GROUP, `name` is what the platform calls them."""

    id: str
    name: str


class GroupUntold(SteadyError):  # noqa: N818 - it says what happened
    """The platform does not tell who is in a group; `permission` is what Steady was not granted, "" if it is not that.

    `name` is what the group is called, or its id until that is known.
    """

    def __init__(self, name: str, permission: str = "") -> None:
        super().__init__("The platform does not tell who is in a group.")
        self.name = name
        self.permission = permission


class Platform(Protocol):
    """What an adapter tells of groups."""

    async def groups(self, workspace: str, addresses: Collection[str]) -> Sequence[Group]:
        """Return the groups of a workspace; `addresses` are those of the rooms that Steady knows there.

        Raises if the platform does not tell; NotGranted if that is because nobody has let Steady ask.
        """

    async def members(self, workspace: str, group: str) -> Collection[str]:
        """Return the ids of a group's members, as messages give them; `group` is without what each id begins with.

        Raises if the platform does not tell; NotGranted if that is because nobody has let Steady ask.
        """


class PushGroups:
    """Asks the platforms, at most once a minute for each thing that they told. `platforms` go by name or workspace."""

    def __init__(self, platforms: Mapping[str, Platform], now: Callable[[], float]) -> None:
        self._platforms = platforms
        self._now = now
        self._offered: dict[str, tuple[float, Sequence[Group]]] = {}
        self._members: dict[tuple[str, str], tuple[float, Collection[str]]] = {}

    async def offered(self, workspace: str, addresses: Collection[str]) -> Sequence[Group]:
        """Return the groups that can be chosen, by their names; none, and why in the log, if nobody tells."""
        platform = by_platform(self._platforms, workspace)
        until, found = self._offered.get(workspace, (0.0, ()))
        if platform is None or self._now() < until:
            return found
        try:
            told = await platform.groups(workspace, addresses)
        except NotGranted as error:
            log.warning("nobody can push to groups: Steady has no permission %s", error.permission)
            return ()
        except Exception as error:  # a push to channels is worth a form all the same
            log_incident(error)
            return ()
        usable = (group for group in told if len(group.id) <= _LONGEST_ID and "," not in group.id and group.name)
        found = sorted(usable, key=lambda group: (group.name.casefold(), group.id))[:MOST_OFFERED]
        self._offered[workspace] = (self._now() + SECONDS_REMEMBERED, found)
        return found

    async def members(self, workspace: str, groups: Sequence[str], names: Mapping[str, str]) -> frozenset[str]:
        """Return the ids of all who are in these groups. Raises GroupUntold for the first that nobody tells of."""
        found = set[str]()
        for group in groups:
            found.update(await self._of(workspace, group, names.get(group, group)))
        return frozenset(found)

    async def _of(self, workspace: str, group: str, name: str) -> Collection[str]:
        until, members = self._members.get((workspace, group), (0.0, ()))
        if self._now() < until:
            return members
        platform = by_platform(self._platforms, workspace)
        if platform is None:
            raise GroupUntold(name)
        try:
            members = await platform.members(workspace, group.removeprefix(GROUP))
        except NotGranted as error:
            raise GroupUntold(name, error.permission) from error
        except Exception as error:
            raise GroupUntold(name) from error
        self._members[workspace, group] = (self._now() + SECONDS_REMEMBERED, members)
        return members
