"""What every card is made with: a language, the sentences in it, and what the workspace knows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chatbot.guidance import Guidance, Topic
from chatbot.model import Block, Button, Language, Outcome, Reply
from chatbot.strings import Strings


@dataclass(frozen=True, slots=True)
class Voice:
    """A language and what is needed to say something in it."""

    language: Language
    strings: Strings
    guidance: Guidance

    def t(self, key: str, **values: Any) -> str:
        """Return a sentence of strings.toml in this language."""
        return self.strings(key, self.language, **values)

    def label(self, key: str, shown: int, of: int) -> str:
        """Return the label of a choice, which says so where not all that there is can be listed."""
        label = self.t(key)
        return self.t("reply.some_listed", label=label, shown=shown, all=of) if shown < of else label

    def title(self, topic: Topic) -> str:
        """Return the topic's title in this language."""
        return topic.texts[self.language].title

    def reply(self, blocks: Iterable[Block], buttons: Iterable[Button] = (), why: str = "") -> Reply:
        """Return a reply that is not about one topic; `why` is for developers."""
        return Reply(tuple(blocks), self.language, Outcome("menu", why=why), tuple(buttons))

    def all_topics(self) -> Button:
        """Return the button that leads back to everything there is."""
        return Button(self.t("button.menu"), "topics")
