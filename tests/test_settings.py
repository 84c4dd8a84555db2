"""Settings fail at start, by name, and never quote a value."""

import json
from pathlib import Path

import pytest

from chatbot.errors import SettingsError
from chatbot.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for field, info in Settings.model_fields.items():
        monkeypatch.delenv(info.alias or field.upper(), raising=False)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"PORT": "99999"}, "PORT"),
        ({"PORT": "many"}, "PORT"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
        ({"DATABASE_URL": "mysql://u:hunter2@h/d"}, "DATABASE_URL"),
        ({"SLACK_API_URL": "slack.com"}, "SLACK_API_URL"),
        ({"SLACK_BOT_TOKEN": "xoxb-hunter2"}, "SLACK_SIGNING_SECRET"),
        ({"SLACK_SIGNING_SECRET": "hunter2"}, "SLACK_BOT_TOKEN"),
        ({"SLACK_BOT_TOKEN": "hunter2", "SLACK_SIGNING_SECRET": "hunter2"}, "must begin with xoxb-"),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "hunter2"}, "must begin with xapp-"),
        ({"MicrosoftAppId": "a"}, "MicrosoftAppPassword"),
        ({"MicrosoftAppPassword": "hunter2"}, "MicrosoftAppId"),
        ({"MicrosoftAppId": "a", "MicrosoftAppPassword": "hunter2"}, "MicrosoftAppTenantId"),
        ({"PLAYGROUND": "1", "HOST": "0.0.0.0"}, "loopback"),
        ({"PAUSE_MINUTES": "0"}, "PAUSE_MINUTES"),
        ({"ESCALATION_CONTACTS": json.dumps({"DE": ["Werkschutz 030 1234567"] * 40})}, "ESCALATION_CONTACTS"),
        ({"DATABASE_URL": "sqlite:///"}, "DATABASE_URL"),
        ({"SLACK_API_URL": "http://["}, "SLACK_API_URL"),
        ({"SLACK_API_URL": "http://"}, "SLACK_API_URL"),
        ({"TEAMS_TOKEN_URL": "::"}, "TEAMS_TOKEN_URL"),
        ({"SLACK_BOT_TOKEN": "xoxb-hunter2\nX: y", "SLACK_SIGNING_SECRET": "s"}, "SLACK_BOT_TOKEN"),
        ({"TEAMS_SERVICE_URLS": "hunter2"}, "teams_service_urls"),
        ({"ESCALATION_CONTACTS": '{"DE": "hunter2'}, "escalation_contacts"),
    ],
)
def test_a_wrong_setting_is_named_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], says: str
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_env_file_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=4000\nMicrosoftAppType=MultiTenant\nUNKNOWN=1\n")
    settings = load_settings()
    assert settings.port == 4000
    assert settings.microsoft_app_type == "MultiTenant"


def test_an_env_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfehunter2")
    with pytest.raises(SettingsError, match=r"\.env can't be read"):
        load_settings()


def test_the_playground_is_served_when_there_is_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().serves_playground
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "s")
    assert not load_settings().serves_playground
    assert load_settings(playground=True).serves_playground


def test_docs_list_every_setting() -> None:
    text = (Path(__file__).parents[1] / "docs/settings.md").read_text(encoding="utf-8")
    for field, info in Settings.model_fields.items():
        name = info.alias or field.upper()
        assert f"`{name}`" in text, name
        assert info.description, name
