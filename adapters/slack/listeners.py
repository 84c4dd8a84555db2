"""The listeners: what Slack sends becomes a Message, the coach's Reply goes where it belongs.

A slash command's answer rides on its acknowledgement. Everything else is acknowledged at once and answered in
the background.
"""

import re
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError

from adapters.slack.inbox import Seen
from adapters.slack.payloads import from_command, from_event, from_press, place_of, workspace_of
from adapters.slack.render import Payload, compact, to_slack
from adapters.slack.sending import Sender
from chatbot.coach import Coach, log_incident
from chatbot.model import Message, Reply

_ANY = re.compile("")
_DAY = 24 * 3600


def register(
    app: AsyncApp, coach: Coach, sender: Sender, clock: Callable[[], float] = time.time
) -> Callable[[Payload], Awaitable[BoltResponse]]:
    """Attach every listener to `app`, but for the one of slash commands, which is returned."""
    listeners = _Listeners(coach, sender, clock)
    app.event("message")(listeners.message)
    app.event("app_mention")(listeners.mention)
    app.event("app_home_opened")(listeners.home)
    app.event(_ANY)(listeners.other)
    app.action(_ANY)(listeners.press)
    app.error(listeners.error)
    return listeners.command


@lru_cache(maxsize=1000)
def _whispered(reply: Reply) -> str:
    return compact({"response_type": "ephemeral", **to_slack(reply)})


class _Listeners:
    def __init__(self, coach: Coach, sender: Sender, clock: Callable[[], float]) -> None:
        self._coach = coach
        self._sender = sender
        self._greeted = Seen(_DAY, 10_000, clock)

    async def command(self, body: Payload) -> BoltResponse:
        """Answer any slash command, whatever its name: one added to the manifest by hand gets the menu."""
        try:
            message = from_command(body)
            reply = await self._coach.reply(message)
            if reply.living:
                self._sender.soon(self._sender.direct(message.person, reply))
                reply = self._coach.moved(reply)
            return BoltResponse(status=200, body=_whispered(reply))
        except Exception as error:  # Slack sends it again, or says so
            return await self.error(error)

    async def message(self, body: Payload) -> None:
        event = body["event"]
        message = from_event(body)
        if message and event.get("channel_type") == "im" and event.get("channel"):
            self._sender.soon(self._answer(message, event))

    async def _answer(self, message: Message, event: Payload) -> None:
        await self._sender.post(event["channel"], await self._coach.reply(message), event.get("thread_ts"))

    async def mention(self, body: Payload) -> None:
        message = from_event(body)
        if message and body["event"].get("channel"):
            self._sender.soon(self._answer_privately(message, body["event"]))

    async def _answer_privately(self, message: Message, event: Payload) -> None:
        reply = await self._for_a_room(message)
        await self._sender.whisper(event["channel"], message.person, reply, event.get("thread_ts"))

    async def _for_a_room(self, message: Message) -> Reply:
        """Return the answer to show privately in a room: a living one opens in the direct messages instead.

        What only one person sees in a room is gone when Slack is reloaded, so nothing lasting may stand there.
        """
        reply = await self._coach.reply(message)
        if not reply.living:
            return reply
        try:
            await self._sender.direct(message.person, reply)
        except SlackApiError:  # better in the room than nowhere
            return reply
        return self._coach.moved(reply)

    async def home(self, body: Payload) -> None:
        event = body["event"]
        if event.get("tab") == "messages" and event.get("user") and event.get("channel"):
            self._sender.soon(self._welcome(event, f"{workspace_of(body)} {event['user']}"))

    async def _welcome(self, event: Payload, person: str) -> None:
        """Welcome a person who opens an empty conversation. Slack tells us each time, so look before speaking."""
        if not self._greeted.add(person):
            return
        try:
            history = await self._sender.client.conversations_history(channel=event["channel"], limit=1)
            if not history["messages"]:
                await self._sender.post(event["channel"], self._coach.welcome(None))
        except Exception:
            self._greeted.forget(person)
            raise

    async def press(self, body: Payload, ack: Any) -> None:
        await ack()
        message = from_press(body)
        if message:
            self._sender.soon(self._replace(message, body))

    async def _replace(self, message: Message, body: Payload) -> None:
        private = place_of(body).private
        reply = await (self._for_a_room(message) if private else self._coach.reply(message))
        await self._sender.replace(body, reply)

    async def other(self) -> None:
        """Let an event pass that we did not ask for."""

    async def error(self, error: Exception) -> BoltResponse:
        log_incident(error)
        return BoltResponse(status=500)
