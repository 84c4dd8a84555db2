"""The cards: replies made from topics and strings. Pure functions of an Ask."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chatbot.guidance import Guidance, Page, Topic
from chatbot.model import (
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
from chatbot.strings import Strings


@dataclass(frozen=True, slots=True)
class Ask:
    """A message with what is needed to answer it. `insist`: nothing else understood it, so the command must."""

    message: Message
    language: Language
    guidance: Guidance
    strings: Strings
    insist: bool = False

    def t(self, key: str, **values: Any) -> str:
        """Return a sentence of strings.toml in the language of the answer."""
        return self.strings(key, self.language, **values)

    def title(self, topic: Topic) -> str:
        """Return the topic's title in the language of the answer."""
        return topic.texts[self.language].title


def topic_card(ask: Ask, topic: Topic, *, turn: int = 0, why: str = "") -> Reply:
    """Return the card of a topic, showing its phrase number `turn` (counted round and round)."""
    text = topic.texts[ask.language]
    title = text.title
    if topic.kind == "step":
        title = ask.t("card.step", number=step_number(ask, topic), title=title)
    return Reply(
        blocks=(Title(title), Lead(text.lead), Steps(text.steps), phrase(ask, topic, turn), source(ask, topic)),
        buttons=(
            Button(ask.t("button.another"), f"card {topic.id} {(turn + 1) % len(text.say)}"),
            Button(ask.t("button.more"), f"more {topic.id}"),
            *_onward(ask, topic),
        ),
        language=ask.language,
        outcome=Outcome("topic", topic.id, why=why),
    )


def _onward(ask: Ask, topic: Topic) -> Iterable[Button]:
    if topic.kind == "step":
        number = step_number(ask, topic)
        if number > 1:
            yield Button(ask.t("button.step_back"), f"step {number - 1}")
        if number < len(ask.guidance.of_kind("step")):
            yield Button(ask.t("button.step_next"), f"step {number + 1}", "primary")
        let_go = ask.guidance.topics["let-go"]
        yield Button(ask.title(let_go), let_go.id)
    else:
        yield Button(ask.t("button.next"), f"next {topic.id}")
        yield Button(ask.t("button.worked"), f"worked {topic.id}", "primary")
        yield Button(ask.t("button.other"), f"other {topic.id}")


def step_number(ask: Ask, topic: Topic) -> int:
    """Return 1 to 7, the place of a step among the steps."""
    return ask.guidance.of_kind("step").index(topic) + 1


def phrase(ask: Ask, topic: Topic, turn: int) -> Phrase:
    """Return one of the topic's phrases, labelled for where it belongs."""
    says = topic.texts[ask.language].say
    saying = says[turn % len(says)]
    key = "card.say" if saying.medium == "both" else f"card.say_{saying.medium}"
    return Phrase(ask.t(key), saying.text, ask.language)


def source(ask: Ask, topic: Topic) -> Note:
    """Return the line that says which guide and which points the topic comes from."""
    guide = ask.guidance.guide_of(topic.sources[0])
    return Note(ask.t("card.source", guide=guide.title[ask.language], points=", ".join(topic.sources)))


def more_card(ask: Ask, topic: Topic) -> Reply:
    """Return the rest of a topic: how to recognise it, why it works, what to avoid, when to let go."""
    text = topic.texts[ask.language]
    names = [n for n in ("signs", "wants", "friends", "enemies", "avoid", "let-go", "why") if text.section(n)]
    return Reply(
        blocks=(
            Title(text.title),
            *(Points(ask.t(f"card.{name}"), text.section(name)) for name in names),
            source(ask, topic),
        ),
        buttons=(
            Button(ask.t("button.card"), topic.id, "primary"),
            Button(ask.t("button.next"), f"next {topic.id}"),
        ),
        language=ask.language,
        outcome=Outcome("topic", topic.id, why="the rest of the topic"),
    )


def phrase_card(ask: Ask, topic: Topic, turn: int) -> Reply:
    """Return one phrase of a topic and nothing else to read."""
    count = len(topic.texts[ask.language].say)
    return Reply(
        blocks=(Title(ask.title(topic)), phrase(ask, topic, turn), source(ask, topic)),
        buttons=(
            Button(ask.t("button.another"), f"say {topic.id} {(turn + 1) % count}", "primary"),
            Button(ask.t("button.card"), topic.id),
        ),
        language=ask.language,
        outcome=Outcome("topic", topic.id, why="a phrase of the topic"),
    )


def pick(ask: Ask, title: str, lead: str, buttons: Iterable[Button], outcome: Outcome) -> Reply:
    """Return a heading, a line and buttons to choose from, with the way to the menu last."""
    return Reply(
        blocks=(Title(title), Lead(lead)),
        buttons=(*buttons, Button(ask.t("button.menu"), "topics")),
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


def menu(ask: Ask, title: str, lead: str, why: str) -> Reply:
    """Return the way to everything: a line to type into, the themes, the archetypes and the steps."""
    return Reply(
        blocks=(
            Title(title),
            Lead(lead),
            Field(ask.t("reply.field"), ask.t("reply.placeholder"), ask.t("reply.ask")),
        ),
        buttons=(
            *(Button(page.title[ask.language], f"topics {page.id}") for page in ask.guidance.pages),
            Button(ask.t("button.archetypes"), "archetype"),
            Button(ask.t("button.steps"), "step"),
            Button(ask.t("button.help"), "help"),
        ),
        language=ask.language,
        outcome=Outcome("menu", why=why),
    )


def page_card(ask: Ask, page: Page) -> Reply:
    """Return the topics of one theme as buttons."""
    topics = [ask.guidance.topics[topic_id] for topic_id in page.topics]
    return pick(
        ask,
        page.title[ask.language],
        ask.t("reply.page_lead"),
        topic_buttons(ask, topics),
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
