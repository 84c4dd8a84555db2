"""The Slack app manifest, made from the command registry."""

from typing import Any

from chatbot.commands import COMMANDS, UMBRELLA
from chatbot.content import BUILT_IN_RESPONSES
from chatbot.model import Language
from chatbot.strings import load_strings

#: Where Slack's requests go in HTTP mode; to be replaced by the address of one's own server.
REQUEST_URL = "https://steady.example.com/slack/events"

#: What the bot may do; docs/slack.md says what each is for.
SCOPES = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "groups:history",
    "groups:read",
    "im:history",
    "im:write",
    "usergroups:read",
    "users:read",
)
#: What the bot is told; docs/slack.md says what each is for.
EVENTS = (
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "channel_archive",
    "channel_deleted",
    "channel_left",
    "channel_unarchive",
    "group_archive",
    "group_deleted",
    "group_left",
    "group_unarchive",
    "member_joined_channel",
    "member_left_channel",
    "message.im",
    "tokens_revoked",
)


def slack_manifest(address: str | None = None) -> dict[str, Any]:
    """Return the manifest to paste at https://api.slack.com/apps ("From a manifest").

    With the address of one's own server Slack posts there; without one, it is for Socket Mode. Slack can't localise
    the names and descriptions of slash commands, so these are English.
    """
    url = f"{address.rstrip('/')}/slack/events" if address else REQUEST_URL
    return {
        "_metadata": {"major_version": 2, "minor_version": 0},
        "display_information": {
            "name": "Steady",
            "description": "Coaches customer-support agents in the moment",
            "background_color": "#1f4e5f",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": False,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "Steady", "always_online": True},
            "slash_commands": _slash_commands(url),
        },
        "oauth_config": {
            "scopes": {"bot": list(SCOPES)},
        },
        "settings": {
            "event_subscriptions": {
                "request_url": url,
                "bot_events": list(EVENTS),
            },
            "interactivity": {"is_enabled": True, "request_url": url},
            "org_deploy_enabled": False,
            "socket_mode_enabled": address is None,
            "token_rotation_enabled": False,
        },
    }


def _slash_commands(url: str) -> list[dict[str, Any]]:
    strings = load_strings(BUILT_IN_RESPONSES)
    commands = [
        _slash_command(UMBRELLA, url, "Coaching in the moment: ask, or pick a theme.", "[command, topic or your words]")
    ]
    for entry in COMMANDS.values():
        if entry.slash:
            usage = strings(f"commands.{entry.name}.usage", Language.EN)
            summary = strings(f"commands.{entry.name}.summary", Language.EN)
            commands.append(_slash_command(entry.name, url, summary, usage.removeprefix(entry.name).strip()))
    return commands


def _slash_command(name: str, url: str, description: str, hint: str) -> dict[str, Any]:
    command = {
        "command": f"/{name}",
        "url": url,
        "description": description,
        "should_escape": True,  # else a name with @ would come without its id
    }
    return {**command, "usage_hint": hint} if hint else command
