"""Who is signed in: a signed cookie in the browser, so that any replica can answer. Kept is only what was ended."""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from aiohttp import web

from chatbot.roles import Actor

#: How long somebody stays signed in, and how long a sign-in may take, in seconds.
STAY = 8 * 3600
SIGN_IN = 10 * 60
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who signed in, `until` when, in seconds since 1970.

    What they may do is not in here, nor whether they signed out: both are looked up at every request.
    """

    id: str
    actor: Actor
    until: float


class Sessions:
    """Writes and reads the cookies. The clock gives seconds since 1970."""

    def __init__(self, secret: str, secure: bool, clock: Callable[[], float]) -> None:
        self._secret = secret
        self._secure = secure
        self._clock = clock
        # The prefix makes browsers refuse such a cookie from a sister domain or over plain http.
        self._session = "__Host-steady-lead" if secure else "steady-lead"
        self._under_way = "__Host-steady-sign-in" if secure else "steady-sign-in"

    # ---- somebody signed in

    def begin(self, response: web.Response, actor: Actor) -> None:
        """Sign somebody in."""
        told = {
            "sid": secrets.token_urlsafe(18),
            "workspace": actor.workspace,
            "person": actor.person,
            "name": actor.name[:_LONGEST_NAME],
        }
        self._put(response, self._session, told, STAY)

    def of(self, request: web.Request) -> Session | None:
        """Return who makes a request, if they are signed in."""
        told = self._read(request, self._session)
        names = ("sid", "workspace", "person", "name")
        if told is None or not all(isinstance(told.get(name), str) for name in names):
            return None
        return Session(told["sid"], Actor(told["workspace"], told["person"], told["name"]), float(told["exp"]))

    def forget_session(self, response: web.Response) -> None:
        """Take the cookie of a session from the browser; a copy of it stays good."""
        self._drop(response, self._session)

    def token(self, session: Session) -> str:
        """Return what every form of a session carries, and nobody else's page can know."""
        return self.derived("form", session.id)

    # ---- a sign-in under way

    def remember(self, response: web.Response, state: str, back: str) -> None:
        """Tie a sign-in to the browser in which it began, with the page to go to afterwards."""
        self._put(response, self._under_way, {"state": state, "back": back}, SIGN_IN)

    def remembered(self, request: web.Request) -> tuple[str, str] | None:
        """Return the state of the sign-in that this browser began, and where to go afterwards."""
        told = self._read(request, self._under_way)
        if told is None or not isinstance(told.get("state"), str) or not isinstance(told.get("back"), str):
            return None
        return told["state"], told["back"]

    def forget(self, response: web.Response) -> None:
        """Forget the sign-in that was under way: it counts once."""
        self._drop(response, self._under_way)

    def derived(self, purpose: str, value: str) -> str:
        """Return a value that only this secret makes of another one."""
        digest = hmac.digest(self._secret.encode(), f"{purpose}\0{value}".encode(), hashlib.sha256)
        return digest.hex()

    # ---- cookies

    def _put(self, response: web.Response, name: str, told: Mapping[str, str], seconds: int) -> None:
        signed = jwt.encode({**told, "aud": name, "exp": int(self._clock()) + seconds}, self._secret, "HS256")
        response.set_cookie(name, signed, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="Lax")

    def _drop(self, response: web.Response, name: str) -> None:
        response.del_cookie(name, path="/", secure=self._secure, httponly=True, samesite="Lax")

    def _read(self, request: web.Request, name: str) -> Mapping[str, Any] | None:
        # The name is the audience: a cookie that is good for one thing is not good for the other.
        try:
            told: Mapping[str, Any] = jwt.decode(
                request.cookies.get(name, ""),
                self._secret,
                algorithms=["HS256"],
                audience=name,
                options={"require": ["exp", "aud"], "verify_exp": False},  # by our own clock, below
            )
            return told if self._clock() < float(told["exp"]) else None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            return None
