"""The page and its fragments: jinja templates filled in, everything escaped."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.dates import format_date, get_day_names, get_month_names
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from adapters.web.blockkit import draw, draw_form, draw_text
from adapters.web.desk import DeskState
from adapters.web.faults import FAULTS
from adapters.web.people import BOT_NAME, CHANNELS, PERSONAS
from adapters.web.room import Change, Exchange, Modal, Post
from adapters.web.teams_end import card_of
from chatbot.language import OWN_NAMES
from chatbot.model import Language
from chatbot.strings import Strings

#: What a message may have, in bytes: a private answer in Slack (UTF-8), any message in Teams (UTF-16).
LIMITS = {"slack": 4_000, "teams": 80 * 1024}

_PLATFORMS = {"slack": "Slack", "teams": "Microsoft Teams"}

#: What the page offers to ask, in every language.
EXAMPLES = (
    "web.example_calm",
    "web.example_archetype",
    "web.example_step",
    "web.example_say",
    "web.example_tips",
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
            "channels": CHANNELS,
            "limits": LIMITS,
            "personas": PERSONAS,
            "languages": OWN_NAMES,
        }

    def page(self, picked: Picked) -> str:
        """Return the whole page, still without messages."""
        examples = [self._strings(key, picked.language) for key in EXAMPLES]
        faults = {kind: self._fault(kind, picked.language) for kind in FAULTS}
        days = get_day_names("abbreviated", "stand-alone", locale=str(picked.language))
        months = get_month_names("abbreviated", locale=str(picked.language))
        values = {"picked": picked, "examples": examples, "faults": faults, "platforms": _PLATFORMS}
        from_sunday = [days[number] for number in (6, 0, 1, 2, 3, 4, 5)]
        names = {"days": from_sunday, "months": [months[number] for number in range(1, 13)]}
        return self._draw("playground.html", picked.language, **values, **names)

    def change(self, change: Change, language: Language) -> dict[str, Any]:
        """Return a change as the page takes it: what it is, the HTML to show, the words to say aloud."""
        match change:
            case Post():
                return self._post(change, language)
            case Modal():
                return self._modal(change, language)
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

    def _modal(self, modal: Modal, language: Language) -> dict[str, Any]:
        if modal.view is None:
            return {"kind": "modal", "id": modal.id, "html": ""}
        missing = self._strings("web.slack_required", language)
        optional = self._strings("web.slack_optional", language)
        errors = {block: text or missing for block, text in modal.errors.items()}
        body = draw_form(modal.view["blocks"], modal.typed, errors, f"modal-{modal.id}", optional)
        html = self._draw("modal.html", language, modal=modal, view=modal.view, body=body)
        return {"kind": "modal", "id": modal.id, "html": html}

    def desk(self, state: DeskState, language: Language) -> dict[str, Any]:
        """Return the desk as it stands: the time in milliseconds, and the HTML of its parts."""

        def moment(seconds: float) -> str:
            at = datetime.fromtimestamp(seconds, UTC)
            return f"{format_date(at, 'd MMM', locale=str(language))} {at:%H:%M:%S}"

        ledger = [
            {
                "row": row,
                "platform": _PLATFORMS.get(row.lane.partition(":")[0], row.lane),
                "state": self._strings(f"web.state_{row.state}", language),
                "due": moment(row.due) if row.due is not None else "",
                "since": moment(row.since),
                "reason": self._strings(f"web.reason_{row.reason}", language) if row.reason else "",
            }
            for row in state.rows
        ]
        faults = {
            pane: self._strings("web.fault_left", language, count=faults.left, what=self._fault(faults.kind, language))
            if faults.left
            else self._strings("web.fault_none", language)
            for pane, faults in state.faults.items()
        }
        return {
            "kind": "desk",
            "now": round(state.now * 1000),
            "zones": ["UTC", *(zone for zone in state.zones if zone != "UTC")],
            "schedules": self._draw("schedules.html", language, whys=state.whys, platforms=_PLATFORMS),
            "ledger": self._draw("ledger.html", language, ledger=ledger),
            "faults": faults,
        }

    def _fault(self, kind: str, language: Language) -> str:
        return self._strings(f"web.fault_{kind}", language)

    def _draw(self, template: str, language: Language, **values: Any) -> str:
        def t(key: str, **inner: Any) -> str:
            return self._strings(key, language, **inner)

        def number(value: float) -> str:
            return f"{value:,.0f}".replace(",", "," if language == Language.EN else "\N{NO-BREAK SPACE}")

        return self._jinja.get_template(template).render(t=t, number=number, language=language, **values)
