"""What the bench reads of a cluster: its log, the steps of a mail, and whose ports are whose."""

import os
import socket
from pathlib import Path

import pytest

from bench.cluster_engines import engines_cpu_s, engines_of
from bench.cluster_log import Line, StageLines, line_of
from bench.cluster_push import Told, steps
from connectors.settings import load

AT = 1_767_603_600.0  # 2026-01-05T09:00:00Z
DONE = b'{"event":"done","stage":"store","key":"u1","event_id":"e","ms":250.0,"timestamp":"%s"}'


def test_a_stages_line_tells_when_it_began_and_ended() -> None:
    assert line_of(DONE % b"2026-01-05T09:00:00.500000Z") == Line(
        stage="store", key="u1", begun_at=AT + 0.25, ended_at=AT + 0.5
    )


@pytest.mark.parametrize(
    "text",
    [
        b"Traceback (most recent call last):",
        b'{"event":"again","stage":"store","key":"u1","ms":1.0,"timestamp":"2026-01-05T09:00:00Z"}',
        b'{"event":"done","stage":"store"}',
        b'{"stage',
        b"",
    ],
)
def test_other_lines_are_no_stages(text: bytes) -> None:
    assert line_of(text) is None


def test_a_log_is_read_as_it_grows_and_half_a_line_later(tmp_path: Path) -> None:
    path = tmp_path / "log"
    line = DONE % b"2026-01-05T09:00:00Z" + b"\n"
    path.write_bytes(line + line[:20])
    log = StageLines(path)
    assert len(log.read()) == 1
    assert log.read() == []
    path.write_bytes(line + line + b"warning\n")
    assert len(log.read()) == 1
    assert log.count == {"store": 2}


def test_each_step_of_a_mail_is_told_in_order() -> None:
    told = [Told(sent_at=AT, accepted_at=AT + 0.001, told_at=AT + 0.1)]
    passed = [
        line("parse", 2, 5),
        line("route", 9, 10),
        line("store", 14, 44),
        line("notify", 50, 52),
        line("store", 900, 901),  # of another mail
    ]

    found = {figure.key: round(figure.value) for figure in steps(told, passed)}

    assert found == {
        "step_accept": 1,
        "step_hop_inbound": 1,
        "step_parse": 3,
        "step_chain": 5,
        "step_hop_store": 4,
        "step_store": 30,
        "step_hop_notify": 6,
        "step_notify": 2,
        "step_socket": 48,
    }


def test_a_mail_whose_lines_are_not_all_there_tells_no_steps() -> None:
    told = [Told(sent_at=AT, accepted_at=AT, told_at=AT + 1)]
    assert steps(told, [line("parse", 2, 5)]) == []


def test_an_engine_is_who_listens_on_its_port() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        engines = engines_of(load({"RILLMAIL_CLAMD": f"127.0.0.1:{port}"}))

    assert engines["clamd"] == os.getpid()
    assert engines_cpu_s({"clamd": engines["clamd"]})["clamd"] > 0


def line(stage: str, begun_ms: float, ended_ms: float) -> Line:
    return Line(stage=stage, key="k", begun_at=AT + begun_ms / 1000, ended_at=AT + ended_ms / 1000)
