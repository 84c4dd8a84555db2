"""What whoever sends must do with a change to a message, whichever platform it is: Slack, Teams, and the tests' own."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from chatbot.coach import Coach
from chatbot.delivery.model import Delivery, Failed, Later, Outcome, Sender, Sent, Unknown
from chatbot.model import Language, Lead, Reply
from chatbot.model import Outcome as Understood
from tests.fake_delivery import FakePlatform
from tests.fake_identity import APP_ID, running
from tests.far_records import Kept, SlackRecord, TeamsRecord
from tests.slack_far_end import slack


def words(text: str) -> Reply:
    return Reply((Lead(text),), Language.EN, Understood("topic", "push"))


@dataclass
class Kind:
    """A sender with what is behind it; each of its functions plans the far end's answer to the next change."""

    sender: Sender
    target: str
    far: Kept | FakePlatform
    row: Delivery = field(init=False)

    async def post(self) -> Delivery:
        """Post a message and return the row that changes it."""
        row = Delivery("push:1:C1", "push:1", "fake:w", self.target, "push.card", "{}", 0.0, 2e9, 1, "sending", 1)
        sent = await self.sender.send(row, words("the old words"))
        assert isinstance(sent, Sent)
        self.row = replace(row, key=f"{row.key}:amend:1", kind="push.card.amend", reference=sent.reference)
        return self.row

    async def amend(self, text: str = "the new words") -> Outcome:
        return await self.sender.amend(self.row, words(text))

    def read(self) -> list[str]:
        """Return what is to be read at the far end, message by message."""
        if isinstance(self.far, FakePlatform):
            return list(self.far.shown.values())
        return [json.dumps(message) for message in self.far.record.shown.values()]

    def remove(self) -> None:
        """Let somebody delete the message."""
        (self.far.shown if isinstance(self.far, FakePlatform) else self.far.record.shown).clear()

    def limit(self, seconds: int) -> None:
        """Let the next change come too soon."""
        match self.far:
            case FakePlatform():
                self.far.says(self.row.key, Later(float(seconds)))
            case SlackRecord():
                self.far.busy["update C0ROOM001"] = seconds
            case TeamsRecord():
                self.far.busy["PUT 19:support@thread.tacv2"] = seconds

    def cut(self) -> None:
        """Let the next change be made without a word."""
        if isinstance(self.far, FakePlatform):
            self.far.says(self.row.key, Unknown())
            self.far.swallowed.add(self.row.key)
        else:  # over a connection that was kept, aiohttp makes a PUT a second time of its own accord: it does no harm
            self.far.cut = 2 if isinstance(self.far, TeamsRecord) else 1


@pytest.fixture(params=["slack", "teams", "fake"])
async def kind(request: pytest.FixtureRequest, coach: Coach) -> AsyncIterator[Kind]:
    if request.param == "slack":
        async with slack(coach, slack_far := SlackRecord()) as here:
            yield Kind(here.adapter.delivery, "C0ROOM001", slack_far)
    elif request.param == "teams":
        async with running(coach, teams_far := TeamsRecord()) as teams:
            bot = {"id": f"28:{APP_ID}", "name": "Steady"}
            told = {"serviceUrl": teams.service_url, "conversation": "19:support@thread.tacv2", "bot": bot}
            yield Kind(teams.adapter.delivery, json.dumps(told | {"tenant": "t"}), teams_far)
    else:
        platform = FakePlatform()
        yield Kind(platform, "C1", platform)


async def test_a_message_is_changed_in_place_and_twice_is_no_harm(kind: Kind) -> None:
    row = await kind.post()
    assert "the old words" in kind.read()[0]
    for _ in range(2):
        assert await kind.amend() == Sent(row.reference)
        (shown,) = kind.read()
        assert "the new words" in shown
        assert "the old words" not in shown


async def test_a_message_that_is_gone_stays_gone_and_so_does_nothing_else(kind: Kind) -> None:
    await kind.post()
    kind.remove()
    assert await kind.amend() == Failed("deleted"), "only this message: its channel takes others"
    assert kind.read() == []


async def test_a_change_that_comes_too_soon_waits_as_long_as_it_is_told(kind: Kind) -> None:
    row = await kind.post()
    kind.limit(7)
    outcome = await kind.amend()
    assert isinstance(outcome, Later)
    assert outcome.seconds == 7.0
    assert "the old words" in kind.read()[0]
    assert await kind.amend() == Sent(row.reference)


async def test_a_change_without_an_answer_is_unknown_and_made_again(kind: Kind) -> None:
    row = await kind.post()
    kind.cut()
    assert await kind.amend() == Unknown("no_answer")
    assert await kind.amend() == Sent(row.reference)
    (shown,) = kind.read()
    assert "the new words" in shown
