"""Access control: only this page, on this machine or with the token.

Any site in the same browser can send requests here, with DNS rebinding even under a host name of its own. So the host
name must be one of this machine's, and if the browser names the page that sends the request, it must be this page.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from realtime.web.address import Address, is_loopback

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
PERMITTED = "permitted"  # key of the scope's `state`: whether the request has permission
PROXY_HEADERS = (
    *("forwarded", "via", "x-real-ip", "x-client-ip", "x-original-host", "true-client-ip"),
    *("cf-connecting-ip", "cdn-loop", "fly-client-ip", "tailscale-user-login"),
)
DEFAULT_PORTS = {"http": 80, "https": 443}


class AccessMiddleware:
    """ASGI middleware that answers requests without permission by status 403 and one line.

    address: names the hosts that requests may have. token: what requests from other machines must bring, and all that
    come through a proxy.
    """

    def __init__(self, app: ASGIApp, address: Address, token: str) -> None:
        self.app, self.token = app, token
        self._allowed_hosts, self._public_url = address.allowed_hosts, address.public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        problem = self._foreign_problem(scope, headers)
        token_from = None if problem else self._token_from(scope, headers)
        if not problem and token_from is None and not self._is_local(scope, headers):
            problem = "this address needs the token that realtime-stylize printed when it started"
        scope.setdefault("state", {})[PERMITTED] = not problem
        is_secure = "https" in (scope["scheme"], headers.get("x-forwarded-proto"), urlsplit(self._public_url).scheme)
        cookie = f"{_cookie_name(scope)}={self.token}; HttpOnly; SameSite=Strict; Path=/"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                response_headers = MutableHeaders(scope=message)
                response_headers.update(HEADERS)
                if token_from == "address":  # the page can then remove it from the address
                    response_headers.append("Set-Cookie", cookie + "; Secure" * is_secure)
            await send(message)

        app: Callable[[Scope, Receive, Send], Awaitable[None]] = self.app
        if problem:
            app = PlainTextResponse(problem + "\n", 403)
        await app(scope, receive, send_with_headers)

    def _foreign_problem(self, scope: Scope, headers: Headers) -> str:
        """Return why the request does not come from this page, or ""."""
        host = headers.get("host", "")
        proxied = _is_proxied(scope, headers)
        if not proxied:  # the token that a proxied one needs protects from DNS rebinding as well
            name = _host_name(host)
            server = scope.get("server") or ("", None)
            if name is None or (name not in self._allowed_hosts and name != server[0]):
                return f"no page for host {host!r}"
        origin = headers.get("origin")
        if origin is None and scope["method"] not in SAFE_METHODS:
            return "no origin: only this page may steer"
        if origin is not None and not self._is_own_origin(origin, scope["scheme"], headers, proxied):
            return f"not for pages of {origin}"
        # Another page may link here, but not embed or fetch anything.
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate":
            return "not for other pages"
        return ""

    def _is_own_origin(self, origin: str, scheme: str, headers: Headers, proxied: bool) -> bool:
        """Whether the origin is this page's: the host that the request names, behind a proxy by http or https."""
        hosts, schemes = [headers.get("host", "")], [scheme]
        if proxied:
            hosts += [host.strip() for host in headers.get("x-forwarded-host", "").split(",")]
            schemes = ["http", "https"]
        own = [f"{scheme}://{host}" for scheme in schemes for host in hosts] + [self._public_url]
        wanted = _origin_parts(origin)
        return wanted is not None and wanted in map(_origin_parts, own)

    def _token_from(self, scope: Scope, headers: Headers) -> str | None:
        """Return where the right token is: "address", "cookie", or None."""
        from_address = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if self._is_right(from_address):
            return "address"
        return "cookie" if any(map(self._is_right, _cookie_values(headers, _cookie_name(scope)))) else None

    def _is_right(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(), self.token.encode())

    def _is_local(self, scope: Scope, headers: Headers) -> bool:
        """Whether the request comes from this machine, and not through a proxy on it."""
        client = scope.get("client")
        proxied = bool(self._public_url) or _is_proxied(scope, headers)
        return client is not None and is_loopback(client[0]) and not proxied


def _is_proxied(scope: Scope, headers: Headers) -> bool:
    """Whether a proxy has passed the request on: by the headers of proxies, or HTTP/1.0, which nginx speaks by default.

    Pages of other sites can send such headers too, but that gains them nothing: they then need the token.
    """
    if scope.get("http_version") == "1.0":
        return True
    return any(name in PROXY_HEADERS or name.startswith("x-forwarded-") for name in headers)


def _cookie_name(scope: Scope) -> str:
    """Return a name with the port: cookies are shared by all ports, so two programs must not use the same name."""
    server = scope.get("server") or ("", 0)
    return f"realtime-stylize-{server[1]}"


def _cookie_values(headers: Headers, name: str) -> list[str]:
    """Return the values of all cookies of that name.

    Not `http.cookies`: it gives up at the first value that breaks the standard, as those of other programs on the same
    host do, and takes seconds for a long one.
    """
    pairs = (pair.partition("=") for line in headers.getlist("cookie") for pair in line.split(";"))
    return [value.strip() for key, _, value in pairs if key.strip() == name]


def _host_name(host: str) -> str | None:
    """Return the host name without the port, or None if the header is invalid."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _origin_parts(origin: str) -> tuple[str, str, int] | None:
    """Return scheme, host name and port of an origin, or None if it is none."""
    try:
        parts = urlsplit(origin)
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None
