"""Every card as every platform renders it, against that platform's limits."""

import asyncio
from collections.abc import Iterable
from functools import partial

from adapters.slack import measure as measure_slack
from adapters.teams import measure as measure_teams
from chatbot.coach import Coach
from chatbot.content import BUILT_IN_RESPONSES
from chatbot.errors import Problem
from chatbot.guidance import Guidance
from chatbot.model import Language, Message, Reply
from chatbot.publishing import Size
from chatbot.recognition.recogniser import load_recogniser
from chatbot.store.memory import MemoryPreferences
from chatbot.strings import Strings

#: Each platform's own measure of a reply.
PLATFORMS = {"Slack": measure_slack, "Teams": measure_teams}


def sizes(reply: Reply) -> tuple[Size, ...]:
    """Return how much of what each platform allows a reply takes."""
    measured = {platform: measure(reply) for platform, measure in PLATFORMS.items()}
    return tuple(Size(platform, of.bytes, of.limit, of.problems) for platform, of in measured.items())


def check_sizes(guidance: Guidance, strings: Strings) -> Iterable[Problem]:
    """Yield every reply that a platform would refuse or cut: all that buttons lead to, in every language."""
    coach = Coach(guidance, strings, MemoryPreferences(), partial(load_recogniser, BUILT_IN_RESPONSES, guidance.owners))
    for language in Language:
        for command, reply in asyncio.run(_all_replies(coach, language)).items():
            for size in sizes(reply):
                for problem in size.problems:
                    yield Problem(_file(reply.outcome.topic), f"{language}: {command}", f"{size.platform}: {problem}")


def _file(topic: str | None) -> str:
    return f"topics/{topic}.md" if topic else "strings.toml"


async def _all_replies(coach: Coach, language: Language) -> dict[str, Reply]:
    """Follow every button from the menu and return the replies by the command that led to them."""
    replies: dict[str, Reply] = {}
    todo = ["topics", "help", "say", "language", "emergency", "steps", "who", *coach.guidance.topics]
    while todo:
        command = todo.pop()
        if command in replies or (command.startswith("language ")):
            continue
        reply = await coach.reply(Message(command, "check", "check", language, pressed=True))
        replies[command] = reply
        todo += [button.command for button in reply.buttons]
    return replies
