"""What each workspace knows: the built-in guidance, and over it what its leads published.

It is kept in memory, so that a command costs no query, and made anew within a second or so of any change, on whichever
replica that was made.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chatbot.guidance import Guidance
from chatbot.incidents import log_incident
from chatbot.overlay import Live, names_of, overlaid, phrases_of
from chatbot.periodic import Periodic
from chatbot.strings import Strings

if TYPE_CHECKING:
    from chatbot.recognition.additions import AddedPhrase, Column
    from chatbot.recognition.recogniser import Recogniser

#: Seconds between two looks at what other replicas changed.
LOOK_EVERY = 1.0
#: Workspaces kept in memory, those asked for last.
MOST_LIBRARIES = 50
#: Topics of a workspace whose phrases are fitted; those of the others are found by likeness alone.
_MOST_FITTED = 20


@dataclass(slots=True)
class Library:
    """The guidance of a workspace; `recogniser` knows its own phrases too, None until it is `ready`."""

    guidance: Guidance
    pieces: Sequence[Live] = ()
    generation: int = 0
    recogniser: "Recogniser | None" = None
    making: "asyncio.Task[None] | None" = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class LibraryStore(Protocol):
    """Where published pieces are kept."""

    async def generations(self) -> Mapping[str, int]:
        """Return how often the library of each workspace that has one was changed."""

    async def live(self, workspace: str) -> Sequence[Live]:
        """Return what is published in a workspace."""


class Libraries:
    """Keeps the libraries of workspaces. `recogniser` gives the built-in one, loaded when first asked for."""

    def __init__(
        self,
        store: LibraryStore,
        guidance: Guidance,
        strings: Strings,
        recogniser: Callable[[], Awaitable["Recogniser"]],
        *,
        look_every: float = LOOK_EVERY,
        fits: bool = True,
    ) -> None:
        self._store = store
        self._guidance = guidance
        self._strings = strings
        self._recogniser = recogniser
        self._fits = fits
        self._built_in = Library(guidance)
        self._generations: Mapping[str, int] = {}
        self._known: OrderedDict[str, Library] = OrderedDict()
        self._reading: dict[str, asyncio.Task[Library]] = {}
        self._columns: dict[tuple[str, str], tuple[frozenset[str], Column]] = {}
        self._looking = Periodic(self._look, look_every, first=look_every, log_first=True)

    async def start(self) -> None:
        """See which workspaces have a library, and look for changes from now on."""
        self._generations = await self._store.generations()
        self._looking.start()

    async def stop(self) -> None:
        """Look no more, and give up what is being made."""
        await self._looking.stop()
        tasks = [*filter(None, (library.making for library in self._known.values())), *self._reading.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def of(self, workspace: str) -> Library:
        """Return what a workspace knows; the built-in guidance alone if its own can't be read just now."""
        known = self._known.get(workspace)
        if known is not None:
            self._known.move_to_end(workspace)
            return known
        if workspace not in self._generations:
            return self._built_in
        try:
            return await self._read(workspace)
        except Exception as error:  # advice must not fail for want of what was added to it
            log_incident(error)
            return self._built_in

    async def recogniser_of(self, workspace: str) -> "Recogniser":
        """Return the recogniser that knows a workspace's own phrases, as soon as there is one."""
        library = await self.of(workspace)
        if library.making:
            await library.ready.wait()
        return library.recogniser or await self._recogniser()

    async def changed(self, workspace: str) -> None:
        """Make the library of a workspace anew, after a change by this replica."""
        reading = self._reading.get(workspace)
        if reading:  # it may have begun before the change
            await asyncio.wait([reading])
        self._generations = await self._store.generations()
        await self._read(workspace)

    async def _read(self, workspace: str) -> Library:
        reading = self._reading.get(workspace)
        if reading is None:
            reading = self._reading[workspace] = asyncio.create_task(self._anew(workspace))
            reading.add_done_callback(lambda _: self._reading.pop(workspace, None))
        return await asyncio.shield(reading)

    async def _anew(self, workspace: str) -> Library:
        # The number first: what is read after it may be newer, and is then read once more, but is never older.
        generation = self._generations.get(workspace, 0)
        pieces = await self._store.live(workspace)
        before = self._known.get(workspace)
        library = Library(overlaid(self._guidance, pieces, self._strings), pieces, generation)
        self._known[workspace] = library
        self._known.move_to_end(workspace)
        if before and before.making:
            before.making.cancel()
        if pieces:
            library.making = asyncio.create_task(self._teach(workspace, library))
        while len(self._known) > MOST_LIBRARIES:
            forgotten, old = self._known.popitem(last=False)
            if old.making:
                old.making.cancel()
            self._forget(forgotten)
        return library

    def _forget(self, workspace: str, keep: Collection[str] = ()) -> None:
        """Drop the columns of a workspace, but for those of some topics."""
        for key in [key for key in self._columns if key[0] == workspace and key[1] not in keep]:
            del self._columns[key]

    async def _teach(self, workspace: str, library: Library) -> None:
        """Make the recogniser of a library: at once by likeness, then with fitted columns, which take a second each."""
        try:
            from chatbot.recognition.additions import AddedPhrase

            phrases = [AddedPhrase(*phrase) for phrase in phrases_of(library.pieces)]
            names = names_of(library.pieces)
            base = await self._recogniser()
            columns = self._fitted(workspace, phrases)
            library.recogniser = await asyncio.to_thread(base.with_phrases, phrases, names, columns)
            library.ready.set()
            if not self._fits:
                return
            topics = list(dict.fromkeys(phrase.topic for phrase in phrases))[:_MOST_FITTED]
            self._forget(workspace, keep=topics)
            missing = [topic for topic in topics if topic not in {column.topic for column in columns}]
            for topic in missing:
                column = await asyncio.to_thread(library.recogniser.refit, topic)
                texts = frozenset(phrase.text for phrase in phrases if phrase.topic == topic)
                self._columns[workspace, topic] = (texts, column)
            if missing:
                columns = self._fitted(workspace, phrases)
                library.recogniser = await asyncio.to_thread(base.with_phrases, phrases, names, columns)
        except Exception as error:  # plain words are then understood as if nothing had been added
            log_incident(error)
        finally:
            library.ready.set()

    def _fitted(self, workspace: str, phrases: "Sequence[AddedPhrase]") -> "list[Column]":
        """Return the columns that were fitted to exactly the phrases that there are."""
        found: list[Column] = []
        for topic in dict.fromkeys(phrase.topic for phrase in phrases):
            texts, column = self._columns.get((workspace, topic), (None, None))
            if column and texts == frozenset(phrase.text for phrase in phrases if phrase.topic == topic):
                found.append(column)
        return found

    async def _look(self) -> None:
        self._generations = await self._store.generations()
        failed: Exception | None = None
        for workspace, library in list(self._known.items()):
            if self._generations.get(workspace, 0) != library.generation:
                try:
                    await self._read(workspace)
                except Exception as error:  # what is known goes on being shown, and the other workspaces' is made anew
                    failed = error
        if failed:
            raise failed
