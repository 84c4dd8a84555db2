"""The leads' console: write, look, publish, take back; push; counts; and all that must be refused."""

import html
import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from adapters.web.console.chart import charts
from adapters.web.console.limiter import Limiter, address_of
from chatbot.coach import Coach
from chatbot.delivery.model import Failed
from chatbot.insights import Group, Insights, week_of
from chatbot.language import OWN_NAMES
from chatbot.model import Language, Mention, Message, plain_text
from chatbot.store.counts import SqlCounts
from chatbot.strings import Strings
from tests.console_program import ADMIN, AGENT, HOME, LEAD, OTHER, STRANGER, Browser, Here, card, running


@pytest.fixture
async def here(coach: Coach, new_database: Callable[[str], str]) -> AsyncIterator[Here]:
    async with running(coach, new_database("sqlite")) as running_now:
        yield running_now


async def ask(here: Here, text: str, workspace: str = HOME) -> str:
    return plain_text(await here.coach.reply(Message(text, workspace, "UAGENT", Language.EN)))


async def saved(browser: Browser, **changes: str) -> str:
    answer = await browser.post("/lead/write", card(**changes))
    assert answer.status == 303, answer.text
    return answer.location


async def published(browser: Browser, **changes: str) -> str:
    page = await saved(browser, **changes)
    answer = await browser.post(f"{page}/versions/1", {"do": "publish"})
    assert (answer.status, answer.location) == (303, page), answer.text
    return page


# ---- writing and publishing


async def test_a_lead_writes_previews_saves_and_publishes_and_agents_find_it(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    blank = await lead.get("/lead/write")
    assert blank.status == 200
    assert all(f'name="title-{language}"' in blank.text for language in Language)
    seen = await lead.post("/lead/write", card(do="preview"))
    assert seen.status == 200
    assert seen.text.count("teams-card data-card=") == 1
    assert '<h3 class="sk-header">Refund promised twice' in seen.text or "sk-header" in seen.text
    assert re.search(r"Slack: [\d,]+ of 4,000 bytes", seen.text)
    assert re.search(r"Microsoft Teams: [\d,]+ of 81,920 bytes", seen.text)
    assert "It would be taken as it is." in seen.text
    assert await here.leading.publishing.pieces(HOME) == []
    page = await saved(lead)
    assert "double refund" not in await ask(here, "double refund")
    shown = await lead.get(page)
    assert "draft" in shown.text
    assert (await lead.post(f"{page}/versions/1", {"do": "publish"})).status == 303
    assert "Look up what was promised" in await ask(here, "double refund")
    overview = await lead.get("/lead")
    assert "Refund promised twice" in overview.text
    assert "published" in overview.text
    assert "Lena Vogt" in overview.text


async def test_versions_differ_roll_back_and_are_withdrawn(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    page = await published(lead)
    again = await lead.post(f"{page}/edit", card(**{"lead-en": "Keep the promise."}))
    assert again.location == page
    assert "published, with a newer draft" in (await lead.get("/lead")).text
    version = await lead.get(f"{page}/versions/2")
    assert "<del>Look up what was promised, then say one thing only.</del>" in version.text
    assert "<ins>Keep the promise.</ins>" in version.text
    await lead.post(f"{page}/versions/2", {"do": "publish"})
    assert "Keep the promise." in await ask(here, "double refund")
    assert (await lead.post(f"{page}/versions/1", {"do": "roll_back"})).status == 303
    assert "Look up what was promised" in await ask(here, "double refund")
    assert (await lead.post(page, {"do": "withdraw"})).status == 303
    assert "Look up what was promised" not in await ask(here, "double refund")
    assert "withdrawn" in (await lead.get(page)).text


async def test_with_review_another_lead_has_to_approve(here: Here) -> None:
    admin, lead, other = await here.signed_in(ADMIN), await here.signed_in(LEAD), await here.signed_in(OTHER)
    assert (await admin.post("/lead/people", {"do": "review_on"})).status == 303
    page = await saved(lead)
    assert 'value="publish"' not in (await lead.get(page)).text
    assert (await lead.post(f"{page}/versions/1", {"do": "publish"})).status == 409
    assert (await lead.post(f"{page}/versions/1", {"do": "submit"})).status == 303
    mine = await lead.get(page)
    assert 'value="approve"' not in mine.text
    assert "Another lead has to approve it." in mine.text
    assert (await lead.post(f"{page}/versions/1", {"do": "approve"})).status == 409
    assert 'value="approve"' in (await other.get(page)).text
    assert (await other.post(f"{page}/versions/1", {"do": "approve"})).status == 303
    assert "Look up what was promised" in await ask(here, "double refund")


async def test_a_stale_piece_is_marked_in_words_and_confirmed(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    page = await published(lead)
    here.now[0] += timedelta(days=66)
    here.provider.now = here.now[0].timestamp()
    lead = await here.signed_in(LEAD)
    assert "due soon" in (await lead.get("/lead")).text
    here.now[0] += timedelta(days=20)
    here.provider.now = here.now[0].timestamp()
    lead = await here.signed_in(LEAD)
    assert "past its date<" in (await lead.get("/lead")).text
    assert (await lead.post(page, {"do": "confirm"})).status == 303
    assert "past its date<" not in (await lead.get("/lead")).text


async def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    typed = card(**{"title-en": "", "aliases-en": "help", "verified_until": "2020-01-01", "tip-de": "Nur ein Tipp."})
    answer = await lead.post("/lead/write", typed)
    assert answer.status == 422
    assert "This must not be empty." in at(answer.text, "title-en")
    assert "is a command" in at(answer.text, "aliases-en")
    assert "Please give a day to come" in at(answer.text, "verified_until")
    assert "Nur ein Tipp." in answer.text
    assert typed["steps-en"] in html.unescape(answer.text)
    assert 'aria-invalid="true"' in answer.text
    assert await here.leading.publishing.pieces(HOME) == []


async def test_the_check_while_typing_says_the_same(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    answer = await lead.post("/lead/check", card(**{"title-en": "", "steps-ru": "Открой заказ, ты знаешь как."}))
    found = json.loads(answer.text)
    assert {"text": "This must not be empty.", "blocks": True} in found["title-en"]
    assert any(not one["blocks"] for one in found["steps-ru"]), found
    answer = await lead.post("/lead/check?lang=de", card(**{"title-en": ""}))
    assert {"text": "Das darf nicht leer sein.", "blocks": True} in json.loads(answer.text)["title-en"]


def at(page: str, field: str) -> str:
    """Return what a page says is wrong with a field."""
    found = re.search(rf'<ul class="wrong" id="{field}-wrong".*?</ul>', page, re.DOTALL)
    return html.unescape(found[0]) if found else ""


async def test_a_built_in_card_can_be_replaced(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    page = await published(lead, topic="calm", **{"aliases-en": ""})
    assert "It takes the place of a built-in card" in (await lead.get(page)).text
    assert "Look up what was promised" in await ask(here, "calm")
    await lead.post(page, {"do": "withdraw"})
    assert "Look up what was promised" not in await ask(here, "calm")


# ---- what must be refused


HOSTILE = (
    '<script>alert(1)</script>"><img src=x onerror=alert(2)> {{ 7*7 }} <!channel> <@U1> [x](javascript:alert(3)) &lt;b'
)


async def test_script_in_every_field_arrives_as_text(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    fields = [f"{name}-en" for name in ("title", "lead", "steps", "say", "aliases", "phrases", "tip")]
    form = card(**dict.fromkeys(fields, HOSTILE), audience=HOSTILE, owner=HOSTILE, deputy=HOSTILE, topic=HOSTILE)
    for do in ("preview", "save"):
        answer = await lead.post("/lead/write", form | {"do": do})
        assert answer.status in (200, 422)
        harmless(answer.text)
        assert "49" not in at(answer.text, "title-en")
    # What fits is saved, published and pushed, and still is text on every page.
    short = "<script>alert(1)</script> {{ 7*7 }}"
    page = await saved(lead, **dict.fromkeys(fields[:4], short), **{"tip-en": short, "audience": "<b>x</b>"})
    await lead.post(f"{page}/versions/1", {"do": "publish"})
    await here.has_channels("<script>alert(9)</script>")
    pushed = await lead.post("/lead/pushes/new", {"piece": page.rpartition("/")[2], "to": "channels"})
    assert pushed.status == 303, pushed.text
    for path in ("/lead", page, f"{page}/edit", f"{page}/versions/1", "/lead/pushes", "/lead/pushes/new"):
        harmless((await lead.get(path)).text)
    harmless((await lead.get(pushed.location)).text)
    admin = await here.signed_in(ADMIN)
    harmless((await admin.get("/lead/audit")).text)


def harmless(page: str) -> None:
    """Fail if a page has any script but its own, or an attribute that runs one."""
    assert not re.search(r"<script(?! src=\"/lead/static/)", page), page
    assert not re.search(r"<img(?! src=\"/lead/static/mark.svg\")", page)
    assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', page))
    assert "javascript:" not in re.sub(r">[^<]*<", "><", re.sub(r'(value|data-card)="[^"]*"', "", page))


async def test_every_page_has_its_policy(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    for path in ("/lead", "/lead/write", "/lead/nowhere", "/lead/static/console.css", "/lead/static/../secret"):
        headers = (await lead.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"


async def test_oversized_fields_are_refused_at_their_field_and_bodies_whole(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    long = card(
        **{"title-en": "x" * 5_000, "steps-en": "y" * 20_000, "aliases-en": ", ".join(f"name {n}" for n in range(90))}
    )
    answer = await lead.post("/lead/write", long)
    assert answer.status == 422
    for field in ("title-en", "steps-en", "aliases-en"):
        assert "at most" in at(answer.text, field), field
    answer = await lead.post("/lead/write", card(**{"lead-en": "z" * 400_000}))
    assert answer.status == 413
    assert "more text than fits" in answer.text
    assert await here.leading.publishing.pieces(HOME) == []


async def test_an_agent_is_told_who_may_and_can_do_nothing(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    page = await published(lead)
    agent = await here.signed_in(AGENT)
    for path in ("/lead", "/lead/write", page, "/lead/pushes", "/lead/insights", "/lead/people", "/lead/audit.csv"):
        answer = await agent.get(path)
        assert answer.status == 403, path
        assert "Only leads can do this" in answer.text or "Only admins can do this" in answer.text
        assert "Refund promised twice" not in answer.text
    for path, form in LEAD_ACTIONS + ADMIN_ACTIONS:
        assert (await agent.post(path.format(page=page), form)).status == 403, path
    for path, form in ADMIN_ACTIONS:
        assert (await lead.post(path, form)).status == 403, path
    assert "Look up what was promised" in await ask(here, "double refund")
    assert (await agent.post("/lead/sign-out")).location == "/lead/sign-in"


async def test_with_a_works_council_the_switch_says_why_it_can_not_be_turned(here: Here) -> None:
    here.coach.counting = Insights(SqlCounts(here.database), works_council=True)
    answer = await (await here.signed_in(ADMIN)).post("/lead/insights", {"on": "yes"})
    assert answer.status == 409
    assert "works-council mode is on" in answer.text


@pytest.mark.parametrize("number", ["2147483648", "9" * 11, "9" * 5000])
async def test_a_number_that_no_piece_can_have_is_not_there(here: Here, number: str) -> None:
    lead = await here.signed_in(LEAD)
    assert (await lead.get(f"/lead/pieces/{number}")).status == 404
    assert (await lead.post("/lead/check", card(piece=number))).status == 404


LEAD_ACTIONS: list[tuple[str, dict[str, str]]] = [
    ("/lead/write", card("Another")),
    ("/lead/check", card("Another")),
    ("{page}", {"do": "withdraw"}),
    ("{page}", {"do": "confirm"}),
    ("{page}/edit", card("Changed")),
    *(("{page}/versions/1", {"do": do}) for do in ("submit", "approve", "publish", "roll_back")),
    ("/lead/pushes/new", {"to": "channels", "title": "a", "text": "b"}),
    ("/lead/pushes/1", {"do": "start"}),
    ("/lead/pushes/1/correct", {"title-en": "x"}),
    ("/lead/unheard", {"words": "w", "language": "en", "topic": "calm"}),
]
ADMIN_ACTIONS: list[tuple[str, dict[str, str]]] = [
    ("/lead/insights", {"on": "yes"}),
    ("/lead/people", {"do": "remove", "subject": LEAD.person}),
    ("/lead/people", {"do": "review_on"}),
]


async def test_another_workspaces_pieces_and_pushes_are_not_there(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    page = await published(lead)
    await here.has_channels("support")
    push = (await lead.post("/lead/pushes/new", {"to": "channels", "title": "a", "text": "b"})).location
    await here.leading.roles.add_lead(
        type(ADMIN)(STRANGER.workspace, ADMIN.person), Mention(STRANGER.person, STRANGER.name)
    )
    stranger = await here.signed_in(STRANGER)
    assert "Refund promised twice" not in (await stranger.get("/lead")).text
    for path in (page, f"{page}/edit", f"{page}/versions/1", push, f"{push}/figures", f"{push}/correct"):
        assert (await stranger.get(path)).status == 404, path
    for path, form in (
        (page, {"do": "withdraw"}),
        (f"{page}/versions/1", {"do": "publish"}),
        (f"{page}/edit", card("Mine now")),
        ("/lead/check", card("Mine", piece=page.rpartition("/")[2])),
        (push, {"do": "start"}),
        (push, {"do": "cancel"}),
        (f"{push}/correct", {"title-en": "x", "lead-en": "y"}),
    ):
        assert (await stranger.post(path, form)).status == 404, path
    answer = await stranger.post("/lead/pushes/new", {"piece": page.rpartition("/")[2], "to": "channels"})
    assert answer.status == 422
    assert (await stranger.get("/lead/pieces/99999999999999999999")).status == 404
    assert "Look up what was promised" in await ask(here, "double refund")


@pytest.mark.parametrize("token", ["", "0" * 64, "ü", "of another"])
async def test_a_form_without_the_sessions_token_is_refused(here: Here, token: str) -> None:
    lead, other = await here.signed_in(LEAD), await here.signed_in(OTHER)
    await other.get("/lead/people")
    forged = other.token if token == "of another" else token
    answer = await lead.post("/lead/write", card() | {"form-token": forged})
    assert answer.status == 403
    assert "does not belong to your session" in answer.text
    assert await here.leading.publishing.pieces(HOME) == []


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_a_form_from_another_site_is_refused(here: Here, headers: dict[str, str]) -> None:
    lead = await here.signed_in(LEAD)
    assert (await lead.post("/lead/write", card(), headers=headers)).status == 403
    assert await here.leading.publishing.pieces(HOME) == []


async def test_other_bodies_and_unknown_buttons_are_refused(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    page = await published(lead)
    assert (await lead.ask("POST", "/lead/write", json={"do": "save"})).status == 415
    assert (await lead.post(page, {"do": "delete"})).status == 400
    assert (await lead.post(f"{page}/versions/1", {"do": "__class__"})).status == 400
    assert (await lead.post(f"{page}/versions/7", {"do": "publish"})).status == 404
    assert (await lead.ask("POST", "/lead/write", data=b"%ff%fe=\xff\xfe", headers=FORM)).status == 400
    assert (await lead.get("/lead/nowhere")).status == 404


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_a_lead_who_was_removed_is_refused_at_once(here: Here) -> None:
    lead, admin = await here.signed_in(LEAD), await here.signed_in(ADMIN)
    assert (await lead.get("/lead")).status == 200
    assert (await admin.post("/lead/people", {"do": "remove", "subject": LEAD.person})).status == 303
    assert (await lead.get("/lead")).status == 403
    assert (await lead.post("/lead/write", card())).status == 403


async def test_a_session_that_asks_too_often_gets_a_calm_page(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    statuses = [(await lead.get("/lead/people")).status for _ in range(241)]
    assert statuses[:240] == [200] * 240
    answer = await lead.get("/lead/people")
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert "Please wait a moment" in answer.text
    assert (await (await here.signed_in(OTHER)).get("/lead")).status == 200
    here.now[0] += timedelta(seconds=1)
    assert (await lead.get("/lead/people")).status == 200


@pytest.mark.parametrize(
    ("proxies", "told", "address"),
    [
        (0, ["203.0.113.7"], "127.0.0.1"),
        (0, [], "127.0.0.1"),
        (1, ["203.0.113.7"], "203.0.113.7"),
        (1, ["198.51.100.1, 10.0.0.1,203.0.113.7"], "203.0.113.7"),
        (1, ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        (2, ["198.51.100.1, 203.0.113.7, 10.0.0.1"], "203.0.113.7"),
        (2, ["198.51.100.1, 203.0.113.7", "10.0.0.1"], "203.0.113.7"),
        (2, ["203.0.113.7"], "127.0.0.1"),
        (1, [], "127.0.0.1"),
        (1, ["203.0.113.7:5000"], "203.0.113.7"),
        (1, ["2001:db8::7"], "2001:db8::7"),
        (1, ["[2001:DB8::7]:5000"], "2001:db8::7"),
        *((1, [f"203.0.113.7, {odd}"], "127.0.0.1") for odd in ("", "unknown", "127.1", "_x", "a.b", "[", "1.2.3.4.5")),
    ],
)
def test_only_what_a_proxy_wrote_tells_an_address(proxies: int, told: list[str], address: str) -> None:
    headers = CIMultiDict([("X-Forwarded-For", one) for one in told])
    request = make_mocked_request("GET", "/lead", headers=headers).clone(remote="127.0.0.1")
    assert address_of(request, proxies) == address


@pytest.mark.parametrize(("proxies", "statuses"), [(0, [429, 429]), (1, [429, 303])])
async def test_behind_a_proxy_each_address_has_its_own_limit(
    coach: Coach, new_database: Callable[[str], str], proxies: int, statuses: list[int]
) -> None:
    async with running(coach, new_database("sqlite"), trusted_proxies=proxies) as here:

        async def asks(forwarded: str) -> int:
            headers = {"X-Forwarded-For": forwarded}
            async with here.client.get("/lead", headers=headers, allow_redirects=False) as answer:
                return answer.status

        assert {await asks(f"10.0.0.{number}, 203.0.113.7") for number in range(120)} == {303}
        assert [await asks("10.9.9.9, 203.0.113.7"), await asks("203.0.113.7, 203.0.113.8")] == statuses


def test_a_limiter_forgets_and_refills() -> None:
    now = [0.0]
    limiter = Limiter(60, lambda: now[0])
    assert [limiter.wait("a") for _ in range(61)] == [0] * 60 + [1]
    assert limiter.wait("b") == 0
    now[0] = 1
    assert limiter.wait("a") == 0
    assert limiter.wait("a") == 1


# ---- pushing


async def test_a_push_is_estimated_confirmed_watched_corrected_and_taken_back(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    page = await published(lead)
    await here.has_channels("support", "billing", "night")
    here.platform.answers["Cnight"] = [Failed("archived")]
    form = await lead.get(f"/lead/pushes/new?piece={page.rpartition('/')[2]}")
    assert all(name in form.text for name in ("support", "billing", "night"))
    made = await lead.post("/lead/pushes/new", {"piece": page.rpartition("/")[2], "to": "channels"})
    push = made.location
    draft = await lead.get(push)
    assert "Channels: 3" in draft.text
    assert "Time it takes: about 1 s" in draft.text
    assert here.platform.sent == []
    assert (await lead.post(push, {"do": "start"})).location == push
    assert "It is being sent" in (await lead.get(push)).text or "begun" in (await lead.get(push)).text
    await here.deliver()
    figures = await lead.get(f"{push}/figures")
    assert figure(figures.text, "sent") == 2
    assert figure(figures.text, "failed") == 1
    assert "1: the channel is archived" in figures.text
    assert (await lead.post(push, {"do": "resend"})).status == 303
    await here.deliver()
    assert figure((await lead.get(f"{push}/figures")).text, "sent") == 3
    assert (await lead.get(f"{push}/correct")).status == 200
    answer = await lead.post(f"{push}/correct", {"title-en": "", "lead-en": "x"})
    assert answer.status == 422
    assert "Please write a title." in answer.text
    answer = await lead.post(f"{push}/correct", {"title-en": "Refunds", "lead-en": "One promise, kept."})
    assert answer.status == 303, answer.text
    await here.deliver()
    assert "One promise, kept." in plain_text(here.platform.amended[-1][1])
    assert (await lead.post(push, {"do": "withdraw"})).status == 303
    await here.deliver()
    assert "Taken back" in plain_text(here.platform.amended[-1][1])
    assert (await lead.post(push, {"do": "cancel"})).status == 409


def figure(page: str, label: str) -> int:
    found = re.search(rf"<dt>{label}</dt>\s*<dd>\s*([\d,]+)", page)
    assert found, page
    return int(found[1])


async def test_a_push_to_chosen_channels_in_own_words(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    await here.has_channels("support", "billing")
    wrong = await lead.post(
        "/lead/pushes/new", {"to": "rooms", "title": "", "text": "", "at": "soon", "zone": "Nowhere"}
    )
    assert wrong.status == 422
    assert "Please give a time like 09:30." in wrong.text
    assert "Please name a city" in wrong.text
    wrong = await lead.post("/lead/pushes/new", {"to": "rooms", "title": "", "text": ""})
    assert "Please write a title." in wrong.text
    assert "Please say who gets it." in wrong.text
    made = await lead.post(
        "/lead/pushes/new",
        [
            ("to", "rooms"),
            ("room", "Cbilling"),
            ("room", "Cforged"),
            ("language", "en"),
            ("title", "Outage"),
            ("text", "It is over."),
        ],
    )
    assert "billing" in (await lead.get(made.location)).text
    await lead.post(made.location, {"do": "start"})
    await here.deliver()
    assert here.platform.reached == ["Cbilling"]
    assert (await lead.post(made.location, {"do": "start"})).status == 409


async def test_a_draft_is_thrown_away(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    push = (await lead.post("/lead/pushes/new", {"to": "channels", "title": "a", "text": "b"})).location
    assert (await lead.post(push, {"do": "start"})).status == 409  # nobody would get it
    assert (await lead.post(push, {"do": "discard"})).location == "/lead/pushes"
    assert (await lead.get(push)).status == 404


# ---- counts, people, audit


async def test_insights_are_a_table_and_charts_and_an_alias_is_one_step(here: Here) -> None:
    lead, admin = await here.signed_in(LEAD), await here.signed_in(ADMIN)
    assert "Insights are off" in (await lead.get("/lead/insights")).text
    assert (await admin.post("/lead/insights", {"on": "yes"})).status == 303
    week = week_of(here.now[0])
    group = Group(HOME, week, Language.EN, "asked", "calm")
    words = Group(HOME, week, Language.EN, "words", "queue jumper")
    await here.insights._store.add({group: 15}, [words])
    page = (await lead.get("/lead/insights")).text
    assert "<svg" in page
    assert "<title" in page
    assert re.search(r"<desc[^>]*>W47: 15</desc>", page)
    assert '<td class="number">15</td>' in page
    assert "queue jumper" in page
    form = {"words": "queue jumper", "language": "en", "topic": "calm"}
    assert (await lead.post("/lead/unheard", form | {"words": "never said"})).status == 404
    assert (await lead.post("/lead/unheard", form | {"topic": "nothing"})).status == 404
    assert (await lead.get("/lead/unheard?lang=de")).status == 200, "where a refusal is shown"
    assert (await lead.post("/lead/unheard", form)).status == 303
    assert "queue jumper" not in (await lead.get("/lead/insights")).text
    assert (
        await ask(here, "queue jumper") == await ask(here, "calm")
        or "calm" in (await ask(here, "queue jumper")).lower()
    )


async def test_long_words_lead_to_a_card_by_one_step_too(here: Here) -> None:
    lead, admin = await here.signed_in(LEAD), await here.signed_in(ADMIN)
    await admin.post("/lead/insights", {"on": "yes"})
    words = "where do the people from the night shift put the spare headset"
    await here.insights._store.add({}, [Group(HOME, week_of(here.now[0]), Language.EN, "words", words)])
    assert words in (await lead.get("/lead/insights")).text
    form = {"words": words, "language": "en", "topic": "pause"}
    assert (await lead.post("/lead/unheard", form)).status == 303
    assert words not in (await lead.get("/lead/insights")).text
    assert "pause" in (await ask(here, words)).lower()


def test_a_chart_is_in_one_measure() -> None:
    made = charts({"a": {"2026-W46": 5}, "b": {"2026-W47": 10}}, ["2026-W46", "2026-W47"])
    assert [[bar.height for bar in chart.bars] for chart in made] == [[48, 0], [0, 96]]
    assert made[0].bars[0].week == "W46"
    assert charts({}, []) == []


async def test_the_audit_is_for_admins_and_exports(here: Here) -> None:
    lead, admin = await here.signed_in(LEAD), await here.signed_in(ADMIN)
    await published(lead, **{"title-en": "=cmd|' /C calc'!A0"})
    page = (await admin.get("/lead/audit")).text
    assert "lead added" in page
    assert "Lena Vogt (ULEAD)" in page
    export = await admin.get("/lead/audit.csv")
    assert export.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in export.headers["Content-Disposition"]
    lines = export.text.splitlines()
    assert lines[0].endswith("at,actor,action,about")
    assert any(",published," in line for line in lines)
    assert not any(re.search(r',"?[=+@-]', line) for line in lines), lines


# ---- languages


@pytest.mark.parametrize("language", list(Language))
async def test_every_page_is_in_every_language(here: Here, strings: Strings, language: Language) -> None:
    lead, admin = await here.signed_in(LEAD), await here.signed_in(ADMIN)
    page = await published(lead)
    await here.has_channels("support")
    push = (await lead.post("/lead/pushes/new", {"piece": page.rpartition("/")[2], "to": "channels"})).location
    await admin.post("/lead/insights", {"on": "yes"})
    paths = (
        "/lead",
        "/lead/write",
        page,
        f"{page}/edit",
        f"{page}/versions/1",
        "/lead/pushes",
        "/lead/pushes/new",
        push,
    )
    for path in (*paths, f"{push}/correct", "/lead/insights", "/lead/people", "/lead/audit", "/lead/nowhere"):
        answer = await admin.get(f"{path}?lang={language}")
        assert f'<html lang="{language}">' in answer.text, path
        assert strings("console.sign_out", language) in html.unescape(answer.text), path
        assert strings("web.state_sent", language) in answer.text or "figures" not in path
    assert OWN_NAMES[language] in (await admin.get("/lead")).text


async def test_the_language_is_asked_for_chosen_or_the_browsers(here: Here) -> None:
    lead = await here.signed_in(LEAD)
    assert '<html lang="ru">' in (await lead.get("/lead", headers={"Accept-Language": "fr, ru;q=0.8"})).text
    await here.coach.preferences.set_language(HOME, LEAD.person, Language.DE)
    assert '<html lang="de">' in (await lead.get("/lead", headers={"Accept-Language": "ru"})).text
    assert '<html lang="ka">' in (await lead.get("/lead?lang=ka")).text
    assert '<html lang="ka">' in (await lead.get("/lead")).text
    assert '<html lang="ka">' in (await lead.get("/lead?lang=xx")).text


def test_templates_have_no_inline_script_or_style() -> None:
    folder = Path(__file__).parents[1] / "adapters" / "web" / "console"
    for path in folder.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?! src=)|\|\s*safe", text), path


async def test_another_language_keeps_where_one_was_going_and_what_the_page_is_about(here: Here) -> None:
    links = re.compile(r'href="([^"]*)" lang="de" hreflang="de"')
    door = await here.anybody().get("/lead/sign-in?next=/lead/pieces/1")
    [link] = links.findall(door.text)
    german = await here.anybody().get(f"/lead/sign-in{html.unescape(link)}")
    assert '<html lang="de">' in german.text
    assert "next=/lead/pieces/1" in german.text
    lead = await here.signed_in(LEAD)
    [link] = links.findall((await lead.get("/lead?lang=en&lang=xx")).text)
    assert html.unescape(link) == "?lang=de"


@pytest.mark.parametrize("kind", ["piece", "push", "correction"])
async def test_another_language_loses_nothing_that_was_typed(here: Here, kind: str) -> None:
    lead = await here.signed_in(LEAD)
    await here.has_channels("1", "2")
    typed = {"title-en": "<half> a title", "steps-ka": "ერთი\nორი", "lead-en": ""}
    path = "/lead/write"
    if kind == "push":
        path, typed = "/lead/pushes/new", {"title": "<half> a title", "text": "a\nb", "to": "rooms", "room": "C2"}
    elif kind == "correction":
        page = await published(lead)
        push = {"piece": page.rpartition("/")[2], "to": "channels"}
        path = f"{(await lead.post('/lead/pushes/new', push)).location}/correct"
        typed = {"title-en": "<half> a title", "steps-en": "a\nb", "lead-en": ""}
    blank = await lead.get(path)
    assert f'formaction="{path}?lang=ru" name="lang" value="ru"' in blank.text
    first = re.search(r'<button type="submit" form="piece" ([^>]*)>', blank.text)
    assert first
    assert "lang" not in first[1], "Enter in a field must not change the language"
    answer = await lead.post(f"{path}?lang=ru", {**typed, "lang": "ru"})
    assert answer.status == 200
    assert '<html lang="ru">' in answer.text
    assert "&lt;half&gt; a title" in answer.text
    assert 'aria-invalid="true"' not in answer.text
    if kind == "push":
        assert re.search(r'value="C2" checked', answer.text)
        assert "\na\nb</textarea>" in answer.text
    assert await here.leading.publishing.pieces(HOME) == [] or kind == "correction"
    assert '<html lang="ru">' in (await lead.get("/lead")).text
