"""Where the page is: what --serve says, what the socket is bound to, and which addresses people type."""

from __future__ import annotations

import ipaddress
import os
import secrets
import socket
from dataclasses import dataclass

from realtime.errors import OutputError, UsageError

PORT = 8765
LOOPBACK = ("localhost", "127.0.0.1", "::1")
SEND_BUFFER = 256 << 10  # bytes: a few pictures; with the system's own, a slow viewer would be seconds behind


@dataclass(frozen=True)
class Address:
    """host: to listen on; port: 0 is any free one; tls: whether with a certificate of our own."""

    host: str = "127.0.0.1"
    port: int = PORT
    tls: bool = False

    @property
    def wide(self) -> bool:
        """Whether other machines are asked in: then they need the token."""
        return not is_loopback(self.host)

    @property
    def names(self) -> frozenset[str]:
        """Hosts that a browser may ask for, beside the address that its connection really came in at."""
        own = [name + end for name in host_names(socket.gethostname()) for end in ("", ".local")] if self.wide else []
        return frozenset({*LOOPBACK, *host_names(self.host), *own} - {"0.0.0.0", "::"})


def parse_address(text: str) -> Address:
    """Read `PORT`, `HOST`, `HOST:PORT`, all of them after `https://` too; "" is the default.

    Raises UsageError.
    """
    tls = text.startswith("https://")
    rest = text.removeprefix("https://").removeprefix("http://").rstrip("/")
    if not rest or (rest.isascii() and rest.isdigit()):
        host, port = "127.0.0.1", rest or str(PORT)
    elif rest.startswith("["):
        host, _, port = rest[1:].partition("]")
        port = port.removeprefix(":") or str(PORT)
    elif rest.count(":") > 1:
        host, port = rest, str(PORT)
    else:
        host, _, port = rest.partition(":")
        port = port or str(PORT)
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise UsageError(f"--serve {text}: a port (8765), or an address to listen on (0.0.0.0:8765, https://0.0.0.0)")
    return Address(host, int(port), tls)


def host_names(host: str) -> list[str]:
    """That name as browsers and certificates have it; none where it cannot be one. Windows allows any letters."""
    try:
        return [host.lower().encode("idna").decode("ascii")]
    except UnicodeError:
        return []


def is_loopback(host: str) -> bool:
    """Whether that is this machine alone."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def listen(address: Address) -> socket.socket:
    """A socket that browsers can connect to from now on. Raises OutputError, where the port is taken for one."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, where = found[0]
        listener = socket.socket(family, kind, protocol)
        try:
            if os.name != "nt":  # there it would let two programs have the same port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            listener.bind(where)
            listener.listen(128)
        except OSError:
            listener.close()
            raise
    except (OSError, UnicodeError) as error:  # a name that can be none is no OSError
        why = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"no page: {address.host}:{address.port}: {why}; --serve PORT takes another") from error
    return listener


def urls(address: Address, port: int, token: str) -> list[str]:
    """What people type. port: the one it became."""
    scheme = "https" if address.tls else "http"
    if not address.wide:
        return [f"{scheme}://{_bracketed(address.host)}:{port}/"]
    host = _own_address(address.host) if address.host in ("0.0.0.0", "::") else address.host
    return [f"{scheme}://127.0.0.1:{port}/"] * (host != address.host) + [
        f"{scheme}://{_bracketed(host)}:{port}/?token={token}"
    ]


def new_token() -> str:
    """96 random bits, short enough to type into a phone."""
    return secrets.token_urlsafe(12)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _own_address(wildcard: str) -> str:
    """This machine's address as others see it, as far as it can tell: where it would send from. Nothing is sent."""
    family, far = (socket.AF_INET6, "2001:db8::1") if wildcard == "::" else (socket.AF_INET, "192.0.2.1")
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()
