"""The address of the web page: what --serve asks for, the socket to listen on, and the URLs to open."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from realtime.errors import OutputError, UsageError

DEFAULT_PORT = 8765
LOOPBACK = ("localhost", "127.0.0.1", "::1")
WILDCARDS = ("0.0.0.0", "::")
SEND_BUFFER = 256 << 10  # bytes, a few pictures; with the system's default a slow viewer would be seconds behind
TOKEN_BYTES = 12  # 96 random bits, short enough to type into a phone
BACKLOG = 32  # connections that wait to be accepted


@dataclass(frozen=True)
class Address:
    """An address to listen on.

    port: 0 is any free one. tls: whether to use a self-signed certificate. public_url: where a proxy or tunnel offers
    the page to others, such as https://paint.example.org; every request then needs the token.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    tls: bool = False
    public_url: str = ""

    @property
    def is_public(self) -> bool:
        """Whether other machines can connect, which then need the token."""
        return not is_loopback(self.host)

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """Host names that requests may have, besides the address that their connection has reached."""
        own = idna_names(socket.gethostname()) if self.is_public else []
        own = [name + suffix for name in own for suffix in ("", ".local")]
        public = urlsplit(self.public_url).hostname or ""
        return frozenset({*LOOPBACK, *idna_names(self.host), *own, public} - {*WILDCARDS, ""})


def parse_address(text: str) -> Address:
    """Parse `PORT`, `HOST` or `HOST:PORT`, each also after `https://`; "" is the default. Raises UsageError."""
    lower = text.lower()  # a scheme may be in capitals
    tls = lower.startswith("https://")
    rest = lower.removeprefix("https://").removeprefix("http://").rstrip("/")
    if not rest or (rest.isascii() and rest.isdigit()):
        host, port = "127.0.0.1", rest or str(DEFAULT_PORT)
    elif rest.startswith("["):
        host, _, port = rest[1:].partition("]")
        port = port.removeprefix(":") or str(DEFAULT_PORT)
    elif rest.count(":") > 1:
        host, port = rest, str(DEFAULT_PORT)
    else:
        host, _, port = rest.partition(":")
        port = port or str(DEFAULT_PORT)
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise UsageError(f"--serve {text}: a port (8765), or an address to listen on (0.0.0.0:8765, https://0.0.0.0)")
    return Address(host, int(port), tls)


def parse_public_url(text: str) -> str:
    """Return the URL of a proxy without a slash at its end. Raises UsageError if it has a path, or no host."""
    try:
        parts = urlsplit(text.rstrip("/"))
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # its port is no number
        valid = False
    if not valid or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError(f"--public-url {text}: a scheme and a host, such as https://paint.example.org")
    for name in idna_names(parts.hostname or ""):
        return f"{parts.scheme}://{_bracketed(name)}" + (f":{parts.port}" if parts.port else "")
    raise UsageError(f"--public-url {text}: {parts.hostname} is no valid host name")


def idna_names(host: str) -> list[str]:
    """Return the name as browsers and certificates write it, or nothing if it is no valid name.

    Names of Windows machines may have any letters.
    """
    try:
        return [host.lower().encode("idna").decode("ascii")]
    except UnicodeError:
        return []


def is_loopback(host: str) -> bool:
    """Whether only this machine can be reached by that name or address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def listen(address: Address) -> socket.socket:
    """Return a socket that listens there. Raises OutputError, for example if the port is taken."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, socket_address = found[0]
        listener = socket.socket(family, kind, protocol)
        try:
            if os.name != "nt":  # on Windows it would let two programs listen on one port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            listener.bind(socket_address)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except (OSError, UnicodeError) as error:  # an invalid host name raises UnicodeError
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"no page: {address.host}:{address.port}: {reason}; --serve PORT takes another") from error
    return listener


def page_urls(address: Address, port: int, token: str) -> list[str]:
    """Return the URLs to open the page with. port: the one that the socket has got."""
    scheme = "https" if address.tls else "http"
    if address.public_url:
        here = "127.0.0.1" if address.host in WILDCARDS else _bracketed(address.host)
        return [f"{url}/?token={token}" for url in (address.public_url, f"{scheme}://{here}:{port}")]
    if not address.is_public:
        return [f"{scheme}://{_bracketed(address.host)}:{port}/"]
    host = _own_address(address.host) if address.host in WILDCARDS else address.host
    local = [f"{scheme}://127.0.0.1:{port}/"] if host != address.host else []
    return [*local, f"{scheme}://{_bracketed(host)}:{port}/?token={token}"]


def new_token() -> str:
    """Return a random token."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _own_address(wildcard: str) -> str:
    """Return this machine's address as others see it: the one it would send from. Nothing is sent."""
    family, remote = (socket.AF_INET6, "2001:db8::1") if wildcard == "::" else (socket.AF_INET, "192.0.2.1")
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((remote, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()
