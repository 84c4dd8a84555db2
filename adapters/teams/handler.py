"""What the bot does with each kind of activity. The SDK's ActivityHandler tells them apart."""

from collections.abc import Callable
from typing import Any, cast

from botbuilder.core import ActivityHandler, BotAdapter, TurnContext
from botbuilder.schema import Activity, ChannelAccount, InvokeResponse

from adapters.teams.outbox import Outbox
from adapters.teams.render import CARD_TYPE, to_card
from adapters.teams.seen import Seen
from adapters.teams.translate import VERB, from_activity, from_press, part, text_at, text_of
from chatbot.coach import Coach
from chatbot.language import legible
from chatbot.model import Language

Json = dict[str, Any]

ERROR_TYPE = "application/vnd.microsoft.error"

_PAYLOAD = "steady.payload"
_ANSWER = "steady.invoke_response"


class CoachBot(ActivityHandler):
    """Answers what people write and press, and says hello once where it is installed."""

    def __init__(self, coach: Coach, outbox: Outbox, clock: Callable[[], float]) -> None:
        self._coach = coach
        self._outbox = outbox
        self._answered = Seen(clock)
        self._welcomed = Seen(clock)

    async def on_message_activity(self, turn_context: TurnContext) -> None:
        """Answer a message: at the person's side only, and once even if it is delivered twice."""
        activity = _payload(turn_context)
        # Clients too old for Action.Execute send what a button carries as a message without text.
        pressed = None if text_of(activity) else from_press(activity, activity.get("value"))
        message = pressed or from_activity(activity)
        if message is None:
            return
        reply = await self._coach.reply(message)
        # Only now, for a message that we failed to answer must be answered when it comes again.
        if not self._is_new(activity):
            return
        if pressed and text_at(activity, "replyToId"):
            self._outbox.replace(activity, reply)
        else:
            self._outbox.answer(activity, reply)

    async def on_members_added_activity(self, members_added: list[ChannelAccount], turn_context: TurnContext) -> None:
        """Say hello if it is the bot that was added; others join without a word from us."""
        activity = _payload(turn_context)
        bot = text_at(part(activity, "recipient"), "id")
        if bot and any(text_at(member, "id") == bot for member in activity["membersAdded"]):
            self._welcome(activity)

    async def on_installation_update_add(self, turn_context: TurnContext) -> None:
        """Say hello where the bot was installed; an upgrade is no occasion."""
        activity = _payload(turn_context)
        if activity.get("action") == "add":
            self._welcome(activity)

    async def on_installation_update_remove(self, turn_context: TurnContext) -> None:
        """Say nothing, but be ready to say hello again."""
        activity = _payload(turn_context)
        if activity.get("action") == "remove":
            self._welcomed.discard(text_at(part(activity, "conversation"), "id"))

    async def on_invoke_activity(self, turn_context: TurnContext) -> None:
        """Answer a pressed button with the card that takes the place of the one it stood on."""
        activity = _payload(turn_context)
        if activity.get("name") != "adaptiveCard/action":
            turn_context.turn_state[_ANSWER] = InvokeResponse(status=501)
            return
        action = part(activity.get("value"), "action")
        message = from_press(activity, action.get("data")) if action.get("verb") == VERB else None
        if message is None:
            error = {"code": "BadRequest", "message": "This is no action of a card of ours."}
            answer = {"statusCode": 400, "type": ERROR_TYPE, "value": error}
        else:
            card = to_card(await self._coach.reply(message))
            answer = {"statusCode": 200, "type": CARD_TYPE, "value": card}
        # Left here for the door: sent through the SDK, it would be copied deeply and serialised twice.
        turn_context.turn_state[_ANSWER] = InvokeResponse(status=200, body=answer)

    def _is_new(self, activity: Json) -> bool:
        activity_id = text_at(activity, "id")
        return not activity_id or self._answered.add((text_at(part(activity, "conversation"), "id"), activity_id))

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


def _payload(turn_context: TurnContext) -> Json:
    return cast(Json, turn_context.turn_state[_PAYLOAD])
