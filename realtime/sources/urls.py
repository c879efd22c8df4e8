"""URLs of network cameras: which schemes are supported, and how to show a URL without its password."""

from __future__ import annotations

import re

SUPPORTED_SCHEMES = ("http", "https", "rtsp", "rtsps", "rtmp", "rtmps", "udp", "rtp", "tcp", "srt")

_URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(
    r"([?&;][^=&;]*(?:pass|pwd|pw|token|secret|key|auth|sig|user|usr|login)[^=&;]*=)[^&;#]*", re.IGNORECASE
)


def url_scheme(text: str) -> str | None:
    """Return the scheme in lower case if the text looks like a URL, else None."""
    found = _URL.match(text)
    return found.group(1).lower() if found else None


def mask_credentials(url: str) -> str:
    """Return the URL with user name, password and secret parameters replaced by `***`.

    Users often leave `/`, `#`, `?` and `@` in a password unescaped, so these are searched for too: hiding too much
    of an unusual URL is better than showing part of a password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    credentials, at, after = rest.rpartition("@")
    if at and (":" in credentials or "/" not in credentials):
        rest = f"***@{after}"
    elif at and "@" in rest.partition("/")[0]:
        host, slash, path = rest.partition("/")
        rest = f"***@{host.rpartition('@')[2]}{slash}{path}"
    return f"{scheme}://" + _SECRET_PARAMETER.sub(r"\1***", rest)
