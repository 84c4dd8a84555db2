"""The commands about what was asked for and what was not understood: for leads, and switched by admins."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chatbot.cards import Ask
from chatbot.commands.registry import action_in, command
from chatbot.guidance import fold
from chatbot.model import (
    Block,
    Button,
    Choice,
    Entry,
    Form,
    Lead,
    Note,
    Option,
    Outcome,
    Points,
    Reply,
    Text,
    Title,
)
from chatbot.roles import Actor, NotAllowed, Role

if TYPE_CHECKING:
    from chatbot.coach import Coach
    from chatbot.insights import Insights, TopicCount, Unheard

_ACTIONS = ("on", "off", "unheard")
_BY_BUTTON = ("alias", "take")
#: Lines of the card, and of words on one page; and how many bytes the latter may take, for Georgian has long ones.
_SHOWN = 15
_ON_A_PAGE = 8
_BYTES_OF_WORDS = 700
#: Letters of the words on a button.
_ON_A_BUTTON = 30
#: Options of a choice, of which Slack shows a hundred; where there are more topics, one is typed instead.
_MOST_OPTIONS = 100
_LONGEST_NAME = 100


@command("insights", role="lead")
async def insights(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show how often topics were asked for, and what was not understood; switch it on and off."""
    action, rest = action_in(ask.strings, "insights", argument, (*_ACTIONS, *_BY_BUTTON))
    if argument and not action and not ask.insist:
        return None
    from chatbot import lead_cards

    needed: Role = "admin" if action in ("on", "off") else "lead"
    try:
        if coach.counting is None or coach.roles is None:
            raise NotAllowed(needed, ())
        await coach.roles.need(ask.message.workspace, ask.message.person, needed)
    except NotAllowed as error:
        return replace(lead_cards.not_allowed(ask, error), private=True)
    if coach.counting.works_council:
        return _reply(ask, (Title(ask.t("insights.off_title")), Lead(ask.t("insights.council"))), "works-council mode")
    actor = Actor(ask.message.workspace, ask.message.person, ask.message.name)
    match action:
        case "on" | "off":
            await coach.counting.switch(actor, action == "on")
            return await _switched(coach, ask, action == "on")
        case "unheard":
            return await _words(coach.counting, ask, rest)
        case "alias":
            return await _alias(coach.counting, ask, rest)
        case "take":
            return await _take(coach, coach.counting, ask, rest)
        case _:
            return await _counts(coach, coach.counting, ask)


# ---- counts


async def _counts(coach: "Coach", counting: "Insights", ask: Ask) -> Reply:
    if not await counting.is_on(ask.message.workspace):
        return await _switched(coach, ask, on=False)
    counted = await counting.counts(ask.message.workspace)
    lines = _lines(ask, counted)
    found: Block = Points(ask.t("insights.label"), lines) if lines else Text(ask.t("insights.none"))
    blocks = (Title(ask.t("insights.title")), Lead(ask.t("insights.lead")), found, Note(ask.t("insights.note")))
    return _reply(ask, blocks, "insights", Button(ask.t("insights.see_words"), "insights words"), _off(ask))


def _lines(ask: Ask, counted: Sequence["TopicCount"]) -> tuple[str, ...]:
    """Return a line for each topic, the most asked for first."""
    asked: Counter[str] = Counter()
    useful: Counter[str] = Counter()
    useless: Counter[str] = Counter()
    for count in counted:
        asked[count.topic] += count.asked
        useful[count.topic] += count.useful
        useless[count.topic] += count.useless
    return tuple(
        ask.t(
            _ITEM[useful[topic] > 0, useless[topic] > 0],
            topic=_title(ask, topic),
            asked=number,
            useful=useful[topic],
            useless=useless[topic],
        )
        for topic, number in asked.most_common(_SHOWN)
        if number
    )


#: Whether five people found it useful, and whether five did not -> the sentence.
_ITEM = {
    (False, False): "insights.item",
    (True, False): "insights.item_useful",
    (False, True): "insights.item_useless",
    (True, True): "insights.item_both",
}


def _title(ask: Ask, topic: str) -> str:
    """Return a topic's title; its id if it is withdrawn by now."""
    found = ask.guidance.topics.get(topic)
    return ask.title(found) if found else topic


async def _switched(coach: "Coach", ask: Ask, on: bool) -> Reply:
    """Return how insights are switched, what that means and who can change it."""
    names: list[str] = []
    may = False
    if coach.roles:
        may = await coach.roles.role_of(ask.message.workspace, ask.message.person) == "admin"
        rows = await coach.roles.leads(ask.message.workspace)
        names = [row.name for row in rows if row.role == "admin" and row.name]
    who = ask.t("insights.who", names=", ".join(names)) if names else ask.t("insights.who_unknown")
    blocks = (
        Title(ask.t("insights.on_title" if on else "insights.off_title")),
        Lead(who),
        Text(ask.t("insights.how")),
    )
    switch = _off(ask) if on else Button(ask.t("insights.turn_on"), "insights on", "primary")
    see = (Button(ask.t("insights.title"), "insights"),) if on else ()
    return _reply(ask, blocks, "insights switched", *see, *((switch,) if may else ()))


def _off(ask: Ask) -> Button:
    return Button(ask.t("insights.turn_off"), "insights off")


# ---- words


async def _words(counting: "Insights", ask: Ask, after: str) -> Reply:
    """Return words that led nowhere, those after the one with the key `after`."""
    found = list(await counting.unheard(ask.message.workspace))
    keys = [_key(heard) for heard in found]
    found = found[keys.index(after) + 1 :] if after in keys else found
    page: list[Unheard] = []
    for heard in found[:_ON_A_PAGE]:
        if page and sum(len(one.words.encode()) for one in (*page, heard)) > _BYTES_OF_WORDS:
            break
        page.append(heard)
    title = Title(ask.t("insights.see_words"))
    if not page:
        empty = ask.t("insights.words_none")
        if not await counting.is_on(ask.message.workspace):
            empty = ask.t("insights.off_title")
        return _reply(ask, (title, Lead(empty)), "no words", Button(ask.t("insights.title"), "insights"))
    blocks = (
        title,
        Lead(ask.t("insights.words_lead")),
        Points(ask.t("insights.words_label"), tuple(heard.words for heard in page)),
    )
    buttons = [
        Button(ask.t("insights.alias", words=_short(heard.words)), f"insights alias {_key(heard)}") for heard in page
    ]
    if len(found) > len(page):
        buttons.append(Button(ask.t("insights.words_more"), f"insights words {_key(page[-1])}"))
    return _reply(ask, blocks, "words", *buttons, Button(ask.t("insights.title"), "insights"))


async def _alias(counting: "Insights", ask: Ask, key: str, error: str = "") -> Reply:
    """Return the form that asks where words shall lead."""
    heard = await _heard(counting, ask, key)
    if heard is None:
        return _gone(ask)
    topics = sorted(ask.guidance.topics.values(), key=lambda topic: fold(ask.title(topic)))
    given, label = ask.message.values.get("topic", "")[:_LONGEST_NAME], ask.t("insights.alias_topic")
    options = tuple(Option(topic.id, ask.title(topic)) for topic in topics)
    field: Entry | Choice = Entry("topic", label, given, error=error, longest=_LONGEST_NAME)
    if len(options) <= _MOST_OPTIONS:
        field = Choice("topic", label, options, (given,) if given in ask.guidance.topics else (), error)
    form = Form(f"insights take {key}", ask.t("insights.alias_submit"), ask.t("insights.alias_cancel"), (field,))
    blocks = (Title(ask.t("insights.alias_title")), Text(ask.t("insights.alias_lead", words=heard.words)))
    return Reply(blocks, ask.language, Outcome("menu", why="the form for an alias"), form=form)


async def _take(coach: "Coach", counting: "Insights", ask: Ask, key: str) -> Reply:
    """Make words a name of the topic that was chosen."""
    from chatbot.publishing import Refused

    heard = await _heard(counting, ask, key)
    if heard is None or coach.publishing is None:
        return _gone(ask)
    found = ask.guidance.find(ask.message.values.get("topic", "")[:_LONGEST_NAME])
    if found is None:
        return await _alias(counting, ask, key, ask.t("insights.alias_choose"))
    topic = found[0]
    workspace = ask.message.workspace
    actor = Actor(workspace, ask.message.person, ask.message.name)
    try:
        version = await coach.publishing.add_alias(actor, topic.id, heard.language, heard.words)
    except Refused as error:
        wrong = [ask.t(one.key, **one.values) for one in error.problems if one.blocks]
        return await _alias(counting, ask, key, " ".join(wrong) or ask.t(error.key, **error.values))
    await counting.drop_words(workspace, heard.words)
    key = "insights.alias_review" if version.state == "review" else "insights.alias_done"
    blocks = (
        Title(ask.t("insights.alias_title")),
        Lead(ask.t(key, words=heard.words, topic=ask.title(topic))),
    )
    return _reply(ask, blocks, "an alias", Button(ask.t("insights.see_words"), "insights words", "primary"))


async def _heard(counting: "Insights", ask: Ask, key: str) -> "Unheard | None":
    """Return the words with a key, if they are on this workspace's list."""
    found = await counting.unheard(ask.message.workspace)
    return next((heard for heard in found if _key(heard) == key), None)


def _key(heard: "Unheard") -> str:
    """Return what stands for words in a button, which must not hold much."""
    return hashlib.sha256(f"{heard.language} {heard.words}".encode()).hexdigest()[:12]


def _short(words: str) -> str:
    return words if len(words) <= _ON_A_BUTTON else f"{words[: _ON_A_BUTTON - 1]}…"


def _gone(ask: Ask) -> Reply:
    blocks = (Title(ask.t("insights.see_words")), Lead(ask.t("insights.words_gone")))
    return _reply(ask, blocks, "words that are gone", Button(ask.t("insights.see_words"), "insights words"))


def _reply(ask: Ask, blocks: tuple[Block, ...], why: str, *buttons: Button) -> Reply:
    return ask.reply(blocks, (*buttons, ask.all_topics()), why)
