"""The fictional agents of the playground, and the ids that each platform knows them by."""

from dataclasses import dataclass
from typing import Literal

from chatbot.model import Language

Pane = Literal["slack", "teams"]
Place = Literal["dm", "channel"]

BOT_NAME = "Steady"
CHANNEL_NAME = "support-desk"

SLACK_TEAM = "T0PLAYGROUND"
SLACK_APP = "A0PLAYGROUND"
SLACK_BOT = "U0STEADY"
SLACK_CHANNEL = "C0SUPPORT"

TEAMS_TENANT = "7b0c8f52-4d1e-4a53-9c7e-5d2a3f6b1e00"
TEAMS_TEAM = "19:playground-team@thread.tacv2"
TEAMS_CHANNEL = "19:playground-support@thread.tacv2"

#: The workspaces as the core calls them, and the key of the channel in each.
WORKSPACES: dict[Pane, str] = {"slack": f"slack:{SLACK_TEAM}", "teams": f"teams:{TEAMS_TENANT}"}
CHANNELS: dict[Pane, str] = {"slack": SLACK_CHANNEL, "teams": TEAMS_CHANNEL}


@dataclass(frozen=True, slots=True)
class Persona:
    """A fictional agent; `language` is the one they would choose for themselves."""

    key: str
    name: str
    language: Language
    teams_aad: str

    @property
    def slack_user(self) -> str:
        """Return the Slack user id."""
        return f"U0{self.key.upper()}"

    @property
    def slack_dm(self) -> str:
        """Return the id of the Slack conversation with the bot."""
        return f"D0{self.key.upper()}"

    @property
    def teams_user(self) -> str:
        """Return the Teams user id."""
        return f"29:playground-{self.key}"

    @property
    def teams_dm(self) -> str:
        """Return the id of the Teams conversation with the bot."""
        return f"a:playground-{self.key}"


PERSONAS = {
    persona.key: persona
    for persona in (
        Persona("sam", "Sam Carter", Language.EN, "7b0c8f52-4d1e-4a53-9c7e-5d2a3f6b1e01"),
        Persona("lena", "Lena Vogt", Language.DE, "7b0c8f52-4d1e-4a53-9c7e-5d2a3f6b1e02"),
        Persona("nino", "Nino Beridze", Language.KA, "7b0c8f52-4d1e-4a53-9c7e-5d2a3f6b1e03"),
    )
}


def slack_place(conversation: str) -> tuple[Persona | None, Place] | None:
    """Return whose direct message (or nobody's channel) a Slack conversation or user id is, if it is known."""
    if conversation == SLACK_CHANNEL:
        return None, "channel"
    return next(((p, "dm") for p in PERSONAS.values() if conversation in (p.slack_dm, p.slack_user)), None)


def teams_place(conversation: str) -> tuple[Persona | None, Place] | None:
    """Return whose personal chat (or nobody's channel) a Teams conversation id is, if it is known."""
    if conversation.partition(";")[0] == TEAMS_CHANNEL:
        return None, "channel"
    return next(((p, "dm") for p in PERSONAS.values() if conversation == p.teams_dm), None)
