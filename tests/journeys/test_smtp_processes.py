"""Processes beside the service that take mail: one port, one set of limits, and no end of ends."""

import os
import signal
import smtplib
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.process import RunningService, emails_of, eventually, free_port, is_smtp_process

pytestmark = pytest.mark.process

ANN = "ann@far.example"
RAW = b"From: Ann <ann@far.example>\r\nSubject: kept\r\n\r\nwhat must be kept\r\n"


@pytest.fixture(params=[0, 1, 2])
def any_number(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningService]:
    with a_service(tmp_path, request.param) as service:
        yield service


@pytest.fixture
def two(tmp_path: Path) -> Iterator[RunningService]:
    with a_service(tmp_path, 2, RECIPIENT_MAILS_PER_HOUR="5") as service:
        yield service


@pytest.fixture
def one(tmp_path: Path) -> Iterator[RunningService]:
    with a_service(tmp_path, 1) as service:
        yield service


def test_however_many_there_are_mail_comes_in_and_is_shown(any_number: RunningService) -> None:
    client = any_number.signed_in()
    for number in range(6):
        any_number.send(RAW + b"%d\r\n" % number, [any_number.users[0][0]])
    assert len(eventually(lambda: emails_of(client), lambda found: len(found) == 6)) == 6
    assert any_number.stop() == 0


def test_each_takes_clients_and_tells_how_many(two: RunningService) -> None:
    with ExitStack() as sessions:
        for _ in range(40):  # all at one of two: once in 2^39 times
            sessions.enter_context(smtplib.SMTP("127.0.0.1", two.smtp_port, timeout=10))
        told = eventually(lambda: sessions_of(two), lambda found: sum(found.values()) == 40)
    assert set(told) == {"1", "2"}
    assert all(told.values())


def test_what_is_allowed_an_hour_is_counted_by_all_together(two: RunningService) -> None:
    answers: list[int] = []
    for _ in range(16):  # a connection for each, so that both are asked
        with smtplib.SMTP("127.0.0.1", two.smtp_port, timeout=10) as client:
            client.ehlo("relay.far.example")
            client.mail(ANN)
            answers.append(client.rcpt(two.users[0][0])[0])
    assert answers == [250] * 5 + [451] * 11


def test_who_knocks_while_one_is_started_again_waits_and_is_let_in(one: RunningService) -> None:
    before = one.kill_smtp()
    with smtplib.SMTP("127.0.0.1", one.smtp_port, timeout=30) as client:
        assert client.noop()[0] == 250
    assert one.smtp_processes() != [before]
    figures = one.signed_in().get("/metrics").text
    assert 'rillmail_smtp_process_restarts_total{process="1"} 1.0' in figures
    assert eventually(lambda: one.signed_in().get("/readyz").json(), lambda told: told["ready"])


def test_without_the_service_they_end_and_leave_the_ports_to_the_next(tmp_path: Path) -> None:
    port = str(free_port())
    with a_service(tmp_path, 2, SMTP_PORT=port) as service:
        client = service.signed_in()
        left = service.smtp_processes()
        idle = smtplib.SMTP("127.0.0.1", service.smtp_port, timeout=30)
        service.kill()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            eventually(idle.noop, lambda _: False)  # until it notices, it answers
        eventually(lambda: [pid for pid in left if is_smtp_process(pid)], lambda alive: not alive)
        service.start()
        assert service.smtp_port == int(port)
        client = service.signed_in()
        service.send(RAW, [service.users[0][0]])
        assert eventually(lambda: emails_of(client), bool)


@pytest.mark.parametrize("ends", ["by SIGTERM", "by SIGKILL of the service"])
def test_a_message_under_way_is_answered_and_kept(one: RunningService, ends: str) -> None:
    with socket.create_connection(("127.0.0.1", one.smtp_port), timeout=30) as connection:
        file = connection.makefile("rb")
        assert file.readline()[:3] == b"220"
        for line in (
            "HELO relay.far.example",
            f"MAIL FROM:<{ANN}>",
            f"RCPT TO:<{to(one)}>",
            "DATA",
        ):
            connection.sendall(line.encode() + b"\r\n")
            assert file.readline()[:1] in (b"2", b"3")
        connection.sendall(RAW)
        os.kill(one.pid, signal.SIGTERM if ends == "by SIGTERM" else signal.SIGKILL)
        eventually(lambda: refuses(one.smtp_port), bool)  # it has begun to end
        connection.sendall(b".\r\n")
        assert file.readline()[:3] == b"250"
    one.stop() if ends == "by SIGTERM" else one.kill()
    one.start()
    client = one.signed_in()
    assert len(eventually(lambda: emails_of(client), bool)) == 1


def test_a_log_that_is_full_is_told_by_them(tmp_path: Path) -> None:
    with a_service(tmp_path, 1, LOG_MAX_BYTES="1") as service:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            service.send(RAW, [to(service)])
        assert (refused.value.smtp_code, refused.value.smtp_error[:5]) == (452, b"4.3.1")
        assert service.stop() == 0


def test_a_port_that_is_taken_is_told_however_many_would_share_it(two: RunningService) -> None:
    other = RunningService(
        two.folder.parent / "other",
        {"RILLMAIL_SMTP_PROCESSES": "2", "RILLMAIL_SMTP_PORT": str(two.smtp_port)},
    )
    with pytest.raises(AssertionError, match="SMTP can't listen on"), other:
        pass


def test_what_they_can_not_be_set_up_with_is_told_at_the_start(tmp_path: Path) -> None:
    wrong = RunningService(tmp_path / "data", {"RILLMAIL_TLS_CERTIFICATE": "/nowhere.pem"})
    with pytest.raises(AssertionError, match=r"the certificate /nowhere.pem can't be used"), wrong:
        pass


def a_service(folder: Path, processes: int, **settings: str) -> RunningService:
    chosen = {"SMTP_PROCESSES": str(processes)} | settings
    return RunningService(folder / "data", {f"RILLMAIL_{k}": v for k, v in chosen.items()})


def to(service: RunningService) -> str:
    return service.users[0][0]


def sessions_of(service: RunningService) -> dict[str, int]:
    figures = service.signed_in().get("/metrics").text.splitlines()
    lines = [line for line in figures if line.startswith("rillmail_smtp_sessions{")]
    return {line.split('"')[1]: int(float(line.rpartition(" ")[2])) for line in lines}


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False
