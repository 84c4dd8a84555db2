"""The pages on which guidance is pushed, watched on its way, corrected and taken back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any

from aiohttp import web

from adapters.web.console.door import Door, Visit
from adapters.web.console.pages import Pages
from adapters.web.console.pieces import see
from chatbot.incidents import log_incident
from chatbot.model import Language
from chatbot.publishing import Piece
from chatbot.push_cards import why_untold
from chatbot.push_groups import GroupUntold
from chatbot.pushing import BadPush, Estimate, Push, Report, Targets, Wording, WrongMoment
from chatbot.written import lines
from chatbot.zones import find_zone

_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Figure:
    """A number on the delivery page, with the reasons behind it."""

    label: str
    number: int
    reasons: tuple[tuple[str, int], ...] = ()


class PushPages:
    """Answers under `base`/pushes."""

    def __init__(self, base: str, pages: Pages) -> None:
        self._base = base
        self._pages = pages

    def routes(self, door: Door) -> Sequence[web.AbstractRouteDef]:
        """Return its addresses."""
        pushes, lead = f"{self._base}/pushes", door.lead
        push = f"{pushes}/{{push:[0-9]+}}"
        return [
            web.get(pushes, lead(self._all)),
            web.get(f"{pushes}/new", lead(self._blank)),
            web.post(f"{pushes}/new", lead(self._create)),
            web.get(push, lead(self._one)),
            web.get(f"{push}/figures", lead(self._figures)),
            web.get(f"{push}/correct", lead(self._corrected)),
            web.post(f"{push}/correct", lead(self._correct)),
            web.post(push, lead(self._act)),
        ]

    # ---- looking

    async def _all(self, visit: Visit) -> web.Response:
        found = await visit.services.pushes.list(visit.actor, _SHOWN)
        rows = [(push, push.wording(visit.language)[1].title, self._state(visit, push)) for push in found]
        return self._page("pushes.html", visit, rows=rows)

    async def _one(self, visit: Visit, trouble: str = "", status: int = 200) -> web.Response:
        pushes = visit.services.pushes
        report = await pushes.report(visit.actor, visit.number("push"))
        push = report.push
        estimate: Estimate | None = None
        if push.state == "draft":
            try:
                estimate = await pushes.estimate(visit.actor, push)
            except GroupUntold as untold:
                trouble, status = self._untold(visit, untold), 409
        channels = await self._channels(visit)
        chosen = [channels.get(key, key) for key in push.targets.rooms]
        wording = {language: words for language in Language if (words := push.words.get(language))}
        return self._page(
            "push.html",
            visit,
            status=status,
            push=push,
            report=report,
            estimate=estimate,
            duration=self._duration(visit, estimate.seconds) if estimate else "",
            wording=wording,
            chosen=chosen,
            chosen_groups=[push.group_names.get(group, group) for group in push.targets.groups],
            trouble=trouble,
            **self._shown(visit, report),
        )

    async def _figures(self, visit: Visit) -> web.Response:
        """Return the figures alone, for a page that is open."""
        report = await visit.services.pushes.report(visit.actor, visit.number("push"))
        return self._page("figures.html", visit, push=report.push, report=report, **self._shown(visit, report))

    def _shown(self, visit: Visit, report: Report) -> dict[str, Any]:
        t, language = visit.services.coach.strings, visit.language

        def reasons(of: Mapping[Any, int]) -> tuple[tuple[str, int], ...]:
            return tuple(
                (t(f"web.reason_{reason}", language) if reason else "–", count) for reason, count in of.items()
            )

        failed, skipped = sum(report.failed.values()), sum(report.skipped.values())
        figures = [
            Figure(t("web.state_pending", language), report.pending),
            Figure(t("web.state_sent", language), report.sent),
            Figure(t("web.state_failed", language), failed, reasons(report.failed)),
            Figure(t("web.state_unknown", language), report.unknown),
            Figure(t("web.state_skipped", language), skipped, reasons(report.skipped)),
            Figure(t("web.state_cancelled", language), report.cancelled),
        ]
        told: list[str] = []
        if report.push.receipts:
            told.append(t("push.receipts", language, count=report.receipts))
        if report.reminded:
            told.append(t("push.reminded", language, count=report.reminded))
        if report.changed or report.changing:
            told.append(t("push.changed", language, count=report.changed, left=report.changing))
        if report.unchanged:
            told.append(t("push.unchanged", language, count=report.unchanged))
        live = report.push.state != "draft" and bool(
            report.pending or report.changing or report.push.state != "started"
        )
        state = self._state(visit, report.push, under_way=live)
        return {"figures": figures, "told": told, "failed": failed, "live": live, "state": state}

    def _state(self, visit: Visit, push: Push, *, under_way: bool | None = None) -> str:
        """Return how a push stands; whether it is still under way is not known where nobody counted."""
        name = push.ended or (
            push.state if push.state in ("draft", "starting") else "under_way" if under_way else "done"
        )
        if under_way is None and not push.ended and push.state not in ("draft", "starting"):
            return visit.services.coach.strings("console.push_begun", visit.language)
        return visit.services.coach.strings(f"push.is_{name}", visit.language)

    def _duration(self, visit: Visit, seconds: float) -> str:
        t = visit.services.coach.strings
        if seconds < 60:
            return t("push.seconds", visit.language, count=max(1, round(seconds)))
        if seconds < 3600:
            return t("push.minutes", visit.language, count=round(seconds / 60))
        return t("push.hours", visit.language, count=round(seconds / 3600, 1))

    # ---- writing

    async def _blank(self, visit: Visit) -> web.Response:
        piece = visit.request.query.get("piece", "")
        values = {"piece": piece, "language": str(visit.language), "to": "channels"}
        return await self._form(visit, values, {})

    async def _create(self, visit: Visit) -> web.Response:
        """Write a draft and show how many it would go to; nothing is sent before that is confirmed."""
        if visit.text("lang"):
            return await self._form(visit, dict(visit.form), {})
        wrong: dict[str, str] = {}
        piece = await self._chosen_piece(visit, wrong)
        channels = await self._channels(visit)
        to = visit.text("to")
        targets = Targets(
            channels=to == "channels",
            rooms=tuple(key for key in visit.form.getall("room", []) if key in channels) if to == "rooms" else (),
            people=to == "people",
            languages=tuple(tag for tag in Language if str(tag) in visit.form.getall("only", [])),
            groups=tuple(dict.fromkeys(visit.form.getall("group", []))) if to == "groups" else (),
        )
        at, zone = self._time(visit, wrong)
        push = Push(
            visit.actor.workspace,
            visit.actor.person,
            visit.actor.name or visit.actor.person,
            _wording_of(piece) if piece else self._own_words(visit),
            targets,
            topic=piece.topic if piece else "",
            piece=piece.id if piece else None,
            version=piece.published if piece else None,
            at=at,
            zone=zone,
            receipts=visit.text("receipts") == "yes",
        )
        if not wrong:
            try:
                made = await visit.services.pushes.create(visit.actor, push)
                return see(f"{self._base}/pushes/{made.id}")
            except BadPush as bad:
                wrong = _keys(bad)
        return await self._form(visit, dict(visit.form), wrong, status=422)

    async def _chosen_piece(self, visit: Visit, wrong: dict[str, str]) -> Piece | None:
        chosen = visit.text("piece")
        if not chosen:
            return None
        live = {str(piece.id): piece for piece in await self._live(visit)}
        if chosen not in live:
            wrong["piece"] = "console.bad_piece"
        return live.get(chosen)

    def _own_words(self, visit: Visit) -> dict[Language, Wording]:
        language = Language.from_tag(visit.text("language")) or visit.language
        return {language: Wording(visit.text("title").strip(), visit.text("text").strip())}

    def _time(self, visit: Visit, wrong: dict[str, str]) -> tuple[time | None, str]:
        """Return the local time at which each recipient gets it, None for at once, and the zone that stands in."""
        typed, zone = visit.text("at"), find_zone(visit.text("zone") or "UTC")
        if not zone:
            wrong["zone"] = "console.bad_zone"
        try:
            at = time.fromisoformat(typed).replace(second=0, microsecond=0, tzinfo=None) if typed else None
        except ValueError:
            wrong["at"], at = "console.bad_at", None
        return at, zone or "UTC"

    async def _form(
        self,
        visit: Visit,
        values: Mapping[str, str],
        wrong: Mapping[str, str],
        status: int = 200,
    ) -> web.Response:
        t, language = visit.services.coach.strings, visit.language
        given = dict.fromkeys(("piece", "title", "text", "at", "receipts", "to"), "")
        given |= {"zone": "UTC", "language": str(language), **values}
        return self._page(
            "push_new.html",
            visit,
            status=status,
            typed_to=f"{self._base}/pushes/new",
            values=given,
            only=visit.form.getall("only", []),
            rooms=visit.form.getall("room", []),
            chosen_groups=visit.form.getall("group", []),
            groups=await visit.services.pushes.groups(visit.actor),
            channels=await self._channels(visit),
            pieces=[(piece.id, piece.live.written.title(language)) for piece in await self._live(visit) if piece.live],
            wrong={name: t(key, language) for name, key in wrong.items()},
        )

    async def _channels(self, visit: Visit) -> dict[str, str]:
        """Return what each channel is called: its name, or the end of its key where the platform does not say."""
        t, language = visit.services.coach.strings, visit.language
        found = await visit.services.pushes.channels(visit.actor)
        return {
            known.room.key: known.room.name or t("push.channel", language, end=known.room.key[-12:]) for known in found
        }

    async def _live(self, visit: Visit) -> list[Piece]:
        pieces = await visit.services.publishing.pieces(visit.actor.workspace)
        return [piece for piece in pieces if piece.live and piece.live.written.written]

    async def _corrected(self, visit: Visit) -> web.Response:
        push = await visit.services.pushes.find(visit.actor, visit.number("push"))
        return self._correction(visit, push, push.words, {})

    async def _correct(self, visit: Visit) -> web.Response:
        push = await visit.services.pushes.find(visit.actor, visit.number("push"))
        words = {
            language: Wording(
                visit.text(f"title-{language}").strip(),
                visit.text(f"lead-{language}").strip(),
                lines(visit.text(f"steps-{language}")),
                lines(visit.text(f"say-{language}")),
            )
            for language in push.words
        }
        if visit.text("lang"):
            return self._correction(visit, push, words, {})
        try:
            await visit.services.pushes.correct(visit.actor, push.id, words)
        except BadPush as bad:
            return self._correction(visit, push, words, _keys(bad))
        except WrongMoment as wrong:
            return await self._one(visit, self._why(visit, wrong), status=409)
        except GroupUntold as untold:
            return await self._one(visit, self._untold(visit, untold), status=409)
        return see(f"{self._base}/pushes/{push.id}")

    def _correction(
        self, visit: Visit, push: Push, words: Mapping[Language, Wording], wrong: Mapping[str, str]
    ) -> web.Response:
        t = visit.services.coach.strings
        said = {name: t(key, visit.language) for name, key in wrong.items()}
        status = 422 if wrong else 200
        shown = {language: words[language] for language in Language if language in words}
        action = f"{self._base}/pushes/{push.id}/correct"
        return self._page(
            "push_correct.html", visit, status=status, push=push, words=shown, wrong=said, typed_to=action
        )

    # ---- sending

    async def _act(self, visit: Visit) -> web.Response:
        pushes, number, act = visit.services.pushes, visit.number("push"), visit.text("do")
        try:
            match act:
                case "start":
                    await pushes.start(visit.actor, number)
                case "discard":
                    await pushes.discard(visit.actor, number)
                    return see(f"{self._base}/pushes")
                case "cancel":
                    await pushes.cancel(visit.actor, number)
                case "withdraw":
                    await pushes.withdraw(visit.actor, number)
                case "resend" | "resend_unknown":
                    await pushes.resend_failed(visit.actor, number, unknown=act == "resend_unknown")
                case "remind":
                    await pushes.remind(visit.actor, number)
                case _:
                    raise web.HTTPBadRequest
        except WrongMoment as wrong:
            return await self._one(visit, self._why(visit, wrong), status=409)
        except GroupUntold as untold:
            return await self._one(visit, self._untold(visit, untold), status=409)
        return see(f"{self._base}/pushes/{number}")

    def _untold(self, visit: Visit, untold: GroupUntold) -> str:
        log_incident(untold)
        return why_untold(visit.services.coach.strings, visit.language, untold)

    def _why(self, visit: Visit, wrong: WrongMoment) -> str:
        return visit.services.coach.strings(f"push.not_{wrong.why}", visit.language)

    def _page(self, template: str, visit: Visit, status: int = 200, **values: Any) -> web.Response:
        text = self._pages.page(template, visit, here="/pushes", **values)
        return web.Response(status=status, text=text, content_type="text/html")


def _keys(bad: BadPush) -> dict[str, str]:
    """Return the sentence about each wrong field."""
    return {name: f"push.bad_{name}_{why}" for name, why in bad.fields.items()}


def _wording_of(piece: Piece) -> dict[Language, Wording]:
    """Return the words of a published piece, in the languages that have a card."""
    if piece.live is None:
        return {}
    written = piece.live.written
    return {
        language: Wording(words.title, words.lead, words.steps, words.say)
        for language, words in written.words.items()
        if language in written.written
    }
