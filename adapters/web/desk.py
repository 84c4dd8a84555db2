"""The desk beside the panes: the clock, the channels' schedules with their why, failures to switch on, the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiohttp import web

from adapters.web.clock import Clock, before_clock_change, before_next_tip
from adapters.web.faults import Faults
from adapters.web.guard import Guard
from adapters.web.people import CHANNELS, WORKSPACES, Channel, Pane
from adapters.web.room import Room
from adapters.web.shapes import Break, Move, Nothing, read
from adapters.web.stack import Stack
from chatbot import dates, model
from chatbot.coach import Coach
from chatbot.delivery.model import Delivery
from chatbot.model import Language, Message, Reply


@dataclass(frozen=True, slots=True)
class DeskState:
    """What the desk shows: seconds since 1970 on the playground's clock, the schedules' zones, and so on.

    `whys` has each channel in which tips were set up, and the first one of each pane in any case.
    """

    now: float
    zones: Sequence[str]
    whys: Sequence[tuple[Pane, Channel, Reply]]
    faults: Mapping[Pane, Faults]
    rows: Sequence[Delivery]


class Desk:
    """Answers what the page's desk asks for."""

    def __init__(self, coach: Coach, stack: Stack, clock: Clock, room: Room, faults: Mapping[Pane, Faults]) -> None:
        self._coach = coach
        self._stack = stack
        self._clock = clock
        self._room = room
        self._faults = faults

    def routes(self, base: str, guard: Guard) -> Sequence[web.AbstractRouteDef]:
        """Return what the page posts to."""
        return [
            web.post(f"{base}/clock", guard.same_origin(self._move)),
            web.post(f"{base}/break", guard.same_origin(self._break)),
            web.post(f"{base}/kill", guard.same_origin(self._kill)),
        ]

    async def state(self, language: Language) -> DeskState:
        """Return what the desk shows, its sentences in `language`."""
        subscriptions, rows = await self._stack.look()
        zones = dict.fromkeys(each.schedule.zone for each in subscriptions)
        set_up = {(each.workspace, each.room.key) for each in subscriptions}
        whys = [
            (pane, channel, await self._why(pane, channel, language))
            for channel in CHANNELS.values()
            for pane in WORKSPACES
            if channel.key == "channel" or (WORKSPACES[pane], channel.id_in(pane)) in set_up
        ]
        return DeskState(self._clock(), tuple(zones), whys, self._faults, rows)

    async def _why(self, pane: Pane, channel: Channel, language: Language) -> Reply:
        """Ask the coach as a member of the channel would."""
        # Not certain: what it is asked about must not be taken down with this for an address.
        room = model.Room(channel.id_in(pane), channel.id_in(pane), certain=False)
        return await self._coach.reply(Message("tips why", WORKSPACES[pane], "", language, pressed=True, room=room))

    async def _move(self, request: web.Request) -> web.Response:
        """Move the clock, or answer that it can't go there: `refused` is "back", "far" or "nothing"."""
        move = await read(request, Move)
        to = await self._moment(move)
        refusal = "nothing" if to is None else self._clock.move(to)
        if refusal:
            return web.json_response({"ok": False, "refused": refusal})
        await self._stack.tick()
        self._room.desk_changed()
        time = f"{dates.day(self._clock.now.date(), move.language)}, {dates.clock(self._clock.now)} UTC"
        return web.json_response({"ok": True, "said": self._coach.strings("web.clock_moved", move.language, time=time)})

    async def _moment(self, move: Move) -> datetime | None:
        now = self._clock.now
        match move.to:
            case "hour":
                return now + timedelta(hours=1)
            case "day":
                return now + timedelta(days=1)
            case "tip":
                return before_next_tip(await self._stack.subscriptions(), now)
            case "change":
                return before_clock_change(await self._stack.subscriptions(), now)
            case "moment":
                try:
                    return datetime.fromisoformat(move.moment or "").replace(tzinfo=UTC)
                except ValueError:
                    raise web.HTTPBadRequest(text="Not understood: moment.") from None

    async def _break(self, request: web.Request) -> web.Response:
        switch = await read(request, Break)
        faults = self._faults[switch.pane]
        faults.kind, faults.left = switch.kind, switch.count
        self._room.desk_changed()
        return web.json_response({"ok": True})

    async def _kill(self, request: web.Request) -> web.Response:
        await read(request, Nothing)
        await self._stack.kill()
        return web.json_response({"ok": True})
