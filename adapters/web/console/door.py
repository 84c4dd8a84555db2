"""What every request to the console passes: headers, limits, who asks, what they may, and whose form it is."""

import hmac
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from aiohttp import hdrs, web
from multidict import MultiDict, MultiDictProxy

from adapters.web.console.limiter import Limiter, address_of
from adapters.web.console.pages import Pages
from adapters.web.console.services import Services
from adapters.web.console.sessions import Session, Sessions
from adapters.web.guard import HEADERS as PLAYGROUND_HEADERS
from chatbot.coach import Coach
from chatbot.incidents import log_incident
from chatbot.model import Language
from chatbot.publishing import Refused
from chatbot.pushing import NoSuchPush
from chatbot.roles import Actor, NotAllowed, Role

#: Requests a minute: of somebody signed in, and from an address with nobody signed in.
PER_SESSION = 240
PER_ADDRESS = 120
#: With "no-referrer" a browser says `Origin: null` of its own forms; other sites learn nothing either way.
HEADERS = {**PLAYGROUND_HEADERS, "Referrer-Policy": "same-origin"}
LANGUAGE_COOKIE = "steady-language"
#: More than any number of ours has; Python itself refuses to read thousands.
_DIGITS = 10
TOKEN = "form-token"  # noqa: S105 - the name of a field

Form = MultiDictProxy[str]


@dataclass(frozen=True, slots=True)
class Visit:
    """A request by somebody. `form` is what was posted; `role` is what they were found to be just now."""

    request: web.Request
    services: Services
    actor: Actor
    role: Role
    language: Language
    form: Form
    session: Session
    token: str
    reviewed: bool

    def text(self, name: str) -> str:
        """Return a field of the form, "" if it is not there."""
        return self.form.get(name, "")

    def number(self, name: str) -> int:
        """Return a number in the address; 404 if it is too large to be one of ours."""
        return number_in(self.request.match_info[name])


Handler = Callable[[Visit], Awaitable[web.Response]]
Open = Callable[[web.Request, Language], Awaitable[web.Response]]


class Door:
    """Wraps the console's handlers. `origin` is its own, "" for any of `hosts`; `proxies` stand before it."""

    def __init__(
        self,
        base: str,
        origin: str,
        hosts: Collection[str],
        sessions: Sessions,
        pages: Pages,
        coach: Coach,
        clock: Callable[[], float],
        proxies: int = 0,
    ) -> None:
        self._base = base
        self._proxies = proxies
        self._origin = origin
        self._hosts = hosts
        self._sessions = sessions
        self._pages = pages
        self._coach = coach
        self._of_session = Limiter(PER_SESSION, clock)
        self._of_address = Limiter(PER_ADDRESS, clock)

    def open(self, handler: Open) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return the handler for those who have not signed in, too."""

        async def opened(request: web.Request) -> web.StreamResponse:
            language = _language(request)

            async def answer() -> web.Response:
                self._own_host(request)
                self._slowly(self._of_address, address_of(request, self._proxies))
                return await handler(request, language)

            return await self._safely(request, answer, language, self._sessions.of(request))

        return opened

    def lead(self, handler: Handler, role: Role = "lead") -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return the handler for leads or admins who signed in; what they post must come from the console's page."""

        async def entered(request: web.Request) -> web.StreamResponse:
            language = _language(request)
            session = self._sessions.of(request)

            async def answer() -> web.Response:
                self._own_host(request)
                if session is None:
                    self._slowly(self._of_address, address_of(request, self._proxies))
                    return self._to_sign_in(request, language)
                self._slowly(self._of_session, session.id)
                return await self._enter(request, session, role, language, handler)

            return await self._safely(request, answer, language, session)

        return entered

    async def _enter(
        self, request: web.Request, session: Session, role: Role, language: Language, handler: Handler
    ) -> web.Response:
        services = Services.of(self._coach)
        if services is None:
            raise web.HTTPServiceUnavailable(text="console.restarting", headers={"Retry-After": "2"})
        actor = session.actor
        if request.query.get("lang") is None and LANGUAGE_COOKIE not in request.cookies:
            language = await services.coach.preferences.language(actor.workspace, actor.person) or language
        form = await self._form(request, session)
        if await services.ended.has(session.id):  # by now: a body may take its time to arrive
            return self._to_sign_in(request, language)
        await services.roles.need(actor.workspace, actor.person, role)
        now = await services.roles.role_of(actor.workspace, actor.person)
        reviewed = await services.publishing.reviewed(actor.workspace)
        token = self._sessions.token(session)
        return await handler(Visit(request, services, actor, now, language, form, session, token, reviewed))

    async def _form(self, request: web.Request, session: Session) -> Form:
        """Return what was posted; 403 unless it comes from a page of this session."""
        if request.method != "POST":
            return MultiDictProxy(MultiDict())
        if request.content_type != "application/x-www-form-urlencoded":
            raise web.HTTPUnsupportedMediaType
        origin = request.headers.get(hdrs.ORIGIN)
        own = self._origin or f"http://{request.host}"
        if origin not in (None, own) or request.headers.get("Sec-Fetch-Site") not in (None, "same-origin"):
            raise web.HTTPForbidden(text="console.forged")
        posted = await request.post()
        form = MultiDict((name, value.replace("\0", "")) for name, value in posted.items() if isinstance(value, str))
        token = form.get(TOKEN, "").encode("utf-8", "replace")
        if not hmac.compare_digest(token, self._sessions.token(session).encode()):
            raise web.HTTPForbidden(text="console.forged")
        return MultiDictProxy(form)

    async def _safely(
        self,
        request: web.Request,
        answer: Callable[[], Awaitable[web.Response]],
        language: Language,
        session: Session | None,
    ) -> web.StreamResponse:
        """Return the answer, or a calm page that says why there is none; always with the headers."""
        try:
            response = await answer()
        except web.HTTPException as refusal:
            response = self._page_for(refusal, language, session)
        except NotAllowed as refusal:
            response = self._refused_role(refusal, language, session)
        except Refused as refusal:
            status = 404 if refusal.key == "leads.bad_piece" else 409
            response = self._notice(status, refusal.key, language, session, **refusal.values)
        except NoSuchPush:
            response = self._notice(404, "push.none", language, session)
        except (web.RequestPayloadError, UnicodeDecodeError):
            response = self._notice(400, "console.unreadable", language, session)
        except Exception as error:  # the lead gets a calm page whatever broke
            response = self._notice(500, "console.broken", language, session, id=log_incident(error))
        if tag := Language.from_tag(request.query.get("lang")):
            response.set_cookie(LANGUAGE_COOKIE, tag, max_age=365 * 24 * 3600, path=self._base, samesite="Lax")
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    def _page_for(self, refusal: web.HTTPException, language: Language, session: Session | None) -> web.Response:
        keys: Mapping[int, str] = {
            404: "console.not_found",
            413: "console.too_large",
            415: "console.unreadable",
            421: "console.wrong_host",
            429: "console.slowly",
        }
        text = refusal.text or ""
        key = text if text.startswith("console.") else keys.get(refusal.status, "console.unreadable")
        response = self._notice(refusal.status, key, language, session)
        if "Retry-After" in refusal.headers:
            response.headers["Retry-After"] = refusal.headers["Retry-After"]
        return response

    def _refused_role(self, refusal: NotAllowed, language: Language, session: Session | None) -> web.Response:
        key = "leads.need_admin" if refusal.needed == "admin" else "leads.need_lead"
        names = ", ".join(refusal.admins) or self._pages.words("leads.nobody", language)
        return self._notice(403, key, language, session, names=names)

    def _notice(
        self, status: int, key: str, language: Language, session: Session | None, **values: object
    ) -> web.Response:
        token = self._sessions.token(session) if session else ""
        name = session.actor.name or session.actor.person if session else ""
        text = self._pages.notice(status, key, language, token, name, **values)
        return web.Response(status=status, text=text, content_type="text/html")

    def _to_sign_in(self, request: web.Request, language: Language) -> web.Response:
        if request.method != "GET":
            return self._notice(401, "console.signed_out", language, None)
        url = request.rel_url.with_path(f"{self._base}/sign-in").with_query({"next": request.path_qs})
        return web.Response(status=303, headers={"Location": str(url)})

    def _own_host(self, request: web.Request) -> None:
        # A foreign name for a loopback address is DNS rebinding. With a public origin any proxy may stand between.
        if self._hosts and request.host not in self._hosts:
            raise web.HTTPMisdirectedRequest

    def _slowly(self, limiter: Limiter, key: str) -> None:
        seconds = limiter.wait(key)
        if seconds:
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(seconds)})


def number_in(digits: str) -> int:
    """Return the number of a row; 404 if it is none, or too large to be one of ours."""
    if not digits.isdecimal() or len(digits) > _DIGITS or int(digits) >= 2**31:
        raise web.HTTPNotFound
    return int(digits)


def _language(request: web.Request) -> Language:
    """Return the language that was picked on the page, or else the browser's."""
    tags = (part.partition(";")[0].strip() for part in request.headers.get("Accept-Language", "").split(","))
    asked = (request.query.get("lang"), request.cookies.get(LANGUAGE_COOKIE), *tags)
    return next((language for language in map(Language.from_tag, asked) if language), Language.EN)
