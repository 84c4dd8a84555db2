"""Pushes to the people of a group: in the core, through both platforms' doors, and from the console's form."""

import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from chatbot.coach import Coach
from chatbot.model import Choice, Language, Room, plain_text
from chatbot.push_groups import MOST_CHOSEN, MOST_OFFERED, Group, GroupUntold
from chatbot.pushing import BadPush, Targets, from_json, to_json
from chatbot.roles import NotGranted, Roles
from chatbot.store.database import Database
from chatbot.store.roles import SqlRoles
from tests.console_program import HOME, Here
from tests.console_program import LEAD as IN_CONSOLE
from tests.console_program import running as console_running
from tests.doors import ANN, BEN, LARS, LENA, Door, Person, Shown, SlackDoor, TeamsDoor, opened
from tests.fake_identity import member
from tests.fake_team import HERE
from tests.slack_far_end import refused
from tests.test_pushing import ELSEWHERE, LEAD, STRANGER, Leads

EMEA, NIGHT = Group("group:emea", "@support-emea"), Group("group:night", "@night-shift")
TO_EMEA = Targets(groups=(EMEA.id,))


# ---- the core


@pytest.fixture
async def team(coach: Coach, new_database: Callable[[str], str], kind: str) -> AsyncIterator[Leads]:
    """Three people talk with Steady, two of whom are in a group with two who don't."""
    async with Leads.on(coach, new_database(kind)) as team:
        coach.roles = Roles(SqlRoles(team.database), {HERE: ["LEAD"], ELSEWHERE: ["LEAD2"]}, {})
        await team.rooms(1, people=3)
        team.platform.groups_here = [NIGHT, EMEA]
        team.platform.members_of = {"emea": {"P0", "P1", "P8", "P9"}, "night": {"P1", "P2"}}
        yield team


async def test_the_people_of_a_group_get_it_who_talk_with_steady(team: Leads) -> None:
    form = (await team.type("push")).form
    assert form
    choices = {field.name: field for field in form.fields if isinstance(field, Choice)}
    assert [(one.value, one.label) for one in choices["groups"].options] == [
        ("group:night", "@night-shift"), ("group:emea", "@support-emea"),
    ]  # fmt: skip
    assert choices["to"].optional
    told = await team.ask("push save", title="Rule", text="Text", groups=EMEA.id)
    assert "Channels: 0" in told
    assert "People: 2" in told
    assert "Members of these groups who have no conversation with Steady yet, and get nothing: 2" in told
    await team.ask("push send 1")
    await team.run()
    assert sorted(team.platform.reached) == ["D0000", "D0001"]


async def test_whoever_is_meant_twice_gets_it_once(team: Leads) -> None:
    groups = f"{EMEA.id},{NIGHT.id},{EMEA.id}"
    assert "People: 3" in await team.ask("push save", title="Rule", text="Text", to="people,channels", groups=groups)
    assert "People: 3" in await team.ask("push save", title="Rule", text="Text", groups=groups)
    await team.ask("push send 1")
    await team.run()
    assert sorted(team.platform.reached) == ["C0000", "D0000", "D0001", "D0002"]


async def test_only_those_of_a_language(team: Leads) -> None:
    await team.delivering.rooms_seen.store.note(HERE, Room("D0001", "D0001", personal=True), Language.KA, "P1")
    told = await team.ask("push save", title="Rule", text="Text", groups=EMEA.id, languages="ka")
    assert "People: 1" in told
    assert "get nothing: 2" in told, "another language is not the same as no conversation"


@pytest.mark.parametrize("language", list(Language))
async def test_it_is_said_in_each_language(team: Leads, language: Language) -> None:
    told = await team.ask("push save", locale=language, title="Rule", text="Text", groups=EMEA.id)
    unreached = team.coach.strings("push.unreached", language, count=2)
    assert unreached in told
    assert "Steady" in unreached
    team.platform.members_of["emea"] = NotGranted("usergroups:read")
    team.now += timedelta(seconds=61)
    told = await team.ask("push confirm 1", locale=language)
    assert EMEA.name in told
    assert "usergroups:read" in told
    team.platform.members_of["emea"] = ConnectionError()
    assert EMEA.name in await team.ask("push confirm 1", locale=language)


async def test_nobody_of_the_group_talks_with_steady(team: Leads) -> None:
    team.platform.members_of["emea"] = {"P8", "P9"}
    told = await team.ask("push save", title="Rule", text="Text", groups=EMEA.id)
    assert "Nobody would get this" in told
    assert "get nothing: 2" in told
    assert "Nobody would get this" in await team.ask("push send 1")


async def test_a_group_that_nobody_tells_of_is_named_and_nothing_begins(team: Leads) -> None:
    team.platform.members_of["night"] = NotGranted("usergroups:read")
    groups = f"{EMEA.id},{NIGHT.id}"
    shown = await team.type("push save", title="Rule", text="Text", groups=groups)
    assert "who is in @night-shift: Steady needs the permission “usergroups:read”" in plain_text(shown)
    assert [button.command for button in shown.buttons] == ["push confirm 1", "push discard 1"]
    assert "@night-shift" in await team.ask("push send 1")
    assert (await team.pushes.find(LEAD, 1)).state == "draft"
    team.platform.members_of["night"] = ConnectionError()
    assert "couldn't find out who is in @night-shift" in await team.ask("push confirm 1")
    team.platform.members_of["night"] = {"P2"}
    assert "People: 3" in await team.ask("push confirm 1")
    await team.ask("push send 1")
    await team.run()
    assert sorted(team.platform.reached) == ["D0000", "D0001", "D0002"]


async def test_what_can_t_be_told_when_it_is_written_is_tried_again(team: Leads) -> None:
    made = await team.made(targets=TO_EMEA)
    other = await team.made(targets=Targets(channels=True))
    await team.pushes.start(LEAD, made.id)
    await team.pushes.start(LEAD, other.id)
    team.now += timedelta(seconds=61)
    team.platform.members_of["emea"] = ConnectionError()
    with pytest.raises(GroupUntold):
        await team.pushes.tick()
    await team.delivering.lanes.run(HERE)
    assert team.platform.reached == ["C0000"], "the others' go on"
    assert (await team.pushes.find(LEAD, made.id)).state == "starting"
    told = await team.ask(f"push correct {made.id} save", title="Rule", text="Other words")
    assert "couldn't find out who is in @support-emea" in told
    team.platform.members_of["emea"] = {"P1", "P2"}
    await team.run()
    assert team.platform.reached == ["C0000", "D0001", "D0002"], "who is in it when it is written"
    assert (await team.pushes.find(LEAD, made.id)).state == "started"


async def test_what_can_t_be_told_can_be_cancelled(team: Leads) -> None:
    made = await team.made(targets=TO_EMEA)
    await team.pushes.start(LEAD, made.id)
    team.now += timedelta(seconds=61)
    team.platform.members_of["emea"] = ConnectionError()
    assert "Stopped" in await team.ask(f"push cancel {made.id}")
    team.platform.members_of["emea"] = {"P1"}
    await team.run()
    assert team.platform.reached == []


@pytest.mark.parametrize(
    "forged",
    ["group:elsewhere", "emea", "group:", "group:emea ", "group:emea;--", "group:owners:x", "x" * 30_000, "🙂"],
)
async def test_a_group_that_was_not_offered_is_refused_at_its_field(team: Leads, forged: str) -> None:
    team.platform.members_of |= {"elsewhere": {"P0"}, "": {"P0"}}
    again = await team.type("push save", title="Rule", text="Text", to="channels", groups=f"{EMEA.id},{forged}")
    assert again.form
    assert {field.name for field in again.form.fields if field.error} == {"groups"}
    assert await team.pushes.list(LEAD) == []


async def test_another_workspaces_group_is_none(team: Leads) -> None:
    elsewhere = "group:theirs"
    asked: list[str] = []

    async def groups(workspace: str, addresses: Any) -> list[Group]:
        asked.append(workspace)
        return [EMEA] if workspace == HERE else [Group(elsewhere, "@theirs")]

    team.platform.groups = groups  # type: ignore[method-assign]
    assert await team.pushes.groups(STRANGER) == [Group(elsewhere, "@theirs")]
    assert await team.pushes.groups(LEAD) == [EMEA]
    for _ in range(3):
        with pytest.raises(BadPush):
            await team.made(targets=Targets(groups=(elsewhere,)))
    assert asked == [ELSEWHERE, HERE], "remembered for a minute, for each workspace by itself"
    team.now += timedelta(seconds=61)
    await team.pushes.groups(LEAD)
    assert asked == [ELSEWHERE, HERE, HERE]


async def test_so_many_are_offered_and_so_many_can_be_chosen(team: Leads) -> None:
    team.platform.groups_here = [Group(f"group:{n:03}", f"@team-{n:03}") for n in range(MOST_OFFERED + 5)]
    team.platform.members_of = {f"{n:03}": {"P1"} for n in range(MOST_OFFERED)}
    form = (await team.type("push")).form
    assert form
    (choice,) = [field for field in form.fields if isinstance(field, Choice) and field.name == "groups"]
    assert len(choice.options) == MOST_OFFERED
    ids = [option.value for option in choice.options]
    again = await team.type("push save", title="Rule", text="Text", groups=",".join(ids[: MOST_CHOSEN + 1]))
    assert again.form
    assert [field.error for field in again.form.fields if field.error] == [
        f"Please choose at most {MOST_CHOSEN} groups."
    ]
    assert "People: 1" in await team.ask("push save", title="Rule", text="Text", groups=",".join(ids[:MOST_CHOSEN]))


@pytest.mark.parametrize("error", [NotGranted("usergroups:read"), ConnectionError("secret")])
async def test_where_nobody_tells_of_groups_the_form_has_none_and_the_log_has_why(
    team: Leads, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def groups(workspace: str, addresses: Any) -> list[Group]:
        raise error

    team.platform.groups = groups  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING):
        form = (await team.type("push")).form
    assert form
    fields = {field.name: field for field in form.fields}
    assert "groups" not in fields
    assert not fields["to"].optional
    assert ("usergroups:read" if isinstance(error, NotGranted) else "ConnectionError") in caplog.text
    assert "secret" not in caplog.text
    again = await team.type("push save", title="Rule", text="Text", groups=EMEA.id)
    assert again.form
    assert [field.name for field in again.form.fields if field.error] == ["to"], "what is wrong is seen"
    assert "Channels: 1" in await team.ask("push save", title="Rule", text="Text", to="channels")


async def test_a_push_from_before_there_were_groups_can_be_read(team: Leads) -> None:
    made = await team.made(targets=TO_EMEA)
    assert (await team.pushes.find(LEAD, made.id)).group_names == {EMEA.id: EMEA.name}
    assert from_json(to_json(made))["targets"] == TO_EMEA
    before = json.loads(to_json(replace(made, group_names={}, targets=Targets(people=True))))
    assert "group_names" not in before, "a Steady from before can still read what has none"
    del before["targets"]["groups"]
    assert from_json(json.dumps(before))["targets"] == Targets(people=True)


# ---- the doors

GROUP_OF_TEAM = "cccccccc-0000-4000-8000-00000000000c"
TEAM = "19:general@thread.tacv2"
IN_SLACK, IN_TEAMS = "group:S0EMEA", f"group:team:{GROUP_OF_TEAM}"


@pytest.fixture(params=["slack", "teams"])
async def door(request: pytest.FixtureRequest, coach: Coach, database: Database) -> AsyncIterator[Door]:
    """Ann and Ben talk with Steady; Ann, and somebody who does not, are in the group."""
    async with opened(request.param, coach, database) as door:
        await door.known()
        for who in (ANN, BEN):
            await talks(door, who)
        if isinstance(door, TeamsDoor):
            door.far.teams[TEAM] = {"id": TEAM, "name": "Support <EMEA>", "aadGroupId": GROUP_OF_TEAM}
            door.far.graph[GROUP_OF_TEAM] = [[member("somebody", "owner")], [], [member(ANN.in_teams, "guest")]]
        else:
            tells(door, [{"id": "S0EMEA", "handle": "support-emea", "name": "Support"}], ["U0SOMEBODY", ANN.in_slack])
        yield door


async def talks(door: Door, who: Person) -> None:
    """Let somebody have a conversation with Steady."""
    if isinstance(door, TeamsDoor):
        await door.type("calm", who)
    else:
        room = Room(f"D0{who.name.upper()}", f"D0{who.name.upper()}", personal=True)
        door.delivering.rooms_seen.note(door.workspace, room, Language.EN, who.in_slack)
    await door.delivering.rooms_seen.written()


def tells(door: Door, groups: list[dict[str, Any]], members: list[str]) -> None:
    """Let Slack answer about user groups."""
    assert isinstance(door, SlackDoor)
    door.far.answers["usergroups.list"] = [web.json_response({"ok": True, "usergroups": groups}) for _ in range(9)]
    door.far.answers["usergroups.users.list"] = [web.json_response({"ok": True, "users": members}) for _ in range(9)]


def group_of(door: Door) -> str:
    return IN_SLACK if isinstance(door, SlackDoor) else IN_TEAMS


async def filled(door: Door, **values: str) -> Shown:
    told = {"title": "New refund rule", "text": "Up to 50 at once.", "groups": group_of(door), **values}
    return await door.fill(await door.type("push"), LENA, **told)


async def test_a_group_is_chosen_and_its_people_get_it(door: Door) -> None:
    form = await door.type("push")
    assert ("@support-emea" if isinstance(door, SlackDoor) else "Support <EMEA>") in json.dumps(form.form)
    asked = await filled(door)
    assert "Channels: 0" in asked.text
    assert "People: 1" in asked.text
    assert "get nothing: 1" in asked.text
    await door.press(asked, "push send 1")
    await door.run()
    room = "D0ANN" if isinstance(door, SlackDoor) else f"a:1{ANN.number}"
    assert list(door.record.texts()) == [room]
    assert door.record.figures() == (1, 0)
    if isinstance(door, SlackDoor):
        listed = next(content for name, content in door.far.calls if name == "usergroups.list")
        assert listed == {"include_disabled": "false"}
        assert ("usergroups.users.list", {"usergroup": "S0EMEA"}) in door.far.calls
    else:
        assert isinstance(door, TeamsDoor)
        assert len(door.far.graph_asked) == 3, "all pages, and once in a minute"


async def test_without_the_permission_it_says_which(door: Door) -> None:
    form = await door.type("push")
    if isinstance(door, TeamsDoor):
        del door.far.graph[GROUP_OF_TEAM]
    else:
        assert isinstance(door, SlackDoor)
        door.far.answers["usergroups.users.list"] = [refused("missing_scope")]
    asked = await door.fill(form, LENA, title="New refund rule", text="-", groups=group_of(door))
    assert ("TeamMember.Read.Group" if isinstance(door, TeamsDoor) else "usergroups:read") in asked.text
    assert "push send" not in asked.text
    if isinstance(door, TeamsDoor):
        door.far.graph[GROUP_OF_TEAM] = [[member(ANN.in_teams)]]
    else:
        tells(door, [], [ANN.in_slack])
    assert "People: 1" in (await door.press(asked, "push confirm 1")).text


@pytest.mark.parametrize("error", ["missing_scope", "fatal_error", "none", "odd"])
async def test_where_the_platform_tells_of_no_group_the_form_has_no_such_field(door: Door, error: str) -> None:
    if isinstance(door, TeamsDoor):
        door.far.teams.clear()
        if error == "odd":
            door.far.teams[TEAM] = {"id": TEAM, "name": "Support", "aadGroupId": "../../users"}
    elif error == "odd":
        tells(door, [{"id": 7, "handle": "x"}, {"handle": "x"}, {"id": "S1"}, {"id": "S1,S2", "handle": "x"}], [])
    elif error == "none":
        tells(door, [], [])
    else:
        assert isinstance(door, SlackDoor)
        door.far.answers["usergroups.list"] = [refused(error)]
    form = await door.type("push")
    assert "Support" not in json.dumps(form.form)
    assert "groups" not in json.dumps(form.form)
    assert "Channels: 4" in (await door.fill(form, LENA, title="Rule", text="Text", to="channels")).text


async def test_forged_groups_reach_nobody(door: Door) -> None:
    elsewhere = "eeeeeeee-0000-4000-8000-00000000000e"
    if isinstance(door, TeamsDoor):
        door.far.graph[elsewhere] = [[member(ANN.in_teams)]]
    forgeries = (
        "group:S0THEIRS", f"group:team:{elsewhere}", f"group:owners:{GROUP_OF_TEAM}", f"{group_of(door)}/../x", "x" * 9000,
    )  # fmt: skip
    for forged in forgeries:
        shown = await door.forge("push save", LENA, title="T", text="t", groups=forged)
        assert "Please choose again" in shown.text, forged
    assert await door.delivering.pushes.list(door.actor()) == []
    # Slack's one token tells of one workspace; whose lead asks from elsewhere has nobody there who could get it.
    elsewhere_told = "Nobody would get this" if isinstance(door, SlackDoor) else "Please choose again"
    for who, told in ((ANN, "Only team leads can push"), (LARS, elsewhere_told)):
        shown = await door.forge("push save", who, title="T", text="t", groups=group_of(door))
        assert told in shown.text, who
    await door.run()
    assert door.record.figures() == (0, 0)
    if isinstance(door, TeamsDoor):
        assert not [path for path, _ in door.far.graph_asked if GROUP_OF_TEAM not in path], "nor is anybody asked"


async def test_only_teams_of_the_workspace_are_offered_and_one_that_is_gone_hides_no_other(
    coach: Coach, database: Database
) -> None:
    async with opened("teams", coach, database) as door:
        assert isinstance(door, TeamsDoor)
        await door.known()
        rooms = await door.delivering.rooms_seen.store.of_workspace(door.workspace)
        here = json.loads(rooms[0].room.address)
        door.far.teams["19:kept"] = {"name": "Kept", "aadGroupId": GROUP_OF_TEAM.upper()}
        addresses = [
            json.dumps({**here, **changes})
            for changes in (
                {"team": "19:gone"}, {"team": "19:kept"}, {"team": ""}, {"team": "19:kept", "conversation": "19:other"},
                {"team": "19:theirs", "tenant": "eeeeeeee-0000-4000-8000-00000000000e"},
                {"team": "19:stolen", "serviceUrl": "https://evil.example/"},
            )
        ]  # fmt: skip
        before = len(door.far.calls)
        found = await door.adapter.delivery.groups(door.workspace, [*addresses, "", "{"])
        assert found == [Group(IN_TEAMS, "Kept")]
        asked = {call.path.rpartition("/")[2] for call in door.far.calls[before:]}
        assert asked == {"19%3Agone", "19%3Akept"}


# ---- the console


@pytest.fixture
async def here(coach: Coach, new_database: Callable[[str], str]) -> AsyncIterator[Here]:
    async with console_running(coach, new_database("sqlite")) as here:
        store = here.delivering.rooms_seen.store
        for number in range(3):
            await store.note(HOME, Room(f"D{number}", f"D{number}", personal=True), Language.EN, f"P{number}")
        here.platform.groups_here = [Group(EMEA.id, "<EMEA> & co"), NIGHT]
        here.platform.members_of = {"emea": {"P0", "P9"}, "night": {"P1", "P2"}}
        yield here


async def test_the_console_pushes_to_groups(here: Here) -> None:
    lead = await here.signed_in(IN_CONSOLE)
    form = (await lead.get("/lead/pushes/new")).text
    assert "&lt;EMEA&gt; &amp; co" in form
    assert 'name="group" value="group:night"' in form
    typed = [("to", "groups"), ("title", ""), ("text", "It is over."), ("group", EMEA.id), ("group", "group:forged")]
    wrong = await lead.post("/lead/pushes/new", typed)
    assert wrong.status == 422
    assert "Please choose again." in wrong.text
    assert 'value="group:emea" checked' in wrong.text, "what was chosen stays"
    nobody = await lead.post("/lead/pushes/new", [("to", "groups"), ("title", "Outage"), ("text", "It is over.")])
    assert "Please say who gets it." in nobody.text
    typed = [("to", "groups"), ("title", "Outage"), ("text", "It is over."), ("group", EMEA.id)]
    push = (await lead.post("/lead/pushes/new", typed)).location
    page = (await lead.get(push)).text
    assert "The people of these groups: &lt;EMEA&gt; &amp; co" in page
    assert "People: 1" in page
    assert "get nothing: 1" in page
    await lead.post(push, {"do": "start"})
    await here.deliver()
    assert here.platform.reached == ["D0"]


async def test_the_console_says_what_the_platform_does_not_tell(here: Here) -> None:
    lead = await here.signed_in(IN_CONSOLE)
    typed = [("to", "groups"), ("title", "Outage"), ("text", "It is over."), ("group", EMEA.id), ("group", NIGHT.id)]
    here.platform.members_of["night"] = NotGranted("usergroups:read")
    push = (await lead.post("/lead/pushes/new", typed)).location
    page = await lead.get(push)
    assert page.status == 409
    assert "who is in @night-shift: Steady needs the permission “usergroups:read”" in page.text
    assert 'value="start"' not in page.text
    assert 'value="discard"' in page.text
    assert (await lead.post(push, {"do": "start"})).status == 409
    here.platform.members_of["night"] = {"P1"}
    assert "People: 2" in (await lead.get(push)).text


async def test_without_groups_the_console_has_no_such_choice(here: Here) -> None:
    lead = await here.signed_in(IN_CONSOLE)
    here.platform.groups_here = []
    assert 'value="groups"' not in (await lead.get("/lead/pushes/new")).text
    typed = [("to", "groups"), ("title", "Outage"), ("text", "It is over."), ("group", EMEA.id)]
    assert "Please choose again." in (await lead.post("/lead/pushes/new", typed)).text
