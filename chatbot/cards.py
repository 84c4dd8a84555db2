"""The cards: replies made from topics and strings. Pure functions of an Ask."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from chatbot.guidance import Escalation, Guidance, Page, Topic
from chatbot.language import OWN_NAMES
from chatbot.model import (
    Block,
    Button,
    Field,
    Language,
    Lead,
    Message,
    Note,
    Outcome,
    Phrase,
    Points,
    Reply,
    Steps,
    Text,
    Title,
)
from chatbot.recognition.answer import Recognition
from chatbot.voice import Voice

LAST_STEP = 7


@dataclass(frozen=True, slots=True)
class Ask(Voice):
    """A message with what is needed to answer it, in the language of the answer.

    `insist`: nothing else understood it, so the command must. `today` is the day by which guidance goes stale.
    """

    message: Message
    contacts: Mapping[str, Sequence[str]]
    insist: bool = False
    today: date = date.min


def topic_card(ask: Ask, topic: Topic, *, turn: int = 0, speaks: Language | None = None, why: str = "") -> Reply:
    """Return the card of a topic, showing its phrase number `turn` (counted round and round).

    `speaks` is the customer's language, if the phrase shall be in another than the advice.
    """
    text = topic.texts[ask.language]
    title = text.title
    if topic.kind == "step":
        title = ask.t("card.step", number=step_number(ask, topic), title=title)
    return Reply(
        blocks=(
            Title(title),
            Lead(text.lead),
            *((Steps(text.steps),) if text.steps else ()),
            *phrase(ask, topic, turn, speaks),
            *sources(ask, topic),
        ),
        buttons=(
            *_another(ask, "card", topic, turn, speaks),
            *((Button(ask.t("button.more"), f"more {topic.id}"),) if _rest(topic, ask.language) else ()),
            *_onward(ask, topic),
            *((Button(ask.t("button.customer"), f"customer {topic.id}"),) if text.say else ()),
        ),
        language=ask.language,
        outcome=Outcome("topic", topic.id, why=why),
    )


def _onward(ask: Ask, topic: Topic) -> Iterable[Button]:
    if topic.kind == "step":
        number = step_number(ask, topic)
        if number > 1:
            yield Button(ask.t("button.step_back"), f"step {number - 1}")
        if number < LAST_STEP:
            yield Button(ask.t("button.step_next"), f"step {number + 1}", "primary")
        yield Button(ask.t("button.let_go"), "let-go")
    else:
        yield Button(ask.t("button.next"), f"next {topic.id}", "primary")
    yield Button(ask.t("button.worked"), f"worked {topic.id}")
    yield Button(ask.t("button.other"), f"other {topic.id}")


def step_number(ask: Ask, topic: Topic) -> int:
    """Return 1 to 7, the place of a step among the steps."""
    return ask.guidance.of_kind("step").index(topic) + 1


def _another(
    ask: Ask,
    command: str,
    topic: Topic,
    turn: int,
    speaks: Language | None,
    style: Literal["plain", "primary"] = "plain",
) -> Iterable[Button]:
    """Yield the button to the next phrase of a topic, in the customer's language if that is another."""
    language = speaks or ask.language
    says = topic.texts[language].say
    if says:
        following = f"{command} {topic.id} {(turn + 1) % len(says)}"
        wanted = following if language is ask.language else f"{following} in {language}"
        yield Button(ask.t("button.another"), wanted, style)


def phrase(ask: Ask, topic: Topic, turn: int, speaks: Language | None = None) -> Iterable[Phrase]:
    """Yield one of the topic's phrases, labelled for where it belongs or for its language; none if it has none."""
    says = topic.texts[speaks or ask.language].say
    if not says:
        return
    language = topic.shown_in(speaks or ask.language)
    saying = says[turn % len(says)]
    key = "card.say" if saying.medium == "both" else f"card.say_{saying.medium}"
    if language is not ask.language:
        key = f"card.say_in_{language}"
    yield Phrase(ask.t(key), saying.text, language)


def sources(ask: Ask, topic: Topic) -> Iterable[Note]:
    """Yield the lines that say where the topic comes from: a guide and its points, or the team."""
    if topic.own is None:
        yield guide_line(ask, topic)
        return
    own, day = topic.own, topic.own.verified_until
    stale = day < ask.today
    yield Note(ask.t("leads.source_stale" if stale else "leads.source", owner=own.owner, day=day.isoformat()))
    if own.audience:
        yield Note(ask.t("leads.audience", audience="; ".join(own.audience)))
    if ask.language not in own.written:
        yield Note(ask.t("leads.untranslated", spoken=OWN_NAMES[own.instead]))


def guide_line(ask: Ask, topic: Topic) -> Note:
    """Return the line that says which guide and which points the topic comes from."""
    guide = ask.guidance.guide_of(topic.sources[0])
    return Note(ask.t("card.source", guide=guide.title[ask.language], points=", ".join(topic.sources)))


def _rest(topic: Topic, language: Language) -> list[str]:
    """Return the names of what a topic says beyond its card."""
    text = topic.texts[language]
    return [n for n in ("signs", "wants", "friends", "enemies", "avoid", "let-go", "why") if text.section(n)]


def more_card(ask: Ask, topic: Topic) -> Reply:
    """Return the rest of a topic: how to recognise it, why it works, what to avoid, when to let go."""
    text = topic.texts[ask.language]
    return Reply(
        blocks=(
            Title(text.title),
            *(Points(ask.t(f"card.{name}"), text.section(name)) for name in _rest(topic, ask.language)),
            # A team writes the card; what stands here is the guide's all the same.
            *((guide_line(ask, topic),) if topic.sources else sources(ask, topic)),
        ),
        buttons=(
            Button(ask.t("button.card"), topic.id, "primary"),
            Button(ask.t("button.next"), f"next {topic.id}"),
        ),
        language=ask.language,
        outcome=Outcome("topic", topic.id, why="the rest of the topic"),
    )


def phrase_card(ask: Ask, topic: Topic, turn: int, speaks: Language | None = None) -> Reply:
    """Return one phrase of a topic and nothing else to read."""
    return Reply(
        blocks=(Title(ask.title(topic)), *phrase(ask, topic, turn, speaks), *sources(ask, topic)),
        buttons=(
            *_another(ask, "say", topic, turn, speaks, "primary"),
            Button(ask.t("button.customer"), f"customer {topic.id}"),
            Button(ask.t("button.card"), topic.id),
        ),
        language=ask.language,
        outcome=Outcome("topic", topic.id, why="a phrase of the topic"),
    )


def walk_card(ask: Ask, number: int) -> Reply:
    """Return step `number` (1 to 7) of the walk: what to do, a phrase, friends and enemies, and the way on."""
    topic = ask.guidance.of_kind("step")[number - 1]
    text = topic.texts[ask.language]
    on = (Button(ask.t("button.step_next"), f"walk {number + 1}", "primary"),) if number < LAST_STEP else ()
    back = (Button(ask.t("button.step_back"), f"walk {number - 1}"),) if number > 1 else ()
    return Reply(
        blocks=(
            Title(ask.t("card.step", number=number, title=text.title)),
            Lead(text.lead),
            *phrase(ask, topic, 0),
            Points(ask.t("card.friends"), text.section("friends")),
            Points(ask.t("card.enemies"), text.section("enemies")),
            *sources(ask, topic),
        ),
        buttons=(
            *back,
            *on,
            Button(ask.t("button.worked"), f"walk worked {number}", "primary"),
            Button(ask.t("button.let_go"), f"walk away {number}"),
            Button(ask.t("button.done"), f"walk done {number}"),
        ),
        language=ask.language,
        outcome=Outcome("topic", topic.id, why=f"step {number} of the walk"),
        living=True,
    )


def walk_away(ask: Ask, number: int) -> Reply:
    """Return what helps to let a customer go, from step `number` of the walk, with the way back."""
    topic = ask.guidance.topics["let-go"]
    text = topic.texts[ask.language]
    return Reply(
        blocks=(
            Title(text.title),
            Lead(text.lead),
            *((Steps(text.steps),) if text.steps else ()),
            *phrase(ask, topic, 0),
            *sources(ask, topic),
        ),
        buttons=(
            Button(ask.t("button.step_back"), f"walk {number}"),
            Button(ask.t("button.done"), f"walk gone {number}", "primary"),
        ),
        language=ask.language,
        outcome=Outcome("topic", topic.id, why=f"letting go at step {number} of the walk"),
        living=True,
    )


def walk_end(ask: Ask, title: str) -> Reply:
    """Return the end of the walk: its controls are gone."""
    return Reply(
        blocks=(Title(title), Lead(ask.t("reply.walk_end_lead"))),
        language=ask.language,
        outcome=Outcome("menu", why="the end of the walk"),
        living=True,
    )


def walk_moved(ask: Ask) -> Reply:
    """Return the line left where the walk was asked for, when it opened in the direct message."""
    return Reply(
        blocks=(Title(ask.t("reply.walk_moved_title")), Lead(ask.t("reply.walk_moved_lead"))),
        language=ask.language,
        outcome=Outcome("menu", why="the walk opened elsewhere"),
    )


def finder_card(ask: Ask, path: tuple[int, ...]) -> Reply | None:
    """Return the finder after the answers of `path` (each counted from 1): a question, or the archetype found.

    None if the path does not exist.
    """
    name, given = "start", list[str]()
    for choice in path:
        question = ask.guidance.finder.get(name)
        if question is None or not 1 <= choice <= len(question.answers):
            return None
        answer = question.answers[choice - 1]
        given.append(answer.text[ask.language])
        name = answer.to
    taken = (Points(ask.t("reply.finder_path"), tuple(given)),) if given else ()
    undo = tuple(
        Button(ask.t("button.take_back", answer=text), _finder(path[:place])) for place, text in enumerate(given)
    )
    if name in ask.guidance.topics:
        card = topic_card(ask, ask.guidance.topics[name], why="the archetype finder")
        return replace(card, blocks=(*card.blocks[:1], *taken, *card.blocks[1:]), buttons=(*card.buttons, *undo))
    question = ask.guidance.finder[name]
    return Reply(
        blocks=(
            Title(ask.t("reply.finder_title", number=len(path) + 1)),
            Lead(question.text[ask.language]),
            *taken,
        ),
        buttons=(
            *(
                Button(answer.text[ask.language], _finder((*path, number)))
                for number, answer in enumerate(question.answers, 1)
            ),
            *undo,
        ),
        language=ask.language,
        outcome=Outcome("menu", why=f"question {len(path) + 1} of the archetype finder"),
    )


def _finder(path: tuple[int, ...]) -> str:
    return " ".join(["who", *map(str, path)])


def escalations(ask: Ask, why: str) -> Reply:
    """Return the question what has happened, when it is danger but not clear which."""
    return Reply(
        blocks=(Title(ask.t("reply.safety_pick_title")), Lead(ask.t("reply.safety_pick_lead"))),
        buttons=(
            *(Button(e.title[ask.language], f"emergency {e.id}") for e in ask.guidance.escalations.values()),
            ask.all_topics(),
        ),
        language=ask.language,
        outcome=Outcome("safety", why=why),
    )


def escalation_card(ask: Ask, escalation: Escalation, why: str) -> Reply:
    """Return what to do first and whom to call, with the way out if it was misunderstood; never advice beside it."""
    contacts: tuple[Block, ...] = tuple(
        Points(ask.t("reply.safety_contacts", country=country), tuple(lines)) for country, lines in ask.contacts.items()
    )
    return Reply(
        blocks=(
            Title(escalation.title[ask.language]),
            Lead(escalation.lead[ask.language]),
            Steps(escalation.steps[ask.language]),
            *(contacts or (Text(ask.t("reply.safety_no_contacts")),)),
        ),
        buttons=(Button(ask.t("button.not_this"), "emergency"), ask.all_topics()),
        language=ask.language,
        outcome=Outcome("safety", why=why),
    )


def pick(ask: Ask, title: str, lead: str, buttons: Iterable[Button], outcome: Outcome) -> Reply:
    """Return a heading, a line and buttons to choose from, with the way to the menu last."""
    return Reply(
        blocks=(Title(title), Lead(lead)),
        buttons=(*buttons, ask.all_topics()),
        language=ask.language,
        outcome=outcome,
    )


def topic_buttons(ask: Ask, topics: Iterable[Topic], prefix: str = "") -> tuple[Button, ...]:
    """Return a button for each topic; pressing it asks for `prefix` and the topic's id."""
    return tuple(Button(ask.title(topic), f"{prefix} {topic.id}".strip()) for topic in topics)


def steps_to_pick(ask: Ask) -> tuple[Button, ...]:
    """Return the seven steps as numbered buttons."""
    return tuple(
        Button(ask.t("button.step", number=number, title=ask.title(topic)), f"step {number}")
        for number, topic in enumerate(ask.guidance.of_kind("step"), 1)
    )


def because_card(ask: Ask, topic: Topic, because: str, *, pasted: bool, recognition: Recognition) -> Reply:
    """Return the card of a topic that plain words led to, with the words that did."""
    card = topic_card(ask, topic, why=recognition.why)
    key = "reply.because_customer" if pasted else "reply.because"
    notes = (Note(ask.t(key, words=because)),) if because else ()
    outcome = Outcome("topic", topic.id, recognition.choices, recognition.why)
    return replace(card, blocks=(*card.blocks, *notes), outcome=outcome)


def which_is_it(ask: Ask, topics: Sequence[Topic], why: str) -> Reply:
    """Return the question which of two or three readings is meant."""
    return pick(
        ask,
        ask.t("reply.choice_title"),
        ask.t("reply.choice_lead"),
        (*topic_buttons(ask, topics), Button(ask.t("button.emergency"), "emergency", "danger")),
        Outcome("choice", choices=tuple(topic.id for topic in topics), why=why),
    )


def unknown(ask: Ask, near: Sequence[Topic], why: str) -> Reply:
    """Return the honest answer that nothing fits, with what is near, if anything is, and the menu."""
    card = menu(ask, ask.t("reply.unknown_title"), ask.t("reply.unknown_lead"), why)
    return replace(
        card,
        buttons=(*topic_buttons(ask, near), *card.buttons),
        outcome=Outcome("menu", choices=tuple(topic.id for topic in near), why=why),
    )


def menu(ask: Ask, title: str, lead: str, why: str) -> Reply:
    """Return the way to everything: a line to type into, the themes, the archetypes and the steps."""
    return Reply(
        blocks=(
            Title(title),
            Lead(lead),
            Field(ask.t("reply.field"), ask.t("reply.placeholder"), ask.t("reply.ask")),
        ),
        buttons=(
            *(Button(page.title[ask.language], f"topics {page.id}") for page in _first_pages(ask.guidance)),
            Button(ask.t("button.archetypes"), "archetype"),
            Button(ask.t("button.steps"), "step"),
            Button(ask.t("button.help"), "help"),
            Button(ask.t("button.emergency"), "emergency", "danger"),
        ),
        language=ask.language,
        outcome=Outcome("menu", why=why),
    )


def _first_pages(guidance: Guidance) -> Iterable[Page]:
    later = {page.following for page in guidance.pages}
    return (page for page in guidance.pages if page.id not in later)


def page_card(ask: Ask, page: Page) -> Reply:
    """Return the topics of one theme as buttons."""
    topics = [ask.guidance.topics[topic_id] for topic_id in page.topics]
    return pick(
        ask,
        page.title[ask.language],
        ask.t("reply.page_lead"),
        (
            *topic_buttons(ask, topics),
            *((Button(ask.t("button.page_on"), f"topics {page.following}"),) if page.following else ()),
        ),
        Outcome("menu", why=f"the page {page.id!r} of the menu"),
    )


def welcome(ask: Ask, installed_by: str | None = None) -> Reply:
    """Return the one message that says what Steady is, who brought it and how to begin."""
    by = (Note(ask.t("reply.welcome_by", name=installed_by)),) if installed_by else ()
    return Reply(
        blocks=(
            Title(ask.t("reply.welcome_title")),
            Lead(ask.t("reply.welcome_lead")),
            Text(ask.t("reply.welcome_text")),
            *by,
            Note(ask.t("reply.help_private")),
        ),
        buttons=(
            Button(ask.t("button.menu"), "topics", "primary"),
            Button(ask.t("button.help"), "help"),
            Button(ask.t("button.language"), "language"),
        ),
        language=ask.language,
        outcome=Outcome("menu", why="the welcome"),
    )


def thanks(ask: Ask) -> Reply:
    """Return a kind line to somebody who said thank you."""
    return Reply(
        blocks=(Title(ask.t("reply.thanks_title")), Lead(ask.t("reply.thanks_lead"))),
        buttons=(ask.all_topics(),),
        language=ask.language,
        outcome=Outcome("menu", why="thanks"),
    )


def failed(ask: Ask, incident: str) -> Reply:
    """Return the calm sentence for when something broke; `incident` is the id that the log has too."""
    return Reply(
        blocks=(
            Title(ask.t("reply.failed_title")),
            Lead(ask.t("reply.failed_lead")),
            Note(ask.t("reply.failed_id", id=incident)),
        ),
        language=ask.language,
        outcome=Outcome("menu", why=f"an error, logged as {incident}"),
    )
