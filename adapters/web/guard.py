"""What keeps other pages out of the playground: headers, the Host allow-list, the same-origin check."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import hdrs, web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: The names of the policies that may make HTML of a string: the three of `adaptivecards` (its TextBlock, fed
#: by our own Markdown) and the page's own, for fragments that the server has drawn and escaped.
POLICIES = (
    "adaptivecards#markdownPassthroughPolicy",
    "adaptivecards#restoreContentsPolicy",
    "adaptivecards#deprecatedExportedFunctionPolicy",
    "steady#fragment",
)

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            "img-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            f"trusted-types {' '.join(POLICIES)}",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Wraps the handlers of one server that listens on the loopback `port`."""

    def __init__(self, port: int) -> None:
        self.hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]"))

    def open(self, handler: Handler) -> Handler:
        """Return the handler for requests that name this machine: a foreign name is DNS rebinding."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            if request.host not in self.hosts:
                response: web.StreamResponse = _refused(421, "This address serves loopback names only.")
            else:
                try:
                    response = await handler(request)
                except web.HTTPException as refusal:
                    response = _refused(refusal.status, refusal.text or refusal.reason)
                except web.RequestPayloadError:
                    response = _refused(400, "The body can't be read.")
            if not response.prepared:
                response.headers.update(HEADERS)
            return response

        return guarded

    def same_origin(self, handler: Handler) -> Handler:
        """Return the handler for requests that the page itself made, as the browser vouches."""

        async def checked(request: web.Request) -> web.StreamResponse:
            origin = request.headers.get(hdrs.ORIGIN)
            site = request.headers.get("Sec-Fetch-Site")
            foreign = origin not in (None, f"http://{request.host}") or site not in (None, "same-origin")
            if foreign or (origin is None and site is None):
                return _refused(403, "Only the playground's own page may do this.")
            return await handler(request)

        return self.open(checked)


def _refused(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text)
