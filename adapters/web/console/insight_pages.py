"""The pages of counts, of words not understood, of who leads, and of what was done."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from adapters.web.console.chart import charts
from adapters.web.console.door import Door, Visit
from adapters.web.console.pages import Pages
from adapters.web.console.pieces import see
from chatbot.insights import SHOWN_WEEKS, TopicCount, WorksCouncilError
from chatbot.language import OWN_NAMES
from chatbot.model import Language, Mention
from chatbot.publishing import Refused

_AUDIT_SHOWN = 200
#: A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class TopicRow:
    """A topic's numbers over all weeks."""

    title: str
    asked: int
    by_language: dict[Language, int]
    useful: int
    useless: int


class InsightPages:
    """Answers under `base`/insights, `base`/people and `base`/audit."""

    def __init__(self, base: str, pages: Pages) -> None:
        self._base = base
        self._pages = pages

    def routes(self, door: Door) -> Sequence[web.AbstractRouteDef]:
        """Return its addresses."""
        base, lead = self._base, door.lead
        return [
            web.get(f"{base}/insights", lead(self._insights)),
            web.post(f"{base}/insights", lead(self._switch, "admin")),
            # A refusal is shown at this address; whoever then changes the language comes by it again.
            web.get(f"{base}/unheard", lead(self._insights)),
            web.post(f"{base}/unheard", lead(self._alias)),
            web.get(f"{base}/people", lead(self._people)),
            web.post(f"{base}/people", lead(self._change_people, "admin")),
            web.get(f"{base}/audit", lead(self._audit, "admin")),
            web.get(f"{base}/audit.csv", lead(self._export, "admin")),
        ]

    # ---- counts

    async def _insights(self, visit: Visit, trouble: str = "", status: int = 200) -> web.Response:
        insights, workspace = visit.services.insights, visit.actor.workspace
        counts = await insights.counts(workspace)
        weeks = sorted({count.week for count in counts})[-SHOWN_WEEKS:]
        asked: dict[Language, Counter[str]] = defaultdict(Counter)
        for count in counts:
            asked[count.language][count.week] += count.asked
        by_language = {OWN_NAMES[language]: asked[language] for language in Language if language in asked}
        topics = await self._topics(visit)
        return self._page(
            "insights.html",
            visit,
            "/insights",
            status=status,
            on=await insights.is_on(workspace),
            council=insights.works_council,
            weeks=weeks,
            charts=charts(by_language, weeks),
            by_language=by_language,
            rows=_rows(counts, topics),
            unheard=await insights.unheard(workspace),
            topics=topics,
            trouble=trouble,
        )

    async def _topics(self, visit: Visit) -> dict[str, str]:
        """Return all topics' titles by id, the team's own first."""
        pieces = await visit.services.publishing.pieces(visit.actor.workspace)
        own = {piece.topic: piece.live.written.title(visit.language) for piece in pieces if piece.live}
        known = visit.services.coach.guidance.topics.values()
        return own | {topic.id: topic.texts[visit.language].title for topic in known if topic.id not in own}

    async def _switch(self, visit: Visit) -> web.Response:
        try:
            await visit.services.insights.switch(visit.actor, visit.text("on") == "yes")
        except WorksCouncilError:
            return await self._insights(visit, visit.services.coach.strings("insights.council", visit.language), 409)
        return see(f"{self._base}/insights")

    async def _alias(self, visit: Visit) -> web.Response:
        """Make words that were not understood a name of a topic: only such words, in the language they were in."""
        words, language = visit.text("words"), Language.from_tag(visit.text("language"))
        found = await visit.services.insights.unheard(visit.actor.workspace)
        if not any(one.words == words and one.language == language for one in found) or language is None:
            raise web.HTTPNotFound
        topic = visit.text("topic")
        if topic not in await self._topics(visit):
            raise web.HTTPNotFound
        try:
            await visit.services.publishing.add_alias(visit.actor, topic, language, words)
        except Refused as refused:
            strings = visit.services.coach.strings
            why = [strings(one.key, visit.language, **one.values) for one in refused.problems if one.blocks]
            trouble = " ".join(dict.fromkeys(why)) or strings(refused.key, visit.language, **refused.values)
            return await self._insights(visit, trouble, status=409)
        await visit.services.insights.drop_words(visit.actor.workspace, words)
        return see(f"{self._base}/insights")

    # ---- leads

    async def _people(self, visit: Visit) -> web.Response:
        rows = await visit.services.roles.leads(visit.actor.workspace)
        reviewed = await visit.services.publishing.reviewed(visit.actor.workspace)
        return self._page("people.html", visit, "/people", rows=rows, reviewed=reviewed)

    async def _change_people(self, visit: Visit) -> web.Response:
        match visit.text("do"):
            case "remove":
                await visit.services.roles.remove_lead(visit.actor, Mention(visit.text("subject"), ""))
            case "review_on" | "review_off":
                await visit.services.publishing.set_reviewed(visit.actor, visit.text("do") == "review_on")
            case _:
                raise web.HTTPBadRequest
        return see(f"{self._base}/people")

    # ---- what was done

    async def _audit(self, visit: Visit) -> web.Response:
        found = await visit.services.audit.of(visit.actor.workspace, _AUDIT_SHOWN)
        t = visit.services.coach.strings
        rows = [(row, t(f"leads.did_{row.action.replace(' ', '_')}", visit.language)) for row in found]
        return self._page("audit.html", visit, "/audit", rows=rows, most=_AUDIT_SHOWN)

    async def _export(self, visit: Visit) -> web.Response:
        sheet = io.StringIO()
        writer = csv.writer(sheet)
        writer.writerow(("at", "actor", "action", "about"))
        for row in await visit.services.audit.of(visit.actor.workspace, None):
            writer.writerow((f"{row.at:.3f}", _cell(row.actor), row.action, _cell(row.about)))
        return web.Response(
            text="\N{BYTE ORDER MARK}" + sheet.getvalue(),
            content_type="text/csv",
            charset="utf-8",
            headers={"Content-Disposition": 'attachment; filename="steady-audit.csv"'},
        )

    def _page(self, template: str, visit: Visit, here: str, status: int = 200, **values: Any) -> web.Response:
        text = self._pages.page(template, visit, here=here, **values)
        return web.Response(status=status, text=text, content_type="text/html")


def _rows(counts: Sequence[TopicCount], topics: dict[str, str]) -> list[TopicRow]:
    of: dict[str, list[TopicCount]] = defaultdict(list)
    for count in counts:
        of[count.topic].append(count)
    rows = [
        TopicRow(
            topics.get(topic, topic),
            sum(count.asked for count in found),
            {language: sum(c.asked for c in found if c.language is language) for language in Language},
            sum(count.useful for count in found),
            sum(count.useless for count in found),
        )
        for topic, found in of.items()
    ]
    return sorted(rows, key=lambda row: -row.asked)


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
