"""Where payloads come in, by HTTP or Socket Mode: each is answered once, by a listener.

Slash commands go straight to theirs. Bolt would build a client, a context and a request around each and look for the
listener, which takes longer than to coach; a command uses nothing of that, for its answer rides on the acknowledgement.
"""

from collections.abc import Awaitable, Callable

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from adapters.seen import Seen
from adapters.slack.payloads import MalformedError, kind_of
from adapters.slack.render import Payload

#: Slack repeats an event at once, after a minute and after five; the rest is for its bad days.
REMEMBERED_SECONDS = 2 * 3600
REMEMBERED_MOST = 50_000


class Inbox:
    """Hands each payload on once: a slash command to `on_command`, everything else to Bolt.

    While `is_full` says so, nothing is taken on that would be answered in the background.
    """

    def __init__(
        self,
        app: AsyncApp,
        on_command: Callable[[Payload], Awaitable[BoltResponse]],
        is_full: Callable[[], bool],
        clock: Callable[[], float],
    ) -> None:
        self._app = app
        self._on_command = on_command
        self._is_full = is_full
        self._seen = Seen(REMEMBERED_SECONDS, REMEMBERED_MOST, clock)

    async def take(self, payload: Payload, delivery: str) -> BoltResponse:
        """Return the answer to a payload; it is empty for a repetition and for what we don't know.

        `delivery` is what two deliveries of the same request have in common, for requests without an event id.
        Its status is 503 while there is no room. Raises MalformedError.
        """
        kind = kind_of(payload)
        if kind == "other":
            return BoltResponse(status=200)
        if kind != "command" and self._is_full():  # Slack sends it again when there is room
            return BoltResponse(status=503)
        key = payload["event_id"] if kind == "event" else delivery
        if not self._seen.add(key):
            return BoltResponse(status=200)
        answered = False
        try:
            if kind == "command":
                response = await self._on_command(payload)
            else:
                response = await self._app.async_dispatch(_request(payload))
            answered = response.status == 200
            return response
        finally:
            if not answered:  # then Slack will send it again, and that must be answered
                self._seen.forget(key)


def _request(payload: Payload) -> AsyncBoltRequest:
    try:
        # Only a request of this mode takes a payload that is parsed already; the mode changes nothing else.
        return AsyncBoltRequest(body=payload, mode="socket_mode")
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise MalformedError from error
