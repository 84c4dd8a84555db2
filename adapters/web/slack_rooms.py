"""What Slack's Web API tells of conversations: about, members, history, as the playground knows them."""

from collections.abc import Mapping
from typing import Any

from adapters.web.people import CHANNELS, PERSONAS, SLACK_BOT, SLACK_TEAM, slack_place
from adapters.web.room import Payload, Post, Room

_LONGEST_PAGE = 200

Call = Mapping[str, Any]


def info(call: Call) -> Payload | str:
    """Answer conversations.info: what is put into the answer, or the name of an error."""
    place = slack_place(str(call.get("channel", "")))
    if place is None:
        return "channel_not_found"
    if place[0]:
        return {"channel": {"id": place[0].slack_dm, "is_im": True, "user": place[0].slack_user}}
    channel = CHANNELS[place[1]]
    about = {"id": channel.slack, "name": channel.name, "is_channel": True, "is_private": False}
    return {"channel": {**about, "is_member": True, "is_archived": False}}


def members(call: Call) -> Payload | str:
    """Answer conversations.members."""
    place = slack_place(str(call.get("channel", "")))
    if place is None:
        return "channel_not_found"
    people = [place[0]] if place[0] else PERSONAS.values()
    return {"members": [SLACK_BOT, *(p.slack_user for p in people)], "response_metadata": {"next_cursor": ""}}


def history(call: Call, room: Room) -> Payload | str:
    """Answer conversations.history: what everybody in the conversation sees, the newest first."""
    place = slack_place(str(call.get("channel", "")))
    if place is None:
        return "channel_not_found"
    oldest, limit = _number(call.get("oldest"), 0.0), _number(call.get("limit"), 100.0)
    skipped = _number(call.get("cursor"), 0.0)
    if oldest is None or limit is None or skipped is None:
        return "invalid_arguments"
    seen = [
        post
        for post in reversed(room.posts)
        if (post.pane, post.place) == ("slack", place[1])
        and post.author != "platform"
        and not post.private
        and (place[0] is None or post.persona == place[0])
        and float(post.key) >= oldest
    ]
    start = int(skipped)
    end = start + min(_LONGEST_PAGE, max(1, int(limit)))
    with_metadata = call.get("include_all_metadata") in (True, "true", "1")
    return {
        "messages": [_message(post, with_metadata) for post in seen[start:end]],
        "has_more": len(seen) > end,
        "response_metadata": {"next_cursor": str(end) if len(seen) > end else ""},
    }


def _message(post: Post, with_metadata: bool) -> Payload:
    message: Payload = {"type": "message", "ts": post.key, "team": SLACK_TEAM}
    if post.author == "steady":
        content = {k: v for k, v in post.content.items() if with_metadata or k != "metadata"}
        return {**message, "user": SLACK_BOT, "bot_id": "B0STEADY", **content}
    return {**message, "user": post.persona.slack_user if post.persona else "", "text": post.text}


def _number(value: Any, otherwise: float) -> float | None:
    """Return a number from zero on, `otherwise` if none was given, None if it is none."""
    if value in (None, ""):
        return otherwise
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < 1e12 else None
