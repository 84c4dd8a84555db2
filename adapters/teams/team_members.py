"""Who is in a team, and who owns it. The connector does not tell, so Graph is asked: docs/adr/0012-team-owners.md."""

import asyncio
import re
from collections.abc import Collection, Iterator, Sequence
from urllib.parse import quote

from yarl import URL

from adapters.teams.activity import Json, text_at
from adapters.teams.connector import BotToken, Connector, NoTokenError
from adapters.teams.rooms import Reference
from chatbot.errors import SteadyError
from chatbot.incidents import log_incident
from chatbot.language import legible
from chatbot.model import Mention
from chatbot.push_groups import MOST_OFFERED, Group
from chatbot.roles import GROUP, OWNERS, NotGranted

#: What the id of a group begins with that is all the people of a team.
TEAM = f"{GROUP}team:"
#: What the owners of a team let Steady do by adding it: read who is in that team, and nothing of any other.
PERMISSION = "TeamMember.Read.Group"
#: Whoever asks is waiting for an answer, and a role may be looked up more than once for it.
SECONDS_TO_TELL = 5.0
#: A team has 25,000 members at most, and Graph gives 999 of them a time.
_PAGE = 999
_MOST_PAGES = 30
_LONGEST_NAME = 80
#: Teams that are asked at the same time.
_TOGETHER = 10

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_WRITTEN_OUT = re.compile(r"[!-~]{1,4000}")


class TeamMembers:
    """Asks the connector which team it is, and Graph who is in it."""

    def __init__(self, graph_url: str) -> None:
        self._graph = graph_url
        self._scope = f"{URL(graph_url).origin()}/.default"
        self._tokens: dict[str, tuple[Connector, BotToken]] = {}

    async def owners(self, connector: Connector, found: Reference) -> Mention:
        """Return the owners of a team as a group. Raises SteadyError if Teams does not tell which team it is."""
        team, name = await self._team(connector, found)
        return Mention(f"{OWNERS}{team}", name)

    async def teams(self, connector: Connector, rooms: Collection[Reference]) -> Sequence[Group]:
        """Return the teams that rooms are in, as many as can be offered.

        Those that the connector does not tell of are left out.
        """
        gate = asyncio.Semaphore(_TOGETHER)

        async def told(room: Reference) -> Group | None:
            try:
                async with asyncio.timeout(SECONDS_TO_TELL), gate:
                    team, name = await self._team(connector, room)
            except Exception as error:  # one that was deleted must not hide the others
                log_incident(error)
                return None
            return Group(f"{TEAM}{team}", name)

        one_each = list({room.team: room for room in rooms if room.team}.values())
        return [group for group in await asyncio.gather(*map(told, one_each[:MOST_OFFERED])) if group]

    async def _team(self, connector: Connector, found: Reference) -> tuple[str, str]:
        """Return the id of a team's group, and its name."""
        try:
            async with asyncio.timeout(SECONDS_TO_TELL):
                path = f"v3/teams/{quote(found.team, safe='')}"
                answer = await connector.get(connector.token, found.service_url, path)
        except TimeoutError:
            raise SteadyError("Teams does not tell in time which team it is.") from None
        team = text_at(answer.body, "aadGroupId").lower()
        if answer.status != 200 or not _GUID.fullmatch(team):
            raise SteadyError(f"Teams does not tell which team it is (HTTP {answer.status}).")
        return team, legible(text_at(answer.body, "name"))[:_LONGEST_NAME]

    async def ids(self, connector: Connector, tenant: str, group: str) -> frozenset[str]:
        """Return the ids of a team's people, or of its owners but for guests, as messages give them.

        `group` is the id of the group without what all groups' begin with. Raises NotGranted, or SteadyError.
        """
        kind, _, team = f"{GROUP}{group}".rpartition(":")
        if f"{kind}:" not in (OWNERS, TEAM) or not _GUID.fullmatch(team):
            raise SteadyError("In Teams only a team and the owners of one are groups.")
        try:
            async with asyncio.timeout(SECONDS_TO_TELL):
                return await self._ids(connector, tenant, team, owners=f"{kind}:" == OWNERS)
        except TimeoutError:
            raise SteadyError("Microsoft Graph does not tell in time who is in a team.") from None
        except NoTokenError as error:
            if error.status == 400:  # what an app that is unknown to the tenant gets
                raise NotGranted(PERMISSION) from error
            raise

    async def _ids(self, connector: Connector, tenant: str, team: str, *, owners: bool) -> frozenset[str]:
        people = set[str]()
        path = f"teams/{team}/members?$top={_PAGE}"
        for _ in range(_MOST_PAGES):
            answer = await connector.get(self._token(connector, tenant), self._graph, path)
            if answer.status == 403:
                raise NotGranted(PERMISSION)
            if answer.status != 200 or not isinstance(answer.body.get("value"), list):
                raise SteadyError(f"Microsoft Graph does not tell who is in a team (HTTP {answer.status}).")
            people.update(_owners_in(answer.body, tenant) if owners else _people_in(answer.body))
            following = text_at(answer.body, "@odata.nextLink")
            if not following:
                return frozenset(people)
            if not (following.startswith(self._graph) and _WRITTEN_OUT.fullmatch(following)):
                break  # the token must not go anywhere else
            path = following.removeprefix(self._graph)
        raise SteadyError("Microsoft Graph does not come to an end with who is in a team.")

    def _token(self, connector: Connector, tenant: str) -> BotToken:
        """Return the token for a tenant, which is of no use after the connector that it was fetched by."""
        of, token = self._tokens.get(tenant, (None, None))
        if token is None or of is not connector:
            token = connector.token_for(tenant, self._scope)
            self._tokens[tenant] = connector, token
        return token


def _people_in(page: Json) -> Iterator[str]:
    """Yield everybody on a page: who is sent something gets no say here, so guests are as good as anybody."""
    yield from (person for member in page["value"] if (person := text_at(member, "userId")))


def _owners_in(page: Json, tenant: str) -> Iterator[str]:
    """Yield the owners on a page; people of other organisations are not this one's to name, and a guest never is."""
    for member in page["value"]:
        roles = member.get("roles") if isinstance(member, dict) else None
        person = text_at(member, "userId")
        here = text_at(member, "tenantId") in ("", tenant)
        if person and here and isinstance(roles, list) and "owner" in roles and "guest" not in roles:
            yield person
