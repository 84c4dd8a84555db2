"""What nobody is waiting for, sent once; and who is in a room.

Each call is one request with no retry: whoever repeats a post that may have arrived doubles it. What became of it is
said by the outcome, and the ledger decides. (aiohttp itself repeats a PUT or GET once when a kept connection drops; the
same card in the place of the same message is no second message.)
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from urllib.parse import quote

import aiohttp

from adapters.teams.activity import Json, text_at
from adapters.teams.auth import is_among, service_urls
from adapters.teams.connector import Answer, Connector, NoTokenError
from adapters.teams.render import to_activity
from adapters.teams.rooms import Reference
from adapters.teams.team_members import TeamMembers
from adapters.teams.translate import CONNECTOR_PERSON
from chatbot.delivery.model import CantTell, Delivery, Failed, Later, Limits, Look, Outcome, Sent, Unknown
from chatbot.errors import SteadyError
from chatbot.model import Mention, Message, Reply
from chatbot.push_groups import Group
from chatbot.rooms import Standing
from chatbot.settings import Settings

log = logging.getLogger("steady.teams.delivery")

#: A conversation takes 7 messages in a second, but no more than 60 in 30 seconds.
#: https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit
_PER_CONVERSATION = 2.0
#: Looking is no request at all, so nothing limits it.
_LOOKS = 100.0
TIMEOUT = aiohttp.ClientTimeout(total=10, connect=3)
#: Until the bot has its token nothing has left; past this it is tried again later.
SECONDS_FOR_A_TOKEN = 4.0
#: Who asks about a room is waiting for an answer.
SECONDS_TO_LOOK_UP = 5.0

#: No connection was made, so nothing was asked.
_NEVER_LEFT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class TeamsDelivery:
    """Posts rows of the ledger, and knows who is in a room.

    It uses the adapter's connector while that is open, but none of its retries.
    """

    def __init__(self, settings: Settings) -> None:
        self.limits = Limits(_PER_CONVERSATION, settings.teams_messages_per_second, _LOOKS)
        self._service_urls = service_urls(settings)
        self._connector: Connector | None = None
        self._team_members = TeamMembers(settings.teams_graph_url)

    def open(self, connector: Connector) -> None:
        """Send by `connector` from now on; until then nothing leaves."""
        self._connector = connector

    def close(self) -> None:
        """Send nothing any more: the connector's session is about to be closed."""
        self._connector = None

    async def send(self, delivery: Delivery, reply: Reply) -> Outcome:
        """Post a message, with the row's key in its channel data. A 401 is our own fault and may be mended."""
        found = self._reference(delivery.target)
        if found is None:
            log.warning("a message was not sent: its address is none, or not in TEAMS_SERVICE_URLS")
            return Failed("refused")
        activity = _addressed(found, reply) | {"channelData": {"steady": {"key": delivery.key}}}
        return await self._write("POST", found, "activities", activity)

    async def amend(self, delivery: Delivery, reply: Reply) -> Outcome:
        """Put a reply in the place of a message."""
        found = self._reference(delivery.target)
        if found is None:
            return Failed("refused")
        what = f"activities/{quote(delivery.reference, safe='')}"
        return await self._write("PUT", found, what, _addressed(found, reply), delivery.reference)

    async def _write(self, method: str, found: Reference, what: str, activity: Json, reference: str = "") -> Outcome:
        """Return what became of it; `reference` is that of the message if there is one already."""
        try:
            answer = await self._ask(method, found, what, activity)
        except (NoTokenError, *_NEVER_LEFT):
            return Later()
        except (aiohttp.ClientError, OSError):
            return Unknown("no_answer")
        if reference and 200 <= answer.status < 300:
            return Sent(reference)
        if reference and answer.status in (403, 404, 405) and answer.error != "ConversationNotFound":
            return Failed("deleted")  # of this one message: whoever removed it has not removed us
        return _outcome(answer)

    async def look(self, delivery: Delivery) -> Look:
        """Tell that we can't tell: the connector reads nothing back.

        Microsoft Graph would, but only with the consent `ChannelMessage.Read.Group`, by which a bot may read all that
        a team says: too much for finding out whether one message arrived.
        """
        return CantTell()

    async def name_of(self, message: Message) -> str:
        """Return the author's name, which every activity carries."""
        return message.name

    async def standing(self, message: Message) -> Standing:
        """Return what the message's author is in its room, as Teams knows it at this moment."""
        room = message.room
        if room is None:
            return "cant_tell"
        if room.personal:
            return "member"
        found = self._reference(room.address)
        if found is None:
            return "cant_tell"
        try:
            async with asyncio.timeout(SECONDS_TO_LOOK_UP):
                answer = await self._ask("GET", found, f"members/{quote(message.person, safe='')}")
        except (NoTokenError, aiohttp.ClientError, OSError):
            return "cant_tell"
        match answer.status:
            case 200:
                return "member"
            case 404 if answer.error != "ConversationNotFound":
                return "stranger"
            case 403 | 404:
                return "no_bot"
            case _:
                return "cant_tell"

    async def groups(self, workspace: str, addresses: Collection[str]) -> Sequence[Group]:
        """Return the teams of the rooms at these addresses. Raises NoTokenError while Teams is not started."""
        found = (self._reference(address) for address in addresses)
        here = [room for room in found if room and workspace == f"teams:{room.tenant}"]
        return await self._team_members.teams(self._open(), here)

    async def members(self, workspace: str, group: str) -> Collection[str]:
        """Return the ids of those who are in a team, or own it.

        Raises NotGranted, or SteadyError if Microsoft does not tell.
        """
        return await self._team_members.ids(self._open(), workspace.partition(":")[2], group)

    async def owners(self, message: Message) -> Mention | None:
        """Return the owners of the team whose channel a message was written in; None if it was in no team's.

        Raises SteadyError if Teams does not tell which team that is.
        """
        found = self._reference(message.room.address) if message.room and message.room.certain else None
        if found is None or not found.team or message.workspace != f"teams:{found.tenant}":
            return None
        return await self._team_members.owners(self._open(), found)

    async def identified(self, message: Message, mention: Mention) -> Mention:
        """Return a mention with the id by which a person's own messages go, as Teams tells it at this moment.

        Raises SteadyError, NoTokenError or aiohttp's errors if it does not.
        """
        if not mention.id.startswith(CONNECTOR_PERSON):
            return mention
        found = self._reference(message.room.address) if message.room else None
        if found is None:
            raise SteadyError("Teams tells who somebody is only where they were named.")
        async with asyncio.timeout(SECONDS_TO_LOOK_UP):
            answer = await self._ask("GET", found, f"members/{quote(mention.id, safe='')}")
        person = text_at(answer.body, "aadObjectId") or text_at(answer.body, "objectId")
        if answer.status != 200 or not person:
            raise SteadyError(f"Teams does not tell who was named (HTTP {answer.status}).")
        return Mention(person, mention.name)

    def _reference(self, address: str) -> Reference | None:
        """Return where an address leads; None if we may not call there, or not any more."""
        found = Reference.from_json(address)
        return found if found and is_among(found.service_url, self._service_urls) else None

    def _open(self) -> Connector:
        if self._connector is None:
            raise NoTokenError("Teams is not started, or being stopped.", 0)
        return self._connector

    async def _ask(self, method: str, found: Reference, what: str, body: dict[str, object] | None = None) -> Answer:
        """Raises NoTokenError, aiohttp.ClientError or OSError."""
        connector = self._open()
        try:
            async with asyncio.timeout(SECONDS_FOR_A_TOKEN):
                token = await connector.token.get()
        except TimeoutError:
            raise NoTokenError("TEAMS_TOKEN_URL does not answer in time.", 0) from None
        path = f"v3/conversations/{quote(found.conversation, safe='')}/{what}"
        return await connector.once(token, method, found.service_url, path, body, TIMEOUT)


def _addressed(found: Reference, reply: Reply) -> Json:
    return {
        **to_activity(reply, shared=True),
        "from": {"id": found.bot_id, "name": found.bot_name},
        "conversation": {"id": found.conversation},
    }


def _outcome(answer: Answer) -> Outcome:
    match answer.status:
        case status if 200 <= status < 300:
            activity = text_at(answer.body, "id")
            return Sent(activity) if activity else Unknown("no_answer")
        case 429 | 412:  # of this conversation: what the tenant as a whole takes, our own pace keeps
            return Later(answer.wait, everywhere=False)
        case 401:
            log.warning("the connector does not accept the bot's token; trying again with a new one")
            return Later()
        case 403:
            log.warning("a message was refused: %s", answer.error or "forbidden")
            return Failed("blocked", gone="target")
        case 404 if answer.error:
            return Failed("deleted", gone="target")
        case status if status >= 500 or status == 408:
            return Unknown("no_answer")
        case _:  # a 404 that is not the connector's own too: a proxy must not put an end to a channel's tips
            log.warning("Teams refused a message: HTTP %d %s", answer.status, answer.error)
            return Failed("refused")
