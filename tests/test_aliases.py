"""Every name of every topic, in every language, typed every way, through every door."""

import io
import json
import sys
from collections.abc import Iterator

import pytest

from adapters.cli import main
from chatbot.coach import Coach
from chatbot.guidance import Guidance
from tests.fake_identity import running
from tests.slack_far_end import FarEnd, form, payload, slack


def names(guidance: Guidance) -> Iterator[tuple[str, str]]:
    """Yield each spelling of each name, with its topic."""
    for topic in guidance.topics.values():
        for name in (topic.id, *(alias for aliases in topic.aliases.values() for alias in aliases)):
            yield name, topic.id
            yield f"/{name.upper()}", topic.id


def titles(guidance: Guidance, topic_id: str) -> tuple[str, ...]:
    return tuple(text.title for text in guidance.topics[topic_id].texts.values())


def test_through_the_command_line(
    guidance: Guidance, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [*names(guidance), *((name.lower(), topic) for name, topic in names(guidance))]
    lines = "\n".join(json.dumps({"text": name, "lang": "en"}) for name, _ in asked)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert main(["ask", "--jsonl"]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    wrong = [(name, answer) for (name, topic), answer in zip(asked, answers, strict=True) if answer["topic"] != topic]
    assert not wrong


async def test_through_slack(guidance: Guidance, coach: Coach) -> None:
    far = FarEnd()
    async with slack(coach, far) as here:
        for number, (name, topic) in enumerate(names(guidance)):
            body = form(payload("command", command="/steady", text=name, trigger_id=f"1.2.{number}"))
            status, answer = await here.send(body)
            assert status == 200
            header = json.loads(answer)["blocks"][0]["text"]["text"]
            assert header.endswith(titles(guidance, topic)), (name, header)


async def test_through_teams(guidance: Guidance, coach: Coach) -> None:
    async with running(coach) as teams:
        asked = list(names(guidance))
        for start in range(0, len(asked), 50):
            before = len(await teams.calls())
            for number, (name, _) in enumerate(asked[start : start + 50], start):
                activity = teams.payload("message_personal", text=name, id=f"n{number}")
                assert (await teams.send(activity))[0] == 200
            calls = (await teams.calls())[before:]
            shown = {
                call.body["replyToId"]: call.body["attachments"][0]["content"]["body"][0]["text"] for call in calls
            }
            for number, (name, topic) in enumerate(asked[start : start + 50], start):
                plain = shown[f"n{number}"].replace("\\", "")
                assert plain.endswith(titles(guidance, topic)), (name, plain)
