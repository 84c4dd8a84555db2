"""The door of Slack: its requests, signed, and what is read from the blocks and views that it would show."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chatbot.coach import Coach
from tests.doors.door import BEN, LENA, Door, Json, Person, Shown
from tests.far_records import SlackRecord
from tests.slack_far_end import Slack, checked, form, interactive, payload, slack, submitted

#: By which Slack shows something to whoever asked.
_SHOWN_BY = ("command", "press", "views.open", "chat.postEphemeral", "chat.postMessage")


class SlackDoor(Door):
    """Steady in Slack."""

    workspace, elsewhere = "slack:T0STEADY1", "slack:T0ELSE001"
    rooms = tuple(f"C0ROOM{number:03}" for number in range(1, 6))

    def __init__(self, here: Slack, far: SlackRecord) -> None:
        super().__init__(here.adapter, far.record)
        self.here = here
        self.far = far

    def _id(self, who: Person) -> str:
        return who.in_slack

    def _by(self, content: Json, who: Person) -> Json:
        """Return a payload as from somebody, like no other one."""
        team = self._team(who)
        content["trigger_id"] = f"{self._serial()}.2.3"
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
            return self.read(json.loads(told))
        await self.far.until(lambda _: found())
        return self.read(found()[0])

    @staticmethod
    def read(content: Json) -> Shown:
        """Return what somebody sees of a message or of a request to open a view."""
        view = content.get("view", {})
        view = json.loads(view) if isinstance(view, str) else view
        blocks = content.get("blocks", [])
        rows = [row for row in (json.loads(blocks) if isinstance(blocks, str) else blocks) if row["type"] == "actions"]
        elements = [{**element, "block_id": row["block_id"]} for row in rows for element in row["elements"]]
        buttons = {element["value"]: element for element in elements if "value" in element}  # others send what is typed
        return Shown(json.dumps(content, ensure_ascii=False), buttons, checked(view) if view else {})

    async def type(self, text: str, who: Person = LENA) -> Shown:
        content = payload("command", command="/steady", text=text, user_id=who.in_slack, user_name=who.name)
        content["team_id"] = self._team(who)
        content |= {"trigger_id": f"{self._serial()}.2.3", "response_url": f"{self.far.url}respond/command"}
        return await self._shown(form(content))

    async def press(self, shown: Shown, command: str, who: Person = LENA) -> Shown:
        return await self._pressed(payload("press"), shown.buttons, command, who)

    async def press_pushed(self, room: str, command: str, who: Person) -> Shown:
        timestamp = max(reference for channel, reference in self.record.shown if channel == room)
        message = self.record.shown[room, timestamp]
        content = payload("press_push", channel={"id": room, "name": "support"})
        content["container"] |= {"channel_id": room, "message_ts": timestamp}
        content["message"] |= {name: message[name] for name in ("text", "blocks", "metadata")} | {"ts": timestamp}
        return await self._pressed(content, self.read(message).buttons, command, who)

    async def _pressed(self, content: Json, buttons: dict[str, Json], command: str, who: Person) -> Shown:
        forged = {"type": "button", "action_id": "p 0", "block_id": "en 3", "value": command}
        content["actions"] = [{**buttons.get(command, forged), "action_ts": f"1700000001.{self._serial():06}"}]
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
        await self._shown(json.dumps(payload("mention", event_id=f"Ev{self._serial()}", event=event)).encode())

    def refuse(self, room: str, *, change: bool = False) -> None:
        self.far.refuses[f"update {room}" if change else room] = ["message_not_found" if change else "not_in_channel"]


@asynccontextmanager
async def slack_door(coach: Coach) -> AsyncIterator[Door]:
    """Run the adapter before a Slack that keeps a record."""
    async with slack(coach, far := SlackRecord()) as here:
        yield SlackDoor(here, far)
