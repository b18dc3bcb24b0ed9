"""What a newcomer does: clone, `make run`, send a mail with any client, read it."""

import os
import re
import signal
import smtplib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.process import emails_of, eventually

pytestmark = pytest.mark.process

CHECKOUT = Path(__file__).parents[2]


def test_one_command_in_a_clone_serves_mail_and_a_restart_keeps_it(clone: Path) -> None:
    with _made_to_run(clone) as told:
        users = re.findall(r"^  (\S+@demo\.test)   (\S+)$", told, re.MULTILINE)
        [(alice, password), (bob, _)] = users
        port = int(re.findall(r"127\.0\.0\.1:(\d+) \(SMTP\)", told)[0])
        raw = f"From: {bob}\r\nTo: {alice}\r\nSubject: First\r\n\r\nIt flows.\r\n".encode()
        with smtplib.SMTP("127.0.0.1", port) as smtp, _signed_in(told, alice, password) as client:
            smtp.sendmail(bob, [alice], raw)
            [mail] = eventually(lambda: emails_of(client), len)
        assert mail["subject"] == "First"

    with _made_to_run(clone) as told:
        assert "@demo.test   " not in told  # passwords are told once
        with _signed_in(told, alice, password) as client:
            assert emails_of(client) == [mail]
        assert "<title>Rillmail" in httpx.get(_url(told)).text


def test_the_port_in_use_is_told_in_one_sentence(clone: Path) -> None:
    with _made_to_run(clone) as told:
        taken = _url(told).rpartition(":")[2]
        answer = subprocess.run(
            [clone / ".venv/bin/rillmail", "run"],
            env=os.environ | _PORTS | {"RILLMAIL_HTTP_PORT": taken, "RILLMAIL_DATA_DIR": "other"},
            cwd=clone,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert answer.returncode == 1
    assert answer.stderr == (
        f"Error: HTTP can't listen on 127.0.0.1:{taken} (Address already in use):"
        " let RILLMAIL_HTTP_PORT name a free port, or 0 for any\n"
    )


_PORTS = {
    f"RILLMAIL_{name}_PORT": "0" for name in ("SMTP", "LMTP", "SUBMISSION", "SUBMISSIONS", "HTTP")
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "rillmail"
    subprocess.run(["git", "clone", "-q", CHECKOUT, folder], check=True)
    return folder


@contextmanager
def _made_to_run(clone: Path) -> Iterator[str]:
    """Have `make run` serve; yield what it tells."""
    with subprocess.Popen(
        ["make", "run"],
        cwd=clone,
        env=os.environ | _PORTS,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            told = ""
            while "ign in" not in told:  # the last line of what it tells
                line = process.stdout.readline()
                assert line, f"it ended: {told}"
                told += line
            yield told
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(30)


def _url(told: str) -> str:
    return re.findall(r"http://127\.0\.0\.1:\d+", told)[0]


@contextmanager
def _signed_in(told: str, address: str, password: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=_url(told)) as client:
        form = {"username": address, "password": password, "grant_type": "password"}
        token = client.post("/auth/token", data=form).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client
