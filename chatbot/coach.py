"""The coach: one message in, one reply out. Every surface makes this one call."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Protocol

from chatbot import cards, commands
from chatbot.cards import Ask
from chatbot.commands import Parser, bare, names_command
from chatbot.guidance import Guidance
from chatbot.incidents import log_incident
from chatbot.language import script_language
from chatbot.model import Language, Message, Reply, Room
from chatbot.recognition.answer import Recognition, customers_words
from chatbot.strings import Strings

if TYPE_CHECKING:
    from chatbot.daily_tips import DailyTips
    from chatbot.insights import Insights
    from chatbot.library import Libraries
    from chatbot.personal import PersonalData
    from chatbot.publishing import Publishing
    from chatbot.pushing import Pushes
    from chatbot.recognition.recogniser import Recogniser
    from chatbot.roles import Actor, Roles
    from chatbot.rooms import RoomChange
    from chatbot.rooms_seen import RoomsSeen
    from chatbot.store.audit import AuditLog
    from chatbot.store.sessions import EndedSessions


class Preferences(Protocol):
    """What people chose for themselves."""

    async def language(self, workspace: str, person: str) -> Language | None:
        """Return the language that a person chose, if they did."""

    async def set_language(self, workspace: str, person: str, language: Language) -> None:
        """Remember the language that a person chose."""

    async def quiet_until(self, workspace: str, person: str) -> date | None:
        """Return the first day on which a person wants personal messages again, if they muted them."""

    async def set_quiet_until(self, workspace: str, person: str, day: date | None) -> None:
        """Mute personal messages until a day; None undoes it."""

    async def forget(self, workspace: str, person: str) -> None:
        """Forget all that a person chose."""


class _Loaded:
    """The recogniser, loaded once in a thread: commands need not wait for it, and copies of a coach share it."""

    def __init__(self, load: Callable[[], "Recogniser"]) -> None:
        self._load = load
        self._loading: asyncio.Task[Recogniser] | None = None
        self._loaded: Recogniser | None = None

    async def get(self) -> "Recogniser":
        """Return the recogniser; whoever asks while it is being loaded waits for the same one."""
        if self._loaded is None:
            loading = self._loading = self._loading or asyncio.create_task(asyncio.to_thread(self._load))
            try:
                self._loaded = await asyncio.shield(loading)
            finally:
                if loading.done() and self._loading is loading:  # after a failure the next one tries again
                    self._loading = None
        return self._loaded


class Coach:
    """Understands a message and answers it."""

    def __init__(
        self,
        guidance: Guidance,
        strings: Strings,
        preferences: Preferences,
        load_recogniser: Callable[[], "Recogniser"],
        contacts: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.guidance = guidance
        self.strings = strings
        self.preferences = preferences
        self._recogniser = _Loaded(load_recogniser)
        self.contacts = contacts or {}
        self.parser = Parser(strings)
        #: The tips of channels, where there are channels; the composition root sets it.
        self.tips: DailyTips | None = None
        #: What leads add to the guidance, and who may: where that is kept; the composition root sets them.
        self.libraries: Libraries | None = None
        self.roles: Roles | None = None
        self.publishing: Publishing | None = None
        self.audit: AuditLog | None = None
        self.ended_sessions: EndedSessions | None = None
        #: Where leads find the console, "" if it is switched off.
        self.console = ""
        #: Where a push can go, and the pushes of leads; set by the composition root too.
        self.rooms_seen: RoomsSeen | None = None
        self.pushes: Pushes | None = None
        #: What counts without watching, and what is kept about a person; set by the composition root too.
        self.counting: Insights | None = None
        self.personal: PersonalData | None = None

    async def reply(self, message: Message) -> Reply:
        """Return what to show the agent. Never raises: what breaks is logged and answered with its id."""
        language = self._guess(message)
        try:
            chosen = await self._chosen(message)
            ask = self._ask(message, chosen or language, await self.guidance_of(message.workspace))
            answer = await self._answer(ask, certain=chosen is not None or message.pressed)
        except Exception as error:  # the agent must get a calm sentence whatever broke
            return self.failed(message, error)
        # Where the platform tells no language, that of the words that were understood is the one spoken here.
        spoken = chosen or script_language(message.text) or message.locale or answer.language
        self.room_seen(message.workspace, message.room, spoken, message.person, message.zone)
        if self.counting:
            self.counting.note(message, answer)
        return answer

    def failed(self, message: Message, error: Exception) -> Reply:
        """Return what to show where there is no answer: a calm sentence, and the id under which the error is logged."""
        return cards.failed(self._ask(message, self._guess(message)), log_incident(error))

    def asks_platform(self, message: Message) -> bool:
        """Return whether the answer needs to ask the platform first: then it can't ride on an acknowledgement."""
        text = bare(message.text)
        parsed = self.parser.parse(text)
        if parsed is not None and self.roles and parsed.command.role != "agent" and not self.guidance.find(text):
            return True  # whether somebody is a lead may be a question of who is in a group
        if parsed is None or parsed.command.name != "tips" or message.room is None:
            return False
        action = commands.tips.action_of(self, parsed.argument)[0]
        return action in commands.tips.CHANGES

    async def room_changed(self, workspace: str, room: str | None, change: "RoomChange") -> None:
        """Take note of what happened to a room, to a team's rooms, or (None) to a whole workspace."""
        if self.tips:
            await self.tips.room_changed(workspace, room, change)
        if self.rooms_seen:
            await self.rooms_seen.changed(workspace, room, change)

    def room_seen(
        self, workspace: str, room: Room | None, language: Language | None, person: str = "", zone: str = ""
    ) -> None:
        """Take note, in the background, of a room that Steady was spoken to in, or was added to."""
        if self.rooms_seen and room:
            self.rooms_seen.note(workspace, room, language or Language.EN, person, zone)

    async def installed(self, actor: "Actor") -> None:
        """Take note of who brought Steady to a workspace: they are its first admin."""
        if self.roles:
            await self.roles.installed(actor)

    def today(self) -> date:
        """Return the day, in UTC."""
        return (self.tips.clock() if self.tips else datetime.now(UTC)).date()

    async def recogniser(self) -> "Recogniser":
        """Return the recogniser, loaded when first asked for."""
        return await self._recogniser.get()

    def welcome(self, language: Language | None, installed_by: str | None = None) -> Reply:
        """Return the first message to a person, a team or a channel."""
        return cards.welcome(self._ask(Message("", "", ""), language or Language.EN), installed_by)

    def moved(self, reply: Reply) -> Reply:
        """Return what stands where a living reply was asked for, when it opened in the direct message."""
        return cards.walk_moved(self._ask(Message("", "", ""), reply.language))

    async def guidance_of(self, workspace: str) -> Guidance:
        """Return what a workspace knows: the built-in guidance with what its leads published over it."""
        return (await self.libraries.of(workspace)).guidance if self.libraries else self.guidance

    def _ask(self, message: Message, language: Language, guidance: Guidance | None = None) -> Ask:
        return Ask(language, self.strings, guidance or self.guidance, message, self.contacts, today=self.today())

    async def _chosen(self, message: Message) -> Language | None:
        """Return the language that the person chose; with the database gone, coach in the guessed one."""
        try:
            return await self.preferences.language(message.workspace, message.person)
        except Exception as error:  # no advice fails for want of a preference
            log_incident(error)
            return None

    def _guess(self, message: Message) -> Language:
        """Return the language to answer in as long as the person has chosen none."""
        if message.pressed and message.locale:
            return message.locale
        return script_language(message.text) or message.locale or Language.EN

    async def _answer(self, ask: Ask, *, certain: bool) -> Reply:
        text = bare(ask.message.text)
        if not text:
            return cards.menu(ask, ask.t("reply.menu_title"), ask.t("reply.menu_lead"), "an empty message")
        parsed = self.parser.parse(text)
        if parsed:
            asked = ask if certain else _in_language_of(ask, parsed.languages)
            answer = await parsed.command.run(self, asked, parsed.argument)
            if answer:
                return answer
        for words in (text, parsed.argument if parsed else ""):
            found = ask.guidance.find(words)
            if found and await self._is_harmless(ask, words, text):
                asked = ask if certain else _in_language_of(ask, found[1])
                return cards.topic_card(asked, found[0], why="its name or alias")
        recogniser = await self._recogniser_of(ask.message.workspace)
        explicit = parsed is not None and names_command(ask.message.text)
        # `/calm he says he will kill himself`: whatever was asked for, danger comes first.
        recognition = recogniser.danger(text) or (Recognition("menu") if explicit else recogniser.recognise(text))
        if recognition.kind == "topic" and names_command(ask.message.text) and " " not in text:
            recognition = Recognition("menu", why="a slash command that does not exist")
        if parsed and recognition.kind == "menu":
            answer = await parsed.command.run(self, replace(ask, insist=True), parsed.argument)
            if answer:
                return answer
        if not certain and recognition.language:
            ask = _in_language_of(ask, frozenset({recognition.language}))
        return self._recognised(ask, text, recognition, recogniser)

    async def _recogniser_of(self, workspace: str) -> "Recogniser":
        return await (self.libraries.recogniser_of(workspace) if self.libraries else self.recogniser())

    async def _is_harmless(self, ask: Ask, name: str, text: str) -> bool:
        """Return whether a name may be answered with its card: one that a lead gave must not hide danger."""
        if ask.guidance is self.guidance or self.guidance.find(name):
            return True
        return (await self.recogniser()).danger(text) is None

    def _recognised(self, ask: Ask, text: str, recognition: Recognition, recogniser: "Recogniser") -> Reply:
        topics = [ask.guidance.topics[topic_id] for topic_id in recognition.choices if topic_id in ask.guidance.topics]
        match recognition.kind:
            case "safety" if recognition.escalation:
                return cards.escalation_card(ask, ask.guidance.escalations[recognition.escalation], recognition.why)
            case "safety":
                return cards.escalations(ask, recognition.why)
            case "topic" if recognition.topic and recognition.topic in ask.guidance.topics:
                because = recogniser.because(text, recognition.topic)
                pasted = customers_words(text) is not None
                topic = ask.guidance.topics[recognition.topic]
                return cards.because_card(ask, topic, because, pasted=pasted, recognition=recognition)
            case "choice":
                return cards.which_is_it(ask, topics, recognition.why)
            case _:
                if self.counting:
                    self.counting.not_understood(ask.message, text, ask.language, recogniser.near_danger)
                return cards.unknown(ask, topics, recognition.why)


def _in_language_of(ask: Ask, languages: frozenset[Language]) -> Ask:
    """Return the ask in a language that calls the thing by the word that was used."""
    if ask.language in languages:
        return ask
    return replace(ask, language=next(language for language in Language if language in languages))
