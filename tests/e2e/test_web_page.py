"""The server of the web page as a user starts it: TLS, ports, errors."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, Run
from tests.e2e.chromium import TIMEOUT
from tests.e2e.program import Serve


def test_tls_certificate_is_private_and_kept_between_runs(serve: Serve, tmp_path: Path) -> None:
    certificates = set()
    for _ in range(2):
        program = serve("--demo", "--no-window", "--size", "120", "--serve", "https://127.0.0.1:0")
        assert re.fullmatch(r"https://127\.0\.0\.1:\d+/", program.url)
        file = tmp_path / "realtime-stylize/page.pem"
        assert file.stat().st_mode & 0o77 == 0
        certificates.add(file.read_bytes())
        done = subprocess.run(
            [sys.executable, "-c", HTTPS, program.url, str(file)], capture_output=True, text=True, timeout=TIMEOUT
        )
        assert done.stdout.strip() == "200", done.stderr
        program.end()
    assert len(certificates) == 1


HTTPS = """
import ssl, sys, urllib.request
trust = ssl.create_default_context(cafile=sys.argv[2])
url = sys.argv[1].replace("127.0.0.1", "localhost")
print(urllib.request.urlopen(url, context=trust, timeout=30).status)
"""


def test_taken_port_is_one_line_and_other_outputs_go_on(run: Run, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = run("realtime", "--demo", "--no-window", "--serve", port)
        assert done.returncode == 1 and done.stderr.count("\n") == 1 and port in done.stderr
        done = run("realtime", "--demo", "--no-window", "--serve", port, "--frames", "3", "--record", "x.mp4")
        assert done.returncode == 1 and done.stderr.count("\n") == 1
        assert "3 frames painted" in done.stdout, "the recording goes on"
        assert (tmp_path / "x.mp4").is_file()


def test_missing_extra_names_what_to_install(run: Run, tmp_path: Path) -> None:
    blocker = "import sys, importlib.util as u\nfind = u.find_spec\n"
    blocker += "u.find_spec = lambda name, package=None: None if name == 'starlette' else find(name, package)\n"
    (tmp_path / "sitecustomize.py").write_text(blocker)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = run("realtime", "--demo", "--no-window", "--serve", PYTHONPATH=path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "starlette" in done.stderr and 'pip install "realtime-stylize[serve]"' in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--demo", "--no-window", "--serve", "nowhere:x"), "--serve nowhere:x: a port"),
        (("--camera", "page", "--no-window"), "--camera page: --serve makes the page"),
        (("x.mp4", "-o", "y.mp4", "--serve"), "--serve is for live pictures"),
        (("--no-window", "--serve", __file__), "name the file before --serve"),
    ],
)
def test_invalid_use_of_serve_is_one_line(run: Run, options: tuple[str, ...], message: str) -> None:
    done = run("realtime", *options)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and message in done.stderr, done.stderr
