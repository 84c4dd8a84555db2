"""The doors of both platforms as people use them: typing, pressing, filling in forms; with what they then see.

All goes in as the platforms' own requests at the real doors, and what comes back is read from what they would draw. What
is sent without anybody waiting is sent by hand, by a clock that is moved:

    async with opened("slack", coach, database) as door:
        await door.known()
        asked = await door.fill(await door.type("push"), LENA, title="Rule", text="Text", to=door.three())
        await door.press(asked, "push send 1")
        await door.run()
        assert door.record.posts == 3

`door.py` has what both doors can do and who stands before them, `slack.py` and `teams.py` how each platform says it.
Tests of leads alone take an adapter without all of this, and put leads behind it: `leads.py`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from adapters.delivering import Delivering
from chatbot.coach import Coach
from chatbot.store.database import Database
from tests.doors.door import ANN, BEN, LARS, LENA, Door, Person, Shown, at
from tests.doors.leads import led, teams_with_leads
from tests.doors.slack import SlackDoor, slack_door
from tests.doors.teams import TeamsDoor, teams_door
from tests.fake_team import ByHand

__all__ = [
    "ANN",
    "BEN",
    "LARS",
    "LENA",
    "Door",
    "Person",
    "Shown",
    "SlackDoor",
    "TeamsDoor",
    "at",
    "led",
    "opened",
    "teams_with_leads",
]


@asynccontextmanager
async def opened(kind: str, coach: Coach, database: Database, *, fits: bool = False) -> AsyncIterator[Door]:
    """Open the door of "slack" or "teams", with tips, pushes and leads behind it.

    With `fits` what leads write is learnt as in the program, which takes time.
    """
    async with slack_door(coach) if kind == "slack" else teams_door(coach) as door:

        def clock() -> float:
            return door.now.timestamp()

        known = {kind: door.adapter.delivery}
        late = timedelta(hours=2)
        door.delivering = Delivering(database, coach, known, known, late, clock, engine=ByHand, groups=known)
        admins = {admin.workspace: [admin.person] for admin in (door.actor(LENA), door.actor(LARS))}
        async with led(database, coach, admins, known, clock, fits=fits) as leading:
            door.leading = leading
            try:
                yield door
            finally:
                await door.delivering.stop()
