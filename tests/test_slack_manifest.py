"""The manifest is what the code does: commands, events, scopes."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from adapters.slack import slack_manifest
from chatbot.commands import COMMANDS, UMBRELLA

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT.parent / "shared/schemas/slack-manifest.2.0.0.json"


def test_the_file_is_what_the_code_makes() -> None:
    written = (ROOT / "manifest.json").read_text(encoding="utf-8")
    assert written == json.dumps(slack_manifest(), indent=2, ensure_ascii=False) + "\n", (
        "manifest.json is out of date: `steady manifest slack > manifest.json` writes it"
    )


def test_it_holds_to_the_official_schema() -> None:
    if not SCHEMA.exists():
        pytest.skip(f"the official schema is not at {SCHEMA} (slackapi/manifest-schema, manifest.schema.2.0.0.json)")
    jsonschema.validate(slack_manifest(), json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_it_has_every_command_that_has_a_slash() -> None:
    commands = slack_manifest()["features"]["slash_commands"]
    names = [f"/{UMBRELLA}", *(f"/{entry.name}" for entry in COMMANDS.values() if entry.slash)]
    assert [entry["command"] for entry in commands] == names
    for entry in commands:
        assert len(entry["command"]) <= 32
        assert 0 < len(entry["description"]) <= 2000
        assert entry.get("usage_hint", "-")


def test_it_asks_for_no_more_than_it_uses() -> None:
    """What each scope and event is for stands in docs/slack.md, and nothing else does."""
    manifest = slack_manifest()
    asked = {
        "## Scopes": manifest["oauth_config"]["scopes"]["bot"],
        "## Events": manifest["settings"]["event_subscriptions"]["bot_events"],
    }
    text = (ROOT / "docs/slack.md").read_text(encoding="utf-8")
    for title, names in asked.items():
        rows = re.findall(r"^\| (`.*?) \|", text.partition(title)[2].partition("\n## ")[0], re.MULTILINE)
        assert names == sorted(names)
        assert sorted(re.findall(r"`([^`]+)`", " ".join(rows))) == names
    assert "mpim:read" not in asked["## Scopes"]
