"""A workspace's guidance from files, and its audit into one: for `steady import` and `steady audit`."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.measures import sizes
from chatbot.commands import Parser
from chatbot.content import load_guidance
from chatbot.errors import ContentError, Problem, SteadyError
from chatbot.model import Language
from chatbot.publishing import VERIFIED, Publishing, Refused, Version
from chatbot.roles import Actor, Roles
from chatbot.settings import Settings
from chatbot.store.audit import AuditLog, AuditRow
from chatbot.store.database import Database
from chatbot.store.pieces import SqlPieces
from chatbot.store.roles import SqlRoles
from chatbot.strings import Strings, load_strings
from chatbot.topic_import import read_topic
from chatbot.written import FieldProblem, Written

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: What a spreadsheet takes for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@asynccontextmanager
async def _opened(settings: Settings) -> "AsyncIterator[Database]":
    database = Database(settings.database_url)
    await database.start()
    try:
        yield database
    finally:
        await database.stop()


async def import_topics(settings: Settings, path: Path, workspace: str, name: str) -> Sequence[Version]:
    """Publish a topic file, or all in a folder, in a workspace, in the name of `name`.

    Raises SteadyError if there are none, ContentError with every problem of every file before anything is published.
    """
    folder, files = _files(path)
    guidance = load_guidance(settings.responses, {"minutes": settings.pause_minutes})
    strings = load_strings(settings.responses)
    actor = Actor(workspace, name, name)
    async with _opened(settings) as database:
        roles = Roles(SqlRoles(database), {}, {})
        publishing = Publishing(
            SqlPieces(database), roles, guidance, strings, Parser(strings).words, _found_by_polling, sizes
        )
        until = publishing.today() + VERIFIED
        read: list[tuple[str, Written]] = []
        problems: list[Problem] = []
        for file in files:
            where = file.relative_to(folder).as_posix()
            try:
                written = read_topic(file, folder, frozenset(guidance.topics), name, until)
            except ContentError as error:
                problems += error.problems
                continue
            read.append((where, written))
            problems += _problems(where, await publishing.problems(workspace, written), strings)
        if problems:
            raise ContentError(problems)
        published: list[Version] = []
        for where, written in read:
            try:
                published.append(await publishing.bring(actor, written))
            except Refused as error:  # such as a name that a file before it has
                raise ContentError(list(_problems(where, error.problems, strings))) from None
        return published


def _files(path: Path) -> tuple[Path, list[Path]]:
    """Return the folder that topics are named from, and the files. Raises SteadyError if there are none."""
    folder = path if path.is_dir() else path.parent
    files = sorted(path.rglob("*.md")) if path.is_dir() else [path]
    if not files or not path.exists():
        raise SteadyError(f"{path} holds no topic files (*.md). See docs/leads.md for what they look like.")
    return folder, files


def _problems(file: str, problems: Sequence[FieldProblem], strings: Strings) -> Iterator[Problem]:
    for problem in problems:
        if problem.blocks:
            where = f"{problem.language}.{problem.field}" if problem.language else problem.field
            yield Problem(file, where, strings(problem.key, Language.EN, **problem.values))


async def _found_by_polling(workspace: str) -> None:
    """Tell nobody: the programs that run see it in the database, within a second or two."""


async def export_audit(settings: Settings, out: Path, workspace: str | None) -> int:
    """Write what leads and admins did as CSV, the newest first; return how many rows."""
    async with _opened(settings) as database:
        rows = await AuditLog(database).of(workspace, None)
    with out.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("time", "workspace", "who", "action", "about"))
        table.writerows(_row(row) for row in rows)
    return len(rows)


def _row(row: AuditRow) -> tuple[Any, ...]:
    moment = datetime.fromtimestamp(row.at, UTC).isoformat(timespec="seconds")
    return (moment, *map(_harmless, (row.workspace, row.actor, row.action, row.about)))


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet runs."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
