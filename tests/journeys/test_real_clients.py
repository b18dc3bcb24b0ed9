"""Mail as the world's own programs hand it over: swaks, smtp-source, and Postfix before us."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.peers import postfix
from tests.journeys.place import PATIENCE_S, Place
from tests.lacking import lacking
from tests.process import eventually

pytestmark = pytest.mark.process


def needs(*programs: str) -> None:
    """Skip the test where a program is missing; in CI, which installs all, let it fail."""
    missing = [each for each in programs if shutil.which(each, path=SBIN) is None]
    why = f"not installed: {', '.join(missing)} (apt-get install swaks postfix, as root)"
    if missing or os.geteuid() != 0:
        lacking(why)


SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin"


def test_swaks_hands_over_a_mail_with_an_attachment_by_each_protocol(
    place: Place, tmp_path: Path
) -> None:
    needs("swaks")
    bo = place.person("bo")
    file = tmp_path / "boats.csv"
    file.write_bytes(b"boat,seats\r\nAda,4\r\n")
    for number, (protocol, port) in enumerate(ports(place).items(), start=1):
        run(
            *("swaks", "--server", f"127.0.0.1:{port}", "--protocol", protocol),
            *("--from", "ann@far.example", "--to", bo.address, "--h-Subject", protocol),
            *("--body", "Hello from swaks.\n.\n..dots", "--attach", f"@{file}"),
        )
        line = next(m for m in bo.awaited(number) if m["subject"] == protocol)
        email = bo.get(f"/emails/{line['email_id']}")
        assert email["body"].splitlines()[:3] == ["Hello from swaks.", ".", "..dots"]
        [attachment] = email["attachments"]
        assert (attachment["file_name"], attachment["size"]) == ("boats.csv", file.stat().st_size)


def test_swaks_hears_why_nobody_is_there(place: Place) -> None:
    needs("swaks")
    nobody = f"nobody@{place.domain}"
    for protocol, port in ports(place).items():
        told = run(
            *("swaks", "--server", f"127.0.0.1:{port}", "--protocol", protocol),
            *("--from", "ann@far.example", "--to", nobody),
            fails=True,
        )
        assert "550 5.1.1" in told


def test_many_sessions_of_smtp_source_lose_and_double_nothing(place: Place) -> None:
    needs("smtp-source")
    bo = place.person("bo")
    run(
        *("smtp-source", "-s", "10", "-m", "60", "-l", "5000", "-f", "ann@far.example"),
        *("-t", bo.address, f"inet:127.0.0.1:{ports(place)['ESMTP']}"),
    )
    eventually(lambda: bo.count("inbox", "spam"), lambda count: count >= 60, PATIENCE_S)
    assert bo.count("inbox", "spam") == 60


@pytest.mark.parametrize("by", ["smtp", "lmtp"])
def test_postfix_in_front_relays_what_it_took(place: Place, tmp_path: Path, by: str) -> None:
    needs("postfix", "smtp-source")
    bo, ida = place.person("bo"), place.person("ida")
    port = ports(place)["ESMTP" if by == "smtp" else "LMTP"]
    with a_postfix({"relay_transport": f"{by}:[127.0.0.1]:{port}"}, place.domain) as relay:
        subject = secrets.token_hex(4)
        run(
            *("smtp-source", "-s", "5", "-m", "20", "-l", "20000", "-r", "1", "-S", subject),
            *("-f", "ann@far.example", "-t", bo.address, f"inet:127.0.0.1:{relay}"),
        )
        run(
            *("smtp-source", "-m", "1", "-S", subject, "-f", "ann@far.example"),
            *("-t", ida.address, f"inet:127.0.0.1:{relay}"),
        )
        eventually(lambda: bo.count("inbox", "spam"), lambda count: count >= 20, PATIENCE_S)
        eventually(lambda: ida.count("inbox", "spam"), lambda count: count >= 1, PATIENCE_S)
    assert (bo.count("inbox", "spam"), ida.count("inbox", "spam")) == (20, 1)


def ports(place: Place) -> dict[str, int]:
    """Return where mail is taken, by swaks's names of the protocols."""
    return {"ESMTP": place.service.smtp_port, "LMTP": place.service.lmtp_port}


@contextmanager
def a_postfix(own: dict[str, object], domain: str) -> Generator[int]:
    """Run a Postfix that relays for *domain*; yield its port."""
    # In a folder that its own users may enter, which those of pytest are not.
    folder = Path("/tmp") / f"postfix-{secrets.token_hex(4)}"
    folder.mkdir(mode=0o755)
    try:
        with postfix.running(folder, {"relay_domains": domain, **own}) as (port, _):
            yield port
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(*command: str, fails: bool = False) -> str:
    """Run *command* and return what it prints."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        env=os.environ | {"PATH": SBIN},
    )
    told = done.stdout + done.stderr
    assert (done.returncode != 0) is fails, told
    return told
