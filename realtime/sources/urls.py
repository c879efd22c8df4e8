"""URLs of network cameras: which schemes are supported, and how to show a URL without its password."""

from __future__ import annotations

import re

SUPPORTED_SCHEMES = ("http", "https", "rtsp", "rtsps", "rtmp", "rtmps", "udp", "rtp", "tcp", "srt")

_URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_SECRET = "(?:pass|pwd|pw|token|secret|key|auth|sig|user|usr|login)"
_SECRET_PARAMETER = re.compile(rf"([?&;#/_,][^=&;#/?]*{_SECRET}[^=&;#/?]*=)[^&;#]*", re.IGNORECASE)
_SEGMENT_PAIR = re.compile(r"/[^/?#:@]+:[^/?#]+")  # /user:password/ in the path


def url_scheme(text: str) -> str | None:
    """Return the scheme in lower case if the text looks like a URL, else None."""
    found = _URL.match(text)
    return found.group(1).lower() if found else None


def normalize_scheme(url: str) -> str:
    """Return the URL with its scheme in lower case, as FFmpeg compares it, and without blanks around it."""
    scheme, separator, rest = url.strip().partition("://")
    return f"{scheme.lower()}{separator}{rest}"


def mask_credentials(url: str) -> str:
    """Return the URL with user name, password and secret parameters replaced by `***`.

    Users often leave `/`, `#`, `?` and `@` in a password unescaped, so these are searched for too: hiding too much
    of an unusual URL is better than showing part of a password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        return url
    credentials, at, after = rest.rpartition("@")
    if at and _SECRET_PARAMETER.search(credentials) and "/" in credentials:
        rest = "***@***"  # the @ may belong to a password in the query
    elif at and (":" in credentials or "/" not in credentials):
        rest = f"***@{after}"
    elif at and "@" in rest.partition("/")[0]:
        host, slash, path = rest.partition("/")
        rest = f"***@{host.rpartition('@')[2]}{slash}{path}"
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}" + _SECRET_PARAMETER.sub(r"\1***", _SEGMENT_PAIR.sub("/***", slash + path))
