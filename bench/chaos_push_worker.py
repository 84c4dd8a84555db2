"""A process that pushes, for the fault run: the pushes, the ledger and the lanes as the program has them.

Started as `python -m bench.chaos_push_worker '{"database": …, "api": …, "workspaces": …, "per_workspace": …}'`. It
prints "ready"; each line that it reads names a call and a workspace, and it answers with a line of JSON.
"""

import asyncio
import json
import logging
import sys
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.delivering import Delivering
from adapters.slack.delivery import SlackDelivery
from bench.chaos_worker import name
from chatbot.coach import Coach
from chatbot.content import BUILT_IN_RESPONSES, load_guidance
from chatbot.model import Language
from chatbot.pushing import Push, Pushes, Targets, Wording
from chatbot.roles import EVERYWHERE, Actor, Roles
from chatbot.store.database import Database
from chatbot.store.memory import MemoryPreferences
from chatbot.store.roles import SqlRoles
from chatbot.strings import load_strings

WORDS = Wording("A new rule", "Refunds up to 50 need no approval from today.")
CORRECTED = replace(WORDS, title="The corrected rule")


async def main(given: dict[str, Any]) -> None:
    """Do what the judge says until it hangs up."""
    database = Database(given["database"])
    await database.start()
    coach = Coach(load_guidance(BUILT_IN_RESPONSES), load_strings(BUILT_IN_RESPONSES), MemoryPreferences(), _none)
    coach.roles = Roles(SqlRoles(database), {EVERYWHERE: ["LEAD"]}, {})
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as session:
        senders = {
            name(workspace): SlackDelivery(
                AsyncWebClient(f"xoxb-{workspace}", base_url=given["api"], session=session, retry_handlers=[]),
                given["per_workspace"],
                50,
            )
            for workspace in range(given["workspaces"])
        }
        delivering = Delivering(database, coach, senders, {}, timedelta(hours=2), time.time)
        await delivering.start()
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            call, workspace = line.split()
            print(json.dumps(await _done(delivering.pushes, call, int(workspace))), flush=True)
        await delivering.stop()
    await database.stop()


async def _done(pushes: Pushes, call: str, workspace: int) -> Any:
    actor = Actor(name(workspace), "LEAD", "Kim")
    if call == "start":
        words = {Language.EN: WORDS}
        made = await pushes.create(actor, Push(actor.workspace, "", "Kim", words, Targets(channels=True)))
        await pushes.start(actor, made.id)
        return made.id
    found = (await pushes.list(actor, 1))[0]
    match call:
        case "cancel":
            return await pushes.cancel(actor, found.id)
        case "correct":
            await pushes.correct(actor, found.id, {Language.EN: CORRECTED})
        case "withdraw":
            await pushes.withdraw(actor, found.id)
        case "report":
            report = await pushes.report(actor, found.id)
            busy = report.pending + report.changing + (report.push.state != "started")
            counted = {"sent": report.sent, "unknown": report.unknown, "cancelled": report.cancelled}
            failed = sum(report.failed.values()) + sum(report.skipped.values())
            return counted | {"all": report.all, "failed": failed, "changed": report.changed, "busy": busy}
    return None


def _none() -> Any:
    raise AssertionError("nobody asks anything")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(main(json.loads(sys.argv[1])))
