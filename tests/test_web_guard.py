"""What must not get into the playground, and what must not come out of it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from markupsafe import escape

from adapters.web.people import PERSONAS
from adapters.web.room import EXCHANGES_KEPT, POSTS_KEPT, Post, Room
from tests.playground_program import Program, program


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Program]:
    async with program(tmp_path) as running:
        yield running


async def test_the_page_has_a_strict_policy(here: Program) -> None:
    async with here.session.get(f"{here.origin}/") as response:
        headers, page = response.headers, await response.text()
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "default" not in policy["trusted-types"].split()
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "<style" not in page
    assert " style=" not in page
    assert page.count("<script") == page.count("<script src=")


@pytest.mark.parametrize(
    "path", ["/", "/playground/events", "/playground/static/page.js", "/playground/far/teams/openid"]
)
@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1.evil.example:{port}"])
async def test_a_foreign_host_name_is_refused(here: Program, path: str, host: str) -> None:
    named = host.format(port=here.origin.rpartition(":")[2])
    async with here.session.get(f"{here.origin}{path}", headers={"Host": named}) as response:
        assert response.status == 421
        assert "Content-Security-Policy" in response.headers


@pytest.mark.parametrize("path", ["send", "press", "reset", "submit", "close", "clock", "break", "kill"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_another_page_may_post_nothing(here: Program, path: str, headers: dict[str, str]) -> None:
    assert (await here.post(path, {}, **headers))[0] == 403


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_another_page_may_not_listen(here: Program, headers: dict[str, str]) -> None:
    async with here.session.get(f"{here.origin}/playground/events", headers=headers) as response:
        assert response.status == 403


@pytest.mark.parametrize("name", ["../page.css", "..%2f..%2fpeople.py", "%2e%2e/guard.py", "nothing.js", "/etc/passwd"])
async def test_only_static_files_are_served(here: Program, name: str) -> None:
    async with here.session.get(f"{here.origin}/playground/static/{name}") as response:
        assert response.status == 404


GOOD_SEND = {"text": "calm", "persona": "sam", "place": "dm", "language": "en"}
BAD_SENDS: list[object] = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[" * 5000,
    [],
    "calm",
    None,
    {},
    {**GOOD_SEND, "text": ""},
    {**GOOD_SEND, "text": "  "},
    {**GOOD_SEND, "text": 7},
    {**GOOD_SEND, "text": "x" * 2001},
    {**GOOD_SEND, "persona": "mallory"},
    {**GOOD_SEND, "persona": ["sam"]},
    {**GOOD_SEND, "place": "everywhere"},
    {**GOOD_SEND, "language": "fr"},
    {**GOOD_SEND, "more": 1},
]


@pytest.mark.parametrize("body", BAD_SENDS, ids=range(len(BAD_SENDS)))
async def test_a_send_that_makes_no_sense_is_a_400(here: Program, body: object) -> None:
    assert (await here.post("send", body))[0] == 400


BAD_PRESSES: list[tuple[object, int]] = [
    (b"{", 400),
    ({}, 400),
    ({"pane": "irc", "message": "x", "persona": "sam", "language": "en"}, 400),
    ({"pane": "slack", "message": "x", "persona": "sam", "language": "en", "values": {"a": "b"}}, 400),
    ({"pane": "teams", "message": "x", "persona": "sam", "language": "en", "data": {"a": {"b": 1}}}, 400),
    ({"pane": "slack", "message": "x", "persona": "sam", "language": "en", "block": "b", "action": "a"}, 404),
]


@pytest.mark.parametrize(("body", "status"), BAD_PRESSES, ids=range(len(BAD_PRESSES)))
async def test_a_press_that_makes_no_sense_is_refused(here: Program, body: object, status: int) -> None:
    assert (await here.post("press", body))[0] == status


GOOD_MOVE = {"to": "moment", "moment": "2099-01-01T00:00", "language": "en"}
BAD_REQUESTS: list[tuple[str, object, int]] = [
    ("clock", {}, 400),
    ("clock", {**GOOD_MOVE, "to": "yesterday"}, 400),
    ("clock", {**GOOD_MOVE, "language": "fr"}, 400),
    ("clock", {**GOOD_MOVE, "moment": None}, 400),
    ("clock", {**GOOD_MOVE, "moment": "9999-12-31"}, 400),
    ("clock", {**GOOD_MOVE, "moment": "2027-02-30T10:00"}, 400),
    ("clock", {**GOOD_MOVE, "moment": "2027-01-01T25:61"}, 400),
    ("clock", {**GOOD_MOVE, "moment": "2027-01-01T10:00+14:00"}, 400),
    ("clock", {**GOOD_MOVE, "moment": "٢٠٢٧-01-01T10:00"}, 400),
    ("clock", {**GOOD_MOVE, "moment": 7}, 400),
    ("break", {"pane": "irc", "kind": "cut", "count": 1}, 400),
    ("break", {"pane": "slack", "kind": "explode", "count": 1}, 400),
    ("break", {"pane": "slack", "kind": "cut", "count": -1}, 400),
    ("break", {"pane": "slack", "kind": "cut", "count": 21}, 400),
    ("break", {"pane": "slack", "kind": "cut", "count": "1"}, 400),
    ("kill", {"now": True}, 400),
    ("kill", b"", 400),
    ("submit", {}, 400),
    ("submit", {"modal": "guess", "values": {}}, 400),
    ("submit", {"modal": "guess", "values": {"a": "b"}}, 400),
    ("submit", {"modal": "guess", "values": {"a": ["x" * 2001]}}, 400),
    ("submit", {"modal": "guess", "values": {"a": ["x"] * 101}}, 400),
    ("close", {"modal": "guess"}, 400),
]


@pytest.mark.parametrize(("path", "body", "status"), BAD_REQUESTS, ids=range(len(BAD_REQUESTS)))
async def test_what_the_desk_can_not_do_is_refused(here: Program, path: str, body: object, status: int) -> None:
    assert (await here.post(path, body))[0] == status


@pytest.mark.parametrize(
    ("move", "refused"),
    [
        ({"to": "moment", "moment": "9999-12-31T23:59"}, "far"),
        ({"to": "moment", "moment": "0001-01-01T00:00"}, "back"),
        ({"to": "tip"}, "nothing"),
        ({"to": "change"}, "nothing"),
    ],
)
async def test_the_clock_does_not_go_everywhere(here: Program, move: dict[str, str], refused: str) -> None:
    answer = await here.post("clock", {**move, "language": "en"})
    assert answer == (200, f'{{"ok": false, "refused": "{refused}"}}')


async def test_a_button_that_no_message_has_can_not_be_pressed(here: Program) -> None:
    await here.send("/calm")
    slack, teams = await here.shows("slack", "Say:"), await here.shows("teams", "Say:")
    press = {
        "pane": "slack",
        "message": slack["id"],
        "persona": "sam",
        "language": "en",
        "block": "en 9",
        "action": "press 99",
    }
    assert (await here.post("press", press))[0] == 400
    made_up = {**press, "pane": "teams", "message": teams["id"], "verb": "steady", "data": {"command": "help"}}
    assert (await here.post("press", made_up))[0] == 400


async def test_only_json_is_read(here: Program) -> None:
    assert (await here.post("send", GOOD_SEND, **{"Content-Type": "text/plain"}))[0] == 415
    assert (await here.post("send", b"x" * (300 * 1024)))[0] == 413


HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }} {% raw %}",
    "<!channel> <@U0SAM> *b* `c` &lt;b&gt;",
    "\u202e\u0000\ud7ff\U0001f642",
    "a" * 2000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("place", ["dm", "channel"])
async def test_what_is_typed_stays_text(here: Program, text: str, place: str) -> None:
    await here.send(text, place=place)
    await here.shows("slack", "Steady")
    await here.shows("teams", "data-card")
    html = "".join(change.get("html", "") for change in here.changes)
    assert "<script" not in html
    assert "<img src=x" not in html
    assert f'<p class="typed">{escape(text)}</p>' in html


@pytest.mark.parametrize(
    "method", ["chat.postMessage", "auth.test", "chat.update", "views.open", "conversations.history"]
)
@pytest.mark.parametrize("token", ["", "Bearer xoxb-stranger", "Bearer \u00fc"])
async def test_the_far_slack_refuses_strangers(here: Program, method: str, token: str) -> None:
    url = f"{here.origin}/playground/far/slack/api/{method}"
    body = {"channel": "D0SAM", "text": "hello"}
    async with here.session.post(url, json=body, headers={"Authorization": token} if token else {}) as response:
        assert await response.json() == {"ok": False, "error": "invalid_auth"}
    async with here.session.post(f"{here.origin}/playground/far/slack/response/guess", json=body) as response:
        assert response.status == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "token", 401),
        ("POST", "v3/conversations", 401),
        ("POST", "v3/conversations/a:playground-sam/activities", 401),
        ("PUT", "v3/conversations/a:playground-sam/activities/1", 401),
        ("GET", "v3/conversations/19:playground-support@thread.tacv2/members/x", 401),
    ],
)
async def test_the_far_teams_refuses_strangers(here: Program, method: str, path: str, status: int) -> None:
    url = f"{here.origin}/playground/far/teams/{path}"
    headers = {"Authorization": "Bearer stranger"}
    async with here.session.request(method, url, json={"type": "message"}, headers=headers) as response:
        assert response.status == status


@pytest.mark.parametrize("path", ["/slack/events", "/api/messages"])
async def test_the_adapters_check_who_comes_in(here: Program, path: str) -> None:
    async with here.session.post(f"{here.origin}{path}", json={"type": "message"}) as response:
        assert response.status == 401


async def test_what_is_remembered_is_bounded() -> None:
    room = Room(lambda: 1_800_000_000.0)
    with room.watch() as changes:
        for number in range(2 * POSTS_KEPT + 200):
            room.add(Post("slack", "agent", PERSONAS["sam"], "dm", room.key(), f"number {number}"))
        assert len(room.posts) == POSTS_KEPT
        assert room.exchanges.maxlen == EXCHANGES_KEPT
        waiting = [changes.get_nowait() for _ in range(changes.qsize())]
    assert waiting[-1] == "bye", "a page that does not keep up is let go"
    assert json.dumps([post.key for post in room.posts]).count(".") == POSTS_KEPT


@pytest.mark.parametrize("path", ["send", "far/slack/api/auth.test", "far/slack/response/guess", "far/teams/token"])
async def test_a_body_that_does_not_unpack_is_refused(here: Program, path: str) -> None:
    assert (await here.post(path, b"no gzip", **{"Content-Encoding": "gzip"}))[0] == 400
