"""The composition root: settings in, a running program out."""

import asyncio
import gc
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from adapters.delivering import Delivering
from adapters.leading import Leading
from chatbot.coach import Coach
from chatbot.content import load_guidance
from chatbot.delivery.model import Sender
from chatbot.errors import SettingsError
from chatbot.incidents import log_incident
from chatbot.insights import Insights
from chatbot.push_groups import Platform
from chatbot.roles import Groups
from chatbot.rooms import Clocks, Rooms
from chatbot.settings import Settings
from chatbot.store.counts import SqlCounts
from chatbot.store.database import Database
from chatbot.store.personal import SqlPersonal
from chatbot.store.preferences import SqlPreferences
from chatbot.strings import load_strings

if TYPE_CHECKING:
    from chatbot.recognition.recogniser import Recogniser

log = logging.getLogger("steady.app")


class _WithoutWords(logging.Filter):
    """Keeps back the tracebacks that aiohttp logs: where a request is broken they quote it, token and text."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError | web.RequestPayloadError):
            log.info("a request that can't be read was refused: %s", type(error).__name__)
        elif error:
            log_incident(error)
        return error is None


_server_log = logging.getLogger("steady.server")
_server_log.addFilter(_WithoutWords())

COACH = web.AppKey("coach", Coach)


class Adapter(Protocol):
    """A surface: its routes, and what it holds open while the program runs."""

    def routes(self, prefix: str = "") -> Sequence[web.AbstractRouteDef]:
        """Return its HTTP routes, each path beginning with `prefix`."""

    async def start(self) -> None:
        """Open what it needs. Raises SteadyError if that can't be had."""

    async def stop(self) -> None:
        """Finish what is under way, within a few seconds, and close everything."""


def build(settings: Settings, port: int) -> web.Application:
    """Return the program as an aiohttp application that will listen on `port`.

    Only what is configured is imported: Teams' libraries alone take longer to load than all the rest.
    """
    database = Database(settings.database_url)
    guidance = load_guidance(settings.responses, {"minutes": settings.pause_minutes})
    coach = Coach(
        guidance,
        load_strings(settings.responses),
        SqlPreferences(database),
        partial(_load_recogniser, settings.responses, guidance.owners),
        settings.escalation_contacts,
    )
    senders: dict[str, Sender] = {}
    rooms: dict[str, Rooms] = {}
    clocks: dict[str, Clocks] = {}
    groups: dict[str, Groups] = {}
    push_groups: dict[str, Platform] = {}
    late = timedelta(minutes=settings.tips_late_minutes)
    council = settings.works_council_mode
    delivering = Delivering(
        database,
        coach,
        senders,
        rooms,
        late,
        time.time,
        clocks=clocks,
        groups=push_groups,
        works_council=council,
        keep_tips=timedelta(days=settings.keep_tips_days),
        keep_pushes=timedelta(days=settings.keep_pushes_days),
    )
    leading = Leading(database, coach, settings.admins, groups, time.time)
    coach.counting = insights = Insights(SqlCounts(database), council)
    coach.personal = SqlPersonal(database)
    app = web.Application(client_max_size=256 * 1024)
    surfaces: list[tuple[Adapter, str]] = []
    if settings.has_slack:
        from adapters.slack import SlackAdapter

        slack = SlackAdapter(settings, coach)
        senders["slack"] = rooms["slack"] = groups["slack"] = slack.delivery
        clocks["slack"] = push_groups["slack"] = slack.delivery
        surfaces.append((slack, ""))
    if settings.has_teams:
        from adapters.teams import TeamsAdapter

        teams = TeamsAdapter(settings, coach)
        senders["teams"] = rooms["teams"] = groups["teams"] = push_groups["teams"] = teams.delivery
        surfaces.append((teams, ""))
    if settings.serves_playground:
        from adapters.web import Playground

        # Beside real platforms the playground keeps to its own corner; alone it is the whole program.
        prefix = "/playground" if settings.platforms else ""
        playground = Playground(settings, coach, port)
        surfaces.append((playground, prefix))
        app.on_shutdown.append(playground.farewell)  # else the server waits for pages that never hang up
    if settings.console_url and settings.platforms:
        from adapters.web import Console

        surfaces.append((Console(settings, coach), ""))
        coach.console = f"{settings.console_url}/lead"
    if not surfaces:
        raise SettingsError("Nothing to serve: PLAYGROUND is off and neither Slack nor Teams is configured.")

    app.router.add_get("/healthz", _healthz)
    for surface, prefix in surfaces:
        app.router.add_routes(surface.routes(prefix))

    async def lifetime(_: web.Application) -> AsyncIterator[None]:
        await database.start()
        started: list[Adapter] = []
        try:
            for surface, _prefix in surfaces:
                await surface.start()
                started.append(surface)
            await leading.start()
            await insights.start()
            await delivering.start()
            yield
        finally:
            await delivering.stop()
            await leading.stop()
            await insights.stop()
            for surface in reversed(started):
                await surface.stop()
            await database.stop()

    app.cleanup_ctx.append(lifetime)
    app[COACH] = coach
    return app


def _load_recogniser(responses: Path, names: Mapping[str, str]) -> "Recogniser":
    from chatbot.recognition.recogniser import load_recogniser

    return load_recogniser(responses, names)


async def _healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


def runner_of(app: web.Application) -> web.AppRunner:
    """Return what serves an application; nothing of a request gets into a log by it."""
    return web.AppRunner(app, access_log=None, shutdown_timeout=5, logger=_server_log)


async def serve(settings: Settings, ready: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT, then stop cleanly; `ready` is told the address once it answers.

    Raises SettingsError if the port is taken.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"Can't listen on {settings.host}:{settings.port} ({error.strerror}). Is another Steady running? "
            "Set PORT to a free one, for example PORT=3979."
        ) from error
    port = listener.getsockname()[1]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    app = build(settings, port)
    runner = runner_of(app)
    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
        shown = "127.0.0.1" if settings.host in ("0.0.0.0", "localhost") else settings.host  # noqa: S104
        ready(f"http://[{shown}]:{port}/" if ":" in shown else f"http://{shown}:{port}/")
        # Commands are answered from here on; what plain words need is loaded beside them. A model that can't be used
        # still stops the program: nobody should find that out by asking.
        await app[COACH].recogniser()
        gc.freeze()  # what is loaded stays; to look all of it through for garbage would hold everybody up for 90 ms
        await stop.wait()
        log.info("stopping")
    finally:
        await runner.cleanup()
        listener.close()
