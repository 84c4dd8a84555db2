"""The composition root: what is configured is served."""

import secrets
from pathlib import Path

import pytest

from adapters.app import build
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
