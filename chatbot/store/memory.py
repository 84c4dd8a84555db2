"""A store that forgets at the end of the process: for the command line and the tests."""

from chatbot.model import Language


class MemoryStore:
    """Keeps everything in dictionaries."""

    def __init__(self) -> None:
        self._languages: dict[tuple[str, str], Language] = {}

    async def start(self) -> None:
        """Do nothing: there is nothing to open."""

    async def stop(self) -> None:
        """Do nothing: there is nothing to close."""

    async def language(self, workspace: str, person: str) -> Language | None:
        """Return the language that a person chose, if they did."""
        return self._languages.get((workspace, person))

    async def set_language(self, workspace: str, person: str, language: Language) -> None:
        """Remember the language that a person chose."""
        self._languages[workspace, person] = language
