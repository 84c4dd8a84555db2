"""Guidance that a workspace's leads write: draft, review, publish, withdraw, roll back.

Every change checks the role, is one transaction with its line in the audit, and is found at once by everybody.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Literal, Protocol, TypeVar

from chatbot import cards
from chatbot.cards import Ask
from chatbot.errors import SteadyError
from chatbot.guidance import TEAM, Guidance, fold
from chatbot.language import OWN_NAMES
from chatbot.lint import slips
from chatbot.model import Language, Message, Reply
from chatbot.overlay import Live, overlaid
from chatbot.roles import Actor, Roles
from chatbot.strings import Strings
from chatbot.topic_file import COUNT, LONGEST, LONGEST_LEAD_IN_ENGLISH
from chatbot.written import FieldProblem, Words, Written, added_names, diff, tidied, tidy_line, with_names

__all__ = [
    "FieldProblem",
    "Piece",
    "Publishing",
    "Refused",
    "Size",
    "Version",
    "Words",
    "Written",
    "diff",
]

#: draft: being written; review: waits for another lead; published: what agents see; replaced, withdrawn: once was.
State = Literal["draft", "review", "published", "replaced", "withdrawn"]
#: What the audit says of a version that becomes the published one.
How = Literal["published", "approved", "rolled back"]

#: For how long a piece is taken for right unless its lead says otherwise, and at most.
VERIFIED = timedelta(days=90)
LONGEST_VERIFIED = timedelta(days=730)
#: What a team may keep, and the counts and lengths that the product's own guidance has no number for.
MOST_PIECES = 300
MOST_PHRASES = 30
LONGEST_PHRASE = 200
MOST_AUDIENCE = 5
LONGEST_AUDIENCE = 40
#: Ids of people are shorter on both platforms.
LONGEST_PERSON = 200
#: At least how many letters a name needs, to be typed on purpose.
SHORTEST_ALIAS = 2


@dataclass(frozen=True, slots=True)
class Version:
    """A piece as it was saved once. `at` is in seconds since 1970, `author` and `reviewer` are ids of people.

    `author_name` is what the platform called the author, "" if it did not say.
    """

    piece: int
    number: int
    written: Written
    state: State
    author: str
    reviewer: str
    at: float
    author_name: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A workspace's own guidance on a topic: its newest version, and `live`, the one that is published, if one is."""

    id: int
    workspace: str
    topic: str
    owner: str
    deputy: str
    verified_until: date
    latest: Version
    live: Version | None

    @property
    def published(self) -> int | None:
        """Return the number of the version that is published."""
        return self.live.number if self.live else None


@dataclass(frozen=True, slots=True)
class Size:
    """How much of what a platform allows a card takes, in bytes, and what it would refuse, in its own words."""

    platform: str
    bytes: int
    limit: int
    problems: tuple[str, ...]


class Refused(SteadyError):  # noqa: N818 - it says what it is
    """Something can't be done as things stand: a sentence of strings.toml, or the problems with what was written."""

    def __init__(self, key: str, problems: Sequence[FieldProblem] = (), **values: object) -> None:
        self.key = key
        self.values = values
        self.problems = tuple(problems)
        super().__init__(f"refused: {key} {', '.join(problem.field for problem in problems)}".strip())


class PieceStore(Protocol):
    """Where pieces are kept. Each change is one transaction with its line in the audit; `None` or False: not there."""

    async def pieces(self, workspace: str) -> Sequence[Piece]:
        """Return all pieces of a workspace, in the order in which they were begun."""

    async def piece(self, workspace: str, piece: int) -> Piece | None:
        """Return a piece of a workspace."""

    async def versions(self, workspace: str, piece: int) -> Sequence[Version]:
        """Return all versions of a piece, the newest first."""

    async def save(self, actor: Actor, written: Written, piece: int | None, now: float) -> Version | None:
        """Write a draft: over the newest version if that is a draft by the same author, else as a new one."""

    async def submit(self, actor: Actor, piece: int, number: int, now: float) -> bool:
        """Put a draft up for review."""

    async def publish(
        self, actor: Actor, piece: int, number: int, came_from: Sequence[State], action: How, now: float
    ) -> Version | None:
        """Make a version the one that agents see, if its state is one of `came_from`; None if it is not.

        If it only brings more names, these get into open drafts too, and it stays verified as long as it was.
        """

    async def add_names(
        self, actor: Actor, written: Written, live: int | None, now: float, *, reviewed: bool
    ) -> Version | None:
        """Publish what is live with more names, or put it up for review; None if another version is live by now.

        A draft that somebody is writing stays the newest version.
        """

    async def withdraw(self, actor: Actor, piece: int, now: float) -> bool:
        """Take a piece out of what agents see."""

    async def confirm(self, actor: Actor, piece: int, until: date, now: float) -> bool:
        """Set until when a published piece is taken for right."""

    async def bring(self, actor: Actor, written: Written, now: float) -> Version:
        """Write and publish in one go what comes from a file, over the piece on the same topic if there is one."""

    async def reviewed(self, workspace: str) -> bool:
        """Return whether a second lead must look at everything."""

    async def set_reviewed(self, actor: Actor, on: bool, now: float) -> None:
        """Switch that on or off."""


class Publishing:
    """Checks, keeps and publishes what leads write.

    `command_words` begin commands, so no name may be one. `sizes` measures a card on each platform; `changed` is told
    which workspace's guidance has become another.
    """

    def __init__(
        self,
        store: PieceStore,
        roles: Roles,
        guidance: Guidance,
        strings: Strings,
        command_words: frozenset[str],
        changed: Callable[[str], Awaitable[None]],
        sizes: Callable[[Reply], Sequence[Size]] = lambda _: (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._roles = roles
        self._guidance = guidance
        self._strings = strings
        self._command_words = command_words
        self._changed = changed
        self.sizes = sizes
        self._clock = clock

    def today(self) -> date:
        """Return the day, in UTC."""
        return self._clock().date()

    # ---- looking

    async def pieces(self, workspace: str) -> Sequence[Piece]:
        """Return a workspace's pieces."""
        return await self._store.pieces(workspace)

    async def piece(self, workspace: str, piece: int) -> Piece:
        """Return a piece. Raises Refused if the workspace has no such one."""
        return _there(await self._store.piece(workspace, piece))

    async def versions(self, piece: Piece) -> Sequence[Version]:
        """Return all versions of a piece, the newest first."""
        return await self._store.versions(piece.workspace, piece.id)

    async def version(self, piece: Piece, number: int) -> Version:
        """Return a version of a piece. Raises Refused if there is no such one, or not under this number any more."""
        found = next((version for version in await self.versions(piece) if version.number == number), None)
        if found is None and 0 < number < piece.latest.number:  # a draft that names were published beneath
            raise Refused("leads.bad_state")
        return _there(found)

    def preview(self, written: Written, language: Language, *, turn: int = 0) -> Reply:
        """Return the card as agents will see it, with its phrase number `turn`."""
        made = tidied(written)
        topic = made.topic or f"{TEAM}preview"
        guidance = overlaid(self._guidance, [Live(0, replace(made, topic=topic), made.verified_until)], self._strings)
        ask = Ask(language, self._strings, guidance, Message("", "", ""), {}, today=self.today())
        return cards.topic_card(ask, guidance.topics[topic], turn=turn, why="a preview")

    # ---- checking

    def check(self, written: Written) -> list[FieldProblem]:
        """Return everything wrong with a piece, and as warnings what had better be otherwise."""
        made = tidied(written)
        problems = [*self._of_all(made)]
        for language, words in made.words.items():
            problems += self._of_language(made, language, words)
        problems += self._missing(made)
        if not any(problem.blocks for problem in problems):
            problems += self._too_big(made)
        return problems

    async def problems(self, workspace: str, written: Written, piece: int | None = None) -> list[FieldProblem]:
        """Return what `check` does, and names that another piece of the workspace has."""
        made = tidied(written)
        taken: dict[str, str] = {}
        for other in await self._store.pieces(workspace):
            if other.live and other.id != piece and other.topic != made.topic:
                for language, words in other.live.written.words.items():
                    taken |= {fold(name): other.live.written.title(language) for name in (words.title, *words.aliases)}
        taken.pop("", None)
        return self.check(written) + [
            FieldProblem(language, where, "leads.bad_taken", {"name": name, "owner": taken[fold(name)]})
            for language, words in made.words.items()
            for where, name in (("title", words.title), *(("aliases", alias) for alias in words.aliases))
            if fold(name) in taken
        ]

    def _of_all(self, written: Written) -> Iterator[FieldProblem]:
        if written.topic and not written.topic.startswith(TEAM) and written.topic not in self._guidance.topics:
            yield FieldProblem(None, "topic", "leads.bad_topic")
        only_names = bool(written.words) and written.topic in self._guidance.topics
        if not written.written and not only_names:
            yield FieldProblem(None, "title", "leads.bad_nothing")
        if not written.owner:
            yield FieldProblem(None, "owner", "leads.bad_owner")
        for name, person in (("owner", written.owner), ("deputy", written.deputy)):
            yield from _too_long(None, name, person, LONGEST_PERSON)
        if not self.today() < written.verified_until <= self.today() + LONGEST_VERIFIED:
            yield FieldProblem(None, "verified_until", "leads.bad_date")
        yield from _too_many(None, "audience", written.audience, MOST_AUDIENCE)
        for name in written.audience:
            yield from _too_long(None, "audience", name, LONGEST_AUDIENCE)

    def _of_language(self, written: Written, language: Language, words: Words) -> Iterator[FieldProblem]:
        if words.is_card:
            for name, text in (("title", words.title), ("lead", words.lead)):
                if not text:
                    yield FieldProblem(language, name, "leads.bad_empty")
        elif written.topic not in self._guidance.topics:
            yield FieldProblem(language, "title", "leads.bad_empty")
        longest_lead = LONGEST_LEAD_IN_ENGLISH if language is Language.EN else LONGEST["lead"]
        for name, texts, longest, most in (
            ("title", (words.title,), LONGEST["title"], 1),
            ("lead", (words.lead,), longest_lead, 1),
            ("steps", words.steps, LONGEST["steps"], COUNT["steps"][1]),
            ("say", words.say, LONGEST["say"], COUNT["say"][1]),
            ("aliases", words.aliases, LONGEST["alias"], COUNT["aliases"][1]),
            ("tip", (words.tip,), LONGEST["tips"], 1),
            ("phrases", words.phrases, LONGEST_PHRASE, MOST_PHRASES),
        ):
            yield from _too_many(language, name, texts, most)
            for text in texts:
                yield from _too_long(language, name, text, longest)
                if name not in ("aliases", "phrases"):  # those are what people type, not what they read
                    for rule, slip in slips(language, text):
                        yield FieldProblem(language, name, f"leads.slip_{rule}", {"slip": slip}, blocks=False)
        yield from self._names(written, language, words)

    def _names(self, written: Written, language: Language, words: Words) -> Iterator[FieldProblem]:
        for where, name in (("title", words.title), *(("aliases", alias) for alias in words.aliases)):
            if not name:
                continue
            found = self._guidance.find(name)
            if where == "aliases" and len(fold(name)) < SHORTEST_ALIAS:
                yield FieldProblem(language, where, "leads.bad_short", {"name": name})
            elif fold(name.lstrip("/")) in self._command_words and written.topic != fold(name):
                yield FieldProblem(language, where, "leads.bad_command", {"name": name})
            elif found and found[0].id != written.topic:
                title = found[0].texts[language].title
                yield FieldProblem(language, where, "leads.bad_taken", {"name": name, "owner": title})

    def _missing(self, written: Written) -> Iterator[FieldProblem]:
        if not written.written:
            return
        for language in Language:
            if language not in written.written:
                values = {"spoken": OWN_NAMES[language]}
                yield FieldProblem(language, "title", "leads.missing_language", values, blocks=False)
                continue
            words = written.words[language]
            for name, filled in (("steps", words.steps), ("say", words.say), ("phrases", words.phrases)):
                if not filled:
                    yield FieldProblem(language, name, f"leads.missing_{name}", blocks=False)

    def _too_big(self, written: Written) -> Iterator[FieldProblem]:
        for reader in Language if written.written else ():  # what is not translated has its reader's buttons
            language = reader if reader in written.written else written.instead
            says = written.words[language].say
            turn = max(range(len(says)), key=lambda number: len(says[number].encode()), default=0)
            for size in self.sizes(self.preview(written, reader, turn=turn)):
                if size.problems:
                    values = {"platform": size.platform, "bytes": size.bytes, "limit": size.limit}
                    yield FieldProblem(language, "card", "leads.bad_size", values)
                    return

    # ---- changing

    async def save_draft(self, actor: Actor, written: Written, piece: int | None = None) -> Version:
        """Keep a piece that agents don't see yet. Raises NotAllowed, or Refused with what is wrong."""
        await self._lead(actor)
        made = tidied(written)
        pieces = await self._store.pieces(actor.workspace)
        known = _there(next((each for each in pieces if each.id == piece), None)) if piece is not None else None
        if known is None and made.topic:  # a second piece on a topic is the first one's next version
            known = next((each for each in pieces if each.topic == made.topic), None)
        if known is None and len(pieces) >= MOST_PIECES:
            raise Refused("leads.bad_full", most=MOST_PIECES)
        made = replace(made, topic=known.topic if known else made.topic)
        await self._refuse(actor.workspace, made, known.id if known else None)
        made = await self._named(actor, replace(made, topic=made.topic or _new_id(made, pieces)))
        return _there(await self._store.save(actor, made, known.id if known else None, self._now()))

    async def submit(self, actor: Actor, piece: int, number: int) -> None:
        """Put a draft up for another lead's review. Raises NotAllowed or Refused."""
        await self._lead(actor)
        await self._still_right(actor, piece, number)
        if not await self._store.submit(actor, piece, number, self._now()):
            raise Refused("leads.bad_state")

    async def approve(self, actor: Actor, piece: int, number: int) -> None:
        """Publish what another lead put up for review. Raises NotAllowed or Refused."""
        await self._lead(actor)
        if (await self._still_right(actor, piece, number)).author == actor.person:
            raise Refused("leads.bad_own_review")
        await self._publish(actor, piece, number, ("review",), "approved")

    async def publish(self, actor: Actor, piece: int, number: int) -> None:
        """Publish a draft, where no review is asked for. Raises NotAllowed or Refused."""
        await self._lead(actor)
        if await self._store.reviewed(actor.workspace):
            raise Refused("leads.bad_review_needed")
        await self._still_right(actor, piece, number)
        await self._publish(actor, piece, number, ("draft", "review"), "published")

    async def roll_back(self, actor: Actor, piece: int, number: int) -> None:
        """Publish a version again that once was. Raises NotAllowed or Refused."""
        await self._lead(actor)
        await self._publish(actor, piece, number, ("replaced", "withdrawn"), "rolled back")

    async def withdraw(self, actor: Actor, piece: int) -> None:
        """Take a piece out of what agents see. Raises NotAllowed or Refused."""
        await self._lead(actor)
        if not await self._store.withdraw(actor, piece, self._now()):
            raise Refused("leads.bad_state")
        await self._changed(actor.workspace)

    async def confirm(self, actor: Actor, piece: int, until: date | None = None) -> date:
        """Say that a published piece is still right, for 90 days or until a day. Raises NotAllowed or Refused."""
        await self._lead(actor)
        day = until or self.today() + VERIFIED
        if not self.today() < day <= self.today() + LONGEST_VERIFIED:
            raise Refused("leads.bad_date")
        if not await self._store.confirm(actor, piece, day, self._now()):
            raise Refused("leads.bad_state")
        await self._changed(actor.workspace)
        return day

    async def add_alias(self, actor: Actor, topic: str, language: Language, words: str) -> Version:
        """Make words lead to a topic, built-in or the team's own; published at once, or put up for review.

        They become a name of it, or if they are too long for one, words that agents type. All else of it stays as it
        is published, until when it was verified too; what is withdrawn stays so. Raises NotAllowed or Refused.
        """
        await self._lead(actor)
        pieces = await self._store.pieces(actor.workspace)
        known = next((piece for piece in pieces if piece.topic == topic), None)
        live = known.live if known else None
        if live is None and topic not in self._guidance.topics:
            raise Refused("leads.bad_withdrawn")
        if known is None and len(pieces) >= MOST_PIECES:
            raise Refused("leads.bad_full", most=MOST_PIECES)
        until = self.today() + VERIFIED
        base = live.written if live else Written(topic, {}, actor.person, "", until, owner_name=actor.name)
        text = tidy_line(words)
        more = Words(aliases=(text,)) if len(text) <= LONGEST["alias"] else Words(phrases=(text,))
        written = with_names(base, {language: more})
        if live and written == live.written:
            return live
        await self._refuse(actor.workspace, written, known.id if known else None, stale_too=live is not None)
        version = await self._store.add_names(
            actor,
            written,
            live.number if live else None,
            self._now(),
            reviewed=await self._store.reviewed(actor.workspace),
        )
        if version is None:
            raise Refused("leads.bad_state")
        await self._changed(actor.workspace)
        return version

    async def bring(self, actor: Actor, written: Written) -> Version:
        """Write and publish what comes from a file, by somebody who may write to the database as they like.

        Raises Refused with what is wrong.
        """
        made = tidied(written)
        await self._refuse(actor.workspace, made, None)
        version = await self._store.bring(actor, made, self._now())
        await self._changed(actor.workspace)
        return version

    async def reviewed(self, workspace: str) -> bool:
        """Return whether a second lead must look at everything."""
        return await self._store.reviewed(workspace)

    async def set_reviewed(self, actor: Actor, on: bool) -> None:
        """Switch on or off that a second lead must look at everything. Raises NotAllowed; it takes an admin."""
        await self._roles.need(actor.workspace, actor.person, "admin")
        await self._store.set_reviewed(actor, on, self._now())

    async def _publish(self, actor: Actor, piece: int, number: int, came_from: Sequence[State], action: How) -> None:
        if await self._store.publish(actor, piece, number, came_from, action, self._now()) is None:
            raise Refused("leads.bad_state")
        await self._changed(actor.workspace)

    async def _still_right(self, actor: Actor, piece: int, number: int) -> Version:
        """Return a version; raise Refused if by now something is wrong with it, such as a name that is taken."""
        found = await self.piece(actor.workspace, piece)
        version = await self.version(found, number)
        only_names = found.live is not None and added_names(found.live.written, version.written) is not None
        await self._refuse(actor.workspace, version.written, piece, stale_too=only_names)
        return version

    async def _refuse(self, workspace: str, written: Written, piece: int | None, *, stale_too: bool = False) -> None:
        """Raise Refused if something is wrong with a piece; `stale_too`: it may be past its day and stay so."""
        problems = [
            problem
            for problem in await self.problems(workspace, written, piece)
            if not (stale_too and problem.field == "verified_until")
        ]
        if any(problem.blocks for problem in problems):
            raise Refused("leads.bad_fields", problems)

    async def _named(self, actor: Actor, written: Written) -> Written:
        """Return a piece with the names of owner and deputy, as far as they are known."""
        names = {row.subject: row.name for row in await self._roles.leads(actor.workspace)}
        if actor.name:
            names[actor.person] = actor.name
        return replace(
            written,
            owner_name=names.get(written.owner) or written.owner_name,
            deputy_name=names.get(written.deputy) or written.deputy_name,
        )

    async def _lead(self, actor: Actor) -> None:
        await self._roles.need(actor.workspace, actor.person, "lead")

    def _now(self) -> float:
        return self._clock().timestamp()


_T = TypeVar("_T")


def _there(found: _T | None) -> _T:
    if found is None:
        raise Refused("leads.bad_piece")
    return found


def _too_many(language: Language | None, name: str, texts: Sequence[str], most: int) -> Iterator[FieldProblem]:
    if len(texts) > most:
        yield FieldProblem(language, name, "leads.bad_many", {"count": len(texts), "most": most})


def _too_long(language: Language | None, name: str, text: str, longest: int) -> Iterator[FieldProblem]:
    if len(text) > longest:
        values: Mapping[str, object] = {"count": len(text), "longest": longest, "text": text[:30]}
        yield FieldProblem(language, name, "leads.bad_long", values)


def _new_id(written: Written, pieces: Sequence[Piece]) -> str:
    """Return an id for a new topic, made of its title."""
    slug = re.sub(r"\W+", "-", fold(written.title(Language.EN))).strip("-_")[:30] or "piece"
    taken = {piece.topic for piece in pieces}
    number = 1
    while (found := f"{TEAM}{slug}" + (f"-{number}" if number > 1 else "")) in taken:
        number += 1
    return found
