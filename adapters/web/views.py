"""The page and its fragments: jinja templates filled in, everything escaped."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from adapters.web.blockkit import draw, draw_text
from adapters.web.people import BOT_NAME, CHANNEL_NAME, PERSONAS
from adapters.web.room import Change, Exchange, Post
from adapters.web.teams_end import card_of
from chatbot.language import OWN_NAMES
from chatbot.model import Language
from chatbot.strings import Strings

#: What a message may have, in bytes: a private answer in Slack (UTF-8), any message in Teams (UTF-16).
LIMITS = {"slack": 4_000, "teams": 80 * 1024}

#: What the page offers to ask, in every language.
EXAMPLES = (
    "web.example_calm",
    "web.example_archetype",
    "web.example_step",
    "web.example_say",
    "web.example_help",
    "web.example_free",
)


@dataclass(frozen=True, slots=True)
class Picked:
    """What is picked on the page: language, persona, place."""

    language: Language
    persona: str
    place: str


class Views:
    """Draws in every language."""

    def __init__(self, strings: Strings, base: str) -> None:
        self._strings = strings
        self._jinja = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.globals |= {
            "base": base,
            "bot": BOT_NAME,
            "channel": CHANNEL_NAME,
            "limits": LIMITS,
            "personas": PERSONAS,
            "languages": OWN_NAMES,
        }

    def page(self, picked: Picked) -> str:
        """Return the whole page, still without messages."""
        examples = [self._strings(key, picked.language) for key in EXAMPLES]
        return self._draw("playground.html", picked.language, picked=picked, examples=examples)

    def change(self, change: Change, language: Language) -> dict[str, Any]:
        """Return a change as the page takes it: what it is, the HTML to show, the words to say aloud."""
        match change:
            case Post():
                return self._post(change, language)
            case Exchange():
                return {"kind": "exchange", "html": self._draw("exchange.html", language, x=change)}
            case _:
                return {"kind": change}

    def _post(self, post: Post, language: Language) -> dict[str, Any]:
        card = card_of(post.content)
        if post.pane == "slack":
            blocks = post.content.get("blocks")
            body = draw(blocks) if isinstance(blocks, list) else draw_text(str(post.content.get("text", "")))
        else:
            body = Markup("")
        html = self._draw(
            "post.html",
            language,
            post=post,
            body=body,
            card=json.dumps(card, ensure_ascii=False) if card else "",
            source=json.dumps(card or post.content, ensure_ascii=False, indent=2),
        )
        said = ""
        if post.author == "steady":
            # The answer to a press has no summary of its own, but every card says what it says without drawing.
            first = str((card or {}).get("fallbackText", "")).replace("\\", "").split("\n")[:2]
            gist = post.content.get("summary") or " – ".join(first) or post.content.get("text", "")
            key = "web.changed" if post.edits else "web.answered"
            said = self._strings(key, language, platform=post.pane.capitalize(), gist=gist)
        return {"kind": "post", "id": post.id, "pane": post.pane, "html": html, "said": said}

    def _draw(self, template: str, language: Language, **values: Any) -> str:
        def t(key: str, **inner: Any) -> str:
            return self._strings(key, language, **inner)

        def number(value: float) -> str:
            return f"{value:,.0f}".replace(",", "," if language == Language.EN else "\N{NO-BREAK SPACE}")

        return self._jinja.get_template(template).render(t=t, number=number, language=language, **values)
