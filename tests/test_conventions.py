"""Habits that are kept by tests: which way imports point, and that texts and code agree."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatbot.commands import COMMANDS
from chatbot.strings import Strings

ROOT = Path(__file__).parents[1]
SDKS = ("slack_bolt", "slack_sdk", "botbuilder", "botframework", "aiohttp")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


@pytest.mark.parametrize("path", sorted((ROOT / "chatbot").rglob("*.py")), ids=lambda p: p.name)
def test_the_core_imports_no_platform(path: Path) -> None:
    for module in imports(path):
        assert module.split(".")[0] not in (*SDKS, "adapters"), f"{path} imports {module}"


def test_importing_the_whole_core_loads_no_sdk() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "chatbot").rglob("*.py")
        if "migrations" not in path.parts  # Alembic runs those
    ]
    code = (
        f"import {', '.join(modules)}, sys; print([m for m in sys.modules if m.split('.')[0] in {(*SDKS, 'adapters')}])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("path", sorted((ROOT / "adapters").rglob("*.py")), ids=lambda p: "/".join(p.parts[-2:]))
def test_adapters_do_not_import_each_others_insides(path: Path) -> None:
    own = path.relative_to(ROOT).parts[1]
    for module in imports(path):
        parts = module.split(".")
        if parts[0] == "adapters" and len(parts) > 2 and own != parts[1]:
            pytest.fail(f"{path} reaches into {module}")


def test_every_string_is_used_and_every_used_string_exists(strings: Strings) -> None:
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("chatbot", "adapters")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".html", ".js", ".mjs")
        and "vendor" not in path.parts
        and "node_modules" not in path.parts
    )
    made = {f"commands.{name}.{part}" for name, c in COMMANDS.items() if c.listed for part in ("usage", "summary")}
    prefixes = {match.rstrip(".") for match in re.findall(r'f"([a-z_.]+\.)\{', code)}
    beginnings = tuple(re.findall(r'f"([a-z_]+\.[a-z]+_)\{', code))
    for key in strings.keys - made:
        assert (
            f'"{key}"' in code
            or f"'{key}'" in code
            or key.rpartition(".")[0] in prefixes | {"card"}
            or key.startswith(beginnings)
        ), f"{key} is unused"
    for key in re.findall(r'\bt\("([a-z_.]+)"', code):
        assert key in strings.keys, f"{key} does not exist"


def test_every_listed_command_has_words_usage_and_summary(strings: Strings) -> None:
    listed = {name for name, command in COMMANDS.items() if command.listed}
    assert listed <= strings.words.keys()
    assert {name.partition(".")[0] for name in strings.words} <= COMMANDS.keys()
    for name in listed:
        assert {f"commands.{name}.usage", f"commands.{name}.summary"} <= strings.keys


def test_docs_list_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, command in COMMANDS.items():
        if command.listed:
            assert f"`{name}" in text, name
