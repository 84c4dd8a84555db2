"""A sending process for the fault runs: the ledger, the lanes, an engine and Slack's sender, as the program has them.

Started as `python -m bench.chaos_worker '{"database": …, "api": …, "workspaces": …, "per_workspace": …}'`; it prints
"ready", and ends at SIGTERM.
"""

import asyncio
import json
import logging
import signal
import sys
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.delivery import SlackDelivery
from chatbot.delivery.lanes import Lanes
from chatbot.delivery.local import LocalEngine
from chatbot.delivery.model import Delivery, Engine, Reason
from chatbot.model import Button, Language, Lead, Note, Outcome, Reply, Text, Title
from chatbot.store.database import Database
from chatbot.store.ledger import SqlLedger

#: A tip as it is sent: what it says does not matter, its size does.
TIP = Reply(
    (
        Title("Today's tip"),
        Lead("Say back what you heard before you answer."),
        Text("One sentence is enough: what happened, what it means for them, and what they would like to have."),
        Note("Set up by Kim. To stop it: tips off"),
    ),
    Language.EN,
    Outcome("topic", "listen"),
    (Button("Try it", "try listen#1", "primary", private=True), Button("Not for us", "tips not listen#1")),
)


def name(workspace: int) -> str:
    """Return the lane of a workspace."""
    return f"slack:W{workspace:04}"


async def main(given: dict[str, Any]) -> None:
    """Send what there is to send until told to end."""
    database = Database(given["database"])
    await database.start()

    async def compose(_: Delivery) -> Reply:
        return TIP

    async def gone(lane: str, target: str | None, reason: Reason) -> None:
        raise AssertionError(f"{lane} {target} is gone: {reason}")

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as session:
        senders = {
            name(workspace): SlackDelivery(
                AsyncWebClient(f"xoxb-{workspace}", base_url=given["api"], session=session, retry_handlers=[]),
                given["per_workspace"],
                50,
            )
            for workspace in range(given["workspaces"])
        }
        lanes = Lanes(SqlLedger(database), senders, compose, gone)
        engine: Engine
        if database.is_sqlite:
            engine = LocalEngine(lanes)
        else:
            from chatbot.delivery.replicas import ReplicaEngine

            engine = ReplicaEngine(lanes, database.url)
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await engine.start()
        print("ready", flush=True)
        await stop.wait()
        await engine.stop()
    await database.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(main(json.loads(sys.argv[1])))
