"""What the console needs of the core."""

from dataclasses import dataclass

from chatbot.coach import Coach
from chatbot.insights import Insights
from chatbot.publishing import Publishing
from chatbot.pushing import Pushes
from chatbot.roles import Roles
from chatbot.store.audit import AuditLog
from chatbot.store.sessions import EndedSessions


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that a coach was given; each checks by itself who may do what."""

    coach: Coach
    roles: Roles
    publishing: Publishing
    pushes: Pushes
    insights: Insights
    audit: AuditLog
    ended: EndedSessions

    @classmethod
    def of(cls, coach: Coach) -> "Services | None":
        """Return what a coach has just now; None while one is missing, as in a playground that was just killed."""
        if not (coach.roles and coach.publishing and coach.pushes and coach.counting and coach.audit):
            return None
        if coach.ended_sessions is None:
            return None
        return cls(
            coach,
            coach.roles,
            coach.publishing,
            coach.pushes,
            coach.counting,
            coach.audit,
            coach.ended_sessions,
        )
