"""The command that says what is stored about whoever asks, shows it and erases it."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from chatbot.cards import Ask
from chatbot.commands.registry import command
from chatbot.guidance import fold
from chatbot.language import OWN_NAMES
from chatbot.model import Block, Button, Lead, Note, Points, Reply, Title

if TYPE_CHECKING:
    from chatbot.coach import Coach

_STORED = ("choices", "chat", "receipts", "lead")
_NOT_STORED = ("words", "topics")


@command("privacy")
async def privacy(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Say what is stored about the person and what is not; show it, erase it."""
    match _action(ask, argument):
        case "export":
            return await _export(coach, ask)
        case "erase":
            return await _erase(coach, ask)
        case "":
            return await _explain(coach, ask)
        case _:
            return await _explain(coach, ask) if ask.insist else None


def _action(ask: Ask, argument: str) -> str:
    for action in ("export", "erase"):
        names = ask.strings.words[f"privacy.{action}"].values()
        if any(fold(argument) == fold(name) for of_language in names for name in (*of_language, action)):
            return action
    return argument


async def _explain(coach: "Coach", ask: Ask) -> Reply:
    counting = coach.counting
    if counting and counting.works_council:
        counted = ask.t("privacy.council")
    elif counting and await counting.is_on(ask.message.workspace):
        counted = ask.t("privacy.counting_on")
    else:
        counted = ask.t("privacy.counting_off")
    blocks: tuple[Block, ...] = (
        Title(ask.t("privacy.title")),
        Lead(ask.t("privacy.lead")),
        Points(ask.t("privacy.stored"), tuple(ask.t(f"privacy.stored_{name}") for name in _STORED)),
        Points(ask.t("privacy.not_stored"), tuple(ask.t(f"privacy.not_stored_{name}") for name in _NOT_STORED)),
        Note(counted),
    )
    return _reply(ask, blocks, "privacy", Button(ask.t("privacy.export"), "privacy export", "primary"), _eraser(ask))


async def _export(coach: "Coach", ask: Ask) -> Reply:
    lines = tuple([line async for line in _kept(coach, ask)])
    if not lines:
        return _reply(ask, (Title(ask.t("privacy.title")), Lead(ask.t("privacy.export_nothing"))), "nothing is stored")
    blocks = (
        Title(ask.t("privacy.title")),
        Lead(ask.t("privacy.export_lead")),
        Points(ask.t("privacy.stored"), lines),
    )
    return _reply(ask, blocks, "what is stored", _eraser(ask))


async def _kept(coach: "Coach", ask: Ask) -> AsyncIterator[str]:
    from chatbot import dates

    workspace, person = ask.message.workspace, ask.message.person
    language = await coach.preferences.language(workspace, person)
    if language:
        yield ask.t("privacy.has_language", name=OWN_NAMES[language])
    quiet = await coach.preferences.quiet_until(workspace, person)
    if quiet:
        yield ask.t("privacy.has_quiet", day=dates.day(quiet, ask.language))
    if coach.personal:
        kept = await coach.personal.of(workspace, person)
        if kept.tips:
            yield ask.t("privacy.has_tips")
        if kept.chat:
            yield ask.t("privacy.has_chat")
        if kept.zone:
            yield ask.t("privacy.has_zone", zone=kept.zone)
        if kept.receipts:
            yield ask.t("privacy.has_receipts", count=kept.receipts)
        if kept.pieces:
            yield ask.t("privacy.has_pieces", count=kept.pieces)
        if kept.audit:
            yield ask.t("privacy.has_audit", count=kept.audit)
    role = await coach.roles.role_of(workspace, person) if coach.roles else "agent"
    if role != "agent":
        yield ask.t(f"privacy.has_{role}")


async def _erase(coach: "Coach", ask: Ask) -> Reply:
    workspace, person = ask.message.workspace, ask.message.person
    if coach.personal:
        await coach.personal.erase(workspace, person)
    await coach.preferences.forget(workspace, person)
    blocks = (
        Title(ask.t("privacy.erased")),
        Lead(ask.t("privacy.erased_lead")),
        Note(ask.t("privacy.erased_note")),
    )
    return _reply(ask, blocks, "erased", Button(ask.t("privacy.export"), "privacy export"))


def _eraser(ask: Ask) -> Button:
    return Button(ask.t("privacy.erase"), "privacy erase", "danger")


def _reply(ask: Ask, blocks: tuple[Block, ...], why: str, *buttons: Button) -> Reply:
    return ask.reply(blocks, (*buttons, ask.all_topics()), why)
