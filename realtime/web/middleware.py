"""Who may look and steer: this page alone, on this machine or with the token.

Another site in the same browser can send requests here, and with DNS rebinding under a name of its own. So the name
asked for must be one of ours, and where a browser says which page asks, it must be this one.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from realtime.web.address import is_loopback

HEADERS = {
    # OBS shows /view as a page of its own, so that no frame has to be allowed.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; base-uri 'none'; "
    "form-action 'none'; object-src 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=()",
    "Referrer-Policy": "no-referrer",  # the token is in the address
    "Cache-Control": "no-store",
}
READING = ("GET", "HEAD")


class AccessMiddleware:
    """Wraps an app; what it turns away gets 403 and one line.

    names: hosts that may be asked for. token: what anyone but this machine has to know.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str], token: str) -> None:
        self.app, self.names, self.token = app, names, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through, or not."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        problem = self._foreign(scope, headers)
        brought = None if problem else self._token(scope, headers)
        if not problem and brought is None and not _from_here(scope, headers):
            problem = "this address needs the token that realtime-stylize printed when it started"
        cookie = f"{_cookie_name(scope)}={self.token}; HttpOnly; SameSite=Strict; Path=/"

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                out.update(HEADERS)
                if brought == "address":  # so that it need not stay in the address
                    out.append("Set-Cookie", cookie + "; Secure" * (scope["scheme"] == "https"))
            await send(message)

        app: Callable[[Scope, Receive, Send], Awaitable[None]] = self.app
        if problem:
            app = PlainTextResponse(problem + "\n", 403)
        await app(scope, receive, sealed)

    def _foreign(self, scope: Scope, headers: Headers) -> str:
        """Why the request is none of this page's, or nothing."""
        host = headers.get("host", "")
        name = _host_name(host)
        own = scope.get("server") or ("", None)
        if name is None or (name not in self.names and name != own[0]):
            return f"no page for host {host!r}"
        origin = headers.get("origin")
        ours = f"{scope['scheme']}://{host}".lower()
        if origin is None and scope["method"] not in READING:
            return "no origin: only this page may steer"
        if origin is not None and origin.lower() != ours:
            return f"not for pages of {origin}"
        # A link may lead here; what another page embeds or fetches may not.
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate":
            return "not for other pages"
        return ""

    def _token(self, scope: Scope, headers: Headers) -> str | None:
        """Where the right token came from."""
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if self._right(asked):
            return "address"
        try:
            kept = SimpleCookie(headers.get("cookie", "")).get(_cookie_name(scope))
        except CookieError:
            return None
        return "cookie" if kept is not None and self._right(kept.value) else None

    def _right(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(), self.token.encode())


def _from_here(scope: Scope, headers: Headers) -> bool:
    """Whether it comes from this machine, and was not only passed on here by a proxy."""
    client = scope.get("client")
    passed_on = any(name in headers for name in ("forwarded", "via", "x-forwarded-for", "x-real-ip"))
    return client is not None and is_loopback(client[0]) and not passed_on


def _cookie_name(scope: Scope) -> str:
    """Cookies do not know ports: two programs on one machine must not take each other's."""
    server = scope.get("server") or ("", 0)
    return f"realtime-stylize-{server[1]}"


def _host_name(host: str) -> str | None:
    """The name without the port, or None where it is no host at all."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
