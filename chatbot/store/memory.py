"""A store that forgets at the end of the process: for the command line and the tests."""

from datetime import date

from chatbot.model import Language


class MemoryPreferences:
    """Keeps what people chose in dictionaries."""

    def __init__(self) -> None:
        self._languages: dict[tuple[str, str], Language] = {}
        self._quiet: dict[tuple[str, str], date] = {}

    async def language(self, workspace: str, person: str) -> Language | None:
        """Return the language that a person chose, if they did."""
        return self._languages.get((workspace, person))

    async def set_language(self, workspace: str, person: str, language: Language) -> None:
        """Remember the language that a person chose."""
        self._languages[workspace, person] = language

    async def quiet_until(self, workspace: str, person: str) -> date | None:
        """Return the first day on which a person wants personal messages again, if they muted them."""
        return self._quiet.get((workspace, person))

    async def set_quiet_until(self, workspace: str, person: str, day: date | None) -> None:
        """Mute personal messages until a day; None undoes it."""
        if day is None:
            self._quiet.pop((workspace, person), None)
        else:
            self._quiet[workspace, person] = day

    async def forget(self, workspace: str, person: str) -> None:
        """Forget all that a person chose."""
        self._languages.pop((workspace, person), None)
        self._quiet.pop((workspace, person), None)
