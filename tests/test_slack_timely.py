"""A post that was held up too long does not go out: others may have sent it meanwhile."""

import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.delivery import SlackDelivery
from adapters.slack.timely import Timely
from chatbot.delivery.model import Delivery, Later, Sent
from tests.fake_delivery import REPLY, draft


class Far:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        return web.json_response({"ok": True, "channel": "C1", "ts": "1.2"})


@pytest.fixture
async def far() -> AsyncIterator[Far]:
    far = Far()
    app = web.Application()
    app.router.add_post("/{path:.*}", far.take)
    async with TestServer(app) as server:
        far.url = str(server.make_url("/"))
        yield far


async def test_it_is_written_in_time_or_not_at_all(far: Far) -> None:
    now = 100.0
    async with aiohttp.ClientSession() as session:
        body = Timely(b"in time", 4, lambda: now)
        now += 3.9
        async with session.post(far.url, data=body) as response:
            assert response.status == 200
        assert not body.missed
        late = Timely(b"too late", 4, lambda: now)
        now += 4.1
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.post(far.url, data=late)
        assert late.missed
        async with session.post(far.url, data=b"and on") as response:  # the connection is left in order
            assert response.status == 200
    assert far.bodies == [b"in time", b"and on"]


async def test_a_delivery_that_was_frozen_has_not_left(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    values: dict[str, Any] = {name: getattr(draft("k"), name) for name in draft("k").__slots__}
    row = Delivery(**values, id=1, state="sending", attempt=1)
    async with aiohttp.ClientSession() as session:
        delivery = SlackDelivery(AsyncWebClient("xoxb-made-up", base_url=far.url, session=session), 1.0, 50.0)
        assert isinstance(await delivery.send(row, REPLY), Sent)
        real, calls = time.time, iter(range(100))

        class Frozen:
            """Stands still once the body was made."""

            @staticmethod
            def time() -> float:
                return real() + 20 * (next(calls) > 0)

        monkeypatch.setattr("adapters.slack.delivery.Timely", lambda body, s: Timely(body, s, Frozen.time))
        assert await delivery.send(row, REPLY) == Later()
    assert len(far.bodies) == 1
