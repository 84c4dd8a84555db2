"""Leads by conversation: who is one, what they write, who finds it, and who is refused."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from adapters.leading import Leading
from adapters.measures import sizes
from chatbot.coach import Coach
from chatbot.guidance import Guidance
from chatbot.library import LOOK_EVERY
from chatbot.model import Button, Entry, Language, Mention, Message, Reply, plain_text
from chatbot.publishing import Refused
from chatbot.recognition.recogniser import Recogniser
from chatbot.roles import Actor, NotAllowed
from chatbot.store.database import Database
from chatbot.store.memory import MemoryPreferences
from chatbot.strings import Strings
from chatbot.written import diff

HERE, ELSEWHERE = "test:T1", "test:T2"
ADMIN, LEAD, SECOND, AGENT, STRANGER = "UADMIN", "ULEAD", "USECOND", "UAGENT", "USTRANGER"
NAMES = {ADMIN: "Ada Admin", LEAD: "Lena Lead", SECOND: "Sara Second", AGENT: "Ann Agent", STRANGER: "Sven Stranger"}
START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


class People:
    """A platform that knows one group."""

    def __init__(self) -> None:
        self.group: set[str] = set()
        self.asked = 0
        self.broken = False

    async def members(self, workspace: str, group: str) -> Collection[str]:
        self.asked += 1
        if self.broken:
            raise ConnectionError("no answer")
        return frozenset(self.group) if group == "S1" else ()

    async def owners(self, message: Message) -> Mention | None:
        return None

    async def identified(self, message: Message, mention: Mention) -> Mention:
        return Mention(mention.id.removeprefix("alias-of-"), mention.name)


class Desk:
    """One replica, with people who type things; the clock is moved by the tests."""

    def __init__(self, coach: Coach, leading: Leading, people: People) -> None:
        self.coach = coach
        self.leading = leading
        self.people = people
        self.now = START

    async def type(
        self,
        text: str,
        who: str = LEAD,
        locale: Language = Language.EN,
        workspace: str = HERE,
        mentions: tuple[Mention, ...] = (),
        **values: str,
    ) -> Reply:
        pressed = bool(values) or text.startswith("write ")
        message = Message(
            text, workspace, who, locale, pressed, name=NAMES.get(who, ""), values=values, mentions=mentions
        )
        return await self.coach.reply(message)

    async def ask(self, text: str, who: str = AGENT, **more: Any) -> str:
        return plain_text(await self.type(text, who, **more))

    async def write(self, who: str = LEAD, **changed: str) -> Reply:
        return await self.type("write save", who, **(GOODWILL | changed))


GOODWILL = {
    "language": "en",
    "topic": "new",
    "title": "Goodwill vouchers",
    "lead": "Offer the voucher before they ask.",
    "steps": "Say what it is worth.\nSay until when.",
    "say": "I would like to offer you a voucher for the trouble.\nMay I send you a voucher?",
    "aliases": "kulanz, gift card",
    "phrases": "can I give them a voucher\nam I allowed to offer a gift card\nvoucher for an unhappy customer",
    "tip": "A voucher offered early is a gift; late, it is a bargain.",
    "owner": LEAD,
    "verified_until": "2027-02-18",
}


async def replica(
    url: str, guidance: Guidance, strings: Strings, recogniser: Recogniser, **more: Any
) -> tuple[Desk, Callable[[], Any]]:
    database = Database(url)
    await database.start()
    coach = Coach(guidance, strings, MemoryPreferences(), lambda: recogniser)
    people = People()
    made: list[Desk] = []
    leading = Leading(
        database,
        coach,
        {HERE: [ADMIN], ELSEWHERE: [ADMIN]},
        {"test": people},
        lambda: made[0].now.timestamp(),
        fits=False,
        **more,
    )
    made.append(Desk(coach, leading, people))
    await leading.start()

    async def stop() -> None:
        await leading.stop()
        await database.stop()

    return made[0], stop


@pytest.fixture
async def desk(
    new_database: Any, kind: str, guidance: Guidance, strings: Strings, recogniser: Recogniser
) -> AsyncIterator[Desk]:
    made, stop = await replica(new_database(kind), guidance, strings, recogniser)
    await made.type("lead add", ADMIN, mentions=(Mention(LEAD, "Lena Lead"), Mention(SECOND, "Sara Second")))
    yield made
    await stop()


def button(reply: Reply, beginning: str) -> Button:
    return next(each for each in reply.buttons if each.command.startswith(beginning))


async def publish(desk: Desk, **changed: str) -> int:
    """Write a piece, publish it, and return its number."""
    draft = await desk.write(**changed)
    pressed = button(draft, "write publish")
    published = await desk.type(pressed.command)
    assert "is published" in plain_text(published)
    return int(pressed.command.split()[2])


# ---- roles


async def test_an_admin_names_leads_and_takes_it_back_at_once(desk: Desk) -> None:
    assert "Lena Lead: lead" in await desk.ask("leads", LEAD)
    assert "No longer a lead: Lena Lead" in await desk.ask("lead remove", ADMIN, mentions=(Mention(LEAD, "Lena Lead"),))
    refusal = await desk.type("write", LEAD)
    assert "Only leads can do this" in plain_text(refusal)
    assert refusal.private
    assert "Was not a lead" in await desk.ask("lead remove", ADMIN, mentions=(Mention(LEAD, "Lena Lead"),))


async def test_only_an_admin_names_leads_and_the_refusal_says_who(desk: Desk) -> None:
    for who in (LEAD, AGENT):
        text = await desk.ask("lead add", who, mentions=(Mention(AGENT, "Ann"),))
        assert "Only admins can do this" in text
        assert "ADMINS" in text
    await desk.leading.roles.installed(Actor("test:T3", ADMIN, "Ada Admin"))
    assert "makes you one: Ada Admin" in await desk.ask("lead", AGENT, workspace="test:T3")


async def test_whoever_installs_is_admin_if_there_is_none(desk: Desk) -> None:
    roles = desk.leading.roles
    assert await roles.installed(Actor("test:T3", STRANGER, "Sven"))
    assert not await roles.installed(Actor("test:T3", AGENT, "Ann"))
    assert await roles.role_of("test:T3", STRANGER) == "admin"
    assert await roles.role_of("test:T3", AGENT) == "agent"
    assert not await roles.installed(Actor(HERE, AGENT, "Ann")), "the settings name somebody there"
    assert not await roles.installed(Actor("test:T4", "", "")), "nobody knows who it was"
    assert "became admin by installing" in await desk.ask("audit", STRANGER, workspace="test:T3")


async def test_a_role_ends_at_the_workspace(desk: Desk) -> None:
    assert "Only leads" in await desk.ask("write", LEAD, workspace=ELSEWHERE)
    assert await desk.leading.roles.role_of(HERE, "") == "agent"


async def test_a_group_are_leads_while_they_are_in_it(desk: Desk) -> None:
    desk.people.group = {AGENT}
    assert "support-leads" in await desk.ask("lead add", ADMIN, mentions=(Mention("group:S1", "support-leads"),))
    assert (await desk.type("write", AGENT)).form
    assert "everybody in this group is a lead" in await desk.ask("leads", AGENT)
    desk.people.group = set()
    assert (await desk.type("write", AGENT)).form, "known for a minute"
    assert desk.people.asked == 1
    desk.now += timedelta(seconds=61)
    assert "Only leads" in await desk.ask("write", AGENT)
    desk.people.group = {AGENT}
    desk.people.broken = True
    desk.now += timedelta(seconds=61)
    assert "Only leads" in await desk.ask("write", AGENT), "who can't be told to be a lead is none"
    desk.people.broken = False
    asked = desk.people.asked
    assert "Only leads" in await desk.ask("write", AGENT)
    assert desk.people.asked == asked, "a platform that is down is left alone for a moment"
    desk.now += timedelta(seconds=6)
    assert (await desk.type("write", AGENT)).form
    await desk.type("lead remove", ADMIN, mentions=(Mention("group:S1", "support-leads"),))
    assert "Only leads" in await desk.ask("write", AGENT), "a group that is removed is refused at once"


async def test_a_mention_is_taken_by_the_id_of_the_persons_own_messages(desk: Desk) -> None:
    await desk.type("lead add", ADMIN, mentions=(Mention(f"alias-of-{AGENT}", "Ann"),))
    assert (await desk.type("write", AGENT)).form


async def test_words_that_only_begin_like_a_command_are_plain_words(desk: Desk) -> None:
    assert (await desk.type("write it down", AGENT)).outcome.topic == "write-it-down"
    for text in (
        "lead the customer back to the topic please", "write list of complaints", "lead add value to the chat",
        "write new email to an angry customer", "audit is coming and the customer is furious",
    ):  # fmt: skip
        assert "Only leads" not in await desk.ask(text), text
        assert "Only admins" not in await desk.ask(text), text


async def test_everyone_may_be_a_lead_where_nobody_signs_in(
    new_database: Any, guidance: Guidance, strings: Strings, recogniser: Recogniser
) -> None:
    made, stop = await replica(new_database("sqlite"), guidance, strings, recogniser, everyone="lead")
    assert (await made.type("write", AGENT)).form
    assert "Only admins" in await made.ask("audit", AGENT)
    assert "Audit" in await made.ask("audit", ADMIN)
    await stop()


# ---- writing


async def test_a_piece_is_found_by_every_door_once_published_and_not_before(desk: Desk) -> None:
    draft = await desk.write()
    text = plain_text(draft)
    assert "Offer the voucher before they ask." in text
    assert "only leads see it" in text
    assert "bytes" in text
    assert "Deutsch" in text, "a missing language is a warning"
    assert "Goodwill vouchers" not in await desk.ask("kulanz")
    await desk.type(button(draft, "write publish").command)
    for typed in ("kulanz", "KULANZ!", "/gift card", "Goodwill vouchers", "team/goodwill-vouchers"):
        assert "Offer the voucher before they ask." in await desk.ask(typed), typed
    words = "am I allowed to give that unhappy customer a voucher"
    assert "Goodwill vouchers" in await desk.ask(words)
    card = await desk.type("kulanz", AGENT)
    assert "Your team's guidance, by Lena Lead, verified until 2027-02-18" in plain_text(card)
    assert "May I send you a voucher?" in await desk.ask(button(card, "card").command)
    assert "may I send" in (await desk.ask("say kulanz 1")).replace("May I send", "may I send")
    menu = await desk.type("topics", AGENT)
    assert "team/goodwill-vouchers" in [each.command for each in (await desk.type("topics team", AGENT)).buttons]
    assert "topics team" in [each.command for each in menu.buttons]


async def test_it_is_never_seen_in_another_workspace(desk: Desk) -> None:
    await publish(desk)
    for typed in ("kulanz", "team/goodwill-vouchers", "more team/goodwill-vouchers", "can I give them a voucher"):
        text = await desk.ask(typed, workspace=ELSEWHERE)
        assert "Offer the voucher" not in text, typed
    assert "topics team" not in [
        each.command for each in (await desk.type("topics", AGENT, workspace=ELSEWHERE)).buttons
    ]


async def test_a_reader_of_another_language_is_told(desk: Desk) -> None:
    await publish(desk)
    card = await desk.type("team/goodwill-vouchers", AGENT, Language.KA)
    assert card.language is Language.KA
    text = plain_text(card)
    assert "Offer the voucher before they ask." in text
    assert "ჯერ არ არის თარგმნილი" in text
    asked = await desk.type(button(card, "customer").command, AGENT, Language.KA)
    assert asked.buttons[0].command.endswith("in en")
    assert len(asked.buttons) == 2


async def test_the_next_language_is_added_to_what_is_there(desk: Desk) -> None:
    number = await publish(desk)
    form = await desk.type(f"write edit {number} de")
    assert form.form
    shown = {field.name: field for field in form.form.fields}
    assert shown["language"].chosen == ("de",)  # type: ignore[union-attr]
    assert shown["title"].value == ""  # type: ignore[union-attr]
    assert shown["owner"].chosen == (LEAD,)  # type: ignore[union-attr]
    german = GOODWILL | {
        "language": "de", "title": "Kulanzgutschein", "lead": "Bieten Sie ihn an, bevor gefragt wird.",
        "steps": "", "say": "Darf ich Ihnen einen Gutschein senden?", "aliases": "gutschein", "phrases": "", "tip": "",
    }  # fmt: skip
    del german["topic"]
    draft = await desk.type(form.form.command, **german)
    assert "Bieten Sie ihn an" in plain_text(draft)
    assert "Kulanzgutschein" not in await desk.ask("gutschein")
    await desk.type(button(draft, "write publish").command)
    assert "Bieten Sie ihn an" in await desk.ask("gutschein", locale=Language.DE)
    assert "Offer the voucher" in await desk.ask("kulanz")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("title", " ", "must not be empty"),
        ("title", "T" * 41, "41 characters; 40 at most"),
        ("title", "Calm", "is a command"),
        ("title", "Pause", "already leads to"),
        ("lead", "x" * 71, "70 at most"),
        ("steps", "\n".join("abcde"), "4 at most"),
        ("say", "y" * 181, "180 at most"),
        ("aliases", "help", "is a command"),
        ("aliases", "x", "too short"),
        ("aliases", "breather", "already leads to"),
        ("aliases", ", ".join(f"name {number}" for number in range(21)), "20 at most"),
        ("phrases", "z" * 201, "200 at most"),
        ("tip", "t" * 221, "220 at most"),
        ("verified_until", "2026-11-20", "a day to come"),
        ("verified_until", "soon", "a day to come"),
        ("verified_until", "2099-01-01", "two years ahead"),
        ("audience", "a,b,c,d,e,f", "5 at most"),
        ("topic", "no/such", "no such topic"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(
    desk: Desk, field: str, value: str, said: str
) -> None:
    again = await desk.write(**{field: value})
    assert again.form, plain_text(again)
    errors = {each.name: each.error for each in again.form.fields if each.error}
    assert said in errors.pop(field)
    assert not errors
    shown = {each.name: each.value for each in again.form.fields if isinstance(each, Entry)}
    assert shown["say"] == (value[:1200] if field == "say" else GOODWILL["say"])
    assert "Nothing is written yet" in await desk.ask("write list", LEAD)


async def test_what_another_piece_is_called_is_taken(desk: Desk) -> None:
    await publish(desk)
    again = await desk.write(title="Something else", aliases="Kulanz")
    assert again.form
    assert ["“Kulanz” already leads to “Goodwill vouchers”." in each.error for each in again.form.fields].count(
        True
    ) == 1


async def test_matters_of_style_are_warnings(desk: Desk) -> None:
    draft = await desk.write(
        language="de", title="Gutscheine", lead="Biete du ihn an  und warte.", steps="", say='Sag "ja"', tip="🎁",
        aliases="", phrases="",
    )  # fmt: skip
    missing = plain_text(await desk.type(button(draft, "write missing").command))
    for said in ("familiar", "not a mark of this language", "screen reader", "No steps yet", "English"):
        assert said in missing, said
    assert button(draft, "write publish")


async def test_a_lead_takes_the_place_of_a_built_in_card(desk: Desk, guidance: Guidance) -> None:
    await publish(desk, topic="calm", title="Keep your cool", aliases="cool head")
    card = await desk.type("calm", AGENT)
    assert "Offer the voucher" in plain_text(card)
    assert "Your team's guidance" in plain_text(card)
    assert (await desk.type("cool head", AGENT)).outcome.topic == "calm"
    assert (await desk.type(guidance.topics["calm"].texts[Language.EN].title, AGENT)).outcome.topic == "calm"
    rest = await desk.ask("more calm")
    assert "Why" in rest or "avoid" in rest.lower()
    assert "Offer the voucher" not in await desk.ask("calm", workspace=ELSEWHERE)
    walked = await desk.ask("step 1")
    assert "Step 1" in walked


async def test_every_step_still_counts_when_one_is_the_teams(desk: Desk, guidance: Guidance) -> None:
    await publish(desk, topic="step/listen", title="Listen our way", aliases="")
    assert (await desk.type("step 1", AGENT)).outcome.topic == "step/listen"
    assert "Listen our way" in await desk.ask("walk 1")
    assert (await desk.type("step 7", AGENT)).outcome.topic == guidance.of_kind("step")[6].id


async def test_a_name_that_hides_danger_does_not(desk: Desk) -> None:
    await publish(desk, aliases="i will kill you, kulanz", phrases="he says he will kill himself")
    for typed in ("i will kill you", "he says he will kill himself"):
        assert (await desk.type(typed, AGENT)).outcome.kind == "safety", typed


async def test_a_stale_piece_answers_and_says_so_until_it_is_confirmed(desk: Desk) -> None:
    number = await publish(desk)
    desk.now = datetime(2027, 2, 19, 8, 0, tzinfo=UTC)
    desk.coach.today = lambda: desk.now.date()  # type: ignore[method-assign]
    assert "may be out of date" in await desk.ask("kulanz")
    assert "Confirmed until 2027-05-20" in await desk.ask(f"write confirm {number}", LEAD)
    assert "verified until 2027-05-20" in await desk.ask("kulanz")
    assert "a day to come" in await desk.ask(f"write confirm {number} 1999-01-01", LEAD)


# ---- versions


async def test_versions_diff_roll_back_and_withdraw(desk: Desk) -> None:
    number = await publish(desk)
    draft = await desk.type(f"write save {number}", SECOND, **(GOODWILL | {"lead": "Offer it late."}))
    assert "Version 2, a draft" in plain_text(draft)
    again = await desk.type(f"write save {number}", SECOND, **(GOODWILL | {"lead": "Offer it later."}))
    assert "Version 2, a draft" in plain_text(again), "one's own draft is written over"
    other = await desk.type(f"write save {number}", LEAD, **(GOODWILL | {"lead": "Offer it never."}))
    assert "Version 3, a draft" in plain_text(other), "somebody else's is not"
    assert "Offer the voucher" in await desk.ask("kulanz")
    await desk.type(f"write publish {number} 2", SECOND)
    assert "Offer it later." in await desk.ask("kulanz")
    listed = await desk.ask(f"write versions {number}", LEAD)
    assert "1: replaced, Lena Lead, 2026-11-20" in listed
    assert "2: published, Sara Second" in listed
    changed = await desk.ask(f"write diff {number} 1 2", LEAD)
    assert "before: Offer the voucher before they ask." in changed
    assert "now: Offer it later." in changed
    assert "is published" in await desk.ask(f"write rollback {number} 1", LEAD)
    assert "Offer the voucher" in await desk.ask("kulanz")
    assert "withdrawn" in await desk.ask(f"write withdraw {number}", LEAD) + await desk.ask(
        f"write versions {number}", LEAD
    )
    assert "Offer" not in await desk.ask("kulanz")
    assert "changed meanwhile" in await desk.ask(f"write withdraw {number}", LEAD)
    await desk.type(f"write rollback {number} 2", LEAD)
    assert "Offer it later." in await desk.ask("kulanz")
    assert "changed meanwhile" in await desk.ask(f"write rollback {number} 3", LEAD), "a draft never was published"


async def test_a_second_pair_of_eyes(desk: Desk) -> None:
    assert "Only admins" in await desk.ask("lead review on", LEAD)
    assert "another lead must approve" in await desk.ask("lead review on", ADMIN)
    draft = await desk.write()
    assert not [each for each in draft.buttons if each.command.startswith("write publish")]
    at = button(draft, "write submit").command.removeprefix("write submit ")
    assert "Ask for a review" in await desk.ask(f"write publish {at}", LEAD), "forged"
    assert "changed meanwhile" in await desk.ask(f"write approve {at}", SECOND), "not put up yet"
    assert "waits for another lead" in await desk.ask(f"write submit {at}", LEAD)
    assert "Another lead has to approve" in await desk.ask(f"write approve {at}", LEAD)
    assert "Offer" not in await desk.ask("kulanz")
    waiting = await desk.type(f"write see {at}", SECOND)
    assert "is published" in plain_text(await desk.type(button(waiting, "write approve").command, SECOND))
    assert "Offer" in await desk.ask("kulanz")
    audit = await desk.ask("audit", ADMIN)
    assert "Sara Second (USECOND) · approved · team/goodwill-vouchers version 1" in audit
    assert "a lead may publish" in (await desk.ask("lead review off", ADMIN)).lower()


async def test_each_change_is_in_the_audit_of_its_workspace_alone(desk: Desk) -> None:
    number = await publish(desk)
    await desk.type(f"write confirm {number}")
    await desk.type(f"write withdraw {number}")
    await desk.type(f"write rollback {number} 1")
    text = await desk.ask("audit", ADMIN)
    for said in ("lead added", "draft saved", "published", "confirmed", "withdrawn", "rolled back"):
        assert f"· {said} ·" in text, said
    assert "Nothing yet" in await desk.ask("audit", ADMIN, workspace=ELSEWHERE)
    assert "Only admins" in await desk.ask("audit", LEAD)


ACTIONS = (
    "lead", "leads", "audit", "lead review on", "write", "write list", "write piece {n}", "write see {n} 1 de",
    "write edit {n} en", "write languages {n} 1", "write missing {n} 1", "write versions {n}", "write diff {n} 1 1",
    "write publish {n} 1", "write submit {n} 1", "write approve {n} 1", "write withdraw {n}", "write rollback {n} 1",
    "write confirm {n}", "write save {n}", "write save",
)  # fmt: skip


@pytest.mark.parametrize("action", ACTIONS)
async def test_an_agent_gets_nothing_by_any_of_them(desk: Desk, action: str) -> None:
    number = await publish(desk)
    before = await desk.ask("audit", ADMIN)
    for who, workspace in ((AGENT, HERE), (STRANGER, ELSEWHERE)):
        text = await desk.ask(action.format(n=number), who, workspace=workspace, **GOODWILL)
        assert "Only leads" in text or "Only admins" in text, text
        assert "voucher" not in text
    assert await desk.ask("audit", ADMIN) == before
    assert "Offer the voucher" in await desk.ask("kulanz")


@pytest.mark.parametrize("action", [each for each in ACTIONS if "{n}" in each])
async def test_a_lead_of_another_workspace_reaches_no_piece_here(desk: Desk, action: str) -> None:
    number = await publish(desk)
    await desk.type("lead add", ADMIN, workspace=ELSEWHERE, mentions=(Mention(STRANGER, "Sven"),))
    text = await desk.ask(action.format(n=number), STRANGER, workspace=ELSEWHERE, **GOODWILL)
    assert "no such piece" in text or "changed meanwhile" in text, text
    assert "Offer the voucher" in await desk.ask("kulanz")
    assert len(await desk.leading.publishing.pieces(HERE)) == 1
    assert not await desk.leading.publishing.pieces(ELSEWHERE)


@pytest.mark.parametrize(
    "forged",
    ["write publish 1", "write publish 999999999999 1", "write see -1 1", "write diff 1 1", "write piece ١", "write xyz",
     "write publish 1 1; drop", "write rollback 1 99999999999999999999"],
)  # fmt: skip
async def test_forged_numbers_lead_nowhere(desk: Desk, forged: str) -> None:
    assert "voucher" not in await desk.ask(forged, LEAD)


async def test_the_core_refuses_whoever_calls_it(desk: Desk) -> None:
    number = await publish(desk)
    publishing, agent = desk.leading.publishing, Actor(HERE, AGENT, "Ann")
    written = (await publishing.piece(HERE, number)).latest.written
    for call in (
        partial(publishing.save_draft, agent, written, number),
        partial(publishing.submit, agent, number, 1),
        partial(publishing.approve, agent, number, 1),
        partial(publishing.publish, agent, number, 1),
        partial(publishing.withdraw, agent, number),
        partial(publishing.roll_back, agent, number, 1),
        partial(publishing.confirm, agent, number, date(2027, 1, 1)),
        partial(publishing.add_alias, agent, "calm", Language.EN, "chill"),
        partial(publishing.set_reviewed, agent, True),
        partial(desk.leading.roles.add_lead, agent, Mention(AGENT, "Ann")),
        partial(desk.leading.roles.remove_lead, agent, Mention(LEAD, "Lena")),
    ):
        with pytest.raises(NotAllowed):
            await call()


async def test_words_become_a_name_of_a_built_in_card(desk: Desk) -> None:
    actor = Actor(HERE, LEAD, "Lena Lead")
    await desk.leading.publishing.add_alias(actor, "pause", Language.EN, "gimme a sec")
    card = await desk.type("gimme a sec", AGENT)
    assert card.outcome.topic == "pause"
    assert "Your team's guidance" not in plain_text(card), "the card is the guide's as before"
    await desk.leading.publishing.add_alias(actor, "pause", Language.EN, "hang on a tick")
    assert (await desk.type("gimme a sec", AGENT)).outcome.topic == "pause"
    assert (await desk.type("hang on a tick", AGENT)).outcome.topic == "pause"
    assert "gimme a sec" in await desk.ask("write list", LEAD) or "pause" in await desk.ask("write list", LEAD)
    pieces = await desk.leading.publishing.pieces(HERE)
    assert "hang on a tick" in await desk.ask(f"write piece {pieces[0].id}", LEAD)


@pytest.mark.parametrize("writer", [LEAD, SECOND])
async def test_a_name_is_added_beneath_a_draft_that_is_being_written(desk: Desk, writer: str) -> None:
    publishing, second = desk.leading.publishing, Actor(HERE, SECOND, "Sara Second")
    number = await publish(desk)
    draft = await desk.type(f"write save {number}", writer, **(GOODWILL | {"lead": "Offer it late."}))
    old = button(draft, "write publish").command
    topic = (await publishing.piece(HERE, number)).topic
    added = await publishing.add_alias(second, topic, Language.EN, "make good")
    assert "Offer the voucher before" in await desk.ask("make good"), "the live words, not the draft's"
    piece = await publishing.piece(HERE, number)
    assert piece.published == added.number
    assert (piece.latest.state, piece.latest.author, piece.latest.number) == ("draft", writer, added.number + 1)
    changes = {change.field for change in diff(added.written, piece.latest.written)}
    assert changes == {"lead"}, "the draft has the name too, and keeps its own words"
    assert "changed meanwhile" in await desk.ask(old, writer), "its old number leads nowhere, not to other words"
    opened = await desk.type(f"write edit {number} en", writer)
    assert "Offer it late." in str(opened.form)
    await desk.type(f"write publish {number} {piece.latest.number}", writer)
    assert "Offer it late." in await desk.ask("make good")
    audit = await desk.ask("audit", ADMIN)
    assert "Sara Second (USECOND) · draft saved · team/goodwill-vouchers version 4" in audit, "whoever's draft it is"


async def test_a_name_brings_nothing_withdrawn_back(desk: Desk, guidance: Guidance) -> None:
    publishing, actor = desk.leading.publishing, Actor(HERE, LEAD, "Lena Lead")
    own = await publish(desk)
    over = await publish(desk, topic="calm", title="Keep your cool", aliases="cool head", phrases="")
    for number in (own, over):
        await desk.type(f"write withdraw {number}")
    topic = (await publishing.piece(HERE, own)).topic
    with pytest.raises(Refused, match="bad_withdrawn"):
        await publishing.add_alias(actor, topic, Language.EN, "make good")
    with pytest.raises(Refused, match="bad_withdrawn"):
        await publishing.add_alias(actor, "team/never-written", Language.EN, "make good")
    await publishing.add_alias(actor, "calm", Language.EN, "simmer down")
    card = await desk.type("simmer down", AGENT)
    assert card.outcome.topic == "calm"
    assert "Keep your cool" not in plain_text(card), "the guide's card, with one name more"
    known = (await desk.leading.libraries.of(HERE)).guidance
    assert known.find("cool head") is None, "nor are the withdrawn names back"
    assert "Offer" not in await desk.ask("kulanz")


async def test_a_name_makes_nothing_fresh_again(desk: Desk) -> None:
    publishing, actor = desk.leading.publishing, Actor(HERE, SECOND, "Sara Second")
    number = await publish(desk)
    await desk.type(f"write confirm {number} 2027-03-01")
    before = await publishing.piece(HERE, number)
    await publishing.add_alias(actor, before.topic, Language.EN, "while it is fresh")
    desk.now = datetime(2027, 4, 1, 8, 0, tzinfo=UTC)
    desk.coach.today = lambda: desk.now.date()  # type: ignore[method-assign]
    await publishing.add_alias(actor, before.topic, Language.EN, "when it is stale")
    for words in ("while it is fresh", "when it is stale"):
        assert "may be out of date" in await desk.ask(words)
    after = await publishing.piece(HERE, number)
    assert (after.verified_until, after.owner) == (before.verified_until, LEAD)
    await desk.type("lead review on", ADMIN)
    waiting = await publishing.add_alias(actor, before.topic, Language.EN, "stale and reviewed")
    assert (waiting.state, waiting.author) == ("review", SECOND)
    await publishing.approve(Actor(HERE, LEAD, "Lena Lead"), number, waiting.number)
    assert "may be out of date" in await desk.ask("stale and reviewed")
    assert (await publishing.piece(HERE, number)).verified_until == before.verified_until


async def test_names_that_wait_for_a_second_lead_are_not_lost(desk: Desk) -> None:
    publishing, lena, sara = desk.leading.publishing, Actor(HERE, LEAD, "Lena"), Actor(HERE, SECOND, "Sara")
    await desk.type("lead review on", ADMIN)
    one = await publishing.add_alias(sara, "pause", Language.EN, "zwip zwap")
    two = await publishing.add_alias(sara, "pause", Language.EN, "fluster bluster")
    assert (await desk.type("zwip zwap", AGENT)).outcome.topic != "pause"
    with pytest.raises(Refused, match="own_review"):
        await publishing.approve(sara, two.piece, two.number)
    for version in (two, one):
        await publishing.approve(lena, version.piece, version.number)
    for words in ("zwip zwap", "fluster bluster"):
        assert (await desk.type(words, AGENT)).outcome.topic == "pause"


async def test_a_name_and_a_draft_that_both_wait_for_a_second_lead(desk: Desk) -> None:
    publishing, lena, sara = desk.leading.publishing, Actor(HERE, LEAD, "Lena"), Actor(HERE, SECOND, "Sara")
    number = await publish(desk)
    await desk.type("lead review on", ADMIN)
    await desk.type(f"write save {number}", LEAD, **(GOODWILL | {"lead": "Offer it late."}))
    await desk.type(f"write submit {number} 2", LEAD)
    waiting = await publishing.add_alias(sara, "team/goodwill-vouchers", Language.EN, "make good")
    piece = await publishing.piece(HERE, number)
    assert (waiting.number, waiting.state, piece.published) == (3, "review", 1)
    assert (piece.latest.number, piece.latest.state) == (4, "review"), "what waited before is still the newest"
    assert "changed meanwhile" in await desk.ask(f"write approve {number} 2", SECOND), "nobody approves other words"
    assert "make good" not in str(piece.latest.written), "a name is not approved along with a draft"
    await publishing.approve(lena, number, 3)
    await publishing.approve(sara, number, 4)
    assert "Offer it late." in await desk.ask("make good")


async def test_a_name_is_refused_where_something_else_was_published_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing = desk.leading.publishing
    number = await publish(desk)
    await desk.type(f"write save {number}", LEAD, **(GOODWILL | {"lead": "Offer it late."}))
    check = publishing.problems

    async def meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(publishing, "problems", check)
        await desk.type(f"write publish {number} 2", LEAD)
        return await check(*arguments)

    monkeypatch.setattr(publishing, "problems", meanwhile)
    with pytest.raises(Refused, match="bad_state"):
        await publishing.add_alias(Actor(HERE, SECOND, "Sara"), "team/goodwill-vouchers", Language.EN, "make good")
    assert "Offer it late." in await desk.ask("kulanz")
    assert [version.number for version in await publishing.versions(await publishing.piece(HERE, number))] == [2, 1]


async def test_words_in_a_language_the_team_did_not_write_in_lead_there_too(desk: Desk) -> None:
    await publish(desk)
    actor = Actor(HERE, LEAD, "Lena Lead")
    await desk.leading.publishing.add_alias(actor, "team/goodwill-vouchers", Language.KA, "სასაჩუქრე ბარათი")
    assert (await desk.type("სასაჩუქრე ბარათი", AGENT)).outcome.topic == "team/goodwill-vouchers"


async def test_words_too_long_for_a_name_become_what_agents_type(desk: Desk) -> None:
    publishing, actor = desk.leading.publishing, Actor(HERE, LEAD, "Lena Lead")
    words = "the parcel is somewhere between us and the depot again"
    version = await publishing.add_alias(actor, "pause", Language.EN, words)
    assert version.written.words[Language.EN].phrases == (words,)
    assert (await desk.type(words, AGENT)).outcome.topic == "pause"
    again = await publishing.add_alias(actor, "pause", Language.EN, words)
    assert again.number == version.number, "nothing new, so nothing is written"


@pytest.mark.parametrize("field", ["owner", "deputy"])
async def test_what_is_far_too_long_for_a_person_is_refused(desk: Desk, field: str) -> None:
    reply = await desk.type("write save", LEAD, **(GOODWILL | {field: "U" * 5_000}))
    assert reply.form
    assert [entry.name for entry in reply.form.fields if entry.error] == [field]
    assert await desk.leading.publishing.pieces(HERE) == []


# ---- all of it fits, in every language


@pytest.mark.parametrize("language", list(Language))
async def test_every_card_for_leads_fits_both_platforms(desk: Desk, language: Language) -> None:
    letter = {"en": "a", "de": "ß", "ru": "я", "ka": "ა"}[language]
    number = 0
    for turn in range(9):
        number = await publish(
            desk, language=str(language), title=f"{turn}{letter * 30}", lead=letter * 70, aliases=f"{letter * 20}{turn}",
            steps="\n".join(f"{step}{letter * 60}" for step in range(4)), say=letter * 120,
        )  # fmt: skip
    for turn in range(7):
        saved = GOODWILL | {"title": f"Title {turn}", "aliases": "", "lead": letter * 60, "say": letter * 100}
        await desk.type(f"write save {number}", (LEAD, SECOND)[turn % 2], language, **saved)
    todo = ["lead", "leads", "audit", "write", "write list", f"write diff {number} 1 2", f"write confirm {number}"]
    seen: set[str] = set()
    while todo:
        command = todo.pop(0)
        if command in seen or not command.startswith(("lead", "leads", "audit", "write")) or "withdraw" in command:
            continue
        seen.add(command)
        reply = await desk.type(command, ADMIN, language)
        problems = [problem for size in sizes(reply) for problem in size.problems]
        assert not problems, (command, problems)
        assert reply.language is language
        if "publish" not in command and "rollback" not in command and "review" not in command and len(seen) < 60:
            todo += [each.command for each in reply.buttons]
    assert len(seen) > 25


async def test_a_card_too_big_for_a_platform_is_refused(desk: Desk) -> None:
    letter = "ა"
    again = await desk.write(
        language="ka", title=letter * 40, lead=letter * 85, steps="\n".join(f"{n}{letter * 89}" for n in range(4)),
        say=letter * 180, audience=",".join(f"{n}{letter * 39}" for n in range(5)), aliases="", tip="", phrases="",
    )  # fmt: skip
    assert again.form
    errors = [each.error for each in again.form.fields if each.error]
    assert len(errors) == 1
    assert "Slack takes 4000" in errors[0]


# ---- replicas


async def test_two_replicas_know_the_same_within_two_seconds(
    new_database: Any, kind: str, guidance: Guidance, strings: Strings, recogniser: Recogniser
) -> None:
    assert LOOK_EVERY <= 1, "a look takes far less than the second that is left"
    url = new_database(kind)
    one, stop_one = await replica(url, guidance, strings, recogniser)
    two, stop_two = await replica(url, guidance, strings, recogniser)
    await one.type("lead add", ADMIN, mentions=(Mention(LEAD, "Lena Lead"),))
    assert (await two.type("write", LEAD)).form
    assert "Offer" not in await two.ask("kulanz")
    number = await publish(one)
    await _comes(lambda: two.ask("kulanz"), "Offer the voucher")
    assert "Goodwill vouchers" in await two.ask("am I allowed to give that unhappy customer a voucher")
    await one.type(f"write withdraw {number}")
    await _comes(lambda: two.ask("kulanz"), "Offer the voucher", gone=True)
    await one.type("lead remove", ADMIN, mentions=(Mention(LEAD, "Lena Lead"),))
    assert "Only leads" in await two.ask("write", LEAD)
    assert "Only leads" in await two.ask(f"write rollback {number} 1", LEAD)
    await stop_two()
    await stop_one()


async def _comes(ask: Callable[[], Any], said: str, *, gone: bool = False) -> None:
    async with asyncio.timeout(20):
        while (said in await ask()) is gone:  # noqa: ASYNC110 - it is in the other replica
            await asyncio.sleep(0.05)


async def test_what_a_restart_finds(
    new_database: Any, kind: str, guidance: Guidance, strings: Strings, recogniser: Recogniser
) -> None:
    url = new_database(kind)
    first, stop = await replica(url, guidance, strings, recogniser)
    await first.type("lead add", ADMIN, mentions=(Mention(LEAD, "Lena Lead"),))
    await publish(first)
    await stop()
    second, stop = await replica(url, guidance, strings, recogniser)
    assert "Goodwill vouchers" in await second.ask("can I give them a voucher")
    assert "Offer the voucher" in await second.ask("kulanz")
    await stop()


async def test_without_its_database_a_workspace_is_still_coached(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await publish(desk)

    async def gone(*_: object) -> None:
        raise ConnectionError("the database is gone")

    store = desk.leading.libraries._store
    monkeypatch.setattr(store, "live", gone)
    monkeypatch.setattr(store, "generations", gone)
    assert "Offer the voucher" in await desk.ask("kulanz"), "what is known goes on being shown"
    desk.leading.libraries._known.clear()
    assert (await desk.type("calm", AGENT)).outcome.topic == "calm"


async def test_a_workspace_that_cannot_be_read_holds_up_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = desk.leading.libraries
    await publish(desk)
    await desk.type("lead add", ADMIN, workspace=ELSEWHERE, mentions=(Mention(LEAD, "Lena"),))
    draft = await desk.type("write save", workspace=ELSEWHERE, **(GOODWILL | {"lead": "Elsewhere."}))
    await desk.type(button(draft, "write publish").command, workspace=ELSEWHERE)
    live = libraries._store.live

    async def broken(workspace: str) -> Any:
        if workspace == HERE:
            raise ValueError("no JSON")
        return await live(workspace)

    monkeypatch.setattr(libraries._store, "live", broken)
    known = {workspace: library.generation for workspace, library in libraries._known.items()}
    assert set(known) == {HERE, ELSEWHERE}
    for library in libraries._known.values():
        library.generation -= 1
    with pytest.raises(ValueError, match="no JSON"):
        await libraries._look()
    assert libraries._known[ELSEWHERE].generation == known[ELSEWHERE]
    assert "Offer the voucher" in await desk.ask("kulanz"), "what is known goes on being shown"


async def test_memory_stays_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatbot.library.MOST_LIBRARIES", 1)
    await publish(desk)
    await desk.type("lead add", ADMIN, workspace=ELSEWHERE, mentions=(Mention(LEAD, "Lena"),))
    draft = await desk.type("write save", workspace=ELSEWHERE, **(GOODWILL | {"lead": "Elsewhere."}))
    await desk.type(button(draft, "write publish").command, workspace=ELSEWHERE)
    assert len(desk.leading.libraries._known) == 1
    assert "Offer the voucher" in await desk.ask("kulanz")
    assert "Elsewhere." in await desk.ask("kulanz", workspace=ELSEWHERE)
    assert len(desk.leading.libraries._known) == 1


async def test_columns_are_fitted_and_kept(
    new_database: Any, guidance: Guidance, strings: Strings, recogniser: Recogniser
) -> None:
    made, stop = await replica(new_database("sqlite"), guidance, strings, recogniser)
    made.leading.libraries._fits = True

    async def fitted() -> None:
        making = (await made.leading.libraries.of(HERE)).making
        assert making
        await making

    await made.type("lead add", ADMIN, mentions=(Mention(LEAD, "Lena Lead"),))
    number = await publish(made)
    await fitted()
    key = (HERE, "team/goodwill-vouchers")
    column = made.leading.libraries._columns[key][1]
    assert (await made.type("is a voucher ok for this unhappy customer", AGENT)).outcome.topic == key[1]
    await made.type(f"write confirm {number}")
    await fitted()
    assert made.leading.libraries._columns[key][1] is column, "what did not change is not fitted again"
    await stop()
