"""What is said about the tips of a channel. Pure functions of a language, a subscription and the time."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from chatbot import dates
from chatbot.daily_tips import Subscription
from chatbot.delivery.model import Delivery
from chatbot.guidance import Topic
from chatbot.language import OWN_NAMES
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
from chatbot.tips import EVERY_DAY, WORKING_DAYS, clock_change, exists, moment, reason_against
from chatbot.voice import Voice
from chatbot.zones import SUGGESTED, zone_named

#: How far ahead `why` looks for days without a tip and for changes of the clock.
AHEAD = timedelta(days=14)
#: Rows of the past that `why` tells of.
_TOLD = 5
#: Options of a choice; Slack shows a hundred at most.
_MOST_OPTIONS = 100


def tip_card(voice: Voice, ids: Sequence[str]) -> Reply | None:
    """Return the message that brings tips to a channel; None if none of them exists any more."""
    texts = [(tip, text) for tip in ids if (text := voice.guidance.tips[voice.language].get(tip))]
    if not texts:
        return None
    topics = [voice.guidance.topics[tip.partition("#")[0]] for tip, _ in texts]
    sources = tuple(_sources(voice, topics))
    if len(texts) == 1:
        tip, text = texts[0]
        buttons = (
            Button(voice.t("tips.try"), f"try {tip}", "primary", private=True),
            Button(voice.t("tips.not_for_us"), f"tips drop {tip}"),
        )
        return voice.reply((Title(voice.t("tips.title")), Text(text), *sources), buttons, "a tip")
    opened = tuple(
        Button(topic.texts[voice.language].title, f"try {tip}", private=True)
        for (tip, _), topic in zip(texts, topics, strict=True)
    )
    items = tuple(text for _, text in texts)
    return voice.reply(
        (Title(voice.t("tips.digest_title")), Points(voice.t("tips.digest_label"), items), *sources), opened, "a digest"
    )


def _sources(voice: Voice, topics: Sequence[Topic]) -> Iterable[Note]:
    """Yield where tips come from: the guides and their points, and whoever in the team wrote some."""
    owns = [topic.own for topic in topics if topic.own and voice.language in topic.own.tips]
    points = list(dict.fromkeys(point for topic in topics if topic.own not in owns for point in topic.sources))
    if points and len(topics) == 1:
        guide = voice.guidance.guide_of(points[0]).title[voice.language]
        yield Note(voice.strings("card.source", voice.language, guide=guide, points=", ".join(points)))
    elif points:
        yield Note(voice.t("tips.sources", points=", ".join(points)))
    for own in dict.fromkeys(owns):
        yield Note(voice.t("leads.source", owner=own.owner, day=own.verified_until.isoformat()))


def introduction(voice: Voice, subscription: Subscription, by: str) -> Reply:
    """Return the message that tells a channel who set up its tips, when they come, and how to stop them."""
    lead = voice.t("tips.intro_by", name=by) if by else voice.t("tips.intro")
    return voice.reply(
        (
            Title(voice.t("tips.intro_title")),
            Lead(lead),
            Points(voice.t("tips.when"), tuple(_times(voice, subscription))),
            Note(voice.t("tips.intro_stop")),
        ),
        why="the introduction of tips",
    )


def status(voice: Voice, subscription: Subscription | None, *, title: str = "", private: bool = False) -> Reply:
    """Return how the tips of a channel are set up, with the buttons that change it."""
    form = Button(voice.t("tips.set_up"), "tips form", "primary")
    if subscription is None:
        return voice.reply(
            (Title(voice.t("tips.status_title")), Lead(voice.t("tips.none")), Text(voice.t("tips.example"))), (form,)
        )
    if subscription.stopped == "unreadable":  # what could be read of it is not how it was set up
        return voice.reply((Title(voice.t("tips.status_title")), Lead(_next(voice, subscription))), (form,))
    buttons = [Button(voice.t("tips.change"), "tips form")]
    if subscription.stopped:
        buttons.append(Button(voice.t("tips.turn_on"), "tips resume", "primary"))
    else:
        buttons += [
            Button(voice.t("tips.preview"), "tips preview", "primary"),
            Button(voice.t("tips.why"), "tips why"),
            Button(voice.t("tips.now"), "tips now"),
            Button(voice.t("tips.turn_off"), "tips off", "danger"),
        ]
    if _is_paused(subscription) and not subscription.stopped:
        buttons.append(Button(voice.t("tips.resume"), "tips resume"))
    return voice.reply(
        (
            Title(title or voice.t("tips.status_title")),
            Lead(_next(voice, subscription)),
            Points(voice.t("tips.when"), tuple(_times(voice, subscription))),
            Points(voice.t("tips.what"), tuple(_contents(voice, subscription))),
        ),
        buttons,
    )


def preview(voice: Voice, subscription: Subscription, texts: Sequence[str]) -> Reply:
    """Return the next tips as they stand."""
    blocks: list[Block] = [
        Title(voice.t("tips.preview_title")),
        Lead(_next(voice, subscription)),
        Points(voice.t("tips.preview_label"), tuple(texts)),
    ]
    return voice.reply(
        blocks, (Button(voice.t("tips.swap"), "tips swap"), Button(voice.t("tips.status"), "tips status"))
    )


def why(voice: Voice, subscription: Subscription, history: Sequence[Delivery], late: timedelta, now: datetime) -> Reply:
    """Return when the next tip comes and why just then, and what became of the last ones."""
    coming = tuple(_coming(voice, subscription, now))
    past = tuple(_past(voice, subscription, history, late))
    blocks: list[Block] = [Title(voice.t("tips.why_title")), Lead(_next(voice, subscription))]
    blocks.append(Points(voice.t("tips.why_coming"), coming))
    if past:
        blocks.append(Points(voice.t("tips.why_past"), past))
    buttons = (Button(voice.t("tips.status"), "tips status"), Button(voice.t("tips.preview"), "tips preview"))
    return voice.reply(blocks, buttons, why="why tips come or not")


def form(
    voice: Voice, subscription: Subscription | None, values: dict[str, str], errors: dict[str, str] | None = None
) -> Reply:
    """Return the form that sets tips up, filled with what is known or was typed."""
    errors = errors or {}
    known = _known(voice, subscription) | values
    topics = tuple(filter(None, known["topics"].split(",")))
    with_tips = [topic for topic in voice.guidance.topics.values() if topic.texts[voice.language].section("tips")]
    # Those chosen come first: of many not all are listed, and one that is not would be gone by saving.
    listed = sorted(with_tips, key=lambda topic: topic.id not in topics)[:_MOST_OPTIONS]
    fields: tuple[Entry | Choice, ...] = (
        Entry("time", voice.t("tips.form_time"), known["time"], "09:30", error=errors.get("time", ""), longest=20),
        Entry(
            "zone", voice.t("tips.form_zone"), known["zone"], "Europe/Berlin", error=errors.get("zone", ""), longest=60
        ),
        Choice(
            "days",
            voice.t("tips.form_days"),
            tuple(Option(str(number), dates.weekday(number, voice.language)) for number in range(7)),
            tuple(filter(None, known["days"].split(","))),
            errors.get("days", ""),
            several=True,
        ),
        Choice(
            "rhythm",
            voice.t("tips.form_rhythm"),
            (Option("daily", voice.t("tips.rhythm_daily")), Option("weekly", voice.t("tips.rhythm_weekly"))),
            (known["rhythm"],),
        ),
        Choice(
            "language",
            voice.t("tips.form_language"),
            tuple(Option(str(tag), name) for tag, name in OWN_NAMES.items()),
            (known["language"],),
        ),
        Choice(
            "topics",
            voice.label("tips.form_topics", len(listed), len(with_tips)),
            tuple(Option(topic.id, topic.texts[voice.language].title) for topic in listed),
            topics,
            errors.get("topics", ""),
            several=True,
            optional=True,
        ),
        Entry(
            "holidays",
            voice.t("tips.form_holidays"),
            known["holidays"],
            "DE-BY",
            voice.t("tips.form_holidays_hint"),
            errors.get("holidays", ""),
            optional=True,
            longest=10,
        ),
    )
    return Reply(
        (Title(voice.t("tips.form_title")),),
        voice.language,
        Outcome("menu", why="the form for tips"),
        form=Form("tips save", voice.t("tips.form_submit"), voice.t("tips.form_cancel"), fields),
    )


def _known(voice: Voice, subscription: Subscription | None) -> dict[str, str]:
    """Return how tips are set up, or may well be, by the fields of the form."""
    schedule = subscription.schedule if subscription else None
    return {
        "time": dates.clock(schedule.at) if schedule else "09:30",
        "zone": schedule.zone if schedule else SUGGESTED[voice.language],
        "days": ",".join(map(str, sorted(schedule.weekdays if schedule else WORKING_DAYS))),
        "rhythm": "weekly" if schedule and schedule.weekly else "daily",
        "language": str(subscription.language if subscription else voice.language),
        "topics": ",".join(subscription.topics) if subscription else "",
        "holidays": schedule.holidays if schedule else "",
    }


def _next(voice: Voice, subscription: Subscription) -> str:
    if subscription.stopped:
        return voice.t(f"tips.stopped_{subscription.stopped}")
    if subscription.next_run is None:
        return voice.t("tips.never")
    return voice.t("tips.next", **_when(voice, subscription, subscription.next_run.at))


def _when(voice: Voice, subscription: Subscription, at: datetime) -> dict[str, str]:
    zone = subscription.schedule.zone
    return {"day": dates.local_day(at, zone, voice.language), "time": dates.local_clock(at, zone), "zone": zone}


def _times(voice: Voice, subscription: Subscription) -> Iterable[str]:
    schedule = subscription.schedule
    if schedule.weekly:
        yield voice.t("tips.weekly")
    if schedule.weekdays == EVERY_DAY:
        yield voice.t("tips.days_every")
    elif schedule.weekdays == WORKING_DAYS:
        yield voice.t("tips.days_working")
    else:
        yield voice.t("tips.days", days=dates.weekdays(schedule.weekdays, voice.language))
    yield voice.t("tips.time", time=dates.clock(schedule.at), zone=schedule.zone)
    if schedule.holidays:
        yield voice.t("tips.holidays", code=schedule.holidays)
    for first, last in schedule.blackouts:
        if _is_over(last, subscription):
            continue
        yield (
            voice.t("tips.blackout", first=dates.day(first, voice.language), last=dates.day(last, voice.language))
            if first != last
            else voice.t("tips.blackout_day", day=dates.day(first, voice.language))
        )
    if _is_paused(subscription) and schedule.paused_until:
        yield voice.t("tips.paused", day=dates.day(schedule.paused_until, voice.language))


def _is_over(day: date, subscription: Subscription) -> bool:
    """Return whether a tip came after a day: what was said of it is of no interest any more."""
    return subscription.last_day is not None and subscription.last_day > day


def _is_paused(subscription: Subscription) -> bool:
    """Return whether there was a pause and no tip since."""
    until = subscription.schedule.paused_until
    return until is not None and not _is_over(until - timedelta(days=1), subscription)


def _contents(voice: Voice, subscription: Subscription) -> Iterable[str]:
    yield voice.t("tips.spoken", name=OWN_NAMES[subscription.language])
    if subscription.topics:
        titles = [
            voice.guidance.topics[topic].texts[voice.language].title
            for topic in subscription.topics
            if topic in voice.guidance.topics
        ]
        yield voice.t("tips.topics", topics="; ".join(titles))
    else:
        yield voice.t("tips.topics_all")
    if subscription.removed:
        yield voice.t("tips.removed", count=len(subscription.removed))


def _coming(voice: Voice, subscription: Subscription, now: datetime) -> Iterable[str]:
    schedule = subscription.schedule
    yield voice.t("tips.why_zone", zone=schedule.zone, time=dates.clock(schedule.at))
    change = clock_change(schedule.zone, now, AHEAD)
    if change:
        minutes = abs(change.shift) // timedelta(minutes=1)
        key = "tips.why_forward" if change.shift > timedelta() else "tips.why_back"
        yield voice.t(key, day=dates.day(change.day, voice.language), minutes=minutes)
    if change and not subscription.stopped and reason_against(schedule, change.day) is None:
        at = moment(schedule.zone, change.day, schedule.at)
        actual = dates.local_clock(at, schedule.zone)
        if actual != dates.clock(schedule.at):
            yield voice.t("tips.why_no_such_time", time=dates.clock(schedule.at), actual=actual)
        elif at + abs(change.shift) >= change.at > at and change.shift < timedelta():
            yield voice.t("tips.why_twice", time=dates.clock(schedule.at))
    if subscription.stopped:
        return
    today = now.astimezone(zone_named(schedule.zone)).date()
    for past in range(AHEAD.days):
        day = today + timedelta(days=past)
        reason = reason_against(schedule, day, voice.language)
        if reason is None or not exists(schedule.zone, day):
            continue
        if reason.kind == "holiday":
            yield voice.t("tips.why_holiday", day=dates.day(day, voice.language), name=reason.name)
        elif reason.kind == "blackout":
            yield voice.t("tips.why_blackout", day=dates.day(day, voice.language))
    if schedule.paused_until and schedule.paused_until > today:
        yield voice.t("tips.paused", day=dates.day(schedule.paused_until, voice.language))


def _past(voice: Voice, subscription: Subscription, history: Sequence[Delivery], late: timedelta) -> Iterable[str]:
    hours = f"{late / timedelta(hours=1):g}"
    told = [row for row in history if row.kind == "tips.tip"][:_TOLD]
    for row in told:
        when = {
            "day": dates.day(date.fromisoformat(row.key.rpartition(":")[2]), voice.language),
            "time": dates.local_clock(datetime.fromtimestamp(row.since, UTC), subscription.schedule.zone),
        }
        match row.state:
            case "sent":
                yield voice.t("tips.past_sent", **when)
            case "skipped" if row.reason == "quiet":
                yield voice.t("tips.past_quiet", day=when["day"])
            case "skipped":
                yield voice.t("tips.past_late", day=when["day"], hours=hours)
            case "unknown":
                yield voice.t("tips.past_unknown", day=when["day"])
            case "failed":
                yield voice.t(f"tips.past_{row.reason}", day=when["day"])
            case "pending" | "sending" | "cancelled":
                yield voice.t("tips.past_pending", day=when["day"])
