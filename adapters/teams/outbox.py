"""Sends answers after the turn: what a slow connector takes its time for must not hold up the 200 to Teams."""

import logging
from collections.abc import Awaitable, Coroutine
from typing import Any

from adapters.tasks import Tasks
from adapters.teams.activity import Json, is_room, part, tenant_of, text_at
from adapters.teams.connector import Connector, ConnectorError
from adapters.teams.render import to_activity
from chatbot.incidents import log_incident
from chatbot.model import Reply, Room
from chatbot.strings import Strings

log = logging.getLogger("steady.teams.outbox")

#: Seconds that answers under way are given when the program stops.
DRAIN = 5.0


class Outbox:
    """Knows where an answer goes, and what is left to try when it can't go there."""

    def __init__(self, connector: Connector, strings: Strings) -> None:
        self._connector = connector
        self._strings = strings
        self._under_way = Tasks()

    @property
    def is_full(self) -> bool:
        """Return whether no further answer can be taken on."""
        return self._under_way.is_full

    def answer(self, activity: Json, reply: Reply, about: Room | None = None) -> None:
        """Answer whoever sent `activity`, so that nobody else reads it; `about` is the room that it is about."""
        self._send(self._answer_alone(activity, reply, about))

    def answer_later(self, activity: Json, answering: Awaitable[Reply], about: Room | None = None) -> None:
        """Do the same once there is an answer."""
        self._send(self._answer_once_there(activity, answering, about))

    def replace(self, activity: Json, reply: Reply, about: Room | None = None, *, shared: bool = False) -> None:
        """Put the reply in the place of the card that `activity` was pressed on, for all who see it."""
        self._send(self._replace(activity, reply, about, shared))

    def welcome(self, activity: Json, reply: Reply) -> None:
        """Say hello in the conversation that `activity` tells of."""
        self._send(self._post(activity, to_activity(reply)))

    async def drain(self, seconds: float = DRAIN) -> None:
        """Wait for what is under way, then give up what is left."""
        if lost := await self._under_way.finish(seconds):
            log.warning("%d answers were still under way and are lost", lost)

    def _send(self, sending: Coroutine[Any, Any, None]) -> None:
        self._under_way.start(self._watched(sending))

    async def _watched(self, sending: Coroutine[Any, Any, None]) -> None:
        try:
            await sending
        except ConnectorError as error:
            if error.status == 403:
                log.warning("an answer was refused (403): the bot is blocked or uninstalled there")
            else:
                log.error("incident %s: %s", log_incident(error), error)
        except Exception as error:  # nobody awaits this task
            log_incident(error)

    async def _answer_once_there(self, activity: Json, answering: Awaitable[Reply], about: Room | None) -> None:
        await self._answer_alone(activity, await answering, about)

    async def _answer_alone(self, activity: Json, reply: Reply, about: Room | None) -> None:
        if is_room(activity):
            await self._answer_privately(activity, reply, about)
        else:
            await self._answer(activity, reply, about)

    async def _answer(self, activity: Json, reply: Reply, about: Room | None) -> None:
        await self._post(activity, to_activity(reply, about), reply_to=text_at(activity, "id"))

    async def _answer_privately(self, activity: Json, reply: Reply, about: Room | None) -> None:
        """Answer in the chat of two; where the person has none with the bot, say so in the room, without the advice."""
        try:
            chat = await self._connector.open_chat(
                activity["serviceUrl"],
                {"id": text_at(part(activity, "recipient"), "id")},
                {"id": text_at(part(activity, "from"), "id")},
                tenant_of(activity),
            )
            await self._post(activity, to_activity(reply, about), conversation=chat)
        except ConnectorError as error:
            if not 400 <= error.status < 500:
                raise
            text = self._strings("reply.no_private_chat", reply.language)
            pointer = {"type": "message", "text": text, "textFormat": "plain"}
            await self._post(activity, pointer, reply_to=text_at(activity, "id"))

    async def _replace(self, activity: Json, reply: Reply, about: Room | None, shared: bool) -> None:
        card = text_at(activity, "replyToId")
        message = self._addressed(activity, to_activity(reply, about, shared=shared))
        try:
            await self._connector.update(activity["serviceUrl"], message["conversation"]["id"], card, message)
        except ConnectorError as error:
            if error.status not in (404, 405):  # there is no such card, or none that can be changed
                raise
            await self._answer(activity, reply, about)

    async def _post(self, activity: Json, message: Json, *, conversation: str = "", reply_to: str = "") -> None:
        addressed = self._addressed(activity, message, conversation)
        if reply_to:
            addressed["replyToId"] = reply_to
        await self._connector.send(activity["serviceUrl"], addressed["conversation"]["id"], addressed)

    @staticmethod
    def _addressed(activity: Json, message: Json, conversation: str = "") -> Json:
        return {
            **message,
            "from": part(activity, "recipient"),
            "recipient": part(activity, "from"),
            "conversation": {"id": conversation or text_at(part(activity, "conversation"), "id")},
        }
