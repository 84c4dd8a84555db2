"""The doors of both platforms as people use them: typing, pressing, filling in forms; with what they then see.

All goes in as the platforms' own requests at the real doors, and what comes back is read from what they would draw. What
is sent without anybody waiting is sent by hand, by a clock that is moved.
"""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.delivering import Delivering
from adapters.leading import Leading
from adapters.slack import SlackAdapter
from adapters.teams import TeamsAdapter
from chatbot.coach import Coach
from chatbot.delivery.model import Limits
from chatbot.roles import Actor
from chatbot.store.database import Database
from tests.fake_identity import Teams, running
from tests.fake_team import START, ByHand
from tests.far_records import Record, SlackRecord, TeamsRecord
from tests.slack_far_end import Slack, form, interactive, payload, slack
from tests.test_slack_forms import checked, submitted

Json = dict[str, Any]
#: By which Slack shows something to whoever asked.
_SHOWN_BY = ("command", "press", "views.open", "chat.postEphemeral", "chat.postMessage")
FAST = Limits(1000, 1000, 1000)
#: What is said in the first three channels, and by which of Teams' clients: they speak English, German and Georgian.
SPOKEN = (("calm", "en-US"), ("ich bin so gestresst", "de-DE"), ("დამამშვიდე", "ka-GE"))


@dataclass(frozen=True)
class Person:
    """Somebody who works with one of the two; `elsewhere`: in another workspace or tenant."""

    name: str
    number: int
    elsewhere: bool = False

    @property
    def in_slack(self) -> str:
        return f"U0AGENT{self.number:02}"

    @property
    def in_teams(self) -> str:
        return f"{self.number:08}-0000-4000-8000-00000000000a"


LENA, ANN, BEN, LARS = Person("Lena", 1), Person("Ann", 2), Person("Ben", 3), Person("Lars", 4, elsewhere=True)


@dataclass
class Shown:
    """What somebody sees: all of it as text, the buttons by what they mean, and a form as its platform draws it."""

    text: str
    buttons: dict[str, Json] = field(default_factory=dict)
    form: Json = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)  # by which a form that stays differs from how it was drawn

    def button(self, beginning: str) -> str:
        """Return what the button means whose meaning begins so."""
        return next(command for command in self.buttons if command.startswith(beginning))


class Door(ABC):
    """A workspace with Lena as its lead, and another one with Lars as his; three channels and more can be spoken in."""

    workspace: str
    elsewhere: str
    rooms: tuple[str, ...]
    record: Record
    adapter: SlackAdapter | TeamsAdapter
    delivering: Delivering
    leading: Leading

    def __init__(self) -> None:
        self.now = START
        self.count = 0

    @abstractmethod
    async def type(self, text: str, who: Person = LENA) -> Shown:
        """Type a command where nobody else reads it."""

    @abstractmethod
    async def press(self, shown: Shown, command: str, who: Person = LENA) -> Shown:
        """Press a button; if there is none with this meaning, press a forged one."""

    @abstractmethod
    async def press_pushed(self, room: str, command: str, who: Person) -> Shown:
        """Press a button of the latest message that was pushed to a room, or a forged one on it."""

    @abstractmethod
    async def fill(self, shown: Shown, who: Person = LENA, **values: str) -> Shown:
        """Send a form with what stands in it, and `values` over that; several choices are joined with commas."""

    @abstractmethod
    async def forge(self, command: str, who: Person, **values: str) -> Shown:
        """Send a form that was never shown."""

    @abstractmethod
    async def say(self, room: str, text: str, locale: str = "en-US") -> None:
        """Let Ben mention Steady in a channel."""

    @abstractmethod
    def refuse(self, room: str, *, change: bool = False) -> None:
        """Let a channel refuse the next message, as the platform does where Steady was put out, or the next change."""

    def actor(self, who: Person = LENA) -> Actor:
        """Return who somebody is to the core."""
        return Actor(self._workspace(who), self._id(who), who.name)

    def _workspace(self, who: Person) -> str:
        return self.elsewhere if who.elsewhere else self.workspace

    @abstractmethod
    def _id(self, who: Person) -> str: ...

    def serial(self) -> int:
        """Return a number that no other request has."""
        self.count += 1
        return self.count

    async def known(self) -> None:
        """Say something in the first three rooms and one more, by which they are known."""
        for room, (text, locale) in zip(self.rooms, (*SPOKEN, SPOKEN[0]), strict=False):
            await self.say(room, text, locale)
        await self.delivering.rooms_seen.written()

    async def run(self, later: timedelta = timedelta(seconds=5)) -> None:
        """Move the clock, and send what is due, as fast as it goes."""
        self.adapter.delivery.limits = FAST
        for _ in range(2):
            self.now += later / 2
            await self.delivering.pushes.tick()
            await self.delivering.lanes.run(self.workspace)

    async def begin(self, **values: str) -> str:
        """Push a text to the first three rooms; return the push's number. Nothing is sent yet."""
        told = {"title": "New refund rule", "text": "Up to 50 at once.", "to": self.three(), **values}
        asked = await self.fill(await self.type("push"), LENA, **told)
        send = asked.button("push send")
        await self.press(asked, send)
        return send.split()[-1]

    def three(self) -> str:
        """Return the first three rooms as a form names them."""
        return ",".join(f"room:{room}" for room in self.rooms[:3])


class SlackDoor(Door):
    """Steady in Slack."""

    workspace, elsewhere = "slack:T0STEADY1", "slack:T0ELSE001"
    rooms = tuple(f"C0ROOM{number:03}" for number in range(1, 6))

    def __init__(self, here: Slack, far: SlackRecord) -> None:
        super().__init__()
        self.here = here
        self.far = far
        self.record = far.record
        self.adapter = here.adapter

    def _id(self, who: Person) -> str:
        return who.in_slack

    def _by(self, content: Json, who: Person) -> Json:
        """Return a payload as from somebody, like no other one."""
        team = self._workspace(who).partition(":")[2]
        content["trigger_id"] = f"{self.serial()}.2.3"
        content["user"] = {"id": who.in_slack, "username": who.name, "name": who.name, "team_id": team}
        content["team"] = {"id": team, "domain": "example"}
        return content

    async def _shown(self, body: bytes) -> Shown:
        """Send a request and return what is shown for it, with the response or later."""
        before = len(self.far.calls)

        def found() -> list[Json]:
            calls = self.far.calls[before:]
            return [content for name, content in calls if name in _SHOWN_BY and "metadata" not in content]

        status, told = await self.here.send(body)
        assert status == 200
        if told:
            return self._read(json.loads(told))
        await self.far.until(lambda _: found())
        return self._read(found()[0])

    @staticmethod
    def _read(content: Json) -> Shown:
        view = content.get("view", {})
        view = json.loads(view) if isinstance(view, str) else view
        blocks = content.get("blocks", [])
        rows = [row for row in (json.loads(blocks) if isinstance(blocks, str) else blocks) if row["type"] == "actions"]
        elements = [{**element, "block_id": row["block_id"]} for row in rows for element in row["elements"]]
        buttons = {element["value"]: element for element in elements if "value" in element}  # others send what is typed
        return Shown(json.dumps(content, ensure_ascii=False), buttons, checked(view) if view else {})

    async def type(self, text: str, who: Person = LENA) -> Shown:
        content = payload("command", command="/steady", text=text, user_id=who.in_slack, user_name=who.name)
        content["team_id"] = self._workspace(who).partition(":")[2]
        content |= {"trigger_id": f"{self.serial()}.2.3", "response_url": f"{self.far.url}respond/command"}
        return await self._shown(form(content))

    async def press(self, shown: Shown, command: str, who: Person = LENA) -> Shown:
        return await self._pressed(payload("press"), shown.buttons, command, who)

    async def press_pushed(self, room: str, command: str, who: Person) -> Shown:
        timestamp = max(reference for channel, reference in self.record.shown if channel == room)
        message = self.record.shown[room, timestamp]
        content = payload("press_push", channel={"id": room, "name": "support"})
        content["container"] |= {"channel_id": room, "message_ts": timestamp}
        content["message"] |= {name: message[name] for name in ("text", "blocks", "metadata")} | {"ts": timestamp}
        return await self._pressed(content, self._read(message).buttons, command, who)

    async def _pressed(self, content: Json, buttons: dict[str, Json], command: str, who: Person) -> Shown:
        forged = {"type": "button", "action_id": "p 0", "block_id": "en 3", "value": command}
        content["actions"] = [{**buttons.get(command, forged), "action_ts": f"1700000001.{self.serial():06}"}]
        content["response_url"] = f"{self.far.url}respond/press"
        return await self._shown(interactive(self._by(content, who)))

    async def fill(self, shown: Shown, who: Person = LENA, **values: str) -> Shown:
        elements = {block["element"]["action_id"]: block["element"] for block in shown.form["blocks"]}
        typed = shown.typed | values
        state = {name: self._state(elements[name], value) for name, value in typed.items()}
        answer = await self._shown(interactive(self._by(submitted(shown.form, **state), who)))
        told = json.loads(answer.text)
        if told.get("response_action") == "errors":  # Slack shows them in the modal that is there
            return Shown(answer.text, {}, shown.form, typed)
        return answer

    @staticmethod
    def _state(element: Json, value: str) -> Json:
        """Return what Slack says of an input; of a choice, only what there is to choose."""
        if element["type"] == "plain_text_input":
            return {"value": value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") or None}
        options = {option["value"]: option for option in element["options"]}
        chosen = [options[one] for one in value.split(",") if one]
        several = element["type"] in ("checkboxes", "multi_static_select")
        return {"selected_options": chosen} if several else {"selected_option": chosen[0] if chosen else None}

    async def forge(self, command: str, who: Person, **values: str) -> Shown:
        content = payload("view_submission")
        metadata = json.loads(content["view"]["private_metadata"]) | {"command": command, "language": "en"}
        content["view"]["private_metadata"] = json.dumps(metadata)
        state = {f"{name} 0": {name: {"type": "plain_text_input", "value": value}} for name, value in values.items()}
        content["view"]["state"] = {"values": state}
        return await self._shown(interactive(self._by(content, who)))

    async def say(self, room: str, text: str, locale: str = "en-US") -> None:
        event = {"channel": room, "text": f"<@U0STEADY1> {text}", "user": BEN.in_slack}
        await self._shown(json.dumps(payload("mention", event_id=f"Ev{self.serial()}", event=event)).encode())

    def refuse(self, room: str, *, change: bool = False) -> None:
        self.far.refuses[f"update {room}" if change else room] = ["message_not_found" if change else "not_in_channel"]


class TeamsDoor(Door):
    """Steady in Teams."""

    workspace = "teams:bbbbbbbb-0000-4000-8000-00000000000b"
    elsewhere = "teams:eeeeeeee-0000-4000-8000-00000000000e"
    rooms = tuple(f"19:room{number}@thread.tacv2" for number in range(1, 6))

    def __init__(self, here: Teams, far: TeamsRecord) -> None:
        super().__init__()
        self.here = here
        self.far = far
        self.record = far.record
        self.adapter = here.adapter

    def _id(self, who: Person) -> str:
        return who.in_teams

    def _by(self, name: str, who: Person, room: str = "") -> Json:
        """Return an activity as from somebody, in a channel or in the private chat, like no other one."""
        activity = self.here.payload(name, id=f"f:{self.serial()}")
        tenant = self._workspace(who).partition(":")[2]
        activity["from"] = {"id": f"29:{who.number}", "name": who.name, "aadObjectId": who.in_teams}
        activity["conversation"] |= {"tenantId": tenant, "id": room or f"a:1{who.number}"}
        activity["channelData"]["tenant"] = {"id": tenant}
        return activity

    async def _shown(self, activity: Json) -> Shown:
        """Send an activity and return what is shown for it: in the place of the card, or as a message."""
        before = len(await self.here.calls())
        status, told = await self.here.send(activity)
        assert status == 200
        calls = (await self.here.calls())[before:]
        if isinstance(told, dict) and told["type"].endswith("card.adaptive"):
            return self._read(told["value"])
        assert not isinstance(told, dict) or told["statusCode"] == 200, told
        (message,) = [call.body for call in calls if "attachments" in call.body]
        return self._read(message["attachments"][0]["content"])

    @staticmethod
    def _read(card: Json) -> Shown:
        actions = [action for element in card["body"] for action in element.get("actions", ())]
        buttons = {action["data"]["command"]: action["data"] for action in actions if "form" not in action["data"]}
        forms = [action["data"] for action in actions if "form" in action["data"]]
        inputs = {element["id"]: element for element in card["body"] if "id" in element}
        text = json.dumps(card, ensure_ascii=False)
        return Shown(text, buttons, {"data": forms[0], "inputs": inputs} if forms else {})

    async def type(self, text: str, who: Person = LENA) -> Shown:
        return await self._shown({**self._by("message_personal", who), "text": text})

    async def press(self, shown: Shown, command: str, who: Person = LENA) -> Shown:
        data = shown.buttons.get(command, {"command": command, "language": "en"})
        return await self._pressed(self._by("card_action", who), data)

    async def press_pushed(self, room: str, command: str, who: Person) -> Shown:
        reference = max(message for conversation, message in self.record.shown if conversation == room)
        card = self.record.shown[room, reference]["attachments"][0]["content"]
        data = self._read(card).buttons.get(command, {"command": command, "language": "en", "shared": True})
        activity = self._by("push_press", who, f"{room};messageid={reference}")
        return await self._pressed({**activity, "replyToId": reference}, data)

    async def _pressed(self, activity: Json, data: Json) -> Shown:
        activity["value"]["action"]["data"] = data
        return await self._shown(activity)

    async def fill(self, shown: Shown, who: Person = LENA, **values: str) -> Shown:
        told = {name: element.get("value", "") for name, element in shown.form["inputs"].items()}
        for name, value in values.items():
            element = shown.form["inputs"][f"form_{name}"]
            offered = [choice["value"] for choice in element.get("choices", ())]
            assert not offered or set(filter(None, value.split(","))) <= set(offered), (name, offered)
            told[f"form_{name}"] = value
        typed = {name: value for name, value in told.items() if value}
        return await self._pressed(self._by("form_submit", who), {**shown.form["data"], **typed})

    async def forge(self, command: str, who: Person, **values: str) -> Shown:
        typed = {f"form_{name}": value for name, value in values.items()}
        data = {"command": command, "language": "en", "form": list(values), **typed}
        return await self._pressed(self._by("form_submit", who), data)

    async def say(self, room: str, text: str, locale: str = "en-US") -> None:
        activity = self._by("message_channel", BEN, f"{room};messageid=17")
        activity["channelData"] |= {"teamsChannelId": room, "channel": {"id": room}}
        await self._shown({**activity, "text": f"<at>Steady</at> {text}", "locale": locale})

    def refuse(self, room: str, *, change: bool = False) -> None:
        answer = (404, "ActivityNotFoundInConversation") if change else (403, "BotNotInConversationRoster")
        self.far.refuses[f"PUT {room}" if change else room] = [answer]


@asynccontextmanager
async def _open(door: Door, coach: Coach, platform: str, url: str, *, fits: bool) -> AsyncIterator[None]:
    """Put tips, pushes and leads behind a door."""
    database = Database(url)
    await database.start()

    def clock() -> float:
        return door.now.timestamp()

    known = {platform: door.adapter.delivery}
    door.delivering = Delivering(database, coach, known, known, timedelta(hours=2), clock, engine=ByHand, groups=known)
    admins = {door.workspace: [door._id(LENA)], door.elsewhere: [door._id(LARS)]}
    door.leading = Leading(database, coach, admins, known, clock, fits=fits)
    await door.leading.start()
    try:
        yield
    finally:
        await door.leading.stop()
        await door.delivering.stop()
        await database.stop()


@asynccontextmanager
async def opened(kind: str, coach: Coach, url: str, *, fits: bool = False) -> AsyncIterator[Door]:
    """Open the door of "slack" or "teams"; with `fits` what leads write is learnt as in the program, which takes time."""
    if kind == "slack":
        async with slack(coach, slack_far := SlackRecord()) as here:
            slack_door = SlackDoor(here, slack_far)
            async with _open(slack_door, coach, kind, url, fits=fits):
                yield slack_door
    else:
        async with running(coach, teams_far := TeamsRecord()) as teams:
            teams_door = TeamsDoor(teams, teams_far)
            async with _open(teams_door, coach, kind, url, fits=fits):
                yield teams_door


async def until(true: Any) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - it is true at a far end
            await asyncio.sleep(0.01)


def at(hour: int, day: int = START.day) -> datetime:
    """Return an hour of a day in November 2026, in UTC."""
    return datetime(2026, 11, day, hour, tzinfo=UTC)
