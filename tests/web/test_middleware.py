"""Access to the page: over real connections where possible, else as the server passes requests on."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from realtime.web.address import Address
from realtime.web.middleware import AccessMiddleware
from tests.web.conftest import Served

ALL_ADDRESSES = Address("0.0.0.0")
FOREIGN_HOSTS = ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "[", "", "192.0.2.77"]


def status(served: Served, **changes: str) -> int:
    return served.request("/", **changes)[0]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize("path", ["/", "/stream.mjpg", "/events", "/picture.jpg", "/command", "/camera"])
def test_request_for_foreign_host_is_refused(served: Served, host: str, path: str) -> None:
    data = {"action": "freeze"} if path in ("/command", "/camera") else None
    code, body, headers = served.request(path, data, Host=host)
    assert code == 403 and body.startswith(b"no page for host") and body.count(b"\n") == 1
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1", "http://localhost:{port}"],
)
@pytest.mark.parametrize("path", ["/command", "/camera", "/camera/stop"])
def test_command_of_foreign_origin_is_refused(served: Served, origin: str, path: str) -> None:
    before = served.state()["active"]
    code, _, _ = served.request(path, {"action": "freeze"}, Origin=origin.format(port=served.page.port))
    assert code == 403
    assert served.state()["active"] == before


@pytest.mark.parametrize("header", ["X_Forwarded_For", "Forwarded", "Via", "X_Real_IP"])
def test_request_through_local_proxy_needs_token(served: Served, header: str) -> None:
    assert served.request("/")[0] == 200
    code, body, _ = served.request("/", **{header: "192.0.2.7"})
    assert code == 403 and body.startswith(b"this address needs the token")


def test_foreign_origin_cannot_read(served: Served) -> None:
    for path in ("/", "/stream.mjpg", "/events", "/controls"):
        code, _, headers = served.request(path, Origin="http://evil.example")
        assert code == 403 and not [name for name in headers if name.startswith("access-control")]


def test_command_without_origin_is_refused(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.page.port), timeout=60) as connection:
        connection.sendall(
            b"POST /command HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 403")


def test_other_pages_may_link_to_page_but_not_embed_it(served: Served) -> None:
    for site in ("cross-site", "same-site"):
        assert served.request("/stream.mjpg", Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors")[0] == 403
        assert served.request("/", Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate")[0] == 200
    _, _, headers = served.request("/view")
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "SAMEORIGIN" and headers["cache-control"] == "no-store"
    assert not [name for name in headers if name.startswith("access-control")]


def test_every_local_name_is_accepted(served: Served) -> None:
    port = served.page.port
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "LOCALHOST:9"):
        assert served.request("/", host=host)[0] == 200, host


def request_from_network(
    query: str = "",
    cookie: str = "",
    client: str = "192.168.1.9",
    host: str = "192.168.1.2",
    *,
    method: str = "GET",
    version: str = "1.1",
    address: Address = ALL_ADDRESSES,
    **headers: str,
) -> tuple[int, str]:
    """Send a request of another machine to 192.168.1.2:8765; return the status and the cookie set."""
    middleware = AccessMiddleware(PlainTextResponse("in"), address, "secret")
    all_headers = {"host": host, "cookie": cookie} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope: dict[str, Any] = {
        "type": "http", "method": method, "path": "/", "scheme": "http", "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in all_headers.items()],
        "client": (client, 5000), "server": ("192.168.1.2", 8765), "http_version": version,
    }  # fmt: skip
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    asyncio.run(middleware(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]).get(b"set-cookie", b"").decode()


def test_other_machines_need_token_in_address_or_cookie() -> None:
    assert request_from_network() == (403, "")
    assert request_from_network("token=wrong") == (403, "")
    assert request_from_network("token=secre%C3%A9") == (403, "")
    code, cookie = request_from_network("token=secret")
    assert code == 200 and cookie.startswith("realtime-stylize-8765=secret; HttpOnly; SameSite=Strict")
    assert request_from_network(cookie=cookie.partition(";")[0]) == (200, "")
    assert request_from_network(cookie="realtime-stylize-8765=wrong")[0] == 403
    assert request_from_network(cookie="realtime-stylize-9000=secret")[0] == 403
    assert request_from_network("token=secret", host="evil.example")[0] == 403
    assert request_from_network(client="127.0.0.1")[0] == 200


OTHER_COOKIES = [
    "name=John Doe",
    'prefs={"dark":true}',
    "a=[1, 2]",
    "flag",
    "=",
    "",
    'quoted="a b',
    "x" * 70_000 + "=1",
    "long=" + "\\" * 70_000,
    "Expires=Wed, 21 Oct 2026 07:28:00 GMT",
    "naïve=é",
    "realtime-stylize-8765=stale",
]


@pytest.mark.parametrize("other", OTHER_COOKIES, ids=lambda text: text[:20])
def test_cookie_is_found_among_those_of_other_programs(other: str) -> None:
    ours = "realtime-stylize-8765=secret"
    for cookie in (f"{other}; {ours}", f"{ours}; {other}", f"{other};{ours};{other}"):
        assert request_from_network(cookie=cookie)[0] == 200
    assert request_from_network(cookie=f"{other}; x{ours}; y={ours}")[0] == 403


def test_long_cookies_reach_the_page(served: Served) -> None:
    cookie = "; ".join(f"c{n}={'x' * 4000}" for n in range(20)) + f"; realtime-stylize-{served.page.port}="
    for token, code in ((served.page.token, 200), ("wrong", 403)):
        assert served.request("/", Cookie=cookie + token, X_Forwarded_For="10.0.0.9")[0] == code


PUBLIC = "https://paint.example.org"
BEHIND_PROXY = {
    "nginx, Host kept": ("paint.example.org", {"x_forwarded_proto": "https"}),
    "nginx, Host rewritten": ("127.0.0.1:8765", {"x_forwarded_host": "paint.example.org"}),
    "Host with port": ("paint.example.org:443", {"x_forwarded_for": "10.0.0.9"}),
    "Cloudflare": ("paint.example.org", {"cf_connecting_ip": "10.0.0.9", "cdn_loop": "cloudflare"}),
    "two proxies": ("127.0.0.1:8765", {"x_forwarded_host": "paint.example.org, inner", "via": "1.1 inner"}),
}


@pytest.mark.parametrize("name", BEHIND_PROXY)
def test_page_behind_tls_proxy_works_with_token_alone(name: str) -> None:
    host, headers = BEHIND_PROXY[name]
    cookie = "realtime-stylize-8765=secret"
    for method in ("GET", "POST"):

        def request(cookie: str, origin: str, method: str = method) -> int:
            more: dict[str, Any] = headers | {"origin": origin, "sec_fetch_site": "same-origin"}
            return request_from_network("", cookie, "127.0.0.1", host, method=method, **more)[0]

        assert request(cookie, PUBLIC) == 200
        assert request("", PUBLIC) == 403
        assert (
            request(cookie, "https://evil.example") == request(cookie, "null") == request(cookie, PUBLIC + ":1") == 403
        )


@pytest.mark.parametrize("host", ["paint.example.org", "127.0.0.1:8765"])
def test_public_url_needs_token_and_accepts_its_origin_without_proxy_headers(host: str) -> None:
    """HAProxy keeps the host and adds no header; nginx rewrites it and adds none."""
    address = Address(public_url=PUBLIC)
    for client in ("127.0.0.1", "192.168.1.9"):
        for token, code in (("token=secret", 200), ("", 403)):
            assert request_from_network(token, "", client, host, address=address)[0] == code
            assert (
                request_from_network(token, "", client, host, address=address, method="POST", origin=PUBLIC)[0] == code
            )
    other = "https://evil.example"
    assert request_from_network("token=secret", "", "127.0.0.1", host, address=address, origin=other)[0] == 403
    assert request_from_network("token=secret", "", "127.0.0.1", "evil.example", address=address)[0] == 403
    assert "Secure" in request_from_network("token=secret", "", "127.0.0.1", host, address=address)[1]


def test_proxy_that_rewrites_host_and_adds_no_header_needs_token_by_its_http_version() -> None:
    assert request_from_network(client="127.0.0.1", host="127.0.0.1:8765", version="1.0")[0] == 403
    assert request_from_network("token=secret", client="127.0.0.1", host="127.0.0.1:8765", version="1.0")[0] == 200
    assert request_from_network(client="127.0.0.1", host="127.0.0.1:8765")[0] == 200
