"""A process that pushes, for the fault run: the pushes, the ledger and the lanes as the program has them.

Started as `python -m bench.chaos_push_worker '{"database": …, "api": …, "workspaces": …, "per_workspace": …}'`. It
prints "ready"; each line that it reads names a call and a workspace, and it answers with a line of JSON. With "row" it
kills itself (-9) when it has written that row of the ledger, within the transaction; with "send" when as many messages
have been begun, and the last one is under way.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncConnection

import chatbot.pushing
import chatbot.store.pushes
from adapters.delivering import Delivering
from adapters.slack.delivery import SlackDelivery
from bench.chaos_worker import name
from chatbot.coach import Coach
from chatbot.content import BUILT_IN_RESPONSES, load_guidance
from chatbot.delivery.model import Delivery, Draft, Outcome
from chatbot.model import Language, Reply
from chatbot.pushing import Push, Pushes, Targets, Wording
from chatbot.roles import EVERYWHERE, Actor, Roles
from chatbot.store.database import Database
from chatbot.store.ledger import write_drafts
from chatbot.store.memory import MemoryPreferences
from chatbot.store.roles import SqlRoles
from chatbot.strings import load_strings

WORDS = Wording("A new rule", "Refunds up to 50 need no approval from today.")
CORRECTED = replace(WORDS, title="The corrected rule")
#: Rows in one transaction: fewer than the program's, so that there are several of each push, and a kill between them.
TOGETHER = 30
#: Seconds after which a request that was begun is surely under way.
_SECONDS_TO_LEAVE = 0.02


class Mortal(SlackDelivery):
    """Slack's sender; the process ends when the `left`-th request is under way, if there is such a number."""

    left = 0

    async def send(self, delivery: Delivery, reply: Reply) -> Outcome:
        """Post a message as the program does."""
        Mortal.left -= 1
        if Mortal.left == 0:
            asyncio.get_running_loop().call_later(_SECONDS_TO_LEAVE, _killed)
        return await super().send(delivery, reply)


def _killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_at(row: int) -> None:
    """End the process once it has written so many rows, before their transaction ends."""
    left = row

    async def written(connection: AsyncConnection, drafts: Iterable[Draft], now: float) -> set[str]:
        nonlocal left
        some = list(drafts)
        lanes = await write_drafts(connection, some[:left], now)
        left -= len(some)
        if left <= 0:
            _killed()
        return lanes

    chatbot.store.pushes.write_drafts = written  # type: ignore[attr-defined]


async def main(given: dict[str, Any]) -> None:
    """Do what the judge says until it hangs up."""
    chatbot.pushing.TOGETHER = TOGETHER
    if given.get("row"):
        _die_at(given["row"])
    Mortal.left = given.get("send", 0)
    database = Database(given["database"])
    await database.start()
    coach = Coach(load_guidance(BUILT_IN_RESPONSES), load_strings(BUILT_IN_RESPONSES), MemoryPreferences(), _none)
    coach.roles = Roles(SqlRoles(database), {EVERYWHERE: ["LEAD"]}, {})
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as session:
        senders = {
            name(workspace): Mortal(
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
    known = await pushes.list(actor, 1)
    if call == "start":  # whatever an earlier process has done of that already
        words = {Language.EN: WORDS}
        new = Push(actor.workspace, "", "Kim", words, Targets(channels=True))
        found = known[0] if known else await pushes.create(actor, new)
        if found.state == "draft":
            await pushes.start(actor, found.id)
        return found.id
    found = known[0]
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
