"""The fictional agents of the playground and their channels, and the ids that each platform knows them by."""

from dataclasses import dataclass
from typing import Literal

from chatbot.model import Language

Pane = Literal["slack", "teams"]
#: The direct messages with Steady, or a channel by its key.
Place = Literal["dm", "channel", "returns", "billing"]

BOT_NAME = "Steady"

SLACK_TEAM = "T0PLAYGROUND"
SLACK_APP = "A0PLAYGROUND"
SLACK_BOT = "U0STEADY"

TEAMS_TENANT = "7b0c8f52-4d1e-4a53-9c7e-5d2a3f6b1e00"
TEAMS_TEAM = "19:playground-team@thread.tacv2"

#: The workspaces as the core calls them.
WORKSPACES: dict[Pane, str] = {"slack": f"slack:{SLACK_TEAM}", "teams": f"teams:{TEAMS_TENANT}"}


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel that everybody is a member of, with its id on each platform."""

    key: Place
    name: str
    slack: str
    teams: str

    def id_in(self, pane: Pane) -> str:
        """Return its id on a platform, which is its room's key in the core."""
        return self.slack if pane == "slack" else self.teams


#: "channel" was the only one at first, and stands in many an address.
CHANNELS: dict[Place, Channel] = {
    channel.key: channel
    for channel in (
        Channel("channel", "support-desk", "C0SUPPORT", "19:playground-support@thread.tacv2"),
        Channel("returns", "returns", "C0RETURNS", "19:playground-returns@thread.tacv2"),
        Channel("billing", "billing", "C0BILLING", "19:playground-billing@thread.tacv2"),
    )
}


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
    if channel := next((one for one in CHANNELS.values() if one.slack == conversation), None):
        return None, channel.key
    return next(((p, "dm") for p in PERSONAS.values() if conversation in (p.slack_dm, p.slack_user)), None)


def teams_place(conversation: str) -> tuple[Persona | None, Place] | None:
    """Return whose personal chat (or nobody's channel) a Teams conversation id is, if it is known."""
    whole = conversation.partition(";")[0]
    if channel := next((one for one in CHANNELS.values() if one.teams == whole), None):
        return None, channel.key
    return next(((p, "dm") for p in PERSONAS.values() if conversation == p.teams_dm), None)
