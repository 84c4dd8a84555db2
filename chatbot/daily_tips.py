"""The tips of channels: who gets them, which are due now, and what becomes of a channel that is gone.

Which day and which minute is chatbot.tips's part, which tip chatbot.deck's; what is due is written in the ledger, and
delivery sends it.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Literal, Protocol

from chatbot.deck import Deck, draw, upcoming
from chatbot.delivery.model import Delivery, Draft, Reason
from chatbot.errors import SteadyError
from chatbot.guidance import Guidance
from chatbot.model import Language, Message, Room, by_platform
from chatbot.periodic import Periodic
from chatbot.rooms import Quiet, RoomChange, Rooms, Standing
from chatbot.tips import Run, Schedule, next_run, verdict
from chatbot.zones import zone_named

#: Why a channel's tips are not sent although they were set up: the team said so, the platform did, or (this alone is
#: never stored) what was set up can't be read any more.
Stopped = Literal["", "off", "blocked", "archived", "deleted", "uninstalled", "no_scope", "unreadable"]

#: Subscriptions dealt with in one transaction.
_TOGETHER = 500
#: Runs missed in one long silence that are written down, the latest.
_MISSED_KEPT = 31
#: Tips in a weekly digest.
IN_A_DIGEST = 5
#: The longest time in seconds between two looks at what is due; a schedule may have been changed by another replica.
_LOOK_EVERY = 5.0
_CHANGES: Mapping[RoomChange, Stopped] = {
    "removed": "blocked",
    "archived": "archived",
    "deleted": "deleted",
    "uninstalled": "uninstalled",
}


@dataclass(frozen=True, slots=True)
class Subscription:
    """A conversation and its tips.

    `topics` are the only ones that tips are taken from, if any are named; `removed` are tips that the team does not
    want. `set_by` is the name of whoever set it up last; in a personal conversation their id, to respect their quiet
    time. `next_run` is None while nothing is to come; `last_day` is the last local day that had a run. One that is
    "unreadable" has all that can be read of it; it stays as it was stored until its schedule is set up anew.
    """

    workspace: str
    room: Room
    language: Language
    schedule: Schedule
    deck: Deck
    topics: tuple[str, ...] = ()
    removed: frozenset[str] = frozenset()
    set_by: str = ""
    next_run: Run | None = None
    last_day: date | None = None
    stopped: Stopped = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class Advance:
    """What a tick changes: the subscription as it was read, as it becomes, and the rows for the ledger."""

    before: Subscription
    after: Subscription
    drafts: tuple[Draft, ...]
    missed: tuple[tuple[Draft, Reason], ...]


#: Makes what is to be sent because a subscription was written, once its id is known.
DraftsOf = Callable[[Subscription], Sequence[Draft]]
#: Makes another subscription of one; it may be asked more than once.
Alter = Callable[[Subscription], Subscription]


class TipStore(Protocol):
    """Where subscriptions are kept. Each call is one transaction."""

    async def find(self, workspace: str, room: str) -> Subscription | None:
        """Return the subscription of a room."""

    async def by_id(self, subscription: int) -> Subscription | None:
        """Return the subscription with this id."""

    async def save(self, subscription: Subscription, drafts: DraftsOf, now: float) -> Subscription:
        """Write a subscription, or over the room's, with what is to be sent because of it; return it with its id."""

    async def alter(self, subscription: int, alter: Alter, drafts: DraftsOf, now: float) -> Subscription | None:
        """Change a subscription as it stands by then, so that no other change is lost; None if it is there no more."""

    async def due(self, now: float, limit: int) -> Sequence[Subscription]:
        """Return subscriptions whose next run has come, the earliest first; what can't be read is left out."""

    async def advance(self, advances: Sequence[Advance], now: float) -> int:
        """Write what a tick found, each only if its run is still the next one; return how many were."""

    async def next_due(self) -> float | None:
        """Return the moment of the earliest next run."""

    async def of_workspace(self, workspace: str) -> Sequence[Subscription]:
        """Return all subscriptions of a workspace."""

    async def history(self, subscription: int, limit: int) -> Sequence[Delivery]:
        """Return the newest rows of the ledger that a subscription made."""


#: Gives what a workspace knows.
GuidanceOf = Callable[[str], Awaitable[Guidance]]


class DailyTips:
    """Keeps subscriptions and writes what is due, by the guidance of each workspace.

    `late` is how late a tip may still be sent; the clock gives UTC.
    """

    def __init__(
        self,
        store: TipStore,
        guidance_of: GuidanceOf,
        quiet: Quiet,
        rooms: Mapping[str, Rooms],
        late: timedelta,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.late = late
        self.clock = clock
        self._quiet = quiet
        self._rooms = rooms
        self._guidance_of = guidance_of
        self._looking = Periodic(self._look, _LOOK_EVERY)

    async def start(self) -> None:
        """Look for what is due from now on."""
        self._looking.start()

    async def stop(self) -> None:
        """Look no more; what was not written is found at the next start."""
        await self._looking.stop()

    # ---- one channel

    async def standing(self, message: Message) -> Standing:
        """Return what the author of a message is in its room."""
        if message.room is None:
            return "cant_tell"
        rooms = by_platform(self._rooms, message.workspace)
        return await rooms.standing(message) if rooms else "cant_tell"

    async def name_of(self, message: Message) -> str:
        """Return what the author of a message is called, "" if nobody can tell."""
        rooms = by_platform(self._rooms, message.workspace)
        return await rooms.name_of(message) if rooms else message.name

    async def find(self, message: Message) -> Subscription | None:
        """Return the subscription of the room that a message comes from."""
        return await self.store.find(message.workspace, message.room.key) if message.room else None

    async def begin(self, subscription: Subscription) -> Subscription:
        """Write a new subscription, with its next run; a channel is introduced to it."""
        now = self.clock()
        planned = self._planned(subscription, now)
        saved = await self.store.save(planned, partial(self._introduction, now), now.timestamp())
        self._looking.wake()
        return saved

    async def change(self, subscription: Subscription, alter: Alter, *, introduce: bool = False) -> Subscription | None:
        """Change a subscription as it stands by now, and its next run; None if it is there no more.

        `introduce`: a channel is introduced to it anew.
        """
        now = self.clock()
        drafts = partial(self._introduction, now) if introduce else _nothing
        saved = await self.store.alter(
            subscription.id, lambda current: self._planned(alter(current), now), drafts, now.timestamp()
        )
        self._looking.wake()
        return saved

    def _introduction(self, now: datetime, saved: Subscription) -> Sequence[Draft]:
        content = {"by": saved.set_by, "language": saved.language}
        # Two people who set it up in the same minute are introduced once.
        return [] if saved.room.personal else [self._draft(saved, "intro", f"{now:%Y%m%dT%H%M}", content, now)]

    async def send_now(self, subscription: Subscription) -> bool:
        """Send the next tip at once, beside those that are due; return False if there is none."""
        now, name, texts = self.clock(), secrets.token_hex(6), await self._texts(subscription)
        drafts: list[Draft] = []

        def drawn(current: Subscription) -> Subscription:
            after, content = self._drawn(current, texts)
            drafts[:] = [self._draft(current, "now", name, content, now)] if content else []
            return after

        await self.store.alter(subscription.id, drawn, lambda _: drafts, now.timestamp())
        return bool(drafts)

    async def swap(self, subscription: Subscription) -> Subscription | None:
        """Put the next tip of a subscription off to the next round; None if it is there no more."""
        texts = await self._texts(subscription)
        return await self.change(
            subscription, lambda current: replace(current, deck=draw(current.deck, deck_of(current, texts))[1])
        )

    async def history(self, subscription: Subscription, limit: int = 10) -> Sequence[Delivery]:
        """Return what was sent and missed lately, the newest first."""
        return await self.store.history(subscription.id, limit)

    async def next_tips(self, subscription: Subscription, count: int) -> tuple[str, ...]:
        """Return the texts of the next tips as things stand."""
        texts = await self._texts(subscription)
        return tuple(texts[tip] for tip in upcoming(subscription.deck, deck_of(subscription, texts), count))

    async def _texts(self, subscription: Subscription) -> Mapping[str, str]:
        """Return all tips that there are in a subscription's workspace and language."""
        return (await self._guidance_of(subscription.workspace)).tips[subscription.language]

    # ---- what is due

    async def tick(self, now: datetime | None = None) -> int:
        """Write everything that is due into the ledger; return how many subscriptions were dealt with."""
        moment = now or self.clock()
        total = 0
        while due := await self.store.due(moment.timestamp(), _TOGETHER):
            total += len(due)
            advances = [
                self._advance(each, moment, await self._quiet_until(each), await self._texts(each)) for each in due
            ]
            done = await self.store.advance(advances, moment.timestamp())
            if not done:  # all were changed meanwhile: by another replica, or by their teams
                break
        return total

    async def is_quiet(self, delivery: Delivery) -> bool:
        """Return whether whoever gets a tip wants none by now; one that they asked for they do."""
        if delivery.kind != "tips.tip" or not json.loads(delivery.content).get("personal"):
            return False
        subscription = await self.store.by_id(int(delivery.source.removeprefix("tips:")))
        until = await self._quiet_until(subscription) if subscription else None
        if subscription is None or until is None:
            return False
        return self.clock().astimezone(zone_named(subscription.schedule.zone)).date() < until

    async def _quiet_until(self, subscription: Subscription) -> date | None:
        if not subscription.room.personal:
            return None
        return await self._quiet.quiet_until(subscription.workspace, subscription.set_by)

    def _advance(
        self, subscription: Subscription, now: datetime, quiet_until: date | None, texts: Mapping[str, str]
    ) -> Advance:
        drafts: list[Draft] = []
        missed: list[tuple[Draft, Reason]] = []
        after = subscription
        while after.next_run and verdict(after.next_run, now, self.late) != "early":
            run = after.next_run
            empty = self._draft(after, "tip", run.day.isoformat(), {}, run.at)
            if verdict(run, now, self.late) != "send":
                missed.append((empty, "late"))
            elif quiet_until and run.day < quiet_until:
                missed.append((empty, "quiet"))
            else:
                after, content = self._drawn(after, texts)
                if content is not None:
                    drafts.append(self._draft(after, "tip", run.day.isoformat(), content, run.at))
            following = next_run(after.schedule, run.at, not_before_day=run.day + timedelta(days=1))
            after = replace(after, last_day=run.day, next_run=following)
        return Advance(subscription, after, tuple(drafts), tuple(missed[-_MISSED_KEPT:]))

    def _drawn(
        self, subscription: Subscription, texts: Mapping[str, str]
    ) -> tuple[Subscription, Mapping[str, object] | None]:
        """Return the subscription after drawing what one message shows, and that message's content."""
        tips = deck_of(subscription, texts)
        deck, drawn = subscription.deck, []
        for _ in range(min(IN_A_DIGEST, len(tips)) if subscription.schedule.weekly else 1):
            tip, deck = draw(deck, tips)
            if tip is not None:
                drawn.append(tip)
        content: dict[str, object] = {"tips": drawn, "language": subscription.language}
        if subscription.room.personal:
            content["personal"] = True
        return replace(subscription, deck=deck), content if drawn else None

    def _draft(
        self, subscription: Subscription, kind: str, name: str, content: Mapping[str, object], due: datetime
    ) -> Draft:
        return Draft(
            # A tip is unique by subscription and local day, whoever writes it and however often.
            key=f"tips:{subscription.id}:{kind}:{name}",
            source=f"tips:{subscription.id}",
            lane=subscription.workspace,
            target=subscription.room.address,
            kind=f"tips.{kind}",
            content=json.dumps(content),
            due=due.timestamp(),
            expires=(due + self.late).timestamp(),
        )

    def _planned(self, subscription: Subscription, now: datetime) -> Subscription:
        """Return the subscription with its next run, at most one on any local day."""
        if subscription.stopped:
            return replace(subscription, next_run=None)
        not_before = subscription.last_day + timedelta(days=1) if subscription.last_day else None
        return replace(subscription, next_run=next_run(subscription.schedule, now, not_before_day=not_before))

    async def _look(self) -> float:
        await self.tick()
        coming = await self.store.next_due()
        now = self.clock().timestamp()
        if coming is None or coming <= now:  # one that is past can't be read, or was due just now
            return _LOOK_EVERY
        return min(_LOOK_EVERY, max(0.05, coming - now))

    # ---- rooms come and go

    async def gone(self, lane: str, target: str | None, reason: Reason) -> None:
        """Stop what can't be delivered any more; told by delivery when a platform refuses."""
        stopped: Stopped = reason if reason in ("archived", "deleted", "uninstalled", "no_scope") else "blocked"
        for subscription in await self.store.of_workspace(lane):
            if subscription.stopped == "" and target in (None, subscription.room.address):
                await self._stop(subscription, stopped)

    async def room_changed(self, workspace: str, room: str | None, change: RoomChange) -> None:
        """Stop or resume the tips of a room, of a team's rooms, or of a whole workspace, as the platform tells."""
        for subscription in await self.store.of_workspace(workspace):
            # The address is JSON where rooms belong to a team, whose id stands in it.
            if room not in (None, subscription.room.key) and f'"{room}"' not in subscription.room.address:
                continue
            undone: Sequence[Stopped] = (
                ("uninstalled",) if room is None else ("blocked", "archived", "deleted", "no_scope")
            )
            if change == "back" and subscription.stopped in undone:
                await self.change(subscription, partial(_resumed, undone))
            elif change != "back" and subscription.stopped == "":
                await self._stop(subscription, _CHANGES[change])

    async def _stop(self, subscription: Subscription, stopped: Stopped) -> None:
        # Whoever turned it off meanwhile keeps it off, when the room is back too.
        await self.change(subscription, lambda now: now if now.stopped else replace(now, stopped=stopped))


def _resumed(undone: Sequence[Stopped], subscription: Subscription) -> Subscription:
    return replace(subscription, stopped="") if subscription.stopped in undone else subscription


def _nothing(_: Subscription) -> Sequence[Draft]:
    return ()


def deck_of(subscription: Subscription, tips: Iterable[str]) -> Sequence[str]:
    """Return the ids of all tips that a subscription may show."""
    wanted = set(subscription.topics)
    return [tip for tip in tips if tip not in subscription.removed and (not wanted or tip.partition("#")[0] in wanted)]


def fits(guidance: Guidance, language: Language, topics: Sequence[str]) -> bool:
    """Return whether there is any tip on these topics."""
    return any(not topics or tip.partition("#")[0] in topics for tip in guidance.tips[language])


def new_subscription(message: Message, language: Language, schedule: Schedule) -> Subscription:
    """Return a subscription for the room of a message, with a deck of its own."""
    if message.room is None:
        raise SteadyError("A message without a room can't set up tips: the adapter must say where it was written.")
    deck = Deck(secrets.randbits(48))
    return Subscription(
        message.workspace,
        message.room,
        language,
        schedule,
        deck,
        set_by=message.person if message.room.personal else message.name,
    )
