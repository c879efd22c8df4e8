"""The address of the web page: parsing, listening, URLs and certificates."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from realtime.errors import OutputError, UsageError
from realtime.web.address import Address, is_loopback, listen, page_urls, parse_address, parse_public_url
from realtime.web.tls import certificate


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", Address("127.0.0.1", 8765)),
        ("9000", Address("127.0.0.1", 9000)),
        ("0.0.0.0", Address("0.0.0.0", 8765)),
        ("0.0.0.0:80", Address("0.0.0.0", 80)),
        ("studio.local:9000", Address("studio.local", 9000)),
        ("[::1]:9000", Address("::1", 9000)),
        ("::", Address("::", 8765)),
        ("https://0.0.0.0", Address("0.0.0.0", 8765, tls=True)),
        ("http://localhost:9000/", Address("localhost", 9000)),
        ("HTTPS://Localhost:9000", Address("localhost", 9000, tls=True)),
    ],
)
def test_parse_address_accepts_port_host_and_both(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["film.mp4:x", "99999", ":80", "1.2.3.4:99999", "[]:80", "[::1]x"])
def test_parse_address_refuses_invalid_text(text: str) -> None:
    with pytest.raises(UsageError, match="--serve"):
        parse_address(text)


def test_is_loopback_knows_every_form_of_this_machine() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.2", "localhost.evil.example", "evil.example", "")))


def test_only_urls_for_other_machines_have_the_token() -> None:
    assert page_urls(Address(), 8765, "secret") == ["http://127.0.0.1:8765/"]
    assert page_urls(Address("::1"), 8765, "secret") == ["http://[::1]:8765/"]
    here, there = page_urls(Address("0.0.0.0", tls=True), 8765, "secret")
    assert here == "https://127.0.0.1:8765/" and there.endswith(":8765/?token=secret")
    assert page_urls(Address("192.168.7.7"), 1, "secret") == ["http://192.168.7.7:1/?token=secret"]


def test_allowed_hosts_are_this_machines_names() -> None:
    assert Address().allowed_hosts == {"localhost", "127.0.0.1", "::1"}
    assert Address("192.168.7.7").allowed_hosts > {"localhost", "192.168.7.7", socket.gethostname().lower()}
    assert "0.0.0.0" not in Address("0.0.0.0").allowed_hosts


@pytest.mark.parametrize(
    ("computer", "names"),
    [("Büro-PC", ["xn--bro-pc-3ya"]), ("STUDIO", ["studio"]), ("x" * 64 + "ü", [])],
)
def test_machine_names_with_any_letters_are_allowed_and_certified(
    computer: str, names: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: computer)
    assert Address("0.0.0.0").allowed_hosts >= {*names, *(f"{name}.local" for name in names)}
    made = x509.load_pem_x509_certificate(certificate(tmp_path / "page.pem").read_bytes())
    found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.DNSName) == [*names, "localhost"]


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
def test_listen_on_invalid_host_is_one_line(host: str) -> None:
    with pytest.raises(OutputError, match=r"no page: .*--serve PORT"):
        listen(Address(host))


def test_listen_on_taken_port_is_one_line() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OutputError, match=f"no page: 127.0.0.1:{port}: .*--serve PORT"):
            listen(Address(port=port))
    with pytest.raises(OutputError, match=r"no page: no\.such\.host\.invalid"):
        listen(Address("no.such.host.invalid"))


def test_certificate_without_its_key_is_made_anew(tmp_path: Path) -> None:
    path = certificate(tmp_path / "page.pem")
    whole = path.read_bytes()
    assert certificate(path).read_bytes() == whole
    path.write_bytes(whole[whole.index(b"-----BEGIN CERTIFICATE") :])
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate(path))


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://paint.example.org/", "https://paint.example.org"),
        ("HTTPS://Paint.Example.org:8443", "https://paint.example.org:8443"),
        ("http://[2001:db8::1]:80", "http://[2001:db8::1]:80"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_public_url_is_an_origin(text: str, url: str) -> None:
    assert parse_public_url(text) == url
    assert page_urls(Address(public_url=url), 8765, "t") == [f"{url}/?token=t", "http://127.0.0.1:8765/?token=t"]


@pytest.mark.parametrize(
    "text",
    [
        "paint.example.org",
        "ftp://a",
        "https://",
        "https://a/sub",
        "https://a:x",
        "https://u@a",
        "https://[",
        "https://a..b",
        "",
    ],
)
def test_invalid_public_url_is_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="--public-url"):
        parse_public_url(text)
