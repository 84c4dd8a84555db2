"""Pushes: what a lead sends to channels and people at once, and can take back.

A push keeps its own copy of the words. Its rows are in the ledger, and delivery sends them as it sends tips: what a row
says is made when it is sent, so that a correction needs to touch only what has left. Who may push is asked here,
whoever calls.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, Protocol

from chatbot.delivery.model import Delivery, Draft, Limits, Reason, Sender, amends
from chatbot.errors import SteadyError
from chatbot.incidents import log_incident
from chatbot.language import legible
from chatbot.model import Language, Room, by_platform
from chatbot.periodic import Periodic
from chatbot.push_groups import MOST_CHOSEN, Group, PushGroups
from chatbot.roles import Actor
from chatbot.rooms import Quiet
from chatbot.rooms_seen import KnownRoom, RoomStore
from chatbot.tips import moment
from chatbot.zones import zone_named

#: Rows written in one transaction.
TOGETHER = 500
#: A row that could not be sent for so long is skipped.
TRIED = timedelta(hours=24)
#: Seconds between two looks for pushes that another process has begun, or left half done.
_LOOK_EVERY = 5.0
#: The same while rows of a corrected push are under way.
_SOON = 0.5
#: What fits in a private answer on either platform: the title and the lead's name in letters, the text in bytes.
LONGEST_TITLE = 80
LONGEST_TEXT = 1_150
LONGEST_NAME = 60

#: "settling": something was changed while rows were under way, and must still reach those.
State = Literal["draft", "starting", "started", "settling"]
Ended = Literal["", "cancelled", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of a push in one language; a free text is a title and a lead."""

    title: str
    lead: str
    steps: tuple[str, ...] = ()
    say: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Targets:
    """Who gets it: all channels or some by their keys, people with a conversation, all or those of groups by their ids.

    No `languages` means all.
    """

    channels: bool = False
    rooms: tuple[str, ...] = ()
    people: bool = False
    languages: tuple[Language, ...] = ()
    groups: tuple[str, ...] = ()

    def take(self, known: KnownRoom, members: Collection[str] = ()) -> bool:
        """Return whether a room gets it; `members` are the people of the groups."""
        if self.languages and known.language not in self.languages:
            return False
        if known.room.personal:
            return self.people or known.person in members
        return self.channels or known.room.key in self.rooms


@dataclass(frozen=True, slots=True)
class Push:
    """One push. `author` is a lead's id, `by` their name as the card says it.

    `topic`, `piece` and `version` say which published piece it brings; a free text has none. `at` is the local time at
    which each recipient gets it, None for at once; `zone` stands in where a recipient's is not known. `moment` is when
    it was begun, in seconds since 1970. `revision` counts its corrections, and `applied` those that what was sent has
    been changed to. `group_names` are what the groups among its targets were called when it was made, by their ids.
    """

    workspace: str
    author: str
    by: str
    words: Mapping[Language, Wording]
    targets: Targets
    topic: str = ""
    piece: int | None = None
    version: int | None = None
    at: time | None = None
    zone: str = "UTC"
    receipts: bool = False
    state: State = "draft"
    ended: Ended = ""
    reminded: bool = False
    revision: int = 0
    applied: int = 0
    resent: int = 0
    moment: float = 0.0
    id: int = 0
    group_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Return what its rows in the ledger belong to."""
        return f"push:{self.id}"

    def wording(self, language: Language) -> tuple[Language, Wording]:
        """Return its words in a language, or else in English, or in any; and the language that they are in."""
        for wanted in (language, Language.EN, *Language):
            if wanted in self.words:
                return wanted, self.words[wanted]
        raise SteadyError("A push needs words in one language at least.")


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many get it, and in how many seconds it is sent, behind `waiting` messages that are due before it.

    `unreached` people of its groups get nothing: they have no conversation with Steady yet.
    """

    channels: int
    people: int
    seconds: float
    waiting: int = 0
    unreached: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a push: how many recipients each, by the ledger.

    `pending` counts those under way too, and those whose outcome is being looked for. `changing` and `changed` are
    messages that are being, and have been, corrected or taken back; `unchanged` could not be.
    """

    push: Push
    sent: int = 0
    failed: Mapping[Reason, int] = field(default_factory=dict)
    unknown: int = 0
    pending: int = 0
    cancelled: int = 0
    skipped: Mapping[Reason, int] = field(default_factory=dict)
    receipts: int = 0
    reminded: int = 0
    changing: int = 0
    changed: int = 0
    unchanged: int = 0

    @property
    def all(self) -> int:
        """Return how many recipients there are in all."""
        counted = self.sent + self.unknown + self.pending + self.cancelled
        return counted + sum(self.failed.values()) + sum(self.skipped.values())


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows of a push that are alike; `looking`: a row of unknown outcome that is still looked for."""

    kind: str
    state: str
    reason: Reason
    looking: bool
    number: int


class NoSuchPush(SteadyError):  # noqa: N818 - it says what happened
    """There is no such push in this workspace."""


class WrongMoment(SteadyError):  # noqa: N818 - it says what happened
    """A push can't be changed so as it stands; `why` has a sentence in strings.toml."""

    def __init__(self, why: Literal["begun", "draft", "ended", "reminded", "nobody", "same"]) -> None:
        super().__init__(why)
        self.why = why


class BadPush(SteadyError):  # noqa: N818 - it says what happened
    """A push can't be sent as it is; `fields` has for each wrong field what is wrong, a sentence in strings.toml."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(", ".join(fields))
        self.fields = fields


class Leads(Protocol):
    """Says who may push."""

    async def need(self, workspace: str, person: str, role: Literal["lead"]) -> None:
        """Raise NotAllowed if a person has no such role in a workspace."""


Skipped = Sequence[tuple[Draft, Reason]]


class PushStore(Protocol):
    """Where pushes are kept, and their rows. Each call is one transaction, with its line in the audit."""

    async def create(self, push: Push, now: float) -> Push:
        """Write a new push; return it with its id."""

    async def find(self, push: int) -> Push | None:
        """Return the push with this id, of whatever workspace."""

    async def went_to(self, push: Push, room: str) -> bool:
        """Return whether a push has left for a room."""

    async def of_workspace(self, workspace: str, limit: int) -> Sequence[Push]:
        """Return the newest pushes of a workspace."""

    async def unfinished(self) -> Sequence[Push]:
        """Return pushes that somebody has to go on with."""

    async def begin(self, push: Push, actor: Actor, now: float) -> bool:
        """Make a draft one to be started; return False if it is no draft any more."""

    async def discard(self, push: Push) -> bool:
        """Remove a draft; return False if it is none."""

    async def write(self, push: Push, drafts: Sequence[Draft], skipped: Skipped, now: float) -> bool:
        """Enter rows in the ledger, those that are there already left alone; return False if it is not starting."""

    async def started(self, push: Push) -> None:
        """Note that all rows are written."""

    async def cancel(self, push: Push, actor: Actor, now: float) -> int:
        """Cancel what is pending, at once; return how many rows."""

    async def change(self, push: Push, actor: Actor, now: float) -> bool:
        """Write a push's new words, or that it is withdrawn, as its next revision; False if it was changed meanwhile.

        What has been sent is changed by `settle`, after this is in force: no row says the old words from then on.
        """

    async def settle(self, push: int, now: float) -> bool:
        """Apply the latest change to what was sent, or cancel what came back; return whether nothing is left to do."""

    async def resend(self, push: Push, unknown: bool, actor: Actor, now: float) -> int:
        """Send anew to where it failed, or also to where nobody knows; return to how many."""

    async def remind(self, push: Push, actor: Actor, now: float) -> int:
        """Send a reminder to where it arrived, once; return to how many."""

    async def receive(self, push: Push, person: str) -> bool:
        """Note that a person read it; return False if that was noted before."""

    async def counted(self, push: Push) -> tuple[Sequence[Counted], int]:
        """Return its rows, counted, of several changes of one message the latest alone; and how many receipts."""

    async def waiting(self, lane: str, now: float) -> int:
        """Return how many rows of a lane are due."""


class Pushes:
    """Sends what leads push, and takes it back. `senders` go by platform or workspace; the clock gives UTC.

    In `works_council` mode nobody is asked for receipts, and none are kept. `groups` tells who is in a group.
    """

    def __init__(
        self,
        store: PushStore,
        rooms: RoomStore,
        quiet: Quiet,
        leads: Leads,
        senders: Mapping[str, Sender],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        works_council: bool = False,
        groups: PushGroups,
    ) -> None:
        self.store = store
        self.rooms = rooms
        self.clock = clock
        self.works_council = works_council
        self._quiet = quiet
        self._leads = leads
        self._senders = senders
        self._groups = groups
        self._looking = Periodic(self._look, _LOOK_EVERY)

    async def open(self) -> None:
        """Go on from now on with what was begun, here or by a process that died."""
        self._looking.start()

    async def close(self) -> None:
        """Begin nothing more; what is half done is gone on with at the next start."""
        await self._looking.stop()

    # ---- what a lead does; each raises NotAllowed for anybody else, and NoSuchPush for another workspace's

    async def channels(self, actor: Actor) -> Sequence[KnownRoom]:
        """Return the channels that a push can go to."""
        await self._need(actor)
        return [known for known in await self.rooms.of_workspace(actor.workspace) if not known.room.personal]

    async def groups(self, actor: Actor) -> Sequence[Group]:
        """Return the groups whose people a push can go to; none where the platform tells of none."""
        await self._need(actor)
        rooms = await self.rooms.of_workspace(actor.workspace)
        return await self._groups.offered(actor.workspace, [known.room.address for known in rooms])

    async def estimate(self, actor: Actor, push: Push) -> Estimate:
        """Return how many a push would go to, and how long that would take at the platform's pace.

        Raises GroupUntold if the platform does not tell who is in one of its groups.
        """
        await self._need(actor)
        members = await self._members(actor.workspace, push)
        rooms = await self.rooms.of_workspace(actor.workspace)
        taken = [known for known in rooms if push.targets.take(known, members)]
        unreached = members.difference(known.person for known in rooms if known.room.personal)
        people = sum(known.room.personal for known in taken)
        waiting = await self.store.waiting(actor.workspace, self._now)
        limits = self._limits(actor.workspace)
        seconds = (len(taken) + waiting) / limits.per_lane if limits else 0.0
        return Estimate(len(taken) - people, people, seconds, waiting, len(unreached))

    async def create(self, actor: Actor, push: Push) -> Push:
        """Write a draft; nothing is sent. Raises BadPush, saying at each field what is wrong."""
        await self._need(actor)
        push = replace(push, words={tag: _tidy(words) for tag, words in push.words.items()})
        chosen = push.targets.groups
        offered = {group.id: group.name for group in await self.groups(actor)} if chosen else {}
        wrong = dict(_wrong(push))
        if not set(chosen) <= set(offered):
            wrong["groups"] = "unknown"
        if wrong:
            raise BadPush(wrong)
        fresh = replace(
            push,
            workspace=actor.workspace,
            author=actor.person,
            by=legible(push.by)[:LONGEST_NAME],
            receipts=push.receipts and not self.works_council,
            state="draft",
            id=0,
            group_names={group: legible(offered[group]) for group in chosen},
        )
        return await self.store.create(fresh, self._now)

    async def find(self, actor: Actor, push: int) -> Push:
        """Return a push of the lead's workspace."""
        await self._need(actor)
        return await self._of(actor.workspace, push)

    async def list(self, actor: Actor, limit: int = 10) -> Sequence[Push]:
        """Return the newest pushes."""
        await self._need(actor)
        return await self.store.of_workspace(actor.workspace, limit)

    async def report(self, actor: Actor, push: int) -> Report:
        """Return what became of a push so far."""
        found = await self.find(actor, push)
        return _report(found, *await self.store.counted(found))

    async def start(self, actor: Actor, push: int) -> Push:
        """Begin to send a draft; the rows are written in the background.

        Raises WrongMoment if it was begun before, GroupUntold as `estimate` does.
        """
        found = await self.find(actor, push)
        if found.state != "draft":
            raise WrongMoment("begun")
        if not await self._recipients(found):
            raise WrongMoment("nobody")
        if not await self.store.begin(found, actor, self._now):
            raise WrongMoment("begun")
        self._looking.wake()
        return await self._of(actor.workspace, push)

    async def discard(self, actor: Actor, push: int) -> None:
        """Throw a draft away. Raises WrongMoment if it is none any more."""
        if not await self.store.discard(await self.find(actor, push)):
            raise WrongMoment("begun")

    async def cancel(self, actor: Actor, push: int) -> int:
        """Stop sending; return how many have not been sent and will not be."""
        found = await self.begun(actor, push)
        cancelled = await self.store.cancel(found, actor, self._now)
        self._looking.wake()
        return cancelled

    async def correct(
        self, actor: Actor, push: int, words: Mapping[Language, Wording], version: int | None = None
    ) -> Push:
        """Say it in other words, in what was sent too. Raises BadPush as `create` does."""
        found = await self.begun(actor, push)
        words = {tag: _tidy(wording) for tag, wording in words.items()}
        if words == found.words:
            raise WrongMoment("same")
        wrong = {name: why for name, why in _wrong(replace(found, words=words)) if name in ("title", "text")}
        if wrong:
            raise BadPush(wrong)
        return await self._change(actor, replace(found, words=words, version=version or found.version))

    async def withdraw(self, actor: Actor, push: int) -> Push:
        """Take it back: what was sent says so from then on, and nothing more is sent."""
        return await self._change(actor, replace(await self.begun(actor, push), ended="withdrawn"))

    async def resend_failed(self, actor: Actor, push: int, *, unknown: bool = False) -> int:
        """Send again to where it failed; with `unknown` also to where it may have arrived. Return to how many."""
        found = await self.begun(actor, push)
        if found.ended:
            raise WrongMoment("ended")
        return await self.store.resend(found, unknown, actor, self._now)

    async def remind(self, actor: Actor, push: int) -> int:
        """Remind those whom it reached, once; return how many."""
        found = await self.begun(actor, push)
        if found.ended:
            raise WrongMoment("ended")
        if found.reminded:
            raise WrongMoment("reminded")
        return await self.store.remind(found, actor, self._now)

    # ---- what anybody does to whom it was sent

    async def read(self, workspace: str, push: int, room: Room | None) -> Push:
        """Return a push to somebody in a room that it was sent to. Raises NoSuchPush.

        Numbers can be guessed, and a push may be meant for a few. What a button says of another room is not believed.
        """
        found = await self._of(workspace, push)
        if room is None or not room.certain or not await self.store.went_to(found, room.key):
            raise NoSuchPush("This push was not sent here.")
        return found

    async def got_it(self, workspace: str, push: int, person: str, room: Room | None) -> bool:
        """Count a reader, where the lead asked for that; return False if they were counted before."""
        found = await self.read(workspace, push, room)
        if not found.receipts or self.works_council:
            raise NoSuchPush("This push asks for no receipts.")
        return await self.store.receive(found, person)

    # ---- in the background

    async def tick(self) -> bool:
        """Go on with everything that was begun; return whether something is still under way.

        Raises, once it has seen to all, what kept the last one from going on that could not.
        """
        under_way = False
        failed: Exception | None = None
        for push in await self.store.unfinished():
            try:
                if push.state == "starting":
                    await self._write(push)
                elif not await self.store.settle(push.id, self._now):
                    under_way = True
            except Exception as error:  # such as a group that the platform tells no more of: the others go on
                if failed:
                    log_incident(failed)
                failed = error
        if failed:
            raise failed
        return under_way

    async def _write(self, push: Push) -> None:
        """Write the rows of a push; what an earlier try wrote is left as it is."""
        taken = await self._recipients(push)
        for first in range(0, len(taken), TOGETHER):
            drafts: list[Draft] = []
            skipped: list[tuple[Draft, Reason]] = []
            for known in taken[first : first + TOGETHER]:
                draft, day = self._draft(push, known)
                if await self._is_quiet(push.workspace, known, day):
                    skipped.append((draft, "quiet"))
                else:
                    drafts.append(draft)
            if not await self.store.write(push, drafts, skipped, self._now):
                return
        await self.store.started(push)

    def _draft(self, push: Push, known: KnownRoom) -> tuple[Draft, date]:
        """Return the row for a recipient, and the local day on which it is due."""
        begun = datetime.fromtimestamp(push.moment, UTC)
        zone = known.zone or push.zone
        day, due = begun.astimezone(zone_named(zone)).date(), begun
        if push.at is not None:
            due = moment(zone, day, push.at)
            if due < begun:
                day += timedelta(days=1)
                due = moment(zone, day, push.at)
        # A person is found by the room when it is sent, to ask once more whether they want quiet.
        content = {"language": known.language} | ({"room": known.room.key} if known.room.personal else {})
        draft = Draft(
            key=f"{push.source}:{known.room.key}",
            source=push.source,
            lane=push.workspace,
            target=known.room.address,
            kind="push.card",
            content=json.dumps(content),
            due=due.timestamp(),
            expires=(due + TRIED).timestamp(),
        )
        return draft, day

    async def is_quiet(self, push: Push, delivery: Delivery) -> bool:
        """Return whether whoever gets a row wants no personal messages by now; what changes one is none."""
        room = json.loads(delivery.content).get("room")
        known = None if room is None or amends(delivery) else await self.rooms.find(push.workspace, room)
        if known is None:
            return False
        today = self.clock().astimezone(zone_named(known.zone or push.zone)).date()
        return await self._is_quiet(push.workspace, known, today)

    async def _is_quiet(self, workspace: str, known: KnownRoom, day: date) -> bool:
        if not known.room.personal:
            return False
        until = await self._quiet.quiet_until(workspace, known.person)
        return until is not None and day < until

    async def _change(self, actor: Actor, push: Push) -> Push:
        if push.state == "starting" and not push.ended:
            await self._write(push)
        if not await self.store.change(push, actor, self._now):
            raise WrongMoment("ended")
        await self.store.settle(push.id, self._now)
        self._looking.wake()
        return await self._of(actor.workspace, push.id)

    async def _recipients(self, push: Push) -> Sequence[KnownRoom]:
        members = await self._members(push.workspace, push)
        return [known for known in await self.rooms.of_workspace(push.workspace) if push.targets.take(known, members)]

    async def _members(self, workspace: str, push: Push) -> frozenset[str]:
        return await self._groups.members(workspace, push.targets.groups, push.group_names)

    async def begun(self, actor: Actor, push: int) -> Push:
        """Return a push that can still be changed. Raises WrongMoment if it was not begun, or is withdrawn."""
        found = await self.find(actor, push)
        if found.state == "draft":
            raise WrongMoment("draft")
        if found.ended == "withdrawn":
            raise WrongMoment("ended")
        return found

    async def _of(self, workspace: str, push: int) -> Push:
        found = await self.store.find(push)
        if found is None or found.workspace != workspace:
            raise NoSuchPush("There is no such push in this workspace.")
        return found

    async def _need(self, actor: Actor) -> None:
        await self._leads.need(actor.workspace, actor.person, "lead")

    def _limits(self, workspace: str) -> Limits | None:
        sender = by_platform(self._senders, workspace)
        return sender.limits if sender else None

    @property
    def _now(self) -> float:
        return self.clock().timestamp()

    async def _look(self) -> float:
        return _SOON if await self.tick() else _LOOK_EVERY


def _tidy(words: Wording) -> Wording:
    """Return words without what shows nothing, or turns the direction of writing."""
    return Wording(
        " ".join(legible(words.title).split()),
        legible(words.lead).strip(),
        tuple(legible(step).strip() for step in words.steps),
        tuple(legible(phrase).strip() for phrase in words.say),
    )


def _wrong(push: Push) -> Sequence[tuple[str, str]]:
    """Return the fields of a push that are wrong, each with what is."""
    wrong: list[tuple[str, str]] = []
    if not push.words:
        return [("text", "missing")]
    for words in push.words.values():
        if not words.title:
            wrong.append(("title", "missing"))
        if len(words.title) > LONGEST_TITLE:
            wrong.append(("title", "too_long"))
        if not words.lead:
            wrong.append(("text", "missing"))
        if not push.topic and len(words.lead.encode()) > LONGEST_TEXT:
            wrong.append(("text", "too_long"))
    targets = push.targets
    if not (targets.channels or targets.rooms or targets.people or targets.groups):
        wrong.append(("to", "missing"))
    if len(targets.groups) > MOST_CHOSEN:
        wrong.append(("groups", "too_many"))
    return wrong


def _report(push: Push, rows: Sequence[Counted], receipts: int) -> Report:
    failed: Counter[Reason] = Counter()
    skipped: Counter[Reason] = Counter()
    states: Counter[str] = Counter()
    changes: Counter[str] = Counter()
    reminded = 0
    for row in rows:
        kind = row.kind.removesuffix(".stale")
        if kind.endswith(".amend"):
            changes[row.state] += row.number
        elif kind == "push.remind":
            reminded += row.number if row.state == "sent" else 0
        elif kind != "push.card":  # sent anew since
            continue
        elif row.state == "failed" and row.reason == "not_composed" and push.ended:
            states["cancelled"] += row.number
        elif row.state == "failed":
            failed[row.reason] += row.number
        elif row.state == "skipped":
            skipped[row.reason] += row.number
        elif row.state == "sending" or row.looking:
            states["pending"] += row.number
        else:
            states[row.state] += row.number
    return Report(
        push,
        states["sent"],
        dict(failed),
        states["unknown"],
        states["pending"],
        states["cancelled"],
        dict(skipped),
        receipts,
        reminded,
        changes["pending"] + changes["sending"] + changes["unknown"],
        changes["sent"],
        changes["failed"] + changes["skipped"],
    )


def to_json(push: Push) -> str:
    """Return what has no column of its own, for `from_json`."""
    told: dict[str, Any] = {
        "by": push.by,
        "words": {tag: asdict(words) for tag, words in push.words.items()},
        "targets": asdict(push.targets),
        "topic": push.topic,
        "at": f"{push.at:%H:%M}" if push.at else "",
        "zone": push.zone,
        "ended": push.ended,
        "revision": push.revision,
        "applied": push.applied,
        "resent": push.resent,
    }
    if push.group_names:  # which a Steady from before there were groups could not read
        told["group_names"] = dict(push.group_names)
    return json.dumps(told, ensure_ascii=False)


def from_json(text: str) -> dict[str, Any]:
    """Return the fields of a Push that `to_json` wrote."""
    told: dict[str, Any] = json.loads(text)
    targets = told["targets"]
    return told | {
        "words": {
            Language(tag): Wording(words["title"], words["lead"], tuple(words["steps"]), tuple(words["say"]))
            for tag, words in told["words"].items()
        },
        "targets": Targets(
            targets["channels"],
            tuple(targets["rooms"]),
            targets["people"],
            tuple(Language(tag) for tag in targets["languages"]),
            tuple(targets.get("groups", ())),
        ),
        "at": time.fromisoformat(told["at"]) if told["at"] else None,
    }
