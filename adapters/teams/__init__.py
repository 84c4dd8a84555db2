"""Microsoft Teams: activities in, Adaptive Cards out."""

from typing import TYPE_CHECKING, Any

from adapters.teams.limits import measure
from adapters.teams.manifest import teams_manifest, write_teams_package
from adapters.teams.render import to_activity, to_card

if TYPE_CHECKING:
    from adapters.teams.adapter import TeamsAdapter

__all__ = ["TeamsAdapter", "measure", "teams_manifest", "to_activity", "to_card", "write_teams_package"]


def __getattr__(name: str) -> Any:
    # botbuilder takes a second to load; who draws a card or writes the app package needs none of it.
    if name == "TeamsAdapter":
        from adapters.teams.adapter import TeamsAdapter

        return TeamsAdapter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
