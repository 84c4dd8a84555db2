"""The console's pages: jinja templates filled in, everything escaped."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from yarl import URL

from chatbot.language import OWN_NAMES
from chatbot.model import Language
from chatbot.strings import Strings

if TYPE_CHECKING:
    from adapters.web.console.door import Visit

#: The pages that are always one step away: path, words, who may.
_NAVIGATION = (
    ("", "leads.list_title", "lead"),
    ("/pushes", "push.list_title", "lead"),
    ("/insights", "insights.title", "lead"),
    ("/people", "leads.leads_title", "lead"),
    ("/audit", "leads.audit_title", "admin"),
)


class Pages:
    """Draws in every language; `base` is where the console's addresses begin."""

    def __init__(self, strings: Strings, base: str) -> None:
        self._strings = strings
        self._jinja = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        # `typed_to` is the address of the form "piece" on a page where something may have been typed: to change the
        # language there is to post it, so that nothing is lost.
        self._jinja.globals |= {"base": base, "languages": OWN_NAMES, "here": "", "visit": None, "typed_to": ""}

    def page(self, template: str, visit: "Visit", **values: Any) -> str:
        """Return a page for somebody who signed in."""
        navigation = [
            (path, self._strings(key, visit.language))
            for path, key, role in _NAVIGATION
            if role != "admin" or visit.role == "admin"
        ]
        given: Mapping[str, Any] = {
            "navigation": navigation,
            "name": visit.actor.name or visit.actor.person,
            "token": visit.token,
            "visit": visit,
            **values,
        }
        return self._draw(template, visit.language, given, visit.request.rel_url)

    def plain(self, template: str, language: Language, url: URL, **values: Any) -> str:
        """Return a page for anybody; `url` is its address."""
        return self._draw(template, language, {"navigation": (), "name": "", "token": "", **values}, url)

    def words(self, key: str, language: Language) -> str:
        """Return a sentence."""
        return self._strings(key, language)

    def notice(self, status: int, key: str, language: Language, token: str, name: str, **values: object) -> str:
        """Return a page that says why something was not done."""
        text = self._strings(key, language, **values)
        given = {"navigation": (), "name": name, "token": token, "text": text, "status": status}
        return self._draw("notice.html", language, given, URL())

    def _draw(self, template: str, language: Language, values: Mapping[str, Any], url: URL) -> str:
        def t(key: str, **inner: Any) -> str:
            return self._strings(key, language, **inner)

        def moment(seconds: float) -> str:
            at = datetime.fromtimestamp(seconds, UTC)
            return f"{day(at.date())}, {at:%H:%M} UTC"

        def day(value: date) -> str:
            return format_date(value, "d MMM y", locale="en_GB" if language is Language.EN else str(language))

        def number(value: float) -> str:
            return f"{value:,.0f}".replace(",", "," if language is Language.EN else "\N{NO-BREAK SPACE}")

        def in_language(tag: str) -> str:
            """Return the address of the same page in another language."""
            return str(URL().with_query(url.query).update_query(lang=tag))

        names = {"in_language": in_language, "language": language}
        given = {"t": t, "moment": moment, "day": day, "number": number, **names, **values}
        return self._jinja.get_template(template).render(given)
