"""Addresses of network cameras: which we take, and how to show one without its password."""

from __future__ import annotations

import re

SCHEMES = ("http", "https", "rtsp", "rtsps", "rtmp", "rtmps", "udp", "rtp", "tcp", "srt")

_URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_SECRET = re.compile(
    r"([?&;][^=&;]*(?:pass|pwd|pw|token|secret|key|auth|sig|user|usr|login)[^=&;]*=)[^&;#]*", re.IGNORECASE
)


def scheme_of(text: str) -> str | None:
    """The scheme, in lower case, of what looks like an address; None for anything else."""
    found = _URL.match(text)
    return found.group(1).lower() if found else None


def mask(url: str) -> str:
    """The address as it may be shown: user name, password and secret parameters replaced by `***`.

    People do not escape their passwords, so `/`, `#`, `?` and `@` in them are looked for too; better to hide
    too much of an odd address than to show part of a password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    before, at, after = rest.rpartition("@")
    if at and (":" in before or "/" not in before):
        rest = f"***@{after}"
    elif at and "@" in rest.partition("/")[0]:
        host, slash, path = rest.partition("/")
        rest = f"***@{host.rpartition('@')[2]}{slash}{path}"
    return f"{scheme}://" + _SECRET.sub(r"\1***", rest)
