"""What can be typed: the registry, and the commands that enter themselves in it."""

from chatbot.commands import coaching, insights, leads, privacy, pushes, tips
from chatbot.commands.registry import COMMANDS, UMBRELLA, Command, Parsed, Parser, bare, names_command

__all__ = [
    "COMMANDS",
    "UMBRELLA",
    "Command",
    "Parsed",
    "Parser",
    "bare",
    "coaching",
    "insights",
    "leads",
    "names_command",
    "privacy",
    "pushes",
    "tips",
]
