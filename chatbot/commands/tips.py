"""The commands about a channel's tips, and the quiet time of a person."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from chatbot import cards
from chatbot.cards import Ask
from chatbot.commands.registry import action_in, command
from chatbot.guidance import fold
from chatbot.model import Block, Button, Language, Lead, Note, Reply, Text, Title

if TYPE_CHECKING:
    from chatbot.coach import Coach
    from chatbot.daily_tips import DailyTips, Subscription
    from chatbot.tip_words import NotUnderstood, Wanted

#: What only a member of the room may do. The others only look.
CHANGES = frozenset(("on", "off", "now", "swap", "pause", "resume", "form", "save", "drop", "keep"))
ACTIONS = ("on", "off", "status", "now", "preview", "swap", "pause", "resume", "why")
_BY_BUTTON = ("form", "save", "drop", "keep")
_PREVIEWED = 3
_MORNING = time(9, 30)


def action_of(coach: "Coach", argument: str) -> tuple[str, str]:
    """Return what is to be done and the rest of the argument; ("", argument) if the first words name nothing."""
    return action_in(coach.strings, "tips", argument, (*ACTIONS, *_BY_BUTTON))


@command("tips")
async def tips(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Set up, look at and stop the tips of a channel."""
    action, rest = action_of(coach, argument)
    if argument and not action and not ask.insist:
        return None
    if coach.tips is None or ask.message.room is None:
        return _plain(ask, "tips.elsewhere", "tips without a room")
    if action in CHANGES:
        standing = await coach.tips.standing(ask.message)
        if standing != "member":
            refusal = _plain(ask, f"tips.standing_{standing}", f"tips refused: {standing}")
            return replace(refusal, private=True)  # it may be about a message that everybody sees
        here = replace(ask.message.room, certain=True)
        coach.room_seen(ask.message.workspace, here, ask.language, ask.message.person, ask.message.zone)
    subscription = await coach.tips.find(ask.message)
    if subscription and subscription.stopped == "unreadable" and action != "save":
        action = "form" if action in ("on", "form") else "status"  # nothing else can be done until it is set up anew
    run = _RUN[action or "status"]
    return await run(coach.tips, ask, subscription, rest)


_Run = Callable[["DailyTips", Ask, "Subscription | None", str], Awaitable[Reply]]


async def _on(tips: "DailyTips", ask: Ask, subscription: "Subscription | None", rest: str) -> Reply:
    from chatbot.tip_cards import form, status
    from chatbot.tip_words import NotUnderstood, Wanted, read_request
    from chatbot.zones import SUGGESTED

    if not rest and subscription is None:
        return form(ask, None, {})
    try:
        wanted = read_request(rest, _today(tips, subscription), _topic_finder(ask)) if rest else Wanted()
    except NotUnderstood as error:
        return _refusal(ask, error)
    if wanted.zone is None and subscription is None:
        buttons = [
            Button(zone, f"tips on {rest} {zone}")
            for zone in dict.fromkeys((SUGGESTED[ask.language], *SUGGESTED.values()))
        ]
        return ask.reply((Title(ask.t("tips.zone_title")), Lead(ask.t("tips.zone_lead"))), buttons)
    saved = await _apply(tips, ask, subscription, wanted, ask.language)
    return status(ask, saved, title=ask.t("tips.on_title")) if saved else _plain(ask, "tips.no_tips", "no such tips")


async def _apply(
    tips: "DailyTips", ask: Ask, subscription: "Subscription | None", wanted: "Wanted", language: Language
) -> "Subscription | None":
    """Write what was wanted over what is there; None if no tip would be left."""
    from chatbot.daily_tips import fits, new_subscription
    from chatbot.tips import WORKING_DAYS, Schedule

    known = subscription.schedule if subscription else Schedule(_MORNING, wanted.zone or "UTC", WORKING_DAYS)
    given = {
        "at": wanted.at,
        "zone": wanted.zone,
        "weekdays": wanted.weekdays,
        "weekly": wanted.weekly,
        "holidays": wanted.holidays,
        "blackouts": wanted.blackouts,
    }
    changed = {name: value for name, value in given.items() if value is not None}
    fresh = subscription or new_subscription(ask.message, wanted.language or language, known)
    name = "" if fresh.room.personal else await tips.name_of(ask.message)

    def made(current: "Subscription") -> "Subscription":
        return replace(
            current,
            schedule=replace(current.schedule, **changed),  # type: ignore[arg-type] # each is of its field's type
            language=wanted.language or current.language,
            topics=current.topics if wanted.topics is None else wanted.topics,
            set_by=name or current.set_by,
            room=ask.message.room or current.room,
            stopped="",
        )

    expected = made(fresh)
    if not fits(ask.guidance, expected.language, expected.topics):
        return None
    if subscription is not None:
        return await tips.change(subscription, made, introduce=subscription.stopped != "")
    return await tips.begin(expected)


async def _off(tips: "DailyTips", ask: Ask, subscription: "Subscription | None", rest: str) -> Reply:
    from chatbot.tip_cards import status

    if subscription is None:
        return status(ask, None)
    saved = await tips.change(subscription, lambda current: replace(current, stopped="off"))
    return status(ask, saved, title=ask.t("tips.off_title"))


async def _status(tips: "DailyTips", ask: Ask, subscription: "Subscription | None", rest: str) -> Reply:
    from chatbot.tip_cards import status

    return status(ask, subscription)


async def _now(tips: "DailyTips", ask: Ask, subscription: "Subscription | None", rest: str) -> Reply:
    from chatbot.tip_cards import status

    if subscription is None:
        return status(ask, None)
    if not await tips.send_now(subscription):
        return _plain(ask, "tips.no_tips", "no such tips")
    return _plain(ask, "tips.sent_now", "a tip now")


async def _preview(tips: "DailyTips", ask: Ask, subscription: "Subscription | None", rest: str) -> Reply:
    from chatbot.tip_cards import preview, status

    if subscription is None:
        return status(ask, None)
    return preview(ask, subscription, await tips.next_tips(subscription, _PREVIEWED))


async def _swap(tips: "DailyTips", ask: Ask, subscription: "Subscription | None", rest: str) -> Reply:
    if subscription is not None:
        subscription = await tips.swap(subscription)
    return await _preview(tips, ask, subscription, rest)


async def _pause(tips: "DailyTips", ask: Ask, subscription: "Subscription | None", rest: str) -> Reply:
    from chatbot.tip_cards import status
    from chatbot.tip_words import NotUnderstood, read_until_day

    if subscription is None:
        return status(ask, None)
    if not rest:
        return _plain(ask, "tips.pause_how", "pause until when?")
    try:
        day = read_until_day(rest, _today(tips, subscription))
    except NotUnderstood as error:
        return _refusal(ask, error)
    saved = await tips.change(
        subscription, lambda current: replace(current, schedule=replace(current.schedule, paused_until=day))
    )
    return status(ask, saved, title=ask.t("tips.paused_title"))


async def _resume(tips: "DailyTips", ask: Ask, subscription: "Subscription | None", rest: str) -> Reply:
    from chatbot.tip_cards import status

    if subscription is None:
        return status(ask, None)
    saved = await tips.change(
        subscription,
        lambda current: replace(current, schedule=replace(current.schedule, paused_until=None), stopped=""),
    )
    return status(ask, saved, title=ask.t("tips.on_title"))


async def _why(tips: "DailyTips", ask: Ask, subscription: "Subscription | None", rest: str) -> Reply:
    from chatbot.tip_cards import status, why

    if subscription is None:
        return status(ask, None)
    return why(ask, subscription, await tips.history(subscription), tips.late, tips.clock())


async def _form(tips: "DailyTips", ask: Ask, subscription: "Subscription | None", rest: str) -> Reply:
    from chatbot.tip_cards import form

    return form(ask, subscription, {})


async def _save(tips: "DailyTips", ask: Ask, subscription: "Subscription | None", rest: str) -> Reply:
    """Take what was filled in, each field by the same rules as what is typed."""
    from chatbot.daily_tips import fits
    from chatbot.tip_cards import form, status
    from chatbot.tip_words import NotUnderstood, Wanted, read_request

    values = {name: value[:2000] for name, value in ask.message.values.items()}
    errors: dict[str, str] = {}
    found = Wanted(topics=(), holidays="")
    today, finder = _today(tips, subscription), _topic_finder(ask)
    said = {
        "time": values.get("time", "").strip() or "?",
        "zone": values.get("zone", "").strip() or "?",
        "holidays": f"holidays {values['holidays']}" if values.get("holidays", "").strip() else "",
        "topics": f"topics {values['topics']}" if values.get("topics") else "",
    }
    for name, text in said.items():
        if not text:
            continue
        try:
            part = read_request(text, today, finder)
        except NotUnderstood as error:
            errors[name] = " ".join((_sentence(ask, error), *_near(ask, error)))
            continue
        attribute = {"time": "at"}.get(name, name)
        if getattr(part, attribute) is None:
            errors[name] = ask.t(f"tips.bad_{name}", word=text[:40])
        else:
            found = replace(found, **{attribute: getattr(part, attribute)})
    days = frozenset(int(day) for day in values.get("days", "").split(",") if day in tuple("0123456"))
    if not days:
        errors["days"] = ask.t("tips.bad_days")
    language = Language.from_tag(values.get("language")) or ask.language
    found = replace(found, weekdays=days, weekly=values.get("rhythm") == "weekly", language=language)
    if not errors and not fits(ask.guidance, language, found.topics or ()):
        errors["topics"] = ask.t("tips.no_tips")
    if errors:
        return form(ask, subscription, values, errors)
    saved = await _apply(tips, ask, subscription, found, ask.language)
    return status(ask, saved, title=ask.t("tips.on_title"))


async def _drop(tips: "DailyTips", ask: Ask, subscription: "Subscription | None", rest: str) -> Reply:
    """Take a tip out of the team's deck; the message it stood in says so to everybody, so in the team's language."""
    if subscription is not None and rest in ask.guidance.tips[subscription.language]:
        subscription = await tips.change(
            subscription, lambda current: replace(current, removed=current.removed | {rest})
        )
    else:
        subscription = None
    if subscription is None:
        return _plain(ask, "tips.no_such_tip", "no such tip")
    ours = replace(ask, language=subscription.language)
    reply = ours.reply(
        (Title(ours.t("tips.title")), Text(ours.t("tips.dropped"))),
        (Button(ours.t("tips.keep"), f"tips keep {rest}"),),
        "not for us",
    )
    return replace(reply, for_all=True)


async def _keep(tips: "DailyTips", ask: Ask, subscription: "Subscription | None", rest: str) -> Reply:
    from chatbot.tip_cards import tip_card

    if subscription is not None:
        subscription = await tips.change(
            subscription, lambda current: replace(current, removed=current.removed - {rest})
        )
    if subscription is None:
        return _plain(ask, "tips.no_such_tip", "no such tip")
    card = tip_card(replace(ask, language=subscription.language), [rest])
    return replace(card, for_all=True) if card else _plain(ask, "tips.no_such_tip", "no such tip")


_RUN: dict[str, _Run] = {
    "on": _on,
    "off": _off,
    "status": _status,
    "now": _now,
    "preview": _preview,
    "swap": _swap,
    "pause": _pause,
    "resume": _resume,
    "why": _why,
    "form": _form,
    "save": _save,
    "drop": _drop,
    "keep": _keep,
}


@command("try", listed=False)
async def try_(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show the card that a tip was taken from."""
    topic = ask.guidance.topics.get(argument.partition("#")[0])
    return cards.topic_card(ask, topic, why="a tip") if topic else None


@command("quiet")
async def quiet(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Mute personal messages until a day, show it and undo it."""
    workspace, person = ask.message.workspace, ask.message.person
    today = coach.today()
    if not argument:
        return _quiet(ask, await coach.preferences.quiet_until(workspace, person), today)
    words = fold(argument)
    if any(words == fold(word) for names in ask.strings.words["quiet.off"].values() for word in (*names, "off")):
        await coach.preferences.set_quiet_until(workspace, person, None)
        return _quiet(ask, None, today)
    from chatbot.tip_words import NotUnderstood, read_until_day

    try:
        until = read_until_day(argument, today)
    except NotUnderstood:
        return _plain(ask, "quiet.how", "quiet until when?") if ask.insist else None
    await coach.preferences.set_quiet_until(workspace, person, until)
    return _quiet(ask, until, today)


def _quiet(ask: Ask, until: date | None, today: date) -> Reply:
    from chatbot import dates

    if until is None or until <= today:
        soon = (today + timedelta(days=days) for days in (1, 7, 14))
        buttons = tuple(
            Button(ask.t("quiet.until_button", day=dates.day(day, ask.language)), f"quiet {day.isoformat()}")
            for day in soon
        )
        lead = ask.t("quiet.loud")
    else:
        buttons = (Button(ask.t("quiet.undo"), "quiet off", "primary"),)
        lead = ask.t("quiet.until", day=dates.day(until, ask.language))
    blocks = (Title(ask.t("quiet.title")), Lead(lead), Note(ask.t("quiet.note")))
    return ask.reply(blocks, buttons, "the quiet time")


def _today(tips: "DailyTips", subscription: "Subscription | None") -> date:
    """Return the local day of the room, or of UTC where it has none yet."""
    from chatbot.zones import zone_named

    now: datetime = tips.clock()
    return now.astimezone(zone_named(subscription.schedule.zone)).date() if subscription else now.date()


def _topic_finder(ask: Ask) -> Callable[[str], str | None]:
    def find(name: str) -> str | None:
        found = ask.guidance.find(name)
        return found[0].id if found else None

    return find


def _refusal(ask: Ask, error: "NotUnderstood") -> Reply:
    lines: list[Block] = [
        Lead(_sentence(ask, error)),
        *(Text(line) for line in _near(ask, error)),
        Text(ask.t("tips.example")),
    ]
    return ask.reply(
        (Title(ask.t("tips.status_title")), *lines),
        (Button(ask.t("tips.set_up"), "tips form", "primary"),),
        f"tips not understood: {error.kind}",
    )


def _sentence(ask: Ask, error: "NotUnderstood") -> str:
    return ask.t(f"tips.bad_{error.kind}", word=error.word)


def _near(ask: Ask, error: "NotUnderstood") -> tuple[str, ...]:
    from chatbot import dates

    if not error.suggestions:
        return ()
    return (ask.t("tips.near", near=dates.listed(error.suggestions, ask.language, either=True)),)


def _plain(ask: Ask, key: str, why: str) -> Reply:
    return ask.reply((Title(ask.t("tips.status_title")), Lead(ask.t(key))), (ask.all_topics(),), why)
