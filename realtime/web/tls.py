"""A self-signed certificate: browsers give their camera to pages of other machines only over TLS."""

from __future__ import annotations

import datetime
import os
import socket
import ssl
from pathlib import Path

from realtime.errors import OutputError
from realtime.system.files import write_atomic
from realtime.system.paths import user_folder
from realtime.web.address import idna_names

VALID_DAYS = 397  # browsers accept no more
MIN_DAYS_LEFT = 1
OWNER_ONLY = 0o600  # file mode: it has the private key


def certificate(path: Path | None = None) -> Path:
    """Return the file with key and certificate; make it unless there is one that is valid for another day.

    It stays the same between runs, so that a browser has to be told only once to trust it. Raises OutputError.
    """
    path = path or user_folder().parent / "page.pem"
    try:
        if not _is_valid(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, _make_certificate(socket.gethostname()), mode=OWNER_ONLY)
    except OSError as error:
        raise OutputError(f"no page: {path}: {error.strerror or error}") from error
    return path


def _is_valid(path: Path) -> bool:
    """Whether the file has a key and a certificate that is valid long enough."""
    from cryptography import x509

    if not os.path.exists(path):
        return False
    try:
        until = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(path)  # fails if the key does not belong to it
    except (ValueError, ssl.SSLError):
        return False
    return until > datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=MIN_DAYS_LEFT)


def _make_certificate(host: str) -> bytes:
    """Return a new key and its certificate for a host name and localhost, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "realtime-stylize")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(name) for name in (*idna_names(host), "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)
