"""Leads through the doors of both platforms, and by files; and that what they write stays text everywhere."""

import csv
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.cli import main
from adapters.slack import measure as measure_slack
from adapters.slack import to_slack
from adapters.slack.payloads import mentions_in
from adapters.teams import to_card
from adapters.teams.translate import mentions_in as mentions_in_teams
from chatbot.coach import Coach
from chatbot.guidance import Guidance
from chatbot.model import Language, Mention, Message, Reply, plain_text
from chatbot.publishing import Publishing
from chatbot.roles import Actor
from chatbot.store.database import Database
from chatbot.strings import Strings
from chatbot.tip_cards import tip_card
from chatbot.voice import Voice
from chatbot.written import Words, Written, tidy_line
from tests.doors import led, teams_with_leads
from tests.fake_identity import Teams
from tests.slack_far_end import FarEnd, Slack, checked, form, interactive, payload, refused, slack, submitted

WORKSPACE = "slack:T0STEADY1"
TENANT = "teams:bbbbbbbb-0000-4000-8000-00000000000b"
ANNA = "aaaaaaaa-0000-4000-8000-00000000000a"
GENERAL = "19:general@thread.tacv2"
NOW = 1_795_000_000.0

FILLED_IN = {
    "language": "en", "topic": "new", "title": "Goodwill vouchers", "lead": "Offer the voucher before they ask.",
    "steps": "Say what it is worth.", "say": "May I send you a voucher?", "aliases": "kulanz",
}  # fmt: skip


@pytest.fixture
async def here(coach: Coach, database: Database) -> AsyncIterator[Slack]:
    async with slack(coach, FarEnd()) as running:
        groups = {"slack": running.adapter.delivery}
        async with led(database, coach, {WORKSPACE: ["U0AGENT01"]}, groups, lambda: NOW):
            yield running


async def typed(here: Slack, text: str, user: str = "U0AGENT01", **changes: Any) -> dict[str, Any]:
    """Type a slash command and return what it is answered with, which leads are by the response URL."""
    url = f"{here.far.url}respond/command"
    here.far.calls.clear()
    body = form(payload("command", command="/steady", text=text, user_id=user, response_url=url, **changes))
    assert await here.send(body) == (200, b"")

    def answers() -> list[dict[str, Any]]:
        return [content for name, content in here.far.calls if name != "usergroups.users.list"]

    await here.far.until(lambda _: bool(answers()))
    return answers()[0]


async def test_slack_names_leads_by_person_and_by_group(here: Slack, coach: Coach) -> None:
    assert "Only admins" in json.dumps(await typed(here, "lead add <@U0BEN|ben>", user="U0STRANGER"))
    told = await typed(here, "lead add <@U0BEN|ben> <!subteam^S0LEADS|@support-leads>")
    assert "ben; support-leads" in json.dumps(told)
    assert coach.roles
    assert await coach.roles.role_of(WORKSPACE, "U0BEN") == "lead"
    assert [row.subject for row in await coach.roles.leads(WORKSPACE)][:2] == ["U0BEN", "group:S0LEADS"]
    assert ("usergroups.users.list", {"usergroup": "S0LEADS"}) in here.far.calls, "said at once if Slack does not tell"
    assert await coach.roles.role_of(WORKSPACE, "U0EVE") == "agent"


@pytest.mark.parametrize(
    ("error", "says"),
    [("missing_scope", "needs the permission “usergroups:read”"), ("fatal_error", "find out who that is")],
)
async def test_a_group_that_slack_does_not_show_is_refused_at_once(
    here: Slack, coach: Coach, error: str, says: str
) -> None:
    here.far.answers["usergroups.users.list"] = [refused(error)]
    told = json.dumps(await typed(here, "lead add <@U0BEN|ben> <!subteam^S0LEADS|@support-leads>"), ensure_ascii=False)
    assert says in told
    assert coach.roles
    assert [row.subject for row in await coach.roles.leads(WORKSPACE)] == ["U0AGENT01"], "nobody, not half of them"
    assert "support-leads" in json.dumps(await typed(here, "lead remove <!subteam^S0LEADS|@support-leads>"))
    assert "in a channel of a Teams team" in json.dumps(await typed(here, "lead add owners"))


async def test_a_slack_modal_writes_previews_and_publishes(here: Slack) -> None:
    view = (await typed(here, "write"))["view"]
    view = checked(json.loads(view) if isinstance(view, str) else view)
    state = {name: {"value": value} for name, value in FILLED_IN.items() if name not in ("language", "topic")}
    wrong = submitted(view, **(state | {"title": {"value": "Pause"}}))
    status, body = await here.send(interactive(wrong))
    assert (status, json.loads(body)["response_action"]) == (200, "errors")
    assert list(json.loads(body)["errors"]) == ["title 0"]
    here.far.calls.clear()
    assert await here.send(interactive(submitted(view, **state))) == (200, b"")
    draft = await here.far.called("chat.postEphemeral")
    assert "Offer the voucher before they ask." in json.dumps(draft)
    blocks = json.loads(draft["blocks"]) if isinstance(draft["blocks"], str) else draft["blocks"]
    row = blocks[-1]
    publish = next(each for each in row["elements"] if each["value"].startswith("write publish"))
    here.far.calls.clear()
    press = payload(
        "press_private", actions=[{**publish, "action_id": "p 0", "block_id": row["block_id"]}],
        response_url=f"{here.far.url}respond/press",
    )  # fmt: skip
    assert await here.send(interactive(press)) == (200, b"")
    await here.far.until(lambda far: bool(far.calls))
    assert "is published" in json.dumps(here.far.calls[0][1])
    status, body = await here.send(form(payload("command", command="/steady", text="kulanz", user_id="U0EVE")))
    assert "Offer the voucher before they ask." in body.decode()


def of_phrases(count: int, length: int, owner: str, now: float = NOW) -> Written:
    """Return a piece in English with phrases of one length, all different."""
    phrases = tuple(f"{number:02} ".ljust(length, "ж") for number in range(count))
    words = Words("Goodwill vouchers", "Offer it.", ("Say it.",), ("May I?",), phrases=phrases)
    return Written("", {Language.EN: words}, owner, "", datetime.fromtimestamp(now, UTC).date() + timedelta(days=30))


@pytest.mark.parametrize("console", ["https://coach.test/lead", ""])
async def test_slack_says_so_where_its_form_can_not_hold_a_piece(here: Slack, coach: Coach, console: str) -> None:
    assert coach.publishing
    coach.console = console
    written = of_phrases(30, 200, "U0AGENT01")
    made = await coach.publishing.save_draft(Actor(WORKSPACE, "U0AGENT01"), written)
    told = await typed(here, f"write edit {made.piece}")
    assert "view" not in told
    shown = json.dumps(told, ensure_ascii=False)
    assert "This card holds more text than a form in Slack can take." in shown
    way = f"in the console: {console}/pieces/{made.piece}/edit" if console else "Whoever runs Steady can switch it on"
    assert way in shown
    assert f"write piece {made.piece}" in shown, "the way back"
    assert (await coach.publishing.piece(WORKSPACE, made.piece)).latest.number == made.number
    assert "view" in await typed(here, f"write edit {made.piece} de"), "in another language it fits"


async def test_a_button_that_stands_in_for_the_form_of_a_piece_takes_nothing_out_of_it(
    here: Slack, coach: Coach
) -> None:
    assert coach.publishing
    written = of_phrases(2, 50, "U0AGENT01")
    made = await coach.publishing.save_draft(Actor(WORKSPACE, "U0AGENT01"), written)
    button = {"type": "button", "action_id": "p 0", "block_id": "de 1", "value": f"write save {made.piece}"}
    assert await here.send(interactive(payload("press", actions=[button]))) == (200, b"")
    assert "view" in await here.far.called("views.open")
    words = (await coach.publishing.piece(WORKSPACE, made.piece)).latest.written.words
    assert words == written.words


async def test_of_many_leads_the_form_offers_those_who_own_the_piece_now(here: Slack, coach: Coach) -> None:
    assert coach.publishing
    assert coach.roles
    admin = Actor(WORKSPACE, "U0AGENT01", "Ann")
    for number in range(60):
        await coach.roles.add_lead(admin, Mention(f"U{number:03}", f"Lead {number}"))
    made = await coach.publishing.save_draft(admin, replace(of_phrases(1, 20, "U000"), deputy="U001"))
    view = (await typed(here, f"write edit {made.piece}"))["view"]
    view = checked(json.loads(view) if isinstance(view, str) else view)
    assert await here.send(interactive(submitted(view))) == (200, b"")
    await here.far.called("chat.postEphemeral")
    written = (await coach.publishing.piece(WORKSPACE, made.piece)).latest.written
    assert (written.owner, written.deputy) == ("U000", "U001")


async def test_what_slacks_form_just_holds_comes_back_whole(here: Slack, coach: Coach) -> None:
    assert coach.publishing
    written = of_phrases(15, 199, "U0AGENT01")
    made = await coach.publishing.save_draft(Actor(WORKSPACE, "U0AGENT01"), written)
    view = (await typed(here, f"write edit {made.piece}"))["view"]
    view = checked(json.loads(view) if isinstance(view, str) else view)
    assert await here.send(interactive(submitted(view))) == (200, b"")
    await here.far.called("chat.postEphemeral")
    words = (await coach.publishing.piece(WORKSPACE, made.piece)).latest.written.words[Language.EN]
    assert words == written.words[Language.EN]


def test_who_is_mentioned_in_slack() -> None:
    text = "lead add <@U1|ann> <@W2> <!subteam^S3|@leads> <!channel> <#C4|x> <http://evil|@U9> <@U1> <@U0BOT> <@u5>"
    found = mentions_in(text, ours=frozenset({"U0BOT"}))
    assert found == (Mention("U1", "ann"), Mention("W2", ""), Mention("group:S3", "leads"))
    assert len(mentions_in(" ".join(f"<@U{n}>" for n in range(99)))) == 20


# ---- Teams


@pytest.fixture
async def teams(coach: Coach, database: Database) -> AsyncIterator[Teams]:
    async with teams_with_leads(coach, database) as running:
        yield running


def installed(teams: Teams, person: str, team: bool) -> dict[str, Any]:
    activity = teams.payload("installation", id=f"i-{person}-{team}")
    activity["from"] = {"id": "29:x", "aadObjectId": person, "name": "Anna Agent"}
    if team:
        activity["conversation"] = {
            "conversationType": "channel",
            "isGroup": True,
            "id": GENERAL,
            "tenantId": TENANT[6:],
        }
        activity["channelData"]["team"] = {"id": GENERAL}
    return activity


async def test_whoever_adds_us_to_a_team_first_is_admin(teams: Teams, coach: Coach) -> None:
    assert coach.roles
    assert (await teams.send(installed(teams, "eve", team=False)))[0] == 200
    assert await coach.roles.role_of(TENANT, "eve") == "agent", "anybody may add us for themselves"
    assert (await teams.send(installed(teams, ANNA, team=True)))[0] == 200
    assert (await teams.send(installed(teams, "eve", team=True)))[0] == 200
    assert await coach.roles.role_of(TENANT, ANNA) == "admin"
    assert await coach.roles.role_of(TENANT, "eve") == "agent"


async def test_teams_names_a_lead_by_mention_who_then_writes_with_a_card(teams: Teams, coach: Coach) -> None:
    await teams.send(installed(teams, ANNA, team=True))
    teams.far.members[GENERAL] = {"29:1ben"}
    activity = teams.payload("message_channel", id="m1", text="<at>Steady</at> lead add <at>Ben</at>")
    ben = {"type": "mention", "mentioned": {"id": "29:1ben", "name": "Ben"}, "text": "<at>Ben</at>"}
    assert (await teams.send({**activity, "entities": [*activity["entities"], ben]}))[0] == 200
    await teams.calls()
    assert coach.roles
    assert await coach.roles.role_of(TENANT, "29:1ben") == "lead"

    mine = teams.payload("message_personal", id="m2", text="write")
    mine["from"] = {"id": "29:1ben", "name": "Ben"}
    await teams.send(mine)
    card = (await teams.calls())[-1].body["attachments"][0]["content"]
    save = next(
        action["data"] for element in card["body"] if element["type"] == "ActionSet" for action in element["actions"]
        if action["data"]["command"] == "write save"
    )  # fmt: skip
    until = next(element["value"] for element in card["body"] if element.get("id") == "form_verified_until")
    press = teams.payload("card_action", id="m3")
    press["from"] = mine["from"]
    inputs = {
        f"form_{name}": value for name, value in (FILLED_IN | {"verified_until": until, "owner": "29:1ben"}).items()
    }
    press["value"] = {"action": {"type": "Action.Execute", "verb": "steady", "data": {**save, **inputs}}}
    status, answer = await teams.send(press)
    assert status == 200
    assert "Offer the voucher before they ask." in json.dumps(answer)
    forged = teams.payload("card_action", id="m4")
    forged["from"] = {"id": "29:eve", "aadObjectId": "eve"}
    data = {"command": "write publish 1 1", "language": "en"}
    forged["value"] = {"action": {"type": "Action.Execute", "verb": "steady", "data": data}}
    await teams.send(forged)
    assert coach.publishing
    assert (await coach.publishing.piece(TENANT, 1)).live is None
    forged["from"], forged["id"] = mine["from"], "m5"
    await teams.send(forged)
    assert (await coach.publishing.piece(TENANT, 1)).published == 1


async def edited_in_teams(teams: Teams, piece: int) -> Any:
    """Return the card on which Anna edits a piece."""
    mine = teams.payload("message_personal", text=f"write edit {piece}", id=f"edit-{piece}")
    mine["from"] = {"id": "29:anna", "aadObjectId": ANNA, "name": "Anna Agent"}
    assert (await teams.send(mine))[0] == 200
    return (await teams.calls())[-1].body["attachments"][0]["content"]


async def test_teams_form_holds_the_longest_piece_and_gives_it_back_whole(teams: Teams, coach: Coach) -> None:
    await teams.send(installed(teams, ANNA, team=True))
    assert coach.publishing
    written = of_phrases(30, 200, ANNA, teams.now[0])
    made = await coach.publishing.save_draft(Actor(TENANT, ANNA), written)
    card = await edited_in_teams(teams, made.piece)
    inputs = {element["id"]: element.get("value", "") for element in card["body"] if "id" in element}
    save = next(
        action["data"] for element in card["body"] if element["type"] == "ActionSet" for action in element["actions"]
        if action["data"]["command"].startswith("write save")
    )  # fmt: skip
    press = teams.payload("card_action", id="m3")
    press["from"] = {"id": "29:anna", "aadObjectId": ANNA, "name": "Anna Agent"}
    press["value"] = {"action": {"type": "Action.Execute", "verb": "steady", "data": {**save, **inputs}}}
    assert (await teams.send(press))[0] == 200
    words = (await coach.publishing.piece(TENANT, made.piece)).latest.written.words[Language.EN]
    assert words == written.words[Language.EN]


async def test_teams_says_so_where_a_field_can_not_hold_a_piece(teams: Teams, coach: Coach) -> None:
    await teams.send(installed(teams, ANNA, team=True))
    assert coach.publishing
    written = of_phrases(1, 20, ANNA, teams.now[0])
    # Names that came in from another version may be more than anybody could save.
    names = tuple(f"name {number:02} ".ljust(40, "x") for number in range(30))
    english = replace(written.words[Language.EN], aliases=names)
    overfull = replace(written, topic="team/vouchers", words={Language.EN: english})
    made = await coach.publishing._store.save(Actor(TENANT, ANNA), overfull, None, NOW)
    assert made
    shown = json.dumps(await edited_in_teams(teams, made.piece))
    assert "This card holds more text than a form in Teams can take." in shown
    assert "Input.Text" not in shown


def test_who_is_mentioned_in_teams() -> None:
    def of(**person: str) -> dict[str, Any]:
        return {"type": "mention", "mentioned": person}

    people = [
        of(id="28:bot"), of(id="29:a", name="Ann"), of(id="29:b", aadObjectId="bb", name="B"), of(id="19:channel"),
        of(id="tag", name="tag"), {"type": "mention"}, "x",
    ]  # fmt: skip
    activity = {"recipient": {"id": "28:bot"}, "entities": people}
    assert mentions_in_teams(activity) == (Mention("29:a", "Ann"), Mention("bb", "B"))
    assert mentions_in_teams({}) == ()


# ---- text is text

HOSTILE = (
    "{{ 7*7 }}", "{% for x in y %}", "<!channel>", "<!here|now>", "<@U1>", "<#C1>", "<http://evil.example|click>",
    "[x](javascript:alert(1))", "*bold* _it_ ~no~ `code`", "<at>all</at>", "<b>b</b><script>alert(1)</script>",
    ":smile: :joy:", "&lt;!channel&gt;", '{"type":"AdaptiveCard"}', "# head", "1. one", "- item", "{{DATE(2026-01-01)}}",
    "@channel", "| a | b |", "\\", "![i](http://e/x.png)", "${7*7}", "%s %(x)s", "'; DROP TABLE pieces; --",
)  # fmt: skip


def strings_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in strings_in(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in strings_in(inner)]
    return [value] if isinstance(value, str) else []


@pytest.fixture
async def publishing(coach: Coach, database: Database) -> AsyncIterator[Publishing]:
    async with led(database, coach, {"test:w": ["test:p"]}, {}, lambda: NOW) as leading:
        yield leading.publishing


@pytest.mark.parametrize("text", HOSTILE)
async def test_what_a_lead_writes_arrives_as_it_was_typed(publishing: Publishing, coach: Coach, text: str) -> None:
    words = Words(
        f"T {text}"[:40],
        f"L {text}",
        (f"S {text}",),
        (f"P {text}",),
        tip=f"I {text}",
        aliases=("the alias", f"a {text}"[:40]),
    )
    actor = Actor("test:w", "test:p", f"N {text}")
    written = Written("", {Language.EN: words}, "test:p", "", date(2027, 1, 1), (f"A {text}"[:40],))
    version = await publishing.save_draft(actor, written)
    await publishing.publish(actor, version.piece, version.number)

    async def ask(what: str) -> Reply:
        return await coach.reply(Message(what, "test:w", "test:p", Language.EN, pressed=True, name=actor.name))

    card = await ask("the alias")
    for said in (words.title, words.lead, words.steps[0], words.say[0], f"N {text}"):
        assert said in plain_text(card)
    for what in (
        "the alias", "write list", f"write piece {version.piece}", f"write versions {version.piece}",
        f"write missing {version.piece} 1", f"write languages {version.piece} 1", "audit", "topics team", "leads",
        f"write edit {version.piece} en",
    ):  # fmt: skip
        reply = await ask(what)
        assert "went wrong" not in plain_text(reply), what
        _is_literal_in_slack(reply)
        _is_literal_in_teams(reply)


def _is_literal_in_slack(reply: Reply) -> None:
    if reply.form:
        return
    message = to_slack(reply)

    def look(value: Any) -> None:
        if isinstance(value, dict):
            assert value.get("type") not in ("mrkdwn", "link", "user", "channel", "broadcast", "emoji", "usergroup")
            if value.get("type") == "plain_text" and ":" in value["text"]:
                assert value["emoji"] is False
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(message["blocks"])
    assert "<" not in message["text"].replace("&lt;", "")
    assert not measure_slack(reply).problems


def _is_literal_in_teams(reply: Reply) -> None:
    card = to_card(reply)

    def look(value: Any) -> None:
        if isinstance(value, dict):
            assert value.get("type") not in ("Image", "Media", "Action.OpenUrl")
            if value.get("type") == "TextBlock":
                unescaped = re.sub(r"\\.", "", value["text"])
                for mark in ("[", "<", "*", "_", "`", "{{"):
                    assert mark not in unescaped
            if value.get("type") == "TextRun":
                assert "{{" not in value["text"]
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(card["body"])


@pytest.mark.parametrize(
    "mark", ["\u202e", "\u2066", "\u200b", "\u200f", "\x00", "\x1b", "\ufeff", "\U000e0041", "\ud83c", "\ue000"]
)
async def test_what_shows_nothing_is_left_out(publishing: Publishing, mark: str) -> None:
    text = f"One{mark} two{mark}"
    assert tidy_line(text) == "One two"
    words = Words(text, text, (text,), (text,), (text,), text, (text,))
    written = Written("", {Language.EN: words}, "test:p", "", date(2027, 1, 1), (text,))
    version = await publishing.save_draft(Actor("test:w", "test:p"), written)
    for shown in strings_in(to_card(publishing.preview(written, Language.EN))):
        assert mark not in shown
    assert version.written.words[Language.EN].steps == ("One two",)
    assert version.written.audience == ("One two",)


def test_lines_are_made_one() -> None:
    assert tidy_line(" a\n\tb\u2028c\u00a0 d\r\n") == "a b c d"


# ---- files

FILE = """+++
verified_until = 2090-01-01
[aliases]
en = ["goodwill"]
[phrases]
en = ["can I give them a voucher?"]
+++
## en: Goodwill {{ 7*7 }}
Offer the voucher before they ask.
- Say what it is worth, and until when.
### say
- I would like to offer you a voucher.
### tips
- Early is a gift; late, it is a bargain.
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/steady.sqlite3")
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "team"
    made.mkdir()
    return made


def bring(path: Path, name: str = "Anna Berg") -> int:
    return main(["import", str(path), "--workspace", "slack:T1", "--as", name])


def test_files_are_published_with_a_line_in_the_audit(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "goodwill.md").write_text(FILE.replace("2090-01-01", "2027-01-01"), encoding="utf-8")
    (folder / "step").mkdir()
    (folder / "step" / "listen.md").write_text(
        "## de: Gut zuhören am Telefon\nLassen Sie ausreden.\n", encoding="utf-8"
    )
    assert bring(folder) == 0, capsys.readouterr().err
    assert bring(folder / "goodwill.md", "=Eve") == 0
    told = capsys.readouterr().out
    assert "team/goodwill: version 1" in told
    assert "step/listen: version 1" in told
    assert "team/goodwill: version 2" in told
    out = folder.parent / "audit.csv"
    assert main(["audit", "--out", str(out)]) == 0
    rows = list(csv.reader(out.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 4
    assert rows[1][2:] == ["'=Eve (=Eve)", "imported", "team/goodwill version 2"]
    assert main(["audit", "--out", str(out), "--workspace", "slack:T2"]) == 0
    assert len(out.read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (FILE, "verified_until: Please give a day to come"),
        ("## en: \nFirst line.\n", "en.title: This must not be empty"),
        ("## xx: Title\nFirst line.\n", "## xx: Title: must read"),
        ("## en: Title\nFirst line.\nno list\n", "en.steps: must be a list"),
        ("## en: Title\nFirst line.\n### why\nBecause.\n", "en.why: is no section"),
        ("## en: Title\nLine.\n### tips\n- a\n- b\n", "en.tips: has 2 entries"),
        ("+++\nowner = 1\n+++\n## en: Title\nLine.\n", "owner: extra inputs"),
        ("+++\nx = \n+++\n## en: Title\nLine.\n", "front matter: is not TOML"),
        ("+++\n## en: Title\nLine.\n", "front matter: must begin and end"),
        ("hello\n", "text: stands before the first language"),
        ("", "text: is missing"),
        ("## en: Pause\nLine.\n", "en.title: “Pause” already leads to"),
        (f"## en: {'T' * 41}\nLine.\n", "41 characters; 40 at most"),
        ("\udcff", "file: is not UTF-8"),
    ],
)
def test_a_file_with_an_error_names_it_and_publishes_nothing(
    folder: Path, content: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a-good.md").write_text("## en: Fine\nLine.\n", encoding="utf-8")
    (folder / "bad.md").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert bring(folder) == 1
    error = capsys.readouterr().err
    assert f"bad.md: {said}" in error or (said in error and "bad.md" in error)
    assert main(["audit", "--out", str(folder.parent / "a.csv")]) == 0
    assert "0 action(s)" in capsys.readouterr().out


def test_what_is_no_folder_or_workspace_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bring(folder / "nothing") == 1
    assert "holds no topic files" in capsys.readouterr().err
    assert main(["import", str(folder), "--workspace", "T1", "--as", "A"]) == 1
    assert "--workspace must be like" in capsys.readouterr().err


# ---- tips


async def test_a_published_tip_joins_those_of_its_workspace_and_leaves_with_it(
    publishing: Publishing, coach: Coach, guidance: Guidance, strings: Strings
) -> None:
    words = Words("Vouchers", "Offer them.", tip="Early is a gift.")
    actor = Actor("test:w", "test:p", "Lena")
    version = await publishing.save_draft(actor, Written("", {Language.EN: words}, "test:p", "", date(2027, 1, 1)))
    await publishing.publish(actor, version.piece, version.number)

    tip = "team/vouchers#1"
    ours = await coach.guidance_of("test:w")
    assert ours.tips[Language.EN][tip] == "Early is a gift."
    assert tip not in ours.tips[Language.DE], "nobody wrote it in German"
    assert tip not in (await coach.guidance_of("test:other")).tips[Language.EN]
    card = tip_card(Voice(Language.EN, strings, ours), [tip])
    assert card
    assert "Early is a gift." in plain_text(card)
    assert "Your team's guidance, by Lena" in plain_text(card)
    digest = tip_card(Voice(Language.EN, strings, ours), [tip, "calm#1"])
    assert digest
    assert "by Lena" in plain_text(digest)
    await publishing.withdraw(actor, version.piece)
    gone = await coach.guidance_of("test:w")
    assert tip not in gone.tips[Language.EN]
    assert tip_card(Voice(Language.EN, strings, gone), [tip]) is None
