"""Slash commands: this program, bare Bolt, and bare aiohttp as the limit."""

import hashlib
import hmac
import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode

from bench.compare import Contender, Pair, compare, figures, footprint, ratios
from bench.far_end import FarEnd
from bench.keys import SLACK_SECRET, SLACK_TOKEN
from bench.load import Check, Request, post
from bench.process import Program, opponent, steady

#: What people type: topics, steps, archetypes, phrases, menus, in each of the four languages.
TYPED = (
    *("calm", "pause", "archetype whiner", "archetype fierce", "step 3", "say calm", "topics", "help", "next calm"),
    *("luft holen", "schritt 2", "пауза", "помощь", "პაუზა", "დახმარება"),
)
PEOPLE = 200

_count = itertools.count()


def commands(count: int) -> Sequence[Request]:
    """Return freshly signed slash commands, no two alike."""
    return [Request(_command(next(_count))) for _ in range(count)]


def _command(number: int) -> bytes:
    fields = {
        "token": "none",
        "team_id": "T0BENCH01",
        "team_domain": "example",
        "channel_id": "C0BENCH01",
        "channel_name": "support",
        "user_id": f"U{number % PEOPLE:08}",
        "user_name": "ann",
        "command": "/steady",
        "text": TYPED[number % len(TYPED)],
        "api_app_id": "A0BENCH01",
        "is_enterprise_install": "false",
        "response_url": "https://hooks.slack.example/commands/1",
        "trigger_id": f"1.2.{number}",
    }
    body = urlencode(fields).encode()
    timestamp = str(int(time.time()))
    signature = hmac.new(SLACK_SECRET.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    headers = [
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("X-Slack-Request-Timestamp", timestamp),
        ("X-Slack-Signature", f"v0={signature}"),
    ]
    return post("/slack/events", body, headers)


def coached(status: int, body: bytes) -> bool:
    """Return whether an answer is a private message with blocks."""
    return status == 200 and b'"response_type":"ephemeral"' in body and b'"blocks"' in body


def said_hello(status: int, body: bytes) -> bool:
    """Return whether an answer is that of a hello-world."""
    return (status, body) == (200, b"hello")


def echoed(status: int, body: bytes) -> bool:
    """Return whether an answer is the request's own body."""
    return status == 200 and body.startswith(b"token=none")


def environment(far: FarEnd) -> dict[str, str]:
    """Return the settings that configure Slack."""
    return {
        "SLACK_SIGNING_SECRET": SLACK_SECRET,
        "SLACK_BOT_TOKEN": SLACK_TOKEN,
        "SLACK_API_URL": f"{far.url}/api/",
    }


async def section(far: FarEnd, folder: Path) -> list[str]:
    """Measure and return the section's lines."""

    def contender(program: Program, check: Check, one: int, sixteen: int) -> Contender:
        return Contender(program, commands, check, {1: one, 16: sixteen})

    ours = contender(steady("Steady (Slack)", environment(far)), coached, 1500, 4000)
    bolt = contender(opponent("bare Bolt", "bolt", far.url), said_hello, 200, 2000)
    limit = contender(opponent("aiohttp + HMAC", "aiohttp-hmac"), said_hello, 1500, 4000)
    echo = contender(opponent("aiohttp echo", "aiohttp-echo"), echoed, 1500, 4000)
    everyone = (ours, bolt, limit, echo)
    await compare(everyone, folder)
    return [
        "## Slack: a slash command",
        "",
        *figures(everyone),
        "",
        *ratios([Pair(ours, bolt, {1: 10, 16: 1.5}), Pair(ours, limit)]),
        "",
        *footprint(everyone, bolt),
    ]
