"""Who owns a team. The connector does not tell, so Microsoft Graph is asked: docs/adr/0012-team-owners.md."""

import asyncio
import re
from collections.abc import Iterator
from urllib.parse import quote

from yarl import URL

from adapters.teams.activity import Json, text_at
from adapters.teams.connector import BotToken, Connector, NoTokenError
from adapters.teams.rooms import Reference
from chatbot.errors import SteadyError
from chatbot.language import legible
from chatbot.model import Mention
from chatbot.roles import GROUP, OWNERS, NotGranted

#: What the owners of a team let Steady do by adding it: read who is in that team, and nothing of any other.
PERMISSION = "TeamMember.Read.Group"
#: Whoever asks is waiting for an answer, and a role may be looked up more than once for it.
SECONDS_TO_TELL = 5.0
#: A team has 25,000 members at most, and Graph gives 999 of them a time.
_PAGE = 999
_MOST_PAGES = 30
_LONGEST_NAME = 80

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_WRITTEN_OUT = re.compile(r"[!-~]{1,4000}")


class Owners:
    """Asks the connector which team it is, and Graph who owns it."""

    def __init__(self, graph_url: str) -> None:
        self._graph = graph_url
        self._scope = f"{URL(graph_url).origin()}/.default"
        self._tokens: dict[str, tuple[Connector, BotToken]] = {}

    async def group(self, connector: Connector, found: Reference) -> Mention:
        """Return the owners of a team as a group. Raises SteadyError if Teams does not tell which team it is."""
        try:
            async with asyncio.timeout(SECONDS_TO_TELL):
                path = f"v3/teams/{quote(found.team, safe='')}"
                answer = await connector.get(connector.token, found.service_url, path)
        except TimeoutError:
            raise SteadyError("Teams does not tell in time which team it is.") from None
        team = text_at(answer.body, "aadGroupId").lower()
        if answer.status != 200 or not _GUID.fullmatch(team):
            raise SteadyError(f"Teams does not tell which team it is (HTTP {answer.status}).")
        return Mention(f"{OWNERS}{team}", legible(text_at(answer.body, "name"))[:_LONGEST_NAME])

    async def ids(self, connector: Connector, tenant: str, group: str) -> frozenset[str]:
        """Return the ids of a team's owners but for guests, as messages give them.

        `group` is the id of the group without what all groups' begin with. Raises NotGranted, or SteadyError.
        """
        team = group.removeprefix(OWNERS.removeprefix(GROUP))
        if not _GUID.fullmatch(team):
            raise SteadyError("In Teams only the owners of a team are a group.")
        try:
            async with asyncio.timeout(SECONDS_TO_TELL):
                return await self._ids(connector, tenant, team)
        except TimeoutError:
            raise SteadyError("Microsoft Graph does not tell in time who owns a team.") from None
        except NoTokenError as error:
            if error.status == 400:  # what an app that is unknown to the tenant gets
                raise NotGranted(PERMISSION) from error
            raise

    async def _ids(self, connector: Connector, tenant: str, team: str) -> frozenset[str]:
        owners = set[str]()
        path = f"teams/{team}/members?$top={_PAGE}"
        for _ in range(_MOST_PAGES):
            answer = await connector.get(self._token(connector, tenant), self._graph, path)
            if answer.status == 403:
                raise NotGranted(PERMISSION)
            if answer.status != 200 or not isinstance(answer.body.get("value"), list):
                raise SteadyError(f"Microsoft Graph does not tell who owns a team (HTTP {answer.status}).")
            owners.update(_owners_in(answer.body, tenant))
            following = text_at(answer.body, "@odata.nextLink")
            if not following:
                return frozenset(owners)
            if not (following.startswith(self._graph) and _WRITTEN_OUT.fullmatch(following)):
                break  # the token must not go anywhere else
            path = following.removeprefix(self._graph)
        raise SteadyError("Microsoft Graph does not come to an end with who owns a team.")

    def _token(self, connector: Connector, tenant: str) -> BotToken:
        """Return the token for a tenant, which is of no use after the connector that it was fetched by."""
        of, token = self._tokens.get(tenant, (None, None))
        if token is None or of is not connector:
            token = connector.token_for(tenant, self._scope)
            self._tokens[tenant] = connector, token
        return token


def _owners_in(page: Json, tenant: str) -> Iterator[str]:
    """Yield the owners on a page; people of other organisations are not this one's to name, and a guest never is."""
    for member in page["value"]:
        roles = member.get("roles") if isinstance(member, dict) else None
        person = text_at(member, "userId")
        here = text_at(member, "tenantId") in ("", tenant)
        if person and here and isinstance(roles, list) and "owner" in roles and "guest" not in roles:
            yield person
