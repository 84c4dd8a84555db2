"""The Teams app package: a valid manifest that equals the registry, icons as Teams wants them, the same bytes always."""

import json
import struct
import zipfile
import zlib
from pathlib import Path

import jsonschema
import pytest

from adapters.teams import teams_manifest, write_teams_package
from chatbot.commands import COMMANDS
from chatbot.errors import SettingsError
from chatbot.model import Language
from chatbot.strings import Strings
from tests.fake_identity import APP_ID

SCHEMA = Path(__file__).parents[2] / "shared" / "schemas" / "teams-manifest.1.25.json"


def test_the_manifest_is_valid() -> None:
    if not SCHEMA.exists():
        pytest.skip("the Teams manifest schema is not beside this checkout (../shared/schemas)")
    jsonschema.Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(teams_manifest(APP_ID))


def test_the_menu_is_the_registry(strings: Strings) -> None:
    (bot,) = teams_manifest(APP_ID)["bots"]
    (menu,) = bot["commandLists"]
    assert bot["botId"] == APP_ID
    assert bot["scopes"] == menu["scopes"] == ["personal", "team", "groupChat"]
    listed = ["help", *(name for name, command in COMMANDS.items() if command.listed and name != "help")]
    assert menu["commands"] == [
        {"title": name, "description": strings(f"commands.{name}.summary", Language.EN)} for name in listed[:10]
    ]
    for command in menu["commands"]:
        assert len(command["title"]) <= 32
        assert len(command["description"]) <= 128


def test_it_asks_for_who_is_in_a_team_and_for_nothing_else() -> None:
    manifest = teams_manifest(APP_ID)
    (asked,) = manifest["authorization"]["permissions"]["resourceSpecific"]
    assert asked == {"name": "TeamMember.Read.Group", "type": "Application"}
    assert manifest["webApplicationInfo"]["id"] == APP_ID
    assert manifest["webApplicationInfo"]["resource"], "Teams refuses the package without one"


@pytest.mark.parametrize("app_id", ["", "steady", APP_ID + "0", APP_ID.replace("-", "")])
def test_an_app_id_that_is_no_guid_is_refused(app_id: str) -> None:
    with pytest.raises(SettingsError, match="GUID"):
        teams_manifest(app_id)


def test_the_package_is_whole_and_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        write_teams_package(tmp_path / name, APP_ID)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as package:
        assert package.testzip() is None
        assert package.namelist() == ["manifest.json", "color.png", "outline.png"]
        manifest = json.loads(package.read("manifest.json"))
        assert manifest == teams_manifest(APP_ID)
        color, outline = (pixels(package.read(manifest["icons"][kind])) for kind in ("color", "outline"))
    assert len(color) == 192 * 192
    assert {alpha for *_, alpha in color} == {255}
    assert len(outline) == 32 * 32
    assert {tuple(rgb) for *rgb, _ in outline} == {(255, 255, 255)}, "white on transparent, as Teams demands"
    assert {0, 255} <= {alpha for *_, alpha in outline}


def pixels(png: bytes) -> list[tuple[int, ...]]:
    """Read a PNG as we write them: checks every checksum, and that each row is stored unfiltered."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    place, data, size = 8, b"", 0
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        kind, content = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", png, place + 8 + length)[0] == zlib.crc32(kind + content)
        if kind == b"IHDR":
            size, height, *form = struct.unpack(">IIBBBBB", content)
            assert (size, form) == (height, [8, 6, 0, 0, 0])
        data += content if kind == b"IDAT" else b""
        place += length + 12
    raw = zlib.decompress(data)
    rows = [raw[n * (4 * size + 1) :][: 4 * size + 1] for n in range(size)]
    assert all(row[0] == 0 for row in rows)
    return [tuple(row[1 + 4 * x : 5 + 4 * x]) for row in rows for x in range(size)]
