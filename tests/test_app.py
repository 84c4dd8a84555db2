"""The composition root: what is configured is served."""

import asyncio
import logging
import secrets
from pathlib import Path

import pytest
from aiohttp import web

from adapters.app import build, runner_of
from chatbot.settings import Settings


@pytest.mark.parametrize("console", [False, True])
def test_the_leads_console_is_served_where_it_has_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, console: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    addressed = {
        "console_url": "https://steady.example.com",
        "console_secret": secrets.token_hex(32),
        "slack_client_id": "1.2",
        "slack_client_secret": "s",
    }
    settings = Settings(
        slack_bot_token="xoxb-1",  # type: ignore[arg-type]
        slack_signing_secret="secret",  # type: ignore[arg-type]
        database_url=f"sqlite:///{tmp_path}/steady.sqlite3",
        **(addressed if console else {}),  # type: ignore[arg-type]
    )
    paths = {resource.canonical for resource in build(settings, 3978).router.resources()}
    assert "/slack/events" in paths
    assert ("/lead/sign-out" in paths) is console


BROKEN = {
    "a token": b"Authorization: Bearer a-token\x00\r\n\r\n",
    "a chunk": b"Transfer-Encoding: chunked\r\n\r\n3\r\nshe shouts at me\r\n",
    "an encoding": b"Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\nshe shouts",
    "a fault of ours": b"Content-Length: 10\r\n\r\nshe shouts",
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_nothing_of_a_broken_request_gets_into_the_log(
    unused_tcp_port: int, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    async def read(request: web.Request) -> web.Response:
        raise RuntimeError(await request.text())

    app = web.Application()
    app.router.add_post("/", read)
    runner = runner_of(app)
    await runner.setup()
    try:
        caplog.set_level(logging.DEBUG)
        await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
        reader, writer = await asyncio.open_connection("127.0.0.1", unused_tcp_port)
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\n" + BROKEN[kind])
        async with asyncio.timeout(20):
            status = await reader.readline()
        writer.close()
        await writer.wait_closed()
    finally:
        await runner.cleanup()
    assert status.split()[1] in (b"400", b"500")
    assert "steady" in caplog.text
    assert "a-token" not in caplog.text
    assert "shouts" not in caplog.text
