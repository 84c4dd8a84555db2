"""The playground: one page that drives the real adapters, with both platforms' far ends in the same process."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from datetime import timedelta
from pathlib import Path

from aiohttp import web
from pydantic import SecretStr

from adapters.slack import SlackAdapter
from adapters.teams import TeamsAdapter
from adapters.web.clock import Clock
from adapters.web.console import Console
from adapters.web.desk import Desk
from adapters.web.faults import Faults
from adapters.web.guard import HEADERS, Guard
from adapters.web.people import CHANNELS, PERSONAS, TEAMS_TENANT, Pane
from adapters.web.room import Change, Choices, Room
from adapters.web.shapes import Close, Press, Send, Submit, read
from adapters.web.slack_end import SlackEnd
from adapters.web.stack import Stack
from adapters.web.teams_end import TeamsEnd
from adapters.web.views import Picked, Views
from adapters.web.wire import Wire
from chatbot.coach import Coach
from chatbot.delivery.model import Sender
from chatbot.errors import SettingsError
from chatbot.incidents import log_incident
from chatbot.model import Language
from chatbot.rooms import Rooms
from chatbot.settings import LOOPBACK, Settings

_STATIC = Path(__file__).parent / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
#: A proxy or a sleeping laptop may cut a silent stream; a comment now and then keeps it open.
_HEARTBEAT_SECONDS = 15.0


class Playground:
    """Serves the page; without credentials it is the whole program."""

    _moving_in: "asyncio.Task[None]"

    def __init__(self, settings: Settings, coach: Coach, port: int, clock: Callable[[], float] = time.time) -> None:
        if settings.host not in LOOPBACK:
            raise SettingsError(
                f"The playground has no sign-in, so it is not served on {settings.host}: set HOST=127.0.0.1, "
                "or configure Slack or Teams."
            )
        self._settings = settings
        self._origin = f"http://[::1]:{port}" if settings.host == "::1" else f"http://127.0.0.1:{port}"
        self._guard = Guard(port)
        self._clock = Clock(clock)
        self._room = Room(self._clock)
        self._choices = Choices()
        self._coach = copy(coach)
        self._coach.preferences = self._choices
        self._files = {path.relative_to(_STATIC).as_posix(): path for path in _STATIC.rglob("*") if path.is_file()}
        self._starting = asyncio.Lock()
        self._slack_started = False

    def routes(self, prefix: str = "") -> Sequence[web.AbstractRouteDef]:
        """Return the page, what it calls, the two adapters and their far ends."""
        self._wire = Wire(self._room, self._origin, prefix)
        self._slack_end = SlackEnd(self._room, self._wire, self._origin, prefix, self._clock.real)
        self._teams_end = TeamsEnd(self._room, self._wire, self._origin, prefix, self._clock.real)
        self._views = Views(self._coach.strings, f"{prefix}/playground")
        far = self._settings.model_copy(
            update={
                "slack_signing_secret": SecretStr(self._slack_end.signing_secret),
                "slack_bot_token": SecretStr(self._slack_end.token),
                "slack_app_token": SecretStr(""),
                "slack_api_url": self._slack_end.api_url,
                "microsoft_app_id": self._teams_end.app_id,
                "microsoft_app_password": SecretStr(self._teams_end.password),
                "microsoft_app_type": "SingleTenant",
                "microsoft_app_tenant_id": TEAMS_TENANT,
                "teams_openid_metadata_url": self._teams_end.metadata_url,
                "teams_token_url": self._teams_end.token_url,
                "teams_token_issuer": self._teams_end.issuer,
                "teams_service_urls": [self._teams_end.service_url],
            }
        )
        self._slack = SlackAdapter(far, self._coach)
        self._teams = TeamsAdapter(far, self._coach)
        late = timedelta(minutes=self._settings.tips_late_minutes)
        senders: dict[str, Sender] = {"slack": self._slack.delivery, "teams": self._teams.delivery}
        rooms: dict[str, Rooms] = {"slack": self._slack.delivery, "teams": self._teams.delivery}
        self._stack = Stack(self._coach, senders, rooms, late, self._clock, self._room.desk_changed)
        self._faults: dict[Pane, Faults] = {"slack": self._slack_end.faults, "teams": self._teams_end.faults}
        for faults in self._faults.values():
            faults.changed = self._room.desk_changed
        self._desk = Desk(self._coach, self._stack, self._clock, self._room, self._faults)
        console = Console(self._settings, self._coach, self._guard.hosts)
        self._coach.console = f"{self._origin}{prefix}/lead"
        base, guard = f"{prefix}/playground", self._guard
        return [
            *([web.get(prefix, guard.open(_with_slash))] if prefix else []),
            web.get(f"{prefix}/", guard.open(self._page)),
            web.get(f"{base}/static/{{name:.+}}", guard.open(self._static)),
            web.get(f"{base}/events", guard.same_origin(self._events)),
            web.post(f"{base}/send", guard.same_origin(self._send)),
            web.post(f"{base}/press", guard.same_origin(self._press)),
            web.post(f"{base}/submit", guard.same_origin(self._submit)),
            web.post(f"{base}/close", guard.same_origin(self._close)),
            web.post(f"{base}/reset", guard.same_origin(self._reset)),
            *self._desk.routes(base, guard),
            *self._slack_end.routes(guard),
            *self._teams_end.routes(guard),
            *self._slack.routes(prefix),
            *self._teams.routes(prefix),
            *console.routes(prefix),
        ]

    async def start(self) -> None:
        """Start delivery and the Teams adapter. Slack's calls this very server when it starts, so it has to wait."""
        await self._stack.start()
        await self._teams.start()
        self._moving_in = asyncio.create_task(self._move_in())

    async def farewell(self, _: web.Application) -> None:
        """Tell the open pages that the program stops; to be called before the server waits for its handlers."""
        self._room.close()

    async def stop(self) -> None:
        """Stop delivery and the adapters, close the connections, and leave nothing behind."""
        self._moving_in.cancel()
        await asyncio.gather(self._moving_in, return_exceptions=True)
        await self._stack.stop()
        if self._slack_started:
            await self._slack.stop()
        await self._teams.stop(seconds=0)  # its far end is this very server, which is closed: no answer can leave
        await self._wire.close()
        await self._stack.close()

    async def _move_in(self) -> None:
        """Bring Steady into the channels as soon as the server listens, so that a push can go to them."""
        try:
            await self._wire.wait_for_server()
            await self._join()
        except Exception as error:  # nobody awaits this task
            log_incident(error)

    async def _join(self) -> None:
        await self._ready()
        for channel in CHANNELS.values():
            await asyncio.gather(self._slack_end.invite(channel), self._teams_end.restore(channel))

    async def _ready(self) -> None:
        """Start Slack's adapter with the first request: only now can its check of the token reach its far end.

        While delivery is dead, nobody is heard.
        """
        await self._stack.alive()
        async with self._starting:
            if not self._slack_started:
                await self._slack.start()
                self._slack_started = True

    # ---- the page

    async def _page(self, request: web.Request) -> web.Response:
        language = Language.from_tag(request.query.get("lang")) or _accepted(request)
        persona, place = request.query.get("persona", ""), request.query.get("place", "")
        natural = next((p.key for p in PERSONAS.values() if p.language == language), "sam")
        picked = Picked(language, persona if persona in PERSONAS else natural, place if place in CHANNELS else "dm")
        return web.Response(text=self._views.page(picked), content_type="text/html")

    async def _static(self, request: web.Request) -> web.Response:
        path = self._files.get(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        body = await asyncio.to_thread(path.read_bytes)
        return web.Response(body=body, content_type=_TYPES.get(path.suffix, "text/plain"), charset="utf-8")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        language = Language.from_tag(request.query.get("lang")) or Language.EN
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **HEADERS})
        await response.prepare(request)

        async def tell(change: Change) -> None:
            if change == "desk":
                told = self._views.desk(await self._desk.state(language), language)
            else:
                told = self._views.change(change, language)
            await response.write(f"data: {json.dumps(told)}\n\n".encode())

        with self._room.watch() as changes, suppress(ConnectionResetError):  # the page may be closed at any time
            history: list[Change] = ["reset", *self._room.posts, *self._room.exchanges, "desk"]
            for known in history:
                await tell(known)
            await response.write(b'data: {"kind": "ready"}\n\n')
            change: Change = "reset"
            while change != "bye":
                try:
                    change = await asyncio.wait_for(changes.get(), _HEARTBEAT_SECONDS)
                except TimeoutError:
                    await response.write(b": still here\n\n")
                else:
                    await tell(change)
        return response

    # ---- what the page asks for

    async def _send(self, request: web.Request) -> web.Response:
        send = await read(request, Send)
        await self._ready()
        persona = PERSONAS[send.persona]
        self._choices.pick(persona, send.language)
        # In a channel every message mentions Steady; who types the mention too means one.
        text = send.text.removeprefix("@Steady").lstrip() if send.place in CHANNELS else send.text
        await asyncio.gather(
            self._slack_end.say(text, persona, send.place),
            self._teams_end.say(text, persona, send.place, send.language),
        )
        return web.json_response({"ok": True})

    async def _press(self, request: web.Request) -> web.Response:
        press = await read(request, Press)
        await self._ready()
        post = self._room.find(press.pane, post_id=press.message)
        if post is None:
            raise web.HTTPNotFound(text="There is no such message.")
        persona = PERSONAS[press.persona]
        if press.pane == "slack":
            known = await self._slack_end.press(post, persona, press.block, press.action, press.values)
        else:
            known = await self._teams_end.press(post, persona, press.verb, dict(press.data), press.language)
        if not known:
            raise web.HTTPBadRequest(text="The message has no such button.")
        return web.json_response({"ok": True})

    async def _submit(self, request: web.Request) -> web.Response:
        submit = await read(request, Submit)
        await self._ready()
        if not await self._slack_end.modals.submit(submit.modal, submit.values):
            raise web.HTTPBadRequest(text="There is no such modal, or it can't be filled in like this.")
        return web.json_response({"ok": True})

    async def _close(self, request: web.Request) -> web.Response:
        close = await read(request, Close)
        await self._ready()
        if not await self._slack_end.modals.close(close.modal):
            raise web.HTTPBadRequest(text="There is no such modal.")
        return web.json_response({"ok": True})

    async def _reset(self, request: web.Request) -> web.Response:
        self._clock.reset()
        for faults in self._faults.values():
            faults.left = 0
        self._slack_end.modals.clear()
        await self._stack.reset()
        self._room.reset()
        self._choices.clear()
        await self._join()
        self._room.desk_changed()
        return web.json_response({"ok": True})


async def _with_slash(request: web.Request) -> web.Response:
    return web.Response(status=308, headers={"Location": f"{request.path}/"})


def _accepted(request: web.Request) -> Language:
    """Return the first of the browser's languages that is one of ours."""
    tags = (part.partition(";")[0].strip() for part in request.headers.get("Accept-Language", "").split(","))
    return next((language for language in map(Language.from_tag, tags) if language), Language.EN)
