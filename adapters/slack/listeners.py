"""The listeners: what Slack sends becomes a Message, the coach's Reply goes where it belongs.

A slash command's answer rides on its acknowledgement, unless Slack must be asked first. A modal waits for its answer
as long as Slack does. Everything else is acknowledged at once and answered in the background.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import aiohttp
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError

from adapters.seen import Seen
from adapters.slack.modal import from_submission, shown_again, to_view
from adapters.slack.payloads import (
    from_command,
    from_event,
    from_press,
    is_private,
    place_of,
    room_of,
    string_in,
    workspace_of,
)
from adapters.slack.render import Payload, compact, to_slack
from adapters.slack.room_changes import room_change_in
from adapters.slack.sending import Sender
from chatbot.coach import Coach
from chatbot.incidents import log_incident
from chatbot.model import Button, Form, Message, Reply, Room, Text

_ANY = re.compile("")
_DAY = 24 * 3600
#: A modal that gets no answer within three seconds says that something went wrong.
SECONDS_FOR_A_MODAL = 2.5
#: The longest command that a button can hold.
_LONGEST_COMMAND = 2_000

#: Shows a reply to whoever asked.
Show = Callable[[Reply], Awaitable[None]]


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
    app.view(_ANY)(listeners.submission)
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
            if self._coach.asks_platform(message):
                if self._sender.is_full:
                    return BoltResponse(status=503)
                self._sender.soon(self._answer_later(message, body))
                return BoltResponse(status=200)
            reply = await self._coach.reply(message)
            if reply.form:
                self._sender.soon(self._show(reply, message, body, partial(self._sender.follow, body)))
                return BoltResponse(status=200)
            if reply.living:
                self._sender.soon(self._sender.direct(message.person, reply))
                reply = self._coach.moved(reply)
            return BoltResponse(status=200, body=_whispered(reply))
        except Exception as error:  # Slack sends it again, or says so
            return await self.error(error)

    async def _answer_later(self, message: Message, body: Payload) -> None:
        await self._show(await self._for_a_room(message), message, body, partial(self._sender.follow, body))

    async def _show(self, reply: Reply, message: Message, body: Payload, show: Show) -> None:
        """Open the modal of a reply that has one, and show any other. Where no modal can be opened a button will."""
        if reply.form is None:
            await show(reply)
            return
        trigger = string_in(body, "trigger_id")  # only what was pressed or given as a command has one
        if not (trigger and await self._sender.open(trigger, to_view(reply, reply.form, message.room))):
            await show(self._with_a_button(reply, reply.form, message.text))

    def _with_a_button(self, reply: Reply, form: Form, command: str) -> Reply:
        """Return the reply as a card with a button that opens its form; `command` is what led to it."""
        errors = tuple(Text(f"{field.label}: {field.error}") for field in form.fields if field.error)
        known = command if 0 < len(command) <= _LONGEST_COMMAND else form.command
        button = Button(self._coach.strings("button.open_form", reply.language), known, "primary")
        return replace(reply, blocks=reply.blocks + errors, buttons=(button,), form=None)

    async def message(self, body: Payload) -> None:
        event = body["event"]
        message = from_event(body)
        if message and event.get("channel_type") == "im" and event.get("channel"):
            self._sender.soon(self._answer(message, event))

    async def _answer(self, message: Message, event: Payload) -> None:
        post = partial(self._sender.post, event["channel"], thread=event.get("thread_ts"))
        await self._show(await self._coach.reply(message), message, {}, post)

    async def mention(self, body: Payload) -> None:
        message = from_event(body)
        if message and body["event"].get("channel"):
            self._sender.soon(self._answer_privately(message, body["event"]))

    async def _answer_privately(self, message: Message, event: Payload) -> None:
        whisper = partial(self._sender.whisper, event["channel"], message.person, thread=event.get("thread_ts"))
        await self._show(await self._for_a_room(message), message, {}, whisper)

    async def _for_a_room(self, message: Message) -> Reply:
        """Return the answer to show privately in a room: a living one opens in the direct messages instead.

        What only one person sees in a room is gone when Slack is reloaded, so nothing lasting may stand there.
        """
        return await self._fit_for_a_room(await self._coach.reply(message), message.person)

    async def _fit_for_a_room(self, reply: Reply, person: str) -> Reply:
        if not reply.living:
            return reply
        try:
            await self._sender.direct(person, reply)
        except (SlackApiError, aiohttp.ClientError, OSError):  # better in the room than nowhere
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
            self._sender.soon(self._answer_press(message, body))

    async def _answer_press(self, message: Message, body: Payload) -> None:
        place = place_of(body)
        show: Show = partial(self._sender.replace, body)
        in_a_room = place.private
        reply = await self._coach.reply(message)
        room = message.room
        kept = room is not None and not room.personal and not place.private and not reply.for_all
        if room and (reply.private or is_private(body) or kept):
            in_a_room = not room.personal
            if in_a_room:
                show = partial(self._sender.whisper, place.channel, message.person, thread=place.thread)
            else:
                show = partial(self._sender.post, place.channel, thread=place.thread)
        if in_a_room:
            reply = await self._fit_for_a_room(reply, message.person)
        await self._show(reply, message, body, show)

    async def submission(self, body: Payload, ack: Any) -> None:
        """Answer a modal: while Slack waits with its errors or a new one; else it closes, and the answer follows."""
        sent = from_submission(body)
        if sent is None:
            await ack()
            return
        answering = asyncio.create_task(self._coach.reply(sent.message))
        await asyncio.wait([answering], timeout=SECONDS_FOR_A_MODAL)
        if answering.done() and (reply := answering.result()).form:
            await ack(**shown_again(reply, reply.form, sent))
            return
        self._sender.soon(self._answer_modal(answering, sent.message))
        await ack()

    async def _answer_modal(self, answering: "asyncio.Task[Reply]", message: Message) -> None:
        reply, room = await answering, message.room
        if room is None or room.personal:  # a command works in other people's direct messages too; we don't
            await self._show(reply, message, {}, partial(self._sender.direct, message.person))
            return
        whisper = partial(self._sender.whisper, room.address, message.person)
        await self._show(await self._fit_for_a_room(reply, message.person), message, {}, whisper)

    async def other(self, body: Payload) -> None:
        """Pass on what became of a room, before the acknowledgement: else it would be lost with us."""
        change = room_change_in(body)
        if change:
            await self._coach.room_changed(workspace_of(body), *change)
            room = room_of(change[0]) if change[0] else None
            if room and change[1] == "back":
                self._coach.room_seen(workspace_of(body), room, None)
                self._sender.soon(self._learn_name(workspace_of(body), room))

    async def _learn_name(self, workspace: str, room: Room) -> None:
        """Note what a channel is called, which no event tells."""
        name = await self._sender.name_of(room.key)
        if name:
            self._coach.room_seen(workspace, replace(room, name=name), None)

    async def error(self, error: Exception) -> BoltResponse:
        log_incident(error)
        return BoltResponse(status=500)
