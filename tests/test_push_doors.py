"""Pushes through the doors of both platforms, from the form to the last message; their records against our reports."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import pytest
from aiohttp import web

from chatbot.coach import Coach
from chatbot.delivery.model import Limits
from chatbot.model import Language
from chatbot.pushing import Report
from chatbot.store.database import Database
from tests.doors import ANN, BEN, LARS, LENA, Door, Person, SlackDoor, TeamsDoor, at, opened
from tests.slack_far_end import interactive, payload
from tests.waiting import until

CARD = {
    "en": {
        "title": "Parcel left in the rain", "lead": "Say sorry first, then offer a new one.",
        "steps": "Ask for a picture of the parcel.\nSend a new one today.", "say": "I am sorry.",
        "aliases": "wet parcel", "phrases": "the delivery was left in the rain and is soaked",
    },
    "de": {
        "title": "Paket im Regen", "lead": "Erst um Verzeihung bitten, dann Ersatz anbieten.",
        "steps": "Um ein Bild des Pakets bitten.\nHeute Ersatz senden.", "say": "Das tut mir leid.",
        "aliases": "nasses paket", "phrases": "das paket lag im regen",
    },
    "ru": {
        "title": "Посылка под дождём", "lead": "Сначала извинитесь, потом предложите замену.",
        "steps": "Попросите снимок посылки.\nОтправьте замену сегодня.", "say": "Простите.",
        "aliases": "мокрая посылка", "phrases": "посылку оставили под дождём",
    },
    "ka": {
        "title": "ამანათი წვიმაში", "lead": "ჯერ ბოდიში მოუხადეთ, მერე შესთავაზეთ ახალი.",
        "steps": "სთხოვეთ ამანათის სურათი.\nდღესვე გაუგზავნეთ ახალი.", "say": "ბოდიშს გიხდით.",
        "aliases": "სველი ამანათი", "phrases": "ამანათი წვიმაში დატოვეს",
    },
}  # fmt: skip
#: The same said by an agent, in other words than the lead's.
ASKED = {
    "en": "the parcel was left in the rain and is soaked", "de": "das paket lag draußen im regen",
    "ru": "посылку оставили под дождем на улице", "ka": "ამანათი წვიმაში დატოვეს გარეთ",
}  # fmt: skip
TAKEN_BACK = {"en": "Taken back", "de": "Zurückgenommen", "ka": "უკან გამოხმობილია"}


@pytest.fixture(params=["slack", "teams"])
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def door(platform: str, coach: Coach, database: Database) -> AsyncIterator[Door]:
    async with opened(platform, coach, database) as door:
        yield door


async def report(door: Door, number: str = "1") -> Report:
    return await door.delivering.pushes.report(door.actor(), int(number))


async def agrees(door: Door, number: str = "1") -> Report:
    """Return a report after asserting that the far end says the same: each message is there, once."""
    told = await report(door, number)
    assert told.sent + told.reminded == door.record.posts == len(door.record.shown)
    assert told.changing == 0
    return told


def only(texts: dict[str, list[str]], room: str) -> str:
    (text,) = texts[room]
    return text


# ---- a card, from the form in four languages to the note that it was taken back


async def test_a_card_is_written_published_found_pushed_corrected_and_taken_back(
    platform: str, coach: Coach, database: Database
) -> None:
    async with opened(platform, coach, database, fits=True) as door:
        shown = await door.fill(await door.type("write"), LENA, language="en", topic="new", **CARD["en"])
        for language in ("de", "ru", "ka"):
            choices = await door.press(shown, shown.button("write languages"))
            empty = await door.press(choices, f"write edit 1 {language}")
            shown = await door.fill(empty, LENA, **CARD[language])
            assert CARD[language]["lead"] in shown.text, "the draft is shown as its readers will see it"
        choices = await door.press(shown, shown.button("write languages"))
        for command in [command for command in choices.buttons if command.startswith("write see")]:
            assert CARD[command.split()[-1]]["lead"] in (await door.press(choices, command)).text
        assert sum(command.startswith("write see") for command in choices.buttons) == len(Language)
        for language in Language:
            assert CARD[language]["lead"] not in (await door.type(CARD[language]["aliases"], ANN)).text
        published = await door.press(shown, shown.button("write publish"))
        making = (await door.leading.libraries.of(door.workspace)).making
        assert making, "other words lead to the card once its phrases are fitted"
        await making
        for language in Language:
            await door.type(f"language {language}", ANN)
            for typed in (CARD[language]["aliases"], ASKED[language]):
                assert CARD[language]["lead"] in (await door.type(typed, ANN)).text, typed
        assert CARD["en"]["lead"] not in (await door.type("wet parcel", LARS)).text

        await door.known()
        asked = await door.fill(await door.press(published, published.button("push piece")), LENA, to=door.three())
        assert "Channels: 3" in asked.text
        assert f"about {3 if platform == 'slack' else 1} s" in asked.text
        await door.run()
        assert door.record.figures() == (0, 0), "nothing is sent before it is confirmed"
        sent = await door.press(asked, "push send 1")
        assert "On its way" in sent.text
        await door.run()
        texts = door.record.texts()
        assert set(texts) == set(door.rooms[:3])
        for room, language in zip(door.rooms, ("en", "de", "ka"), strict=False):
            assert CARD[language]["lead"] in only(texts, room)
        read = await door.press_pushed(door.rooms[1], "push open 1", BEN)
        assert CARD["de"]["steps"].splitlines()[0] in read.text

        assert "says just that already" in (await door.type("push correct 1")).text
        again = await door.fill(await door.type("write edit 1 de"), LENA, lead="Sofort Ersatz anbieten.")
        await door.press(again, again.button("write publish"))
        corrected = await door.press(sent, "push correct 1")
        assert "is being changed in place" in corrected.text
        await door.run()
        assert door.record.figures() == (3, 3)
        assert "Sofort Ersatz" in only(door.record.texts(), door.rooms[1])
        assert CARD["en"]["lead"] in only(door.record.texts(), door.rooms[0])

        asked = await door.press(corrected, "push withdraw 1")
        assert door.record.figures() == (3, 3)
        await door.press(asked, "push withdraw 1 yes")
        await door.run()
        for room, language in zip(door.rooms, ("en", "de", "ka"), strict=False):
            text = only(door.record.texts(), room)
            assert TAKEN_BACK[language] in text
            assert "push open" not in text
            assert CARD[language]["lead"] not in text
        told = await agrees(door)
        assert (told.sent, told.changed, told.unchanged, told.all) == (3, 3, 0, 3)
        assert door.record.figures() == (3, 6)
        assert "Changed in place: 3" in (await door.type("push report 1")).text


# ---- a text of one's own


async def test_a_text_is_pushed_corrected_in_a_form_and_taken_back(door: Door) -> None:
    await door.known()
    wrong = await door.fill(await door.type("push"), LENA, title="New refund rule", text="x", to="", at="25:61")
    assert "no time that I know" in wrong.text
    wrong = await door.fill(wrong, LENA, at="", zone="Nowhere")
    assert "no time zone" in wrong.text
    wrong = await door.fill(wrong, LENA, zone="Europe/London", text="")
    assert "Please write a text." in wrong.text
    assert "Please say who gets it." in wrong.text
    asked = await door.fill(wrong, LENA, text="<!channel> Up to 50 & at once.", to=door.three())
    assert "Channels: 3" in asked.text
    seen = await door.press(asked, "push preview 1")
    assert "50 & at once." in seen.text
    await door.press(await door.press(seen, "push confirm 1"), "push send 1")
    await door.run()
    assert door.record.figures() == (3, 0)
    assert (await agrees(door)).sent == 3
    form = await door.press(await door.type("push report 1"), "push correct 1")
    assert "50 &" in json.dumps(form.form, ensure_ascii=False), "what was sent stands in the form"
    wrong = await door.fill(form, LENA, title="")
    assert "Please write a title." in wrong.text
    assert door.record.figures() == (3, 0)
    await door.fill(wrong, LENA, title="New refund rule", text="Up to 80 at once.")
    await door.run()
    assert door.record.figures() == (3, 3), "changed in place, and nothing anew"
    for room in door.rooms[:3]:
        text = only(door.record.texts(), room)
        assert "Up to 80" in text
        assert "Up to 50" not in text
    await door.press(await door.type("push withdraw 1"), "push withdraw 1 yes")
    await door.run()
    assert door.record.figures() == (3, 6)
    assert all("Up to 80" not in text for (text,) in door.record.texts().values())
    assert TAKEN_BACK["ka"] in only(door.record.texts(), door.rooms[2])
    assert "has ended" in (await door.type("push correct 1")).text
    assert (await agrees(door)).changed == 3


async def test_a_draft_can_be_thrown_away(door: Door) -> None:
    await door.known()
    asked = await door.fill(await door.type("push"), LENA, title="Rule", text="Text", to="channels")
    assert "nothing was sent" in (await door.press(asked, "push discard 1")).text
    assert "no such push" in (await door.press(asked, "push send 1")).text
    await door.run()
    assert door.record.figures() == (0, 0)


async def test_cancelled_in_the_middle_the_rest_stays_unsent(door: Door) -> None:
    await door.known()
    number = await door.begin()
    await door.delivering.pushes.tick()
    door.adapter.delivery.limits = Limits(1, 1, 1)  # the clock stands still, so the second one waits
    sending = asyncio.create_task(door.delivering.lanes.run(door.workspace))
    await until(lambda: door.record.posts == 1)
    stopped = await door.press(await door.type("push report 1"), f"push cancel {number}")
    assert "not sent: 2" in stopped.text
    async with asyncio.timeout(20):
        while not sending.done():
            door.now += timedelta(seconds=1)
            await asyncio.sleep(0.01)
    await door.run()
    told = await agrees(door)
    assert (told.sent, told.cancelled, told.pending, told.all) == (1, 2, 0, 3)
    text = (await door.type("push report 1")).text
    assert "Cancelled." in text
    assert "Sent: 1" in text


async def test_what_failed_is_sent_again_and_nothing_else(door: Door) -> None:
    await door.known()
    door.refuse(door.rooms[1])
    await door.begin()
    await door.run()
    told = await agrees(door)
    assert (told.sent, dict(told.failed)) == (2, {"blocked": 1})
    shown = await door.type("push report 1")
    assert "Failed: 1" in shown.text
    again = await door.press(shown, "push resend 1")
    assert "Sent again: 1" in again.text
    await door.run()
    told = await agrees(door)
    assert (told.sent, told.failed, told.all) == (3, {}, 3)
    assert set(door.record.texts()) == set(door.rooms[:3])
    assert all(len(texts) == 1 for texts in door.record.texts().values())


async def test_a_message_that_was_deleted_can_t_be_changed_and_is_told(door: Door) -> None:
    await door.known()
    await door.begin()
    await door.run()
    door.refuse(door.rooms[0], change=True)
    await door.fill(await door.type("push correct 1"), LENA, text="Up to 80 at once.")
    await door.run()
    told = await agrees(door)
    assert (told.changed, told.unchanged) == (2, 1) == (door.record.changes, 1)
    assert "Could not be changed: 1" in (await door.type("push report 1")).text


async def test_it_comes_at_the_hour_of_each_recipients_clock(door: Door) -> None:
    """At 08:00 UTC it is 09:00 in Berlin and 12:00 in Tbilisi; where no clock is known, London's is taken: 08:00."""
    await door.known()
    tips = door.delivering.tips
    for room, zone in zip(door.rooms, ("Europe/Berlin", "Asia/Tbilisi"), strict=False):
        if isinstance(door, TeamsDoor):
            door.far.members[room] = {BEN.in_teams}
        else:
            answer = {"members": [BEN.in_slack, "U0STEADY1"], "response_metadata": {"next_cursor": ""}}
            _always(door, "conversations.members", answer)
        await door.say(room, f"tips on 07:00 {zone}")
    assert len(await tips.store.due(at(8, day=30).timestamp(), 10)) == 2
    await door.run()  # the introductions of the tips
    introduced = set(door.record.shown)
    number = await door.begin(at="10:00")

    async def come(hour: int, day: int = 20) -> list[str]:
        before = set(door.record.shown)
        door.now = at(hour, day)
        await door.run()
        rows = await door.delivering.ledger.latest(f"push:{number}", 10)
        assert sum(row.state == "sent" for row in rows) == len(set(door.record.shown) - introduced)
        return [room for room, _ in set(door.record.shown) - before]

    assert await come(8) == []
    assert await come(9) == [door.rooms[0]]
    assert await come(10) == [door.rooms[2]]
    assert await come(10) == []
    assert await come(6, day=21) == [door.rooms[1]]
    assert (await report(door, number)).sent == 3


def _always(door: Door, method: str, answer: Mapping[str, object]) -> None:
    assert isinstance(door, SlackDoor)
    door.far.answers[method] = [web.json_response({"ok": True, **answer}) for _ in range(9)]


# ---- receipts and the reminder


async def test_who_got_it_is_counted_once_and_one_reminder_goes_out(door: Door) -> None:
    await door.known()
    await door.begin(receipts="yes")
    await door.run()
    room = door.rooms[0]
    for who in (ANN, BEN, ANN):
        assert "Thank you" in (await door.press_pushed(room, "push got 1", who)).text
    assert door.record.figures() == (3, 0), "the message stays as it is"
    assert (await agrees(door)).receipts == 2
    shown = await door.type("push report 1")
    assert "“Got it”: 2" in shown.text
    assert ANN.name not in shown.text
    assert "Reminders on their way: 3" in (await door.press(shown, "push remind 1")).text
    await door.run()
    assert door.record.figures() == (6, 0)
    assert "once is enough" in (await door.press(shown, "push remind 1")).text
    await door.run()
    assert door.record.figures() == (6, 0)
    for texts, reminder in zip(
        door.record.texts().values(), ("A reminder", "Eine Erinnerung", "შეხსენება"), strict=True
    ):
        assert [reminder in text for text in texts] == [False, True]
    assert "Thank you" in (await door.press_pushed(room, "push got 1", BEN)).text
    told = await agrees(door)
    assert (told.receipts, told.sent, told.reminded) == (2, 3, 3)


async def test_without_receipts_a_forged_got_it_counts_nothing(door: Door) -> None:
    await door.known()
    await door.begin()
    await door.run()
    assert "push got" not in only(door.record.texts(), door.rooms[0])
    assert "no such push" in (await door.press_pushed(door.rooms[0], "push got 1", ANN)).text
    assert (await agrees(door)).receipts == 0


# ---- who may not


TYPED = (
    "push", "push piece 1", "push list", "push report 1", "push confirm 1", "push preview 1", "push send 1",
    "push discard 1", "push cancel 1", "push correct 1", "push withdraw 1", "push withdraw 1 yes", "push resend 1",
    "push resend 1 unknown", "push resend 1 unknown yes", "push remind 1",
)  # fmt: skip
SUBMITTED = ("push save", "push save piece 1", "push correct 1 save")
#: What a lead of another workspace may do, for it is about their own.
AT_HOME = ("push", "push piece 1", "push list", "push save", "push save piece 1")


@pytest.mark.parametrize("who", [ANN, LARS], ids=["an agent", "a lead of another workspace"])
@pytest.mark.parametrize("how", ["typed", "pressed", "pressed on a push", "submitted"])
async def test_nobody_else_does_anything_with_a_push(door: Door, coach: Coach, how: str, who: Person) -> None:
    await door.known()
    await door.begin(receipts="yes")
    door.refuse(door.rooms[1])
    await door.run()
    asked = await door.fill(await door.type("push"), LENA, title="New refund rule", text="-", to="channels")
    assert asked.button("push send") == "push send 2", "a draft, which could be sent"
    before, figures = [await report(door), await report(door, "2")], door.record.figures()
    values = {"title": "Forged", "text": "Forged", "to": "channels,people", "receipts": "no"}
    for command in (*SUBMITTED, *(TYPED if how != "submitted" else ())):
        for meant in {command, command.replace(" 1", " 2")}:
            match how:
                case "typed":
                    shown = await door.type(meant, who)
                case "pressed":
                    shown = await door.press(await door.type("calm", who), meant, who)
                case "pressed on a push":
                    shown = await door.press_pushed(door.rooms[0], meant, who)
                case _:
                    shown = await door.forge(meant, who, **values)
            assert "New refund rule" not in shown.text, meant
            if who is ANN:
                assert "Only team leads can push" in shown.text, meant
            elif command not in AT_HOME:
                assert "no such push" in shown.text, meant
            await door.run()
            assert door.record.figures() == figures, meant
    assert [await report(door), await report(door, "2")] == before
    assert coach.audit
    assert {row.actor for row in await coach.audit.of(door.workspace, None)} == {f"Lena ({door.actor().person})"}
    assert "On its way" in (await door.press(asked, "push send 2")).text, "the lead still may"


# ---- as recorded


async def test_slacks_recorded_payloads_make_a_push_and_a_receipt(coach: Coach, database: Database) -> None:
    async with opened("slack", coach, database) as door:
        assert isinstance(door, SlackDoor)
        await door.known()
        assert await door.here.send(interactive(payload("view_submission_push"))) == (200, b"")
        await door.far.until(lambda far: "Send this?" in json.dumps(far.calls[-1][1]))
        asked = door.read(door.far.calls[-1][1])
        assert "Channels: 2" in asked.text
        await door.press(asked, "push send 1")
        await door.run()
        assert "50 € & vouchers" in json.dumps(list(door.record.shown.values()), ensure_ascii=False)
        before = len(door.far.calls)
        assert await door.here.send(interactive(payload("press_push"))) == (200, b"")
        await door.far.until(lambda far: len(far.calls) > before)
        told = await agrees(door)
        assert (told.sent, told.receipts) == (2, 1)


async def test_teams_recorded_payloads_make_a_push_and_a_receipt(
    coach: Coach, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TeamsDoor, "rooms", ("19:support@thread.tacv2", "19:general@thread.tacv2"))
    monkeypatch.setattr(Person, "in_teams", "aaaaaaaa-0000-4000-8000-00000000000a")
    async with opened("teams", coach, database) as door:
        assert isinstance(door, TeamsDoor)
        await door.known()
        status, told = await door.here.send(door.here.payload("push_submit"))
        assert status == 200
        asked = door.read(told["value"])
        assert "Channels: 2" in asked.text
        await door.press(asked, "push send 1")
        await door.run()
        assert "50 € & vouchers" in json.dumps(list(door.record.shown.values()), ensure_ascii=False)
        assert (await door.here.send(door.here.payload("push_press")))[0] == 200
        await door.here.calls()
        counted = await agrees(door)
        assert (counted.sent, counted.receipts) == (2, 1)
