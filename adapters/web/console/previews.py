"""Both platforms' pictures of a card, as the adapters would send it, with its size and what would be refused."""

import json
from dataclasses import dataclass

from markupsafe import Markup

from adapters import slack, teams
from adapters.web.blockkit import draw
from chatbot.model import Language, Reply, plain_text


@dataclass(frozen=True, slots=True)
class Picture:
    """A card on one platform: HTML for Slack, an Adaptive Card as JSON for Teams; `text` says the same without."""

    platform: str
    html: Markup
    card: str
    text: str
    bytes: int
    limit: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """A card in one language on both platforms."""

    language: Language
    pictures: tuple[Picture, ...]


def preview(reply: Reply, language: Language) -> Preview:
    """Return the pictures of a reply."""
    text = plain_text(reply)
    of_slack, of_teams = slack.measure(reply), teams.measure(reply)
    return Preview(
        language,
        (
            Picture(
                "Slack",
                draw(slack.to_slack(reply)["blocks"]),
                "",
                text,
                of_slack.bytes,
                of_slack.limit,
                of_slack.problems,
            ),
            Picture(
                "Microsoft Teams",
                Markup(""),
                json.dumps(teams.to_card(reply), ensure_ascii=False),
                text,
                of_teams.bytes,
                of_teams.limit,
                of_teams.problems,
            ),
        ),
    )
