"""The owners of a team are leads, as Microsoft Graph tells them: the real adapter, the connector and Graph on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chatbot.coach import Coach
from chatbot.model import Language, Mention
from chatbot.roles import Actor
from chatbot.store.audit import AuditLog
from chatbot.store.database import Database
from chatbot.strings import Strings
from tests.doors import teams_with_leads
from tests.fake_identity import ANNA, APP_ID, TENANT, Teams, member
from tests.waiting import until

Json = dict[str, Any]

WORKSPACE = f"teams:{TENANT}"
BEN = "598efcd4-e549-402a-9602-0b50201faebe"
EVE = "73761f06-2ac9-469c-9f10-279a8cc267f9"
GENERAL = "19:general@thread.tacv2"
TEAM = "cccccccc-0000-4000-8000-00000000000c"
OWNERS = f"group:owners:{TEAM}"


class Here:
    """A team with Steady in it, whose admin is Anna."""

    def __init__(self, teams: Teams, coach: Coach, database: Database) -> None:
        assert coach.roles
        self.teams, self.far, self.coach, self.roles = teams, teams.far, coach, coach.roles
        self.audit = AuditLog(database)
        self.messages = 0

    async def says(self, text: str, person: str = ANNA, workspace: str = TENANT, **changes: Any) -> str:
        """Write in the team's General channel, and return the answer that comes in private."""
        self.messages += 1
        activity = self.teams.payload("message_channel", id=f"m{self.messages}", text=f"<at>Steady</at> {text}")
        activity["from"] = {"id": f"29:{person}", "aadObjectId": person, "name": "Anna Agent"}
        activity["conversation"]["tenantId"] = activity["channelData"]["tenant"]["id"] = workspace
        assert (await self.teams.send({**activity, **changes}))[0] == 200
        return json.dumps((await self.teams.calls())[-1].body, ensure_ascii=False)

    async def presses(self, data: Json, person: str = ANNA) -> str:
        """Press a button that carries `data` in the chat with Steady."""
        self.messages += 1
        press = self.teams.payload("card_action", id=f"m{self.messages}")
        press["from"] = {"id": f"29:{person}", "aadObjectId": person}
        press["value"] = {"action": {"type": "Action.Execute", "verb": "steady", "data": data}}
        status, answer = await self.teams.send(press)
        assert status == 200
        return json.dumps(answer, ensure_ascii=False)

    async def rows(self, workspace: str = WORKSPACE) -> list[tuple[str, str]]:
        """Return who is a lead."""
        return [(row.subject, row.name) for row in await self.roles.leads(workspace) if row.role == "lead"]


@pytest.fixture
async def here(coach: Coach, database: Database) -> AsyncIterator[Here]:
    async with teams_with_leads(coach, database) as teams:
        teams.far.teams[GENERAL] = {"id": GENERAL, "name": "Support Team", "aadGroupId": TEAM, "memberCount": 3}
        teams.far.graph[TEAM] = [[member(EVE), member(BEN, "owner")]]
        made = Here(teams, coach, database)
        assert await made.roles.installed(Actor(WORKSPACE, ANNA, "Anna Agent"))
        yield made


async def test_the_owners_of_a_team_are_leads_until_they_are_not(here: Here) -> None:
    assert "Now a lead: Owners of Support Team." in await here.says("lead add owners")
    assert await here.rows() == [(OWNERS, "Support Team")]
    assert await here.roles.role_of(WORKSPACE, BEN) == "lead"
    assert await here.roles.role_of(WORKSPACE, EVE) == "agent"
    assert "Owners of Support Team: everybody in this group is a lead" in await here.says("leads", BEN)
    assert "Write something new" in await here.says("lead", BEN)
    assert "Only leads" in await here.says("write", EVE)
    here.far.graph[TEAM] = [[member(EVE, "owner"), member(BEN)]]
    here.teams.now[0] += 61
    assert await here.roles.role_of(WORKSPACE, BEN) == "agent", "who owns it now counts"
    assert await here.roles.role_of(WORKSPACE, EVE) == "lead"
    assert "No longer a lead: Owners of Support Team." in await here.says("lead remove owners")
    assert await here.roles.role_of(WORKSPACE, EVE) == "agent", "at once, though their names are still remembered"
    assert "Was not a lead: Owners of Support Team." in await here.says("lead remove owners")
    entries = [(row.action, row.actor.partition(" (")[0], row.about) for row in await here.audit.of(WORKSPACE, 9)]
    about = f"Support Team ({OWNERS})"
    assert ("lead added", "Anna Agent", about) in entries
    assert ("lead removed", "Anna Agent", about) in entries


async def test_graph_is_asked_with_a_token_of_the_customers_tenant_for_graph_alone(here: Here) -> None:
    await here.says("lead add owners")
    assert here.far.graph_asked == [(f"teams/{TEAM}/members?$top=999", TENANT)]
    (form,) = [form for form in here.far.token_forms if form["scope"] == f"{here.far.url}/.default"]
    assert (form["tenant"], form["grant_type"], form["client_id"]) == (TENANT, "client_credentials", APP_ID)
    assert len(here.far.token_forms) == 2, "the connector has its own"
    here.teams.now[0] += 61
    assert await here.roles.role_of(WORKSPACE, BEN) == "lead"
    assert len(here.far.token_forms) == 2, "a token is kept"


async def test_a_team_of_several_pages(here: Here) -> None:
    here.far.graph[TEAM] = [[member(f"m{n}") for n in range(99)], [member(EVE, "owner")], [], [member(BEN, "owner")]]
    await here.says("lead add owners")
    assert [await here.roles.role_of(WORKSPACE, person) for person in (EVE, BEN, "m1")] == ["lead", "lead", "agent"]
    assert len(here.far.graph_asked) == 4


@pytest.mark.parametrize(
    "link", ["http://127.0.0.1:1/steal", "//evil.test/", "{url}/graph/v1.0/x y", "{url}/connector/"]
)
async def test_the_token_follows_no_link_elsewhere(here: Here, link: str) -> None:
    here.far.graph[TEAM] = [[member(BEN, "owner")], [member(EVE, "owner")]]
    here.far.next_link = link.replace("{url}", here.far.url)
    assert "couldn't find out" in await here.says("lead add owners")
    assert len(here.far.graph_asked) == 1
    assert await here.rows() == []


async def test_pages_without_end_come_to_one(here: Here) -> None:
    here.far.graph[TEAM] = [[member(BEN, "owner")], []]
    here.far.next_link = f"{here.far.url}/graph/v1.0/teams/{TEAM}/members?$skiptoken=0"
    assert "couldn't find out" in await here.says("lead add owners")
    assert len(here.far.graph_asked) == 30
    assert await here.rows() == []


@pytest.mark.parametrize("odd", [
    member(EVE, "owner", "guest"), member(EVE, "owner", tenantId="dddddddd-0000-4000-8000-00000000000d"),
    member(EVE, "guest"), member("", "owner"), {"userId": EVE, "roles": "owner"}, {"roles": ["owner"]}, "owner", None,
])  # fmt: skip
async def test_guests_and_what_is_no_owner_are_none(here: Here, odd: Any) -> None:
    here.far.graph[TEAM] = [[odd, member(BEN, "owner")]]
    await here.says("lead add owners")
    assert await here.roles.role_of(WORKSPACE, EVE) == "agent"
    assert await here.roles.role_of(WORKSPACE, BEN) == "lead"


# ---- what Microsoft does not tell


async def test_without_consent_the_admin_is_told_what_to_grant(here: Here) -> None:
    here.far.graph.clear()
    assert "needs the permission “TeamMember.Read.Group”" in await here.says("lead add owners")
    assert await here.rows() == []
    here.far.graph[TEAM] = [[member(BEN, "owner")]]
    assert "Now a lead" in await here.says("lead add owners"), "as soon as it is there"


async def test_an_app_that_the_tenant_does_not_know_has_no_consent(here: Here) -> None:
    await here.says("leads")  # the connector's token is there
    here.far.token_status = 400
    assert "TeamMember.Read.Group" in await here.says("lead add owners")
    assert await here.rows() == []


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_what_microsoft_does_not_tell_makes_nobody_a_lead(here: Here, status: int) -> None:
    here.far.graph_status = [status] * 9
    assert "couldn't find out" in await here.says("lead add owners")
    assert await here.rows() == []


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_graph_is_asked_again(here: Here, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.teams.connector.FIRST_WAIT", 0.0)
    here.far.graph_status = [status, status, 200]
    assert "Now a lead" in await here.says("lead add owners")
    assert len(here.far.graph_asked) == 3


async def test_a_graph_that_hangs_is_not_waited_for(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    await here.says("lead add owners")
    monkeypatch.setattr("adapters.teams.team_members.SECONDS_TO_TELL", 0.05)
    here.far.hanging = asyncio.Event()
    here.teams.now[0] += 61
    assert await here.roles.role_of(WORKSPACE, BEN) == "agent"


async def test_all_teams_are_asked_for_at_once(here: Here) -> None:
    other = TEAM.replace("c", "d")
    here.far.graph[other] = [[member(EVE, "owner")]]
    for team in (TEAM, other):
        await here.roles.add_lead(Actor(WORKSPACE, ANNA), Mention(f"group:owners:{team}", "Team"))
    here.far.hanging = asyncio.Event()
    asking = asyncio.create_task(here.roles.role_of(WORKSPACE, EVE))
    await until(lambda: len(here.far.graph_asked) == 2)
    here.far.hanging.set()
    assert await asking == "lead"


async def test_later_failures_take_the_role_and_leave_an_incident(here: Here, caplog: pytest.LogCaptureFixture) -> None:
    await here.says("lead add owners")
    here.far.graph.clear()  # the app was removed from the team
    here.teams.now[0] += 61
    assert "Only leads" in await here.says("write", BEN)
    assert "incident" in caplog.text
    assert BEN not in caplog.text
    assert "bot-token" not in caplog.text
    here.far.graph[TEAM] = [[member(BEN, "owner")]]
    here.teams.now[0] += 6
    assert await here.roles.role_of(WORKSPACE, BEN) == "lead", "back, with the consent"


@pytest.mark.parametrize("told", [{}, {"aadGroupId": "../users"}, {"aadGroupId": 7}, {"id": GENERAL, "name": "x"}])
async def test_a_team_that_the_connector_does_not_tell(here: Here, told: Json) -> None:
    here.far.teams[GENERAL] = told
    assert "couldn't find out" in await here.says("lead add owners")
    assert here.far.graph_asked == []


async def test_owners_of_a_team_that_is_gone_are_removed_by_its_name(here: Here) -> None:
    await here.says("lead add owners")
    here.far.teams.clear()
    assert "couldn't find out" in await here.says("lead remove owners")
    assert "Owners of Support Team" not in await here.says("lead remove owners support team", EVE)
    assert await here.rows() == [(OWNERS, "Support Team")], "not by an agent"
    assert "No longer a lead: Owners of Support Team" in await here.says("lead remove owners support team")
    assert await here.rows() == []


# ---- who may, and what is forged


async def test_an_agent_and_a_lead_are_refused(here: Here) -> None:
    await here.roles.add_lead(Actor(WORKSPACE, ANNA), Mention(BEN, "Ben"))
    for person in (EVE, BEN):
        assert "Only admins" in await here.says("lead add owners", person)
        assert "Only admins" in await here.says("lead remove owners", person)
    assert here.far.graph_asked == [], "nothing is asked for them"
    assert await here.rows() == [(BEN, "Ben")]


async def test_outside_a_team_there_are_no_owners(here: Here) -> None:
    personal = {"id": "a:1personal", "conversationType": "personal", "tenantId": TENANT}
    channel_data = {"tenant": {"id": TENANT}}
    told = await here.says("lead add owners", conversation=personal, channelData=channel_data)
    assert "in a channel of a Teams team" in told
    group = {"id": "19:chat@thread.v2", "conversationType": "groupChat", "isGroup": True, "tenantId": TENANT}
    assert "in a channel of a Teams team" in await here.says(
        "lead add owners", conversation=group, channelData=channel_data
    )
    assert await here.rows() == []


async def test_a_forged_button_names_no_team(here: Here) -> None:
    bot = {"id": f"28:{APP_ID}", "name": "Steady"}
    address = {"serviceUrl": here.teams.service_url, "conversation": GENERAL, "bot": bot, "team": GENERAL}
    for tenant in (TENANT, "dddddddd-0000-4000-8000-00000000000d"):
        room = json.dumps(address | {"tenant": tenant})
        for command in ("lead add owners", f"lead add owners:{TEAM}", f"lead add {OWNERS}", f"lead add owners {TEAM}"):
            for person in (ANNA, EVE):
                await here.presses({"command": command, "language": "en", "room": room}, person)
                await here.presses({"command": command, "language": "en"}, person)
    assert await here.rows() == []
    assert here.far.graph_asked == []


@pytest.mark.parametrize("text", [f"lead add owners:{TEAM}", f"lead add {OWNERS}", f"lead add owners {TEAM}"])
async def test_a_team_can_not_be_given_by_its_id(here: Here, text: str) -> None:
    await here.says(text)
    await here.says(text, EVE)
    assert await here.rows() == []
    assert here.far.graph_asked == []


async def test_another_tenants_owners_stay_there(here: Here) -> None:
    other = "dddddddd-0000-4000-8000-00000000000d"
    await here.says("lead add owners")
    assert "Only admins" in await here.says("lead add owners", workspace=other)
    assert "Only admins" in await here.says("lead remove owners", workspace=other)
    assert "Support Team" not in await here.says("lead remove owners support team", workspace=other)
    assert await here.roles.role_of(f"teams:{other}", BEN) == "agent"
    assert await here.rows() == [(OWNERS, "Support Team")]
    assert await here.rows(f"teams:{other}") == []


async def test_a_mention_is_no_group(here: Here) -> None:
    for key in (OWNERS, f"owners:{TEAM}"):
        named = {"type": "mention", "mentioned": {"id": key, "name": "Support"}, "text": "<at>Support</at>"}
        activity = here.teams.payload("message_channel")
        await here.says("lead add <at>Support</at>", entities=[*activity["entities"], named])
    assert await here.rows() == []


# ---- words


@pytest.mark.parametrize(
    ("language", "add", "remove", "says"),
    [
        ("de-DE", "leitung hinzufügen besitzer", "leitung entfernen besitzer", "Besitzer von Support Team"),
        ("ru-RU", "лид добавить владельцы", "лид убрать владельцев", "Владельцы команды Support Team"),
        ("ka-GE", "ლიდი დამატება მფლობელები", "ლიდი მოცილება მფლობელები", "Support Team: გუნდის მფლობელები"),
        ("en-US", "/lead add Owners", "lead remove OWNERS", "Owners of Support Team"),
    ],
)
async def test_in_four_languages(here: Here, language: str, add: str, remove: str, says: str) -> None:
    assert says in await here.says(add, locale=language)
    assert await here.rows() == [(OWNERS, "Support Team")]
    assert says in await here.says(remove, locale=language)
    assert await here.rows() == []


def test_the_refusals_name_the_permission_in_four_languages(strings: Strings) -> None:
    for language in Language:
        assert "X.Read" in strings("leads.not_granted", language, permission="X.Read")


async def test_plain_words_about_owners_are_no_command(here: Here) -> None:
    for text in ("lead add owners to the conversation", "lead remove owners from the call please"):
        assert "Only admins" not in await here.says(text, EVE), text
    assert await here.rows() == []
