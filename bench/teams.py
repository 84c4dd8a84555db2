"""Messages in Teams: this program and botbuilder's echo on both of its adapters, with token checks and without."""

import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.compare import Contender, Pair, compare, figures, footprint, ratios
from bench.far_end import FarEnd
from bench.keys import APP_ID, APP_SECRET
from bench.load import Request, post
from bench.process import Program, opponent, steady
from bench.slack import PEOPLE, TYPED

_count = itertools.count()


def messages(far: FarEnd, *, with_token: bool = True) -> Callable[[int], Sequence[Request]]:
    """Return what makes messages of personal conversations, no two alike."""
    headers = [("Content-Type", "application/json; charset=utf-8")]
    if with_token:  # Teams too sends one token for many messages
        headers.append(("Authorization", f"Bearer {far.token()}"))

    def make(count: int) -> Sequence[Request]:
        return [_message(far, next(_count), headers) for _ in range(count)]

    return make


def _message(far: FarEnd, number: int, headers: Sequence[tuple[str, str]]) -> Request:
    person, tenant = f"29:{number % PEOPLE}", "bbbbbbbb-0000-4000-8000-00000000000b"
    activity_id = f"bench{number}"
    activity = {
        "text": TYPED[number % len(TYPED)],
        "type": "message",
        "textFormat": "plain",
        "locale": "en-US",
        "id": activity_id,
        "timestamp": "2026-03-02T09:30:00.000Z",
        "localTimestamp": "2026-03-02T10:30:00.000+01:00",
        "channelId": "msteams",
        "serviceUrl": far.service_url,
        "from": {"id": person, "name": "Ann Agent", "aadObjectId": f"aaaaaaaa-{number % PEOPLE}"},
        "conversation": {"conversationType": "personal", "tenantId": tenant, "id": f"a:{number % PEOPLE}"},
        "recipient": {"id": f"28:{APP_ID}", "name": "Steady"},
        "entities": [{"type": "clientInfo", "locale": "en-US", "country": "US", "timezone": "Europe/Berlin"}],
        "channelData": {"tenant": {"id": tenant}},
    }
    return Request(post("/api/messages", json.dumps(activity).encode(), headers), far.arrival_of(activity_id))


def taken(status: int, _: bytes) -> bool:
    """Return whether a message was taken; that its answer arrives is seen at the far end."""
    return status in (200, 201)


def environment(far: FarEnd) -> dict[str, str]:
    """Return the settings that configure Teams."""
    return {
        "MicrosoftAppId": APP_ID,
        "MicrosoftAppPassword": APP_SECRET,
        "MicrosoftAppTenantId": "tenant",
        "TEAMS_OPENID_METADATA_URL": f"{far.url}/openid",
        "TEAMS_TOKEN_URL": f"{far.url}/{{tenant}}/token",
        "TEAMS_SERVICE_URLS": json.dumps([far.service_url]),
    }


async def section(far: FarEnd, folder: Path) -> list[str]:
    """Measure and return the section's lines."""
    checked, unchecked = messages(far), messages(far, with_token=False)

    def contender(program: Program, one: int, sixteen: int) -> Contender:
        make = unchecked if "no checks" in program.name else checked
        return Contender(program, make, taken, {1: one, 16: sixteen})

    ours = contender(steady("Steady (Teams)", environment(far)), 400, 1000)
    http = contender(opponent("HttpAdapter", "http-adapter", far.url), 200, 500)
    cloud = contender(opponent("CloudAdapter", "cloud-adapter", far.url), 60, 120)
    http_open = contender(opponent("HttpAdapter, no checks", "http-adapter"), 200, 500)
    cloud_open = contender(opponent("CloudAdapter, no checks", "cloud-adapter"), 60, 120)
    everyone = (ours, http, cloud, http_open, cloud_open)
    await compare(everyone, folder)
    pairs = [
        Pair(ours, http, {1: 1.5, 16: 1.5}),
        Pair(ours, cloud, {1: 5, 16: 5}),
        Pair(ours, http_open),
        Pair(ours, cloud_open),
    ]
    return [
        "## Teams: a message and its answer",
        "",
        *figures(everyone, arrivals=True),
        "",
        *ratios(pairs, arrivals=True),
        "",
        *footprint(everyone, http),
    ]
