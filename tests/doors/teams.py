"""The door of Teams: its activities, with a token, and what is read from the cards that it would show."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chatbot.coach import Coach
from tests.doors.door import BEN, LENA, Door, Json, Person, Shown
from tests.fake_identity import TENANT, Teams, running
from tests.far_records import TeamsRecord


class TeamsDoor(Door):
    """Steady in Teams."""

    workspace = f"teams:{TENANT}"
    elsewhere = "teams:eeeeeeee-0000-4000-8000-00000000000e"
    rooms = tuple(f"19:room{number}@thread.tacv2" for number in range(1, 6))

    def __init__(self, here: Teams, far: TeamsRecord) -> None:
        super().__init__(here.adapter, far.record)
        self.here = here
        self.far = far

    def _id(self, who: Person) -> str:
        return who.in_teams

    def _by(self, name: str, who: Person, room: str = "") -> Json:
        """Return an activity as from somebody, in a channel or in the private chat, like no other one."""
        activity = self.here.payload(name, id=f"f:{self._serial()}")
        tenant = self._team(who)
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
            return self.read(told["value"])
        assert not isinstance(told, dict) or told["statusCode"] == 200, told
        (message,) = [call.body for call in calls if "attachments" in call.body]
        return self.read(message["attachments"][0]["content"])

    @staticmethod
    def read(card: Json) -> Shown:
        """Return what somebody sees of a card."""
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
        data = self.read(card).buttons.get(command, {"command": command, "language": "en", "shared": True})
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
async def teams_door(coach: Coach) -> AsyncIterator[Door]:
    """Run the adapter before a Teams that keeps a record."""
    async with running(coach, far := TeamsRecord()) as here:
        yield TeamsDoor(here, far)
