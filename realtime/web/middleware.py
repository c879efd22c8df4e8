"""Access control: only this page, on this machine or with the token.

Any site in the same browser can send requests here, with DNS rebinding even under a host name of its own. So the host
name must be one of this machine's, and if the browser names the page that sends the request, it must be this page.
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
    # OBS opens /view as a page, not in a frame, so frames need not be allowed.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; base-uri 'none'; "
    "form-action 'none'; object-src 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=()",
    "Referrer-Policy": "no-referrer",  # the address may have the token
    "Cache-Control": "no-store",
}
SAFE_METHODS = ("GET", "HEAD")


class AccessMiddleware:
    """ASGI middleware that answers requests without permission by status 403 and one line.

    allowed_hosts: host names that requests may have. token: what requests from other machines must bring.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: frozenset[str], token: str) -> None:
        self.app, self.allowed_hosts, self.token = app, allowed_hosts, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        problem = self._foreign_problem(scope, headers)
        token_from = None if problem else self._token_from(scope, headers)
        if not problem and token_from is None and not _is_local(scope, headers):
            problem = "this address needs the token that realtime-stylize printed when it started"
        cookie = f"{_cookie_name(scope)}={self.token}; HttpOnly; SameSite=Strict; Path=/"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                response_headers = MutableHeaders(scope=message)
                response_headers.update(HEADERS)
                if token_from == "address":  # the page can then remove it from the address
                    response_headers.append("Set-Cookie", cookie + "; Secure" * (scope["scheme"] == "https"))
            await send(message)

        app: Callable[[Scope, Receive, Send], Awaitable[None]] = self.app
        if problem:
            app = PlainTextResponse(problem + "\n", 403)
        await app(scope, receive, send_with_headers)

    def _foreign_problem(self, scope: Scope, headers: Headers) -> str:
        """Return why the request does not come from this page, or ""."""
        host = headers.get("host", "")
        name = _host_name(host)
        server = scope.get("server") or ("", None)
        if name is None or (name not in self.allowed_hosts and name != server[0]):
            return f"no page for host {host!r}"
        origin = headers.get("origin")
        own_origin = f"{scope['scheme']}://{host}".lower()
        if origin is None and scope["method"] not in SAFE_METHODS:
            return "no origin: only this page may steer"
        if origin is not None and origin.lower() != own_origin:
            return f"not for pages of {origin}"
        # Another page may link here, but not embed or fetch anything.
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate":
            return "not for other pages"
        return ""

    def _token_from(self, scope: Scope, headers: Headers) -> str | None:
        """Return where the right token is: "address", "cookie", or None."""
        from_address = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if self._is_right(from_address):
            return "address"
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(_cookie_name(scope))
        except CookieError:
            return None
        return "cookie" if cookie is not None and self._is_right(cookie.value) else None

    def _is_right(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(), self.token.encode())


def _is_local(scope: Scope, headers: Headers) -> bool:
    """Whether the request comes from this machine, and not through a proxy on it."""
    client = scope.get("client")
    proxied = any(name in headers for name in ("forwarded", "via", "x-forwarded-for", "x-real-ip"))
    return client is not None and is_loopback(client[0]) and not proxied


def _cookie_name(scope: Scope) -> str:
    """Return a name with the port: cookies are shared by all ports, so two programs must not use the same name."""
    server = scope.get("server") or ("", 0)
    return f"realtime-stylize-{server[1]}"


def _host_name(host: str) -> str | None:
    """Return the host name without the port, or None if the header is invalid."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
