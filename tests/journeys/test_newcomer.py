"""What a newcomer does: clone, `make run`, send a mail with any client, read it."""

import os
import re
import shutil
import signal
import smtplib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.process import emails_of, eventually

pytestmark = pytest.mark.process

CHECKOUT = Path(__file__).parents[2]


def test_one_command_in_a_clone_serves_mail_and_a_restart_keeps_it(clone: Path) -> None:
    told, process = _made_to_run(clone)
    [(alice, password), (bob, _)] = re.findall(r"^  (\S+@demo\.test)   (\S+)$", told, re.MULTILINE)
    port = int(re.findall(r"127\.0\.0\.1:(\d+) \(SMTP\)", told)[0])
    raw = f"From: {bob}\r\nTo: {alice}\r\nSubject: First\r\n\r\nIt flows.\r\n".encode()
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail(bob, [alice], raw)
    [mail] = eventually(lambda: emails_of(_signed_in(told, alice, password)), len)
    assert mail["subject"] == "First"
    _stop(process)

    told, process = _made_to_run(clone)
    assert "@demo.test   " not in told  # passwords are told once
    assert emails_of(_signed_in(told, alice, password)) == [mail]
    assert "<title>Rillmail" in httpx.get(_url(told)).text
    _stop(process)


def test_the_port_in_use_is_told_in_one_sentence(clone: Path) -> None:
    told, process = _made_to_run(clone)
    taken = _url(told).rpartition(":")[2]
    answer = subprocess.run(
        [clone / ".venv/bin/rillmail", "run"],
        env=os.environ | _PORTS | {"RILLMAIL_HTTP_PORT": taken, "RILLMAIL_DATA_DIR": "other"},
        cwd=clone,
        capture_output=True,
        text=True,
        timeout=60,
    )
    _stop(process)
    assert answer.returncode == 1
    assert answer.stderr == (
        f"Error: HTTP can't listen on 127.0.0.1:{taken} (Address already in use):"
        " let RILLMAIL_HTTP_PORT name a free port, or 0 for any\n"
    )


_PORTS = {f"RILLMAIL_{name}_PORT": "0" for name in ("SMTP", "LMTP", "SUBMISSION", "HTTP")}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("newcomer") / "rillmail"
    subprocess.run(["git", "clone", "-q", CHECKOUT, folder], check=True)
    yield folder
    shutil.rmtree(folder)


def _made_to_run(clone: Path) -> tuple[str, "subprocess.Popen[str]"]:
    process = subprocess.Popen(
        ["make", "run"],
        cwd=clone,
        env=os.environ | _PORTS,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    told = ""
    while "ign in" not in told:  # the last line of what it tells
        line = process.stdout.readline()
        assert line, f"it ended: {told}"
        told += line
    return told, process


def _stop(process: "subprocess.Popen[str]") -> None:
    os.killpg(process.pid, signal.SIGINT)
    process.wait(30)
    if process.stdout is not None:
        process.stdout.close()


def _url(told: str) -> str:
    return re.findall(r"http://127\.0\.0\.1:\d+", told)[0]


def _signed_in(told: str, address: str, password: str) -> httpx.Client:
    client = httpx.Client(base_url=_url(told))
    form = {"username": address, "password": password, "grant_type": "password"}
    token = client.post("/auth/token", data=form).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return client
