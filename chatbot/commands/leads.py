"""The commands of leads and admins: who is a lead, writing guidance, publishing it and taking it back.

Whoever else gives one is refused. What a button says may have been made up by whoever sends it, so nothing in it is
taken for granted: the role is looked up and the piece sought in the person's own workspace, each time.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING

from chatbot.cards import Ask
from chatbot.commands.registry import Run, action_in, command
from chatbot.guidance import fold
from chatbot.incidents import log_incident
from chatbot.model import Mention, Reply
from chatbot.roles import GROUP, OWNERS, Actor, NotAllowed, NotGranted, Role

if TYPE_CHECKING:
    from chatbot.coach import Coach

_AUDIT_SHOWN = 20
_SWITCH = {"on": True, "off": False}
#: The longest number of a piece or version that is looked up.
_DIGITS = 9


def _answered(run: Run) -> Run:
    """Turn what a lead may not do, or can't just now, into an answer that says so."""

    @wraps(run)
    async def answered(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
        from chatbot import lead_cards
        from chatbot.publishing import Refused

        try:
            return await run(coach, ask, argument)
        except NotAllowed as error:
            return replace(lead_cards.not_allowed(ask, error), private=True)
        except Refused as error:
            return lead_cards.refused(ask, error)

    return answered


def actor_of(ask: Ask) -> Actor:
    """Return who asks."""
    return Actor(ask.message.workspace, ask.message.person, ask.message.name)


async def _role(coach: "Coach", ask: Ask, needed: Role) -> Role:
    """Return the role of whoever asks. Raises NotAllowed if it is less than needed, or nothing is kept here."""
    if coach.roles is None:
        raise NotAllowed(needed, ())
    await coach.roles.need(ask.message.workspace, ask.message.person, needed)
    return await coach.roles.role_of(ask.message.workspace, ask.message.person)


@command("lead", role="lead")
@_answered
async def lead(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show what leads can do; name leads and take that back; switch the second pair of eyes on and off."""
    from chatbot import lead_cards

    action, rest = action_in(coach.strings, "lead", argument, ("add", "remove", "review"))
    if argument and not action:
        return None
    if not action:
        role = await _role(coach, ask, "lead")
        reviewed = coach.publishing is not None and await coach.publishing.reviewed(ask.message.workspace)
        return lead_cards.desk(ask, role, reviewed)
    if action == "review":
        if fold(rest) not in _SWITCH or coach.publishing is None:
            return None
        role = await _role(coach, ask, "admin")
        await coach.publishing.set_reviewed(actor_of(ask), _SWITCH[fold(rest)])
        return lead_cards.desk(ask, role, _SWITCH[fold(rest)])
    whose, team = action_in(coach.strings, "lead", rest, ("owners",))
    if whose and not team:
        await _role(coach, ask, "admin")
        return await _named(coach, ask, adds=action == "add", owners=True)
    if whose and action == "remove" and (known := await _owners_of(coach, ask, team)):
        return await _removed(coach, ask, [known])
    if rest and not ask.message.mentions and not rest.startswith("@"):  # "lead add value to the conversation"
        actor = actor_of(ask)
        role = await coach.roles.role_of(actor.workspace, actor.person) if coach.roles and ask.insist else "agent"
        if role != "admin":
            return None
    await _role(coach, ask, "admin")
    return await _named(coach, ask, adds=action == "add")


async def _named(coach: "Coach", ask: Ask, *, adds: bool, owners: bool = False) -> Reply:
    """Make those who are mentioned leads, or no longer; with `owners`, those who own the team that it is said in."""
    from chatbot import lead_cards

    assert coach.roles is not None  # noqa: S101 - the role was looked up
    message = ask.message
    if not message.mentions and not owners:
        return lead_cards.plain(ask, "leads.who")
    try:
        known = [await coach.roles.identified(message, mention) for mention in message.mentions]
        if owners:
            owning = await coach.roles.owners(message)
            if owning is None:
                return lead_cards.plain(ask, "leads.owners_where")
            known.append(owning)
        for group in (mention.id for mention in known if adds and mention.id.startswith(GROUP)):
            await coach.roles.look_into(message.workspace, group)  # better said now than found out later
    except NotGranted as error:
        return lead_cards.plain(ask, "leads.not_granted", permission=error.permission)
    except Exception as error:  # the platform did not tell
        log_incident(error)
        return lead_cards.plain(ask, "leads.cant_tell")
    if not adds:
        return await _removed(coach, ask, known)
    for mention in known:
        await coach.roles.add_lead(actor_of(ask), mention)
    return lead_cards.plain(ask, "leads.added", names=lead_cards.names(ask, known))


async def _removed(coach: "Coach", ask: Ask, mentions: Sequence[Mention]) -> Reply:
    from chatbot import lead_cards

    assert coach.roles is not None  # noqa: S101 - the role was looked up
    gone = [mention for mention in mentions if await coach.roles.remove_lead(actor_of(ask), mention)]
    key = "leads.removed" if gone else "leads.was_none"
    return lead_cards.plain(ask, key, names=lead_cards.names(ask, gone or mentions))


async def _owners_of(coach: "Coach", ask: Ask, team: str) -> Mention | None:
    """Return the owners of a team of that name if they are leads: it may be deleted, so that nobody can say it there.

    None for whoever is no admin: to them these are plain words.
    """
    message = ask.message
    if coach.roles is None or await coach.roles.role_of(message.workspace, message.person) != "admin":
        return None
    rows = await coach.roles.leads(message.workspace)
    named = (row for row in rows if row.subject.startswith(OWNERS) and fold(row.name) == fold(team))
    return next((Mention(row.subject, row.name) for row in named), None)


@command("leads", listed=False, role="lead")
@_answered
async def leads(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show who is a lead."""
    from chatbot import lead_cards

    if argument:
        return None
    await _role(coach, ask, "lead")
    assert coach.roles is not None  # noqa: S101 - the role was looked up
    return lead_cards.leads(ask, await coach.roles.leads(ask.message.workspace))


@command("audit", listed=False, role="admin")
@_answered
async def audit(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Show what leads and admins did last."""
    from chatbot import lead_cards

    if argument:
        return None
    await _role(coach, ask, "admin")
    rows = await coach.audit.of(ask.message.workspace, _AUDIT_SHOWN) if coach.audit else ()
    return lead_cards.audit(ask, rows)


# ---- writing: what is done stands in writing.py, which is loaded when somebody does it


#: The actions of `write`, and how many numbers each needs: of a piece, of a version, of another version.
NUMBERS = {
    "new": 0,
    "edit": 1,
    "save": 0,
    "list": 0,
    "piece": 1,
    "see": 2,
    "languages": 2,
    "missing": 2,
    "versions": 1,
    "diff": 3,
    "publish": 2,
    "submit": 2,
    "approve": 2,
    "rollback": 2,
    "withdraw": 1,
    "confirm": 1,
}


@command("write", listed=False, role="lead")
@_answered
async def write(coach: "Coach", ask: Ask, argument: str) -> Reply | None:
    """Write guidance and see it; publish it, compare its versions and take it back."""
    action, rest = action_in(coach.strings, "write", argument, NUMBERS)
    if argument and not action:
        return None
    parts = rest.split()
    if action and len(numbers_in(parts)) < NUMBERS[action]:
        return None  # "write list of complaints" is no command either
    if (action == "new" and rest) or (action == "list" and rest and not numbers_in(parts)):
        return None
    if action == "save" and not ask.message.pressed:
        return None
    await _role(coach, ask, "lead")
    from chatbot import lead_cards
    from chatbot.commands.writing import STEPS

    if coach.publishing is None:
        return lead_cards.plain(ask, "leads.elsewhere")
    return await STEPS[action or "new"](coach, coach.publishing, ask, parts)


def numbers_in(parts: list[str]) -> list[int]:
    """Return the numbers that stand at the beginning."""
    found: list[int] = []
    for part in parts:
        if not (part.isascii() and part.isdigit() and len(part) <= _DIGITS):
            break
        found.append(int(part))
    return found
