"""What the bot does with each kind of activity. The SDK's ActivityHandler tells them apart."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from botbuilder.core import ActivityHandler, BotAdapter, TurnContext
from botbuilder.schema import Activity, ChannelAccount, InvokeResponse

from adapters.seen import Seen
from adapters.teams.activity import Json, is_room, part, text_at, workspace_of
from adapters.teams.outbox import Outbox
from adapters.teams.render import CARD_TYPE, to_card
from adapters.teams.rooms import room_change_in, room_of
from adapters.teams.translate import VERB, from_activity, from_press, is_private, is_shared, text_of
from chatbot.coach import Coach
from chatbot.language import legible
from chatbot.model import Language, Message, Reply, Room
from chatbot.roles import Actor

ERROR_TYPE = "application/vnd.microsoft.error"
MESSAGE_TYPE = "application/vnd.microsoft.activity.message"
#: Teams gives up on a button after 15; what is set up in a room takes a question to Teams itself first.
SECONDS_FOR_A_CARD = 10.0
#: Teams does not say how often it delivers again.
REMEMBERED_SECONDS = 3600
REMEMBERED_MOST = 10_000

_PAYLOAD = "steady.payload"
_ANSWER = "steady.invoke_response"


class CoachBot(ActivityHandler):
    """Answers what people write and press, and says hello once where it is installed."""

    def __init__(
        self, coach: Coach, outbox: Outbox, is_ours: Callable[[str], bool], clock: Callable[[], float]
    ) -> None:
        self._coach = coach
        self._outbox = outbox
        self._is_ours = is_ours
        self._answered = Seen(REMEMBERED_SECONDS, REMEMBERED_MOST, clock)
        self._welcomed = Seen(REMEMBERED_SECONDS, REMEMBERED_MOST, clock)

    async def on_message_activity(self, turn_context: TurnContext) -> None:
        """Answer a message: at the person's side only, and once even if it is delivered twice."""
        activity = _payload(turn_context)
        # Clients too old for Action.Execute send what a button carries as a message without text.
        value = activity.get("value")
        pressed = None if text_of(activity) else from_press(activity, value, self._is_ours)
        message = pressed or from_activity(activity)
        if message is None:
            return
        if not self._is_new(activity):
            return
        try:
            reply = await self._coach.reply(message)
        except BaseException:  # then Teams comes again, and that must be answered
            self._answered.forget(_key(activity))
            raise
        here = pressed and text_at(activity, "replyToId") and not is_private(value)
        if here and not _only_for_one(activity, reply, seen_by_all=is_room(activity)):
            self._outbox.replace(activity, reply, _carried(activity, message), shared=is_shared(value))
        else:
            self._outbox.answer(activity, reply, _about(message))

    async def on_conversation_update_activity(self, turn_context: TurnContext) -> None:
        """Pass on what became of a channel or a team, then see who joined."""
        await self._pass_on_change(_payload(turn_context))
        await super().on_conversation_update_activity(turn_context)

    async def on_members_added_activity(self, members_added: list[ChannelAccount], turn_context: TurnContext) -> None:
        """Say hello if it is the bot that was added; others join without a word from us."""
        activity = _payload(turn_context)
        bot = text_at(part(activity, "recipient"), "id")
        if bot and any(text_at(member, "id") == bot for member in activity["membersAdded"]):
            self._welcome(activity)

    async def on_installation_update_add(self, turn_context: TurnContext) -> None:
        """Say hello where the bot was installed; an upgrade is no occasion."""
        activity = _payload(turn_context)
        await self._pass_on_change(activity)
        if activity.get("action") == "add":
            await self._pass_on_installer(activity)
            self._welcome(activity)

    async def on_installation_update_remove(self, turn_context: TurnContext) -> None:
        """Say nothing, but pass it on, and be ready to say hello again."""
        activity = _payload(turn_context)
        await self._pass_on_change(activity)
        if activity.get("action") == "remove":
            self._welcomed.forget(text_at(part(activity, "conversation"), "id"))

    async def on_invoke_activity(self, turn_context: TurnContext) -> None:
        """Answer a pressed button with the card that takes the place of the one it stood on."""
        activity = _payload(turn_context)
        if activity.get("name") != "adaptiveCard/action":
            turn_context.turn_state[_ANSWER] = InvokeResponse(status=501)
            return
        # Left here for the door: sent through the SDK, it would be copied deeply and serialised twice.
        turn_context.turn_state[_ANSWER] = InvokeResponse(status=200, body=await self._press(activity))

    async def _press(self, activity: Json) -> Json:
        """Return what takes the card's place, or a line of text if it stays."""
        action = part(activity.get("value"), "action")
        data = action.get("data")
        message = from_press(activity, data, self._is_ours) if action.get("verb") == VERB else None
        if message is None:
            error = {"code": "BadRequest", "message": "This is no action of a card of ours."}
            return {"statusCode": 400, "type": ERROR_TYPE, "value": error}
        if is_private(data):
            # Nobody need wait: the card stays, whatever the answer is.
            if self._is_new(activity):
                self._outbox.answer_later(activity, self._coach.reply(message), _about(message))
            return self._sent_to_you(message.locale or Language.EN)
        answering = asyncio.create_task(self._coach.reply(message))
        await asyncio.wait([answering], timeout=SECONDS_FOR_A_CARD)
        if not answering.done():
            # What is half done is not broken off; if there is an answer after all it follows.
            self._outbox.answer_later(activity, answering, _about(message))
            return _card(self._coach.failed(message, TimeoutError()), _carried(activity, message))
        reply = answering.result()
        shared = is_shared(data) and is_room(activity)
        if _only_for_one(activity, reply, seen_by_all=shared):
            if self._is_new(activity):
                self._outbox.answer(activity, reply, _about(message))
            return self._sent_to_you(reply.language)
        if shared:
            # What a button is answered with only its presser sees.
            self._outbox.replace(activity, reply, shared=True)
        return _card(reply, _carried(activity, message), shared=shared)

    def _sent_to_you(self, language: Language) -> Json:
        text = self._coach.strings("reply.sent_to_you", language)
        return {"statusCode": 200, "type": MESSAGE_TYPE, "value": text}

    async def _pass_on_change(self, activity: Json) -> None:
        """Tell the coach what became of a room. If that fails Teams comes again, for it gets no 200."""
        change = room_change_in(activity)
        if change:
            await self._coach.room_changed(workspace_of(activity), *change)
            room = room_of(activity)
            # Who a conversation of two is with is known from the first thing they say.
            if change[1] == "back" and room and not room.personal:
                self._coach.room_seen(workspace_of(activity), room, Language.from_tag(text_at(activity, "locale")))

    async def _pass_on_installer(self, activity: Json) -> None:
        """Tell the coach who added us to a team; anybody may add us for themselves, or to a chat of their own."""
        person = part(activity, "from")
        if text_at(part(part(activity, "channelData"), "team"), "id") and text_at(person, "aadObjectId"):
            name = legible(text_at(person, "name"))
            await self._coach.installed(Actor(workspace_of(activity), text_at(person, "aadObjectId"), name))

    def _is_new(self, activity: Json) -> bool:
        return not text_at(activity, "id") or self._answered.add(_key(activity))

    def _welcome(self, activity: Json) -> None:
        """Say hello, once: Teams tells of one installation by two activities."""
        conversation = text_at(part(activity, "conversation"), "id")
        if conversation and self._welcomed.add(conversation):
            language = Language.from_tag(text_at(activity, "locale"))
            installed_by = legible(text_at(part(activity, "from"), "name")) or None
            self._outbox.welcome(activity, self._coach.welcome(language, installed_by))


class Turns(BotAdapter):
    """Takes an activity through the SDK. Answers leave by the outbox, for the turn is over before they do."""

    async def run(self, bot: CoachBot, payload: Json) -> InvokeResponse | None:
        """Let the bot deal with an activity; return the response if it was an invoke."""
        # Only what the SDK tells activities apart by: to read the rest with msrest takes longer than to coach.
        members = payload.get("membersAdded")
        activity = Activity(
            type=payload["type"],
            action=text_at(payload, "action"),
            members_added=members if isinstance(members, list) else None,
        )
        context = TurnContext(self, activity)
        context.turn_state[_PAYLOAD] = payload
        await self.run_pipeline(context, bot.on_turn)
        return cast(InvokeResponse | None, context.turn_state.get(_ANSWER))

    async def send_activities(self, context: TurnContext, activities: list[Activity]) -> Any:
        """Refuse: see the class."""
        raise NotImplementedError("send with the outbox")

    async def update_activity(self, context: TurnContext, activity: Activity) -> Any:
        """Refuse: see the class."""
        raise NotImplementedError("send with the outbox")

    async def delete_activity(self, context: TurnContext, reference: Any) -> Any:
        """Refuse: see the class."""
        raise NotImplementedError("send with the outbox")


def _key(activity: Json) -> tuple[str, str]:
    """Return what two deliveries of an activity have in common."""
    return text_at(part(activity, "conversation"), "id"), text_at(activity, "id")


def _payload(turn_context: TurnContext) -> Json:
    return cast(Json, turn_context.turn_state[_PAYLOAD])


def _card(reply: Reply, carried: Room | None, *, shared: bool = False) -> Json:
    return {"statusCode": 200, "type": CARD_TYPE, "value": to_card(reply, carried, shared=shared)}


def _only_for_one(activity: Json, reply: Reply, *, seen_by_all: bool) -> bool:
    """Return whether a reply must not take the card's place: nobody else may read it, or fill it in.

    What a button carries may be made up, so that a card which all see is only changed by a reply that is meant for it.
    """
    return reply.private or (reply.form is not None and is_room(activity)) or (seen_by_all and not reply.for_all)


def _about(message: Message) -> Room | None:
    """Return the room that a message is about; buttons of an answer elsewhere must know it."""
    return None if message.room is None or message.room.personal else message.room


def _carried(activity: Json, message: Message) -> Room | None:
    """Return the same for an answer in the place of the card: in the room itself nothing need be carried."""
    return None if is_room(activity) else _about(message)
