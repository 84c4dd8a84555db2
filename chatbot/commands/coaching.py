"""The commands of agents in the middle of a shift."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatbot import cards
from chatbot.cards import Ask
from chatbot.commands.registry import COMMANDS, Command, bare, command
from chatbot.guidance import Topic, fold
from chatbot.language import NAMES, OWN_NAMES, split_language
from chatbot.model import Button, Language, Lead, Note, Outcome, Points, Reply, Title

if TYPE_CHECKING:
    from chatbot.coach import Coach

#: Topics offered when a phrase is asked for without saying for what.
_PHRASES_FIRST = ("calm", "vent", "apologise", "firm", "pause", "hand-over", "let-go")

#: Bytes of commands on one card of help, with what a platform needs around each: as many as are left beside the rest
#: of the card where least is allowed, which `steady check` measures.
_BYTES_OF_HELP = 2_960
_BYTES_AROUND_A_LINE = 70
_BYTES_OF_A_BUTTON = 160


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What "pause 2 in ru" asks for: a topic, which of its phrases, and the customer's language if given."""

    topic: Topic
    turn: int
    speaks: Language | None


def _wanted(ask: Ask, argument: str) -> _Wanted | None:
    """Read a topic with, perhaps, the number of a phrase and a language after it."""
    name, speaks = split_language(argument)
    if ask.guidance.find(argument):
        name, speaks = argument, None
    words, _, number = name.rpartition(" ")
    turn = int(number) if words and number.isascii() and number.isdigit() and len(number) < 4 else 0
    found = (ask.guidance.find(words) if turn or number == "0" else None) or ask.guidance.find(name)
    return _Wanted(found[0], turn, speaks) if found else None


@command("calm", slash=True)
async def calm(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show the card that gave the product its first command."""
    if argument and not ask.insist:
        return None
    return cards.topic_card(ask, ask.guidance.topics["calm"], why="command calm")


@command("archetype", slash=True)
async def archetype(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show one of the seven kinds of customer, or all of them to choose from."""
    topic = ask.guidance.find_kind(argument, "archetype") if argument else None
    if topic:
        return cards.topic_card(ask, topic, why="command archetype")
    if argument and not ask.insist:
        return None
    kinds = ask.guidance.of_kind("archetype")
    return cards.pick(
        ask,
        ask.t("reply.archetypes_title"),
        ask.t("reply.archetype_unknown" if argument else "reply.archetypes_lead"),
        (*cards.topic_buttons(ask, kinds), Button(ask.t("button.find"), "who")),
        Outcome("menu", choices=tuple(kind.id for kind in kinds), why="the seven archetypes"),
    )


@command("step")
async def step(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show one of the seven steps, by number or name, or all of them to choose from."""
    all_steps = ask.guidance.of_kind("step")
    topic = ask.guidance.find_kind(argument, "step") if argument else None
    if argument.isascii() and argument.isdigit() and 1 <= int(argument[:3]) <= len(all_steps):
        topic = all_steps[int(argument[:3]) - 1]
    if topic:
        return cards.topic_card(ask, topic, why="command step")
    if argument and not argument.isdigit() and not ask.insist:
        return None
    return cards.pick(
        ask,
        ask.t("reply.steps_title"),
        ask.t("reply.step_unknown" if argument else "reply.steps_lead"),
        (*cards.steps_to_pick(ask), Button(ask.t("button.walk"), "steps", "primary")),
        Outcome("menu", choices=tuple(topic.id for topic in all_steps), why="the seven steps"),
    )


@command("steps")
async def steps(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Begin the walk through the seven steps, in one message that is edited in place."""
    return cards.walk_card(ask, 1) if not argument or ask.insist else None


@command("walk", listed=False)
async def walk(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Go on in the walk: to a step, or to one of its ends."""
    action, _, number = argument.rpartition(" ")
    if number not in {"1", "2", "3", "4", "5", "6", "7"}:
        return None
    match action:
        case "":
            return cards.walk_card(ask, int(number))
        case "away":
            return cards.walk_away(ask, int(number))
        case "worked":
            _judged(coach, ask, ask.guidance.of_kind("step")[int(number) - 1], useful=True)
            return cards.walk_end(ask, ask.t("reply.walk_worked_title"))
        case "gone":
            return cards.walk_end(ask, ask.t("reply.walk_let_go_title"))
        case "done" if int(number) == cards.LAST_STEP:
            return cards.walk_end(ask, ask.t("reply.walk_done_title"))
        case "done":
            return cards.walk_end(ask, ask.t("reply.walk_stopped_title", number=number))
    return None


@command("who")
async def who(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Find out by questions which of the seven it is; the argument is the answers so far."""
    path = argument.split()
    if all(part.isascii() and part.isdigit() and len(part) == 1 for part in path):
        found = cards.finder_card(ask, tuple(int(part) for part in path))
        if found:
            return found
    return cards.finder_card(ask, ()) if ask.insist else None


@command("emergency")
async def emergency(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show what to do first and whom to call."""
    escalation = ask.guidance.escalations.get(argument)
    if escalation:
        return cards.escalation_card(ask, escalation, f"command emergency {escalation.id}")
    if argument and not ask.insist:
        return None
    return cards.escalations(ask, "command emergency")


@command("say")
async def say(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show a phrase of a topic, and with each press the next one."""
    wanted = _wanted(ask, argument)
    if wanted:
        return cards.phrase_card(ask, wanted.topic, wanted.turn, wanted.speaks)
    if argument and not ask.insist:
        return None
    topics = [ask.guidance.topics[topic_id] for topic_id in _PHRASES_FIRST]
    return cards.pick(
        ask,
        ask.t("reply.say_title"),
        ask.t("reply.say_unknown" if argument else "reply.page_lead"),
        cards.topic_buttons(ask, topics, "say"),
        Outcome("menu", choices=_PHRASES_FIRST, why="command say without a topic"),
    )


@command("next")
async def next_(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show where a topic leads; without one, ask how far the conversation has come."""
    found = ask.guidance.find(argument)
    if found:
        topics = [ask.guidance.topics[topic_id] for topic_id in found[0].next]
        return cards.pick(
            ask,
            ask.t("reply.next_title", title=ask.title(found[0])),
            ask.t("reply.next_lead"),
            (*cards.topic_buttons(ask, topics), Button(ask.t("button.card"), found[0].id)),
            Outcome("menu", choices=found[0].next, why=f"what comes after {found[0].id}"),
        )
    if argument and not ask.insist:
        return None
    return await step(coach, ask, "")


@command("topics")
async def topics(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show the menu, or one of its pages."""
    for page in ask.guidance.pages:
        if argument and fold(argument) in (page.id, *(fold(title) for title in page.title.values())):
            return cards.page_card(ask, page)
    if argument and not ask.insist:
        return None
    return cards.menu(ask, ask.t("reply.menu_title"), ask.t("reply.menu_lead"), "the menu")


@command("language")
async def language(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Choose the language of the answers, for good."""
    chosen = NAMES.get(fold(argument))
    if chosen:
        await coach.preferences.set_language(ask.message.workspace, ask.message.person, chosen)
        return Reply(
            blocks=(
                Title(ask.strings("reply.language_title", chosen)),
                Lead(ask.strings("reply.language_done", chosen)),
            ),
            buttons=(
                Button(ask.strings("button.menu", chosen), "topics", "primary"),
                Button(ask.strings("button.language", chosen), "language"),
            ),
            language=chosen,
            outcome=Outcome("menu", why=f"language set to {chosen}"),
        )
    if argument and not ask.insist:
        return None
    return cards.pick(
        ask,
        ask.t("reply.language_title"),
        ask.t("reply.language_unknown" if argument else "reply.language_lead"),
        tuple(Button(name, f"language {tag}") for tag, name in OWN_NAMES.items()),
        Outcome("menu", why="the languages"),
    )


@command("help")
async def help_(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """List the commands, as many as fit on a card at a time, or explain one."""
    # What leads have besides, `lead` shows them.
    listed = [entry for entry in COMMANDS.values() if entry.listed and entry.role == "agent"]
    pages = _pages([_usage(ask, entry) for entry in listed])
    number = int(argument) if argument in map(str, range(1, len(pages) + 1)) else 1
    if argument and argument != str(number):
        parsed = coach.parser.parse(bare(argument))
        if parsed and parsed.command.listed and not parsed.argument:
            return _help_on(ask, parsed.command)
        if not ask.insist:
            return None
    more = (Button(ask.t("button.page_on"), f"help {number + 1}"),) if number < len(pages) else ()
    return Reply(
        blocks=(
            Title(ask.t("reply.help_title")),
            Lead(ask.t("reply.help_lead")),
            Points(ask.t("reply.help_commands"), pages[number - 1]),
        ),
        buttons=(
            *more,
            Button(ask.t("button.menu"), "topics", "primary"),
            Button(ask.t("button.language"), "language"),
        ),
        language=ask.language,
        outcome=Outcome("menu", why="the help"),
    )


def _pages(lines: Sequence[str]) -> list[tuple[str, ...]]:
    """Return lines page by page: all on one if they fit, else with room for the button that leads on."""
    sizes = [len(line.encode()) + _BYTES_AROUND_A_LINE for line in lines]
    room = _BYTES_OF_HELP if sum(sizes) <= _BYTES_OF_HELP else _BYTES_OF_HELP - _BYTES_OF_A_BUTTON
    pages, left = [list[str]()], room
    for line, size in zip(lines, sizes, strict=True):
        if size > left:
            pages.append([])
            left = room
        pages[-1].append(line)
        left -= size
    return [tuple(page) for page in pages]


def _usage(ask: Ask, entry: Command) -> str:
    usage = ask.t(f"commands.{entry.name}.usage")
    return ask.t("reply.help_item", usage=usage, summary=ask.t(f"commands.{entry.name}.summary"))


def _help_on(ask: Ask, entry: Command) -> Reply:
    words = sorted({word for words in ask.strings.words[entry.name].values() for word in words})
    return Reply(
        blocks=(
            Title(ask.t(f"commands.{entry.name}.usage")),
            Lead(ask.t(f"commands.{entry.name}.summary")),
            Note(ask.t("reply.help_words", words=", ".join(words))),
        ),
        buttons=(Button(ask.t("button.help"), "help"),),
        language=ask.language,
        outcome=Outcome("menu", why=f"the help on {entry.name}"),
    )


# What people say without asking for anything.


@command("hello", listed=False)
async def hello(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Answer a greeting with who is there and what it can do."""
    return None if argument else cards.welcome(ask)


@command("thanks", listed=False)
async def thanks(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Answer thanks."""
    return None if argument else cards.thanks(ask)


# What only buttons say.


@command("card", listed=False)
async def card(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show a topic's card with another of its phrases."""
    wanted = _wanted(ask, argument)
    if not wanted:
        return None
    return cards.topic_card(ask, wanted.topic, turn=wanted.turn, speaks=wanted.speaks, why="another phrase")


@command("customer", listed=False)
async def customer(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Ask which language the customer speaks, to show the phrase in it."""
    found = ask.guidance.find(argument)
    if not found:
        return None
    others = tuple(
        Button(name, f"card {found[0].id} 0 in {tag}")
        for tag, name in OWN_NAMES.items()
        if tag is not ask.language and found[0].shown_in(tag) is tag
    )
    return Reply(
        blocks=(Title(ask.t("reply.customer_title")), Lead(ask.t("reply.customer_lead"))),
        buttons=(*others, Button(ask.t("button.card"), found[0].id)),
        language=ask.language,
        outcome=Outcome("menu", choices=(found[0].id,), why="the customer's language"),
    )


@command("more", listed=False)
async def more(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show the rest of a topic."""
    found = ask.guidance.find(argument)
    return cards.more_card(ask, found[0]) if found else None


@command("worked", listed=False)
async def worked(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Take leave of a card that helped, with what does one good afterwards."""
    found = ask.guidance.find(argument)
    if not found:
        return None
    _judged(coach, ask, found[0], useful=True)
    after = [ask.guidance.topics[topic_id] for topic_id in ("step/recover", "write-it-down", "step/diagnose")]
    return cards.pick(
        ask,
        ask.t("reply.worked_title"),
        ask.t("reply.worked_lead"),
        cards.topic_buttons(ask, after),
        Outcome("menu", choices=tuple(topic.id for topic in after), why="it worked"),
    )


@command("other", listed=False)
async def other(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Offer what lies near a card that did not fit."""
    found = ask.guidance.find(argument)
    if not found:
        return None
    _judged(coach, ask, found[0], useful=False)
    near = [ask.guidance.topics[topic_id] for topic_id in found[0].next]
    return cards.pick(
        ask,
        ask.t("reply.other_title"),
        ask.t("reply.other_lead"),
        cards.topic_buttons(ask, near),
        Outcome("choice", choices=found[0].next[:3], why=f"not {found[0].id}"),
    )


def _judged(coach: "Coach", ask: Ask, topic: Topic, *, useful: bool) -> None:
    """Count what somebody said of a card, where that is switched on."""
    if coach.counting:
        coach.counting.judge(ask.message, topic.id, ask.language, useful=useful)
