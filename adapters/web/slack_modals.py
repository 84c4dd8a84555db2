"""Slack's modals: opened by a trigger, filled in by an agent, answered by the app."""

import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from adapters.web.blockkit import initial_of, options_of
from adapters.web.people import SLACK_APP, SLACK_BOT, SLACK_TEAM, Persona
from adapters.web.room import Modal, Payload, Room

#: A trigger opens one modal, within so many seconds.
_SECONDS = 3.0
_KEPT = 50
_FORM = "application/x-www-form-urlencoded"
#: Sends a signed request to the app; returns status, content type and body.
Send = Callable[[bytes, str], Awaitable[tuple[int, str, bytes]]]


class SlackModals:
    """The modals that are open. The newest of a person's is the one they see."""

    def __init__(self, room: Room, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        self._room = room
        self._send = send
        self._clock = clock
        self._triggers: OrderedDict[str, tuple[Persona, float]] = OrderedDict()
        self._open: OrderedDict[str, Modal] = OrderedDict()

    def trigger(self, persona: Persona) -> str:
        """Return a new trigger."""
        trigger = secrets.token_hex(8)
        self._triggers[trigger] = (persona, self._clock())
        _cap(self._triggers)
        return trigger

    def clear(self) -> None:
        """Forget every modal."""
        self._triggers.clear()
        self._open.clear()

    def open(self, call: Mapping[str, Any]) -> Payload | str:
        """Answer views.open: what is put into the answer, or the name of an error."""
        persona, made = self._triggers.pop(str(call.get("trigger_id", "")), (None, 0.0))
        if persona is None:
            return "exchanged_trigger_id"
        if self._clock() > made + _SECONDS:
            return "expired_trigger_id"
        view = call.get("view")
        if not _is_modal(view):
            return "invalid_arguments"
        modal = Modal(persona, view)
        self._open[modal.id] = modal
        _cap(self._open)
        self._room.show(modal)
        return {"view": self._view(modal, {})}

    async def submit(self, modal_id: str, typed: dict[str, list[str]]) -> bool:
        """Send what was filled in; return False if no such modal is open, or it has no such inputs or options."""
        modal = self._open.get(modal_id)
        if modal is None or modal.view is None or not _fits(modal.view, typed):
            return False
        modal.typed, modal.errors, modal.note = typed, {}, ""
        missing = [block["block_id"] for block in _inputs(modal.view) if _is_missing(block, typed)]
        if missing:  # Slack itself says so
            modal.errors = dict.fromkeys(missing, "")
            self._room.show(modal)
            return True
        status, _, body = await self._deliver("view_submission", modal)
        answer = _parsed(body) if body.strip() else {}
        match answer if status == 200 else None:
            case {"response_action": "errors", "errors": dict(errors)}:
                modal.errors = {str(block): str(text) for block, text in errors.items()}
            case {"response_action": "update", "view": view} if _is_modal(view):
                modal.view, modal.typed = view, {}
            case {"response_action": "clear"}:
                self._take_away(modal)
                return True
            case {**rest} if "response_action" not in rest:
                self._take_away(modal)
                return True
            case _:
                modal.note = "web.slack_failed"
        self._room.show(modal)
        return True

    async def close(self, modal_id: str) -> bool:
        """Close a modal, and tell the app if it wants to know; return False if no such modal is open."""
        modal = self._open.get(modal_id)
        if modal is None or modal.view is None:
            return False
        if modal.view.get("notify_on_close"):
            await self._deliver("view_closed", modal)
        self._take_away(modal)
        return True

    def _take_away(self, modal: Modal) -> None:
        self._open.pop(modal.id, None)
        modal.view = None
        self._room.show(modal)

    async def _deliver(self, kind: str, modal: Modal) -> tuple[int, str, bytes]:
        persona = modal.persona
        body: Payload = {
            "type": kind,
            "team": {"id": SLACK_TEAM, "domain": "playground"},
            "user": {"id": persona.slack_user, "username": persona.key, "name": persona.key, "team_id": SLACK_TEAM},
            "api_app_id": SLACK_APP,
            "token": "playground",
            "enterprise": None,
            "is_enterprise_install": False,
            "view": self._view(modal, modal.typed),
        }
        if kind == "view_submission":
            body |= {"trigger_id": self.trigger(persona), "response_urls": []}
        else:
            body["is_cleared"] = False
        return await self._send(urlencode({"payload": json.dumps(body)}).encode(), _FORM)

    def _view(self, modal: Modal, typed: dict[str, list[str]]) -> Payload:
        """Return a view as Slack tells of it."""
        view = modal.view or {}
        shown = {key: view.get(key) for key in ("title", "submit", "close")}
        return {
            **shown,
            "type": "modal",
            "id": f"V{modal.id.upper()}",
            "team_id": SLACK_TEAM,
            "app_id": SLACK_APP,
            "bot_id": SLACK_BOT,
            "blocks": view.get("blocks", []),
            "callback_id": view.get("callback_id", ""),
            "private_metadata": view.get("private_metadata", ""),
            "root_view_id": f"V{modal.id.upper()}",
            "previous_view_id": None,
            "external_id": "",
            "hash": self._room.key(),
            "state": {"values": {block["block_id"]: _state(block, typed) for block in _inputs(view)}},
        }


def _is_modal(view: Any) -> bool:
    """Return whether a view can be shown: a modal whose inputs have ids of their own."""
    if not (isinstance(view, dict) and view.get("type") == "modal" and isinstance(view.get("blocks"), list)):
        return False
    inputs = [b for b in view["blocks"] if isinstance(b, dict) and b.get("type") == "input"]
    ids = [block.get("block_id") for block in inputs]
    elements = [block.get("element") for block in inputs]
    named = all(isinstance(e, dict) and isinstance(e.get("action_id"), str) for e in elements)
    return named and all(isinstance(one, str) for one in ids) and len(set(ids)) == len(ids)


def _inputs(view: Payload) -> list[Payload]:
    return [block for block in view["blocks"] if isinstance(block, dict) and block.get("type") == "input"]


def _fits(view: Payload, typed: dict[str, list[str]]) -> bool:
    """Return whether a person could have filled in the inputs like this."""
    inputs = {block["block_id"]: block["element"] for block in _inputs(view)}
    return all(block_id in inputs and _takes(inputs[block_id], values) for block_id, values in typed.items())


def _takes(element: Payload, values: list[str]) -> bool:
    kind = element.get("type")
    if kind not in ("checkboxes", "multi_static_select") and len(values) > 1:
        return False
    if kind == "plain_text_input":
        return all(len(text) <= element.get("max_length", 3000) for text in values)
    return set(values) <= set(options_of(element))


def _is_missing(block: Payload, typed: dict[str, list[str]]) -> bool:
    return not block.get("optional") and not any(typed.get(block["block_id"], ()))


def _state(block: Payload, typed: dict[str, list[str]]) -> Payload:
    """Return what stands in an input, in the shape of `state.values`."""
    element = block["element"]
    kind = element.get("type")
    values = typed.get(block["block_id"]) if typed else list(initial_of(element))
    values = [value for value in values or [] if value]
    options = element.get("options")
    chosen = [
        {key: option[key] for key in ("text", "value") if key in option}
        for option in (options if isinstance(options, list) else ())
        if isinstance(option, dict) and option.get("value") in values
    ]
    told: Payload = {"type": kind}
    if kind == "plain_text_input":
        told["value"] = values[0] if values else None
    elif kind in ("checkboxes", "multi_static_select"):
        told["selected_options"] = chosen
    else:
        told["selected_option"] = chosen[0] if chosen else None
    return {str(element["action_id"]): told}


def _parsed(body: bytes) -> Payload | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _cap(kept: "OrderedDict[str, Any]") -> None:
    while len(kept) > _KEPT:
        kept.popitem(last=False)
