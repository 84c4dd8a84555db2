"""The Teams app package, made from the command registry: manifest, icons and the zip around them."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

from adapters.teams.icons import color_icon, outline_icon
from adapters.teams.team_members import PERMISSION
from chatbot.commands import COMMANDS
from chatbot.content import BUILT_IN_RESPONSES
from chatbot.errors import SettingsError
from chatbot.model import Language
from chatbot.strings import load_strings

SCHEMA_VERSION = "1.25"
#: Counts up with every change of what is in the package: Teams takes an update only with a higher one.
PACKAGE_VERSION = "1.1.0"
ACCENT = "#2F6F73"
#: More than these Teams does not show in a menu.
MOST_COMMANDS = 10
#: Who runs the bot puts their own pages here before uploading the package.
PLACEHOLDER = "https://example.com"

_SCOPES = ["personal", "team", "groupChat"]
_GUID = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
#: All files of a zip made on the same day, so that the same content is the same bytes.
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def teams_manifest(app_id: str) -> dict[str, Any]:
    """Return the app manifest for the bot of that app id. Raises SettingsError if the id is no GUID."""
    if not _GUID.fullmatch(app_id):
        raise SettingsError("The Teams app id must be a GUID such as 00000000-0000-0000-0000-000000000000.")
    strings = load_strings(BUILT_IN_RESPONSES)
    # Help comes first: it names those that the menu has no room for.
    listed = sorted((entry.name for entry in COMMANDS.values() if entry.listed), key=lambda name: name != "help")
    commands = [
        {"title": name, "description": strings(f"commands.{name}.summary", Language.EN)}
        for name in listed[:MOST_COMMANDS]
    ]
    return {
        "$schema": f"https://developer.microsoft.com/json-schemas/teams/v{SCHEMA_VERSION}/MicrosoftTeams.schema.json",
        "manifestVersion": SCHEMA_VERSION,
        "version": PACKAGE_VERSION,
        "id": app_id,
        "developer": {
            "name": "Your organisation",
            "websiteUrl": PLACEHOLDER,
            "privacyUrl": f"{PLACEHOLDER}/privacy",
            "termsOfUseUrl": f"{PLACEHOLDER}/terms",
        },
        "name": {"short": "Steady", "full": "Steady: calm help for customer support"},
        "description": {
            "short": "Coaches customer-support agents in the moment.",
            "full": strings("reply.welcome_text", Language.EN),
        },
        "icons": {"color": "color.png", "outline": "outline.png"},
        "accentColor": ACCENT,
        "bots": [
            {
                "botId": app_id,
                "scopes": _SCOPES,
                "commandLists": [{"scopes": _SCOPES, "commands": commands}],
            }
        ],
        # What the owners of a team agree to when they add the bot. For this Teams reads nothing into `resource`, but
        # it must not be empty.
        "webApplicationInfo": {"id": app_id, "resource": f"api://{app_id}"},
        "authorization": {"permissions": {"resourceSpecific": [{"name": PERMISSION, "type": "Application"}]}},
        "validDomains": [],
    }


def write_teams_package(path: Path, app_id: str) -> None:
    """Write the zip to upload to Teams; the same content is always the same bytes."""
    manifest = json.dumps(teams_manifest(app_id), indent=2, ensure_ascii=False) + "\n"
    files = {"manifest.json": manifest.encode(), "color.png": color_icon(), "outline.png": outline_icon()}
    with zipfile.ZipFile(path, "w") as package:
        for name, content in files.items():
            package.writestr(zipfile.ZipInfo(name, _LONG_AGO), content, zipfile.ZIP_DEFLATED)
