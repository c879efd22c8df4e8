"""URLs of network cameras: their schemes, and no passwords in messages."""

from __future__ import annotations

import pytest

from realtime.sources.urls import mask_credentials, url_scheme


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://10.0.0.5/video", "http://10.0.0.5/video"),
        ("http://10.0.0.5:8080/cam@1", "http://***@1"),  # hides too much rather than too little
        ("http://camera.local/cam@1", "http://camera.local/cam@1"),
        ("rtsp://admin:hunter2@10.0.0.5:554/live", "rtsp://***@10.0.0.5:554/live"),
        ("rtsp://admin:hunt/er2@10.0.0.5/live", "rtsp://***@10.0.0.5/live"),
        ("rtsp://admin:hunt#er2@10.0.0.5/live", "rtsp://***@10.0.0.5/live"),
        ("rtsp://admin:hunt@er2@10.0.0.5/live", "rtsp://***@10.0.0.5/live"),
        ("http://hunter2@10.0.0.5/x@y", "http://***@10.0.0.5/x@y"),
        ("http://h/v?res=2&usr=admin&pwd=hunter2&q=1", "http://h/v?res=2&usr=***&pwd=***&q=1"),
        ("http://h/v?access_token=hunter2#x", "http://h/v?access_token=***#x"),
        ("rtsp://h/user=admin_password=hunter2_channel=1.sdp", "rtsp://h/user=***"),
        ("rtsp://h:554/channel=1,password=hunter2", "rtsp://h:554/channel=1,password=***"),
        ("http://h/admin:hunter2/stream", "http://h/***/stream"),
        ("http://[::1]:80/admin:hunter2", "http://[::1]:80/***"),
        ("http://h/v#token=hunter2", "http://h/v#token=***"),
        ("http://h:80/v?pwd=a@hunter2", "http://***@***"),
        ("http://h/v?pwd=a@hunter2&q=1", "http://***@***"),
        ("http://h/v/token=hunter2/x", "http://h/v/token=***"),
        ("udp://@:5000", "udp://***@:5000"),
        ("no address", "no address"),
    ],
)
def test_mask_credentials_hides_users_passwords_and_tokens(url: str, shown: str) -> None:
    assert mask_credentials(url) == shown
    assert "hunt" not in mask_credentials(url)


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("RTSP://h/", "rtsp"),
        ("http://h", "http"),
        ("0", None),
        ("/dev/video0", None),
        ("C:\\film.mp4", None),
        ("USB: a camera", None),
    ],
)
def test_url_scheme_of_urls_and_other_names(text: str, scheme: str | None) -> None:
    assert url_scheme(text) == scheme
