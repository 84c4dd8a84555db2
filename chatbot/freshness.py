"""Keeping guidance fresh: who is asked, and when, whether a piece still holds.

A week before the day until which a piece was verified its owner is asked, once; two weeks later, if nobody confirmed
it, its deputy is. A piece that is past its day still answers, and says so.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol

from chatbot.delivery.model import Draft, Skip
from chatbot.model import Button, Language, Lead, Note, Reply, Text, Title
from chatbot.periodic import Periodic
from chatbot.rooms import Quiet

if TYPE_CHECKING:
    from chatbot.voice import Voice

#: How long before its day a piece's owner is asked, and after how long the deputy is.
BEFORE = timedelta(days=7)
PATIENCE = timedelta(days=14)
#: How late a reminder is still sent.
_LATE = timedelta(days=7)
#: Nobody is asked before this time of the day, in UTC.
_FROM = time(8)
#: Seconds between two looks.
_LOOK_EVERY = 900.0

Who = Literal["owner", "deputy"]


@dataclass(frozen=True, slots=True)
class Ageing:
    """A published piece whose day comes or has passed.

    `owner` and `deputy` are ids of people, "" if there is none. `reminded` says whom was asked on which day about
    which `verified_until`; "" or about another day: nobody yet.
    """

    piece: int
    workspace: str
    topic: str
    owner: str
    deputy: str
    verified_until: date
    reminded: str


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a person can be written to, and the language they last spoke there."""

    address: str
    language: Language


class FreshStore(Protocol):
    """Where pieces are kept. Each call is one transaction."""

    async def ageing(self, until: date) -> Sequence[Ageing]:
        """Return the published pieces that were verified until a day or an earlier one."""

    async def find(self, piece: int) -> Ageing | None:
        """Return a piece, if it is published."""

    async def reach(self, workspace: str, person: str) -> Reached | None:
        """Return the conversation that a person has with Steady."""

    async def remind(self, ageing: Ageing, reminded: str, draft: Draft, now: float) -> bool:
        """Write that somebody is asked, and what they are sent, unless the piece changed since it was read."""


class Choices(Quiet, Protocol):
    """What is asked about a person before they are written to in their language."""

    async def language(self, workspace: str, person: str) -> Language | None:
        """Return the language that a person chose, if they did."""


class Freshness:
    """Writes the reminders that are due. `by_id` gives an address for people known by their id alone, where one does.

    The clock gives UTC.
    """

    def __init__(
        self,
        store: FreshStore,
        choices: Choices,
        by_id: Callable[[str, str], str | None] = lambda workspace, person: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._choices = choices
        self._by_id = by_id
        self._clock = clock
        self._looking = Periodic(self._look, _LOOK_EVERY)

    async def start(self) -> None:
        """Look for what is due from now on."""
        self._looking.start()

    async def stop(self) -> None:
        """Look no more; what was not written is found at the next start."""
        await self._looking.stop()

    async def _look(self) -> None:
        await self.tick()

    async def tick(self, now: datetime | None = None) -> int:
        """Write every reminder that is due into the ledger; return how many."""
        moment = now or self._clock()
        if moment.time() < _FROM:
            return 0
        found = await self._store.ageing(moment.date() + BEFORE)
        return sum([await self._remind(ageing, moment) for ageing in found])

    async def _remind(self, ageing: Ageing, now: datetime) -> bool:
        who, reached = await self._whom(ageing, now.date())
        if who is None or reached is None:
            return False
        until = ageing.verified_until.isoformat()
        draft = Draft(
            key=f"fresh:{ageing.piece}:{until}:{who}",
            source=f"fresh:{ageing.piece}",
            lane=ageing.workspace,
            target=reached.address,
            kind="fresh.remind",
            content=json.dumps({"piece": ageing.piece, "until": until, "who": who, "language": reached.language}),
            due=now.timestamp(),
            expires=(now + _LATE).timestamp(),
        )
        return await self._store.remind(ageing, f"{until} {who} {now.date().isoformat()}", draft, now.timestamp())

    async def _whom(self, ageing: Ageing, today: date) -> tuple[Who | None, Reached | None]:
        """Return who is to be asked now and where; the deputy at once if the owner can't be, for weeks."""
        who = _next(ageing, today)
        if who == "owner":
            reached = await self._reach(ageing.workspace, ageing.owner)
            quiet = await self._quiet_until(ageing.workspace, ageing.owner)
            if reached and quiet <= today + PATIENCE:
                return ("owner", reached) if quiet <= today else (None, None)
            who = "deputy"
        if who == "deputy" and await self._quiet_until(ageing.workspace, ageing.deputy) <= today:
            return who, await self._reach(ageing.workspace, ageing.deputy)
        return None, None

    async def _reach(self, workspace: str, person: str) -> Reached | None:
        if not person:
            return None
        known = await self._store.reach(workspace, person)
        address = known.address if known else self._by_id(workspace, person)
        chosen = await self._choices.language(workspace, person)
        language = chosen or (known.language if known else Language.EN)
        return Reached(address, language) if address else None

    async def _quiet_until(self, workspace: str, person: str) -> date:
        return await self._choices.quiet_until(workspace, person) or date.min

    async def compose(self, voice: "Voice", content: Mapping[str, Any]) -> Reply | Skip | None:
        """Return the message that asks whether a piece still holds; None if that need not be asked any more."""
        ageing = await self._store.find(content["piece"])
        if ageing is None or ageing.verified_until.isoformat() != content["until"]:
            return None
        today = self._clock().date()
        person = ageing.owner if content["who"] == "owner" else ageing.deputy
        if await self._quiet_until(ageing.workspace, person) > today:
            return Skip("quiet")
        return _reminder(voice, ageing, content["who"], today)


def _next(ageing: Ageing, today: date) -> Who | None:
    """Return who is to be asked next about a piece; None if nobody, or not yet."""
    until, _, asked = ageing.reminded.partition(" ")
    if until != ageing.verified_until.isoformat():
        return "owner"
    who, _, day = asked.partition(" ")
    others = ageing.deputy not in ("", ageing.owner)
    return "deputy" if who == "owner" and others and today >= date.fromisoformat(day) + PATIENCE else None


def _reminder(voice: "Voice", ageing: Ageing, who: Who, today: date) -> Reply:
    from chatbot import dates  # with the names of months, which nobody else here needs

    topic = voice.guidance.topics.get(ageing.topic)
    title = topic.texts[voice.language].title if topic else ageing.topic
    day = dates.day(ageing.verified_until, voice.language)
    blocks = (
        Title(voice.t("fresh.title")),
        Lead(voice.t("fresh.lead_past" if ageing.verified_until < today else "fresh.lead_soon", title=title, day=day)),
        Text(voice.t(f"fresh.text_{who}")),
        Note(voice.t("fresh.note")),
    )
    buttons = (
        Button(voice.t("fresh.confirm"), f"write confirm {ageing.piece}", "primary"),
        Button(voice.t("fresh.change"), f"write edit {ageing.piece}"),
        Button(voice.t("fresh.withdraw"), f"write withdraw {ageing.piece}", "danger"),
    )
    return voice.reply(blocks, buttons, "whether a piece still holds")
