"""Insight without watching: how often topics were asked for, and words that nobody understood.

Who asked is known only as a keyed hash in memory: the key is made at start and anew each week, and is different for
each topic, so that no two of them can be put together. A count is written in steps, each of which five different
people made; words are written once three different people used them. What has not come together by the end of the
week, or of the process, is forgotten.
"""

import asyncio
import hmac
import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

from chatbot.commands.registry import bare
from chatbot.errors import SteadyError
from chatbot.incidents import log_incident
from chatbot.model import Language, Message, Reply
from chatbot.periodic import Periodic
from chatbot.recognition.answer import customers_words
from chatbot.recognition.normalise import plain
from chatbot.roles import Actor

#: People that make one step of a count. Every number that is kept is a multiple of it.
STEP = 5
#: People who must have used the same words before these are written down.
USED_BY = 3
#: Weeks shown, and weeks kept.
SHOWN_WEEKS = 8
KEPT_WEEKS = 53
#: Longer texts, and those with more digits, may tell of a customer.
LONGEST_WORDS = 80
_MOST_DIGITS = 3
#: Groups of people kept in memory: of topics, and of words. The ones longest untouched go first.
MOST_GROUPS = 20_000
#: Seconds between two writes, and between two looks at where insights are switched on.
_WRITE_EVERY = 5.0
#: Commands by which a card is only turned over.
_TURNED = frozenset(("card", "more"))

What = Literal["asked", "useful", "useless"]


class WorksCouncilError(SteadyError):
    """Insights can't be switched on: WORKS_COUNCIL_MODE is."""


@dataclass(frozen=True, slots=True)
class TopicCount:
    """How often a topic was asked for in a week ("2026-W47") and a language, and was said to be useful or not.

    Each number is a multiple of five, for it is counted in groups of five different people; 0 means fewer than five.
    """

    week: str
    topic: str
    language: Language
    asked: int
    useful: int
    useless: int


@dataclass(frozen=True, slots=True)
class Unheard:
    """Words that at least three people used in a week and that led nowhere, in one spelling."""

    week: str
    language: Language
    words: str


@dataclass(frozen=True, slots=True)
class Group:
    """What people are counted together for."""

    workspace: str
    week: str
    language: Language
    what: What | Literal["words"]
    name: str


class CountStore(Protocol):
    """Where counts are kept. Each call is one transaction."""

    async def switched_on(self) -> frozenset[str]:
        """Return the workspaces that have insights switched on."""

    async def switch(self, actor: Actor, on: bool, now: float) -> None:
        """Switch the insights of a workspace on or off, and note who did."""

    async def add(self, counts: Mapping[Group, int], words: Sequence[Group]) -> None:
        """Add to counts, and write words down, as far as insights are still switched on there."""

    async def counts(self, workspace: str, since: str) -> Sequence[TopicCount]:
        """Return the counts of the week `since` and those after it, the oldest first."""

    async def unheard(self, workspace: str, since: str) -> Sequence[Unheard]:
        """Return the words of the week `since` and those after it, the newest first, each once."""

    async def drop_words(self, workspace: str, words: str) -> None:
        """Forget words, which now lead somewhere."""

    async def forget(self, before: str, *, receipts_too: bool) -> None:
        """Delete what is older than a week, and with `receipts_too` who confirmed what."""


class Insights:
    """Counts in memory and writes in the background. The clock gives UTC.

    In `works_council` mode nothing is counted, shown or can be switched on, and receipts are deleted.
    """

    def __init__(
        self,
        store: CountStore,
        works_council: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.works_council = works_council
        self._store = store
        self._clock = clock
        self._on: frozenset[str] = frozenset()
        self._week = ""
        self._key = b""
        self._people: OrderedDict[Group, set[bytes]] = OrderedDict()
        self._full: Counter[Group] = Counter()
        self._cleaned = ""
        self._writing = Periodic(self._look_and_write, _WRITE_EVERY, first=_WRITE_EVERY)

    async def start(self) -> None:
        """Count from now on, where that is switched on; the database must be open."""
        await self._look()
        self._writing.start()

    async def stop(self) -> None:
        """Write what came together, and forget the rest."""
        await self._writing.stop()
        try:
            await self.write()
        except Exception as error:  # the program must end all the same
            log_incident(error)
        self._people.clear()

    # ---- counting: called on the way to an answer, so it waits for nothing and never raises

    def note(self, message: Message, reply: Reply) -> None:
        """Count the topic that a message was answered with, if it was."""
        topic = reply.outcome.topic
        if message.workspace not in self._on or reply.outcome.kind != "topic" or not topic:
            return
        if bare(message.text).partition(" ")[0] not in _TURNED:
            self._count(message, "asked", topic, reply.language)

    def judge(self, message: Message, topic: str, language: Language, *, useful: bool) -> None:
        """Count that somebody found a topic's card useful, or not."""
        if message.workspace in self._on:
            self._count(message, "useful" if useful else "useless", topic, language)

    def not_understood(
        self, message: Message, text: str, language: Language, near_danger: Callable[[str], bool]
    ) -> None:
        """Count words that led nowhere, unless they may tell of a customer or of danger."""
        if message.workspace not in self._on:
            return
        words = _harmless(text)
        if words and not near_danger(text):
            self._count(message, "words", words, language)

    def _count(self, message: Message, what: What | Literal["words"], name: str, language: Language) -> None:
        try:
            self._gather(Group(message.workspace, week_of(self._clock()), language, what, name), message.person)
        except Exception as error:  # no advice fails for want of a count
            log_incident(error)

    def _gather(self, group: Group, person: str) -> None:
        self._begin(group.week)
        people = self._people.setdefault(group, set())
        self._people.move_to_end(group)
        hidden = "\0".join((group.workspace, group.language, group.what, group.name, person))
        people.add(hmac.digest(self._key, hidden.encode("utf-8", "replace"), "sha256"))
        if len(people) >= (USED_BY if group.what == "words" else STEP):
            # The next step is made by five people again: one after the other would tell who was the sixth.
            del self._people[group]
            self._full[group] += STEP
        elif len(self._people) > MOST_GROUPS:
            self._people.popitem(last=False)

    def _begin(self, week: str) -> None:
        """Forget the people of another week, and the key that they were hidden with."""
        if week != self._week:
            self._week, self._key = week, secrets.token_bytes(32)
            self._people.clear()

    # ---- writing

    async def write(self) -> None:
        """Write what came together; it is kept for the next time if that fails."""
        full, self._full = self._full, Counter()
        counts = {group: number for group, number in full.items() if group.what != "words"}
        words = [group for group in full if group.what == "words"]
        if not full:
            return
        adding = asyncio.create_task(self._store.add(counts, words))
        try:
            await asyncio.shield(adding)
        except BaseException:
            # Where the program ends meanwhile: what is on its way to the database is not written a second time.
            await asyncio.wait([adding])
            if adding.cancelled() or adding.exception():
                self._full += full
            raise

    async def _look_and_write(self) -> None:
        await self._look()
        await self.write()

    async def _look(self) -> None:
        """See where insights are switched on, and once a week forget what is too old."""
        week = week_of(self._clock())
        self._begin(week)
        if week != self._cleaned:
            await self._store.forget(self._since(KEPT_WEEKS), receipts_too=self.works_council)
            self._cleaned = week
        self._set_on(frozenset() if self.works_council else await self._store.switched_on())

    def _set_on(self, on: frozenset[str]) -> None:
        for group in [group for group in self._people if group.workspace not in on]:
            del self._people[group]
        self._on = on

    # ---- for leads and admins, whose role was checked

    async def switch(self, actor: Actor, on: bool) -> None:
        """Switch the insights of a workspace on or off. Raises WorksCouncilError if they are off for good."""
        if self.works_council:
            raise WorksCouncilError("Insights stay off: WORKS_COUNCIL_MODE is on. Only whoever runs Steady changes it.")
        await self._store.switch(actor, on, self._clock().timestamp())
        self._set_on(self._on | {actor.workspace} if on else self._on - {actor.workspace})

    async def is_on(self, workspace: str) -> bool:
        """Return whether a workspace has insights switched on."""
        return not self.works_council and workspace in await self._store.switched_on()

    async def counts(self, workspace: str, weeks: int = SHOWN_WEEKS) -> Sequence[TopicCount]:
        """Return the counts of the last weeks, the oldest first; none while insights are off."""
        return await self._store.counts(workspace, self._since(weeks)) if await self.is_on(workspace) else ()

    async def unheard(self, workspace: str, weeks: int = SHOWN_WEEKS) -> Sequence[Unheard]:
        """Return words that led nowhere, the newest first; none while insights are off."""
        return await self._store.unheard(workspace, self._since(weeks)) if await self.is_on(workspace) else ()

    async def drop_words(self, workspace: str, words: str) -> None:
        """Forget words, which now lead somewhere."""
        await self._store.drop_words(workspace, words)

    def _since(self, weeks: int) -> str:
        return week_of(self._clock() - timedelta(weeks=weeks - 1))


def week_of(moment: datetime) -> str:
    """Return the ISO week, "2026-W47": later ones sort after earlier ones."""
    year, week, _ = moment.isocalendar()
    return f"{year}-W{week:02}"


def _harmless(text: str) -> str:
    """Return the words of a text in one spelling; "" if they are too long or may tell of a customer."""
    if len(text) > 2 * LONGEST_WORDS or "@" in text or "://" in text or customers_words(text) is not None:
        return ""
    words = plain(text)
    if len(words) > LONGEST_WORDS or sum(map(str.isdigit, words)) > _MOST_DIGITS or not any(map(str.isalpha, words)):
        return ""
    return words
