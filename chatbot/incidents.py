"""What breaks is logged with an id that the agent is shown too, and without anybody's words."""

import logging
import secrets
import traceback

log = logging.getLogger("steady.incidents")


def log_incident(error: BaseException) -> str:
    """Log where an error came from and return its id, which the agent is shown too.

    The exception's own words stay out of the log: they could quote what the agent typed.
    """
    incident = secrets.token_hex(4)
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("incident %s: %s\n%s", incident, type(error).__name__, where)
    return incident
