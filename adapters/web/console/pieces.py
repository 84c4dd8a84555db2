"""The pages on which guidance is written, looked at, published and taken back."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from aiohttp import web

from adapters.web.console.door import Door, Visit, number_in
from adapters.web.console.pages import Pages
from adapters.web.console.previews import Preview, preview
from adapters.web.console.writing_form import (
    FIELDS,
    Trouble,
    as_typed,
    new,
    people_of,
    soon,
    stale,
    to_values,
    to_written,
    troubles,
)
from chatbot.guidance import TEAM
from chatbot.model import Language
from chatbot.publishing import FieldProblem, Piece, Refused, Version, Written, diff


class Pieces:
    """Answers under `base` and `base`/pieces."""

    def __init__(self, base: str, pages: Pages) -> None:
        self._base = base
        self._pages = pages

    def routes(self, door: Door) -> Sequence[web.AbstractRouteDef]:
        """Return its addresses."""
        base, lead = self._base, door.lead
        piece = f"{base}/pieces/{{piece:[0-9]+}}"
        return [
            web.get(base, lead(self._all)),
            web.get(f"{base}/write", lead(self._blank)),
            web.post(f"{base}/write", lead(self._write)),
            web.post(f"{base}/check", lead(self._check)),
            web.get(piece, lead(self._one)),
            web.get(f"{piece}/edit", lead(self._edit)),
            web.post(f"{piece}/edit", lead(self._rewrite)),
            web.get(f"{piece}/versions/{{number:[0-9]+}}", lead(self._version)),
            web.post(f"{piece}/versions/{{number:[0-9]+}}", lead(self._act_on_version)),
            web.post(piece, lead(self._act)),
        ]

    # ---- looking

    async def _all(self, visit: Visit) -> web.Response:
        publishing = visit.services.publishing
        today = publishing.today()
        pieces = sorted(
            await publishing.pieces(visit.actor.workspace),
            key=lambda piece: piece.latest.written.title(visit.language).casefold(),
        )
        rows = [self._row(visit, piece, today) for piece in pieces]
        return self._page("pieces.html", visit, here="", rows=rows)

    def _row(self, visit: Visit, piece: Piece, today: date) -> dict[str, Any]:
        newest = piece.latest
        shown = piece.live or newest
        return {
            "piece": piece,
            "title": newest.written.title(visit.language),
            "state": self._state(visit, piece),
            "owner": shown.written.owner_name or piece.owner,
            "languages": [language for language in Language if language in shown.written.written],
            "stale": stale(piece.verified_until, today),
            "soon": soon(piece.verified_until, today),
        }

    def _state(self, visit: Visit, piece: Piece) -> str:
        """Return in words what agents see of a piece, and what waits."""
        t, language = visit.services.coach.strings, visit.language
        newest = piece.latest.state
        state: str = newest
        if piece.live:
            state = f"live_{newest}" if newest in ("draft", "review") else "published"
        return t(f"console.state_{state}", language)

    async def _one(self, visit: Visit) -> web.Response:
        piece = await self._of(visit)
        versions = await visit.services.publishing.versions(piece)
        newest = piece.latest
        return self._page(
            "piece.html",
            visit,
            row=self._row(visit, piece, visit.services.publishing.today()),
            piece=piece,
            versions=[(version, self._said(visit, version)) for version in versions],
            names=await self._names(visit, newest.written),
            own=newest.author == visit.actor.person,
            previews=self._previews(visit, newest.written),
            builtin=not piece.topic.startswith(TEAM),
        )

    async def _version(self, visit: Visit) -> web.Response:
        piece = await self._of(visit)
        publishing = visit.services.publishing
        version = await publishing.version(piece, visit.number("number"))
        versions = await publishing.versions(piece)
        before = next((each for each in versions if each.number < version.number), None)
        changes = diff(before.written, version.written) if before else []
        t, language = visit.services.coach.strings, visit.language
        rows = [(t(f"leads.field_{change.field}", language), change) for change in changes]
        return self._page(
            "version.html",
            visit,
            piece=piece,
            version=version,
            before=before,
            state=self._said(visit, version),
            names=await self._names(visit, version.written),
            changes=rows,
            previews=self._previews(visit, version.written),
        )

    # ---- writing

    async def _blank(self, visit: Visit) -> web.Response:
        topic = visit.request.query.get("topic", "")
        known = visit.services.coach.guidance.topics
        written = new(visit.actor, visit.services.publishing.today(), topic if topic in known else "")
        return await self._form(visit, None, written, to_values(written))

    async def _edit(self, visit: Visit) -> web.Response:
        piece = await self._of(visit)
        written = piece.latest.written
        return await self._form(visit, piece, written, to_values(written))

    async def _write(self, visit: Visit) -> web.Response:
        return await self._typed(visit, None)

    async def _rewrite(self, visit: Visit) -> web.Response:
        return await self._typed(visit, await self._of(visit))

    async def _typed(self, visit: Visit, piece: Piece | None) -> web.Response:
        """Save what was typed as a draft; or show it again: previewed, with what is wrong, or in another language."""
        written = await self._read(visit, piece)
        if visit.text("lang"):
            return await self._form(visit, piece, written, as_typed(visit.form))
        publishing = visit.services.publishing
        problems: Sequence[FieldProblem]
        if visit.text("do") == "save":
            try:
                version = await publishing.save_draft(visit.actor, written, piece.id if piece else None)
                return see(f"{self._base}/pieces/{version.piece}")
            except Refused as refused:
                if not refused.problems:
                    raise
                problems = refused.problems
            return await self._form(visit, piece, written, as_typed(visit.form), problems, status=422)
        problems = await publishing.problems(visit.actor.workspace, written, piece.id if piece else None)
        previews = self._previews(visit, written)
        return await self._form(visit, piece, written, as_typed(visit.form), problems, previews)

    async def _check(self, visit: Visit) -> web.Response:
        """Return what is wrong with what is being typed, by field, for the page to show."""
        piece = await self._of(visit, number_in(visit.text("piece"))) if visit.text("piece") else None
        written = await self._read(visit, piece)
        problems = await visit.services.publishing.problems(visit.actor.workspace, written, piece.id if piece else None)
        found = troubles(problems, visit.services.coach.strings, visit.language)
        return web.json_response(
            {name: [{"text": one.text, "blocks": one.blocks} for one in of] for name, of in found.items()}
        )

    async def _read(self, visit: Visit, piece: Piece | None) -> Written:
        topic = piece.topic if piece else visit.text("topic")
        return to_written(visit.form, topic, await self._people(visit, piece))

    async def _form(
        self,
        visit: Visit,
        piece: Piece | None,
        written: Written,
        values: Mapping[str, str],
        problems: Sequence[FieldProblem] = (),
        previews: Sequence[Preview] = (),
        status: int = 200,
    ) -> web.Response:
        strings, language = visit.services.coach.strings, visit.language
        found = troubles(problems, strings, language)
        topics = {
            topic.id: topic.texts[language].title
            for topic in visit.services.coach.guidance.topics.values()
            if not topic.id.startswith(TEAM)
        }
        action = f"{self._base}/pieces/{piece.id}/edit" if piece else f"{self._base}/write"
        return self._page(
            "write.html",
            visit,
            status=status,
            here="",
            piece=piece,
            written=written,
            values=values,
            found=found,
            blocked=any(one.blocks for of in found.values() for one in of),
            checked=visit.request.method == "POST" and not visit.text("lang"),
            typed_to=action,
            people=await self._people(visit, piece),
            topics=topics,
            fields=[(name, kind, strings(f"leads.field_{name}", language)) for name, kind in FIELDS.items()],
            open=self._opened(visit, found, values),
            previews=previews,
        )

    def _opened(
        self, visit: Visit, found: Mapping[str, Sequence[Trouble]], values: Mapping[str, str]
    ) -> frozenset[Language]:
        """Return the languages to show unfolded: those with words or with something to mend, or the reader's."""
        opened = {
            language
            for language in Language
            if any(values.get(f"{name}-{language}") for name in FIELDS)
            or any(one.blocks for name in FIELDS for one in found.get(f"{name}-{language}", ()))
        }
        return frozenset(opened or {visit.language})

    # ---- publishing

    async def _act(self, visit: Visit) -> web.Response:
        piece, publishing = await self._of(visit), visit.services.publishing
        match visit.text("do"):
            case "withdraw":
                await publishing.withdraw(visit.actor, piece.id)
            case "confirm":
                await publishing.confirm(visit.actor, piece.id, None)
            case _:
                raise web.HTTPBadRequest
        return see(f"{self._base}/pieces/{piece.id}")

    async def _act_on_version(self, visit: Visit) -> web.Response:
        piece, number = await self._of(visit), visit.number("number")
        publishing = visit.services.publishing
        acts = {
            "submit": publishing.submit,
            "approve": publishing.approve,
            "publish": publishing.publish,
            "roll_back": publishing.roll_back,
        }
        act = acts.get(visit.text("do"))
        if act is None:
            raise web.HTTPBadRequest
        try:
            await act(visit.actor, piece.id, number)
        except Refused as refused:
            if not refused.problems:
                raise
            # Something has become wrong since it was saved, such as a name that another piece took.
            version = await publishing.version(piece, number)
            written = version.written
            return await self._form(visit, piece, written, to_values(written), refused.problems, status=422)
        return see(f"{self._base}/pieces/{piece.id}")

    # ---- what they share

    async def _of(self, visit: Visit, number: int | None = None) -> Piece:
        """Return the piece in the address; another workspace's is not there."""
        number = visit.number("piece") if number is None else number
        return await visit.services.publishing.piece(visit.actor.workspace, number)

    async def _people(self, visit: Visit, piece: Piece | None) -> dict[str, str]:
        rows = await visit.services.roles.leads(visit.actor.workspace)
        return people_of(rows, visit.actor, piece.latest.written if piece else None)

    async def _names(self, visit: Visit, written: Written) -> dict[str, str]:
        rows = await visit.services.roles.leads(visit.actor.workspace)
        return people_of(rows, visit.actor, written)

    def _previews(self, visit: Visit, written: Written) -> list[Preview]:
        publishing = visit.services.publishing
        known = visit.services.coach.guidance.topics
        if written.topic and not written.topic.startswith(TEAM) and written.topic not in known:
            return []
        shown = [language for language in Language if language in written.written]
        return [preview(publishing.preview(written, language), language) for language in shown]

    def _said(self, visit: Visit, version: Version) -> str:
        return visit.services.coach.strings(f"console.state_{version.state}", visit.language)

    def _page(self, template: str, visit: Visit, status: int = 200, **values: Any) -> web.Response:
        text = self._pages.page(template, visit, **{"here": "", **values})
        return web.Response(status=status, text=text, content_type="text/html")


def see(path: str) -> web.Response:
    """Return an answer that sends the browser to another page, so that a reload posts nothing again."""
    return web.Response(status=303, headers={"Location": path})
