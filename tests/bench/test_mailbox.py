"""The bench of one mailbox beside Dovecot's: what is asked, on stubs, and once for real."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import mailbox, mailbox_questions
from bench.imap_client import ImapClient
from bench.mails import addresses
from bench.peers import bare_peer, dovecot
from bench.service import Service
from tests.bench.stub import Stub

ROOT = Path(__file__).parents[2]
QUESTIONS = ("newest", "page", "open", "flag", "unread", "rare", "common")
[ANN] = addresses(1)


def test_both_are_asked_the_same_questions() -> None:
    with Stub.serving(ANN) as stub, imap_stub() as port, ImapClient(port, ANN, "word") as imap:
        stub.received = [(ANN, b"")] * 1_200
        service = Service(stub, stub.people)
        client = service.client(stub.people[0])
        asked = list(mailbox_questions.questions(client, imap, 1_200, 5))
        answers = [ask() for question in asked for ask in (*question.ours, *question.theirs)]
        service.close()

    assert [question.key for question in asked] == list(QUESTIONS)
    assert [len(question.ours) for question in asked] == [5] * 7
    assert [len(question.theirs) for question in asked] == [5] * 7
    assert len(answers) == 70


def test_without_dovecot_ours_is_asked_alone() -> None:
    with Stub.serving(ANN) as stub:
        stub.received = [(ANN, b"")] * 60
        service = Service(stub, stub.people)
        asked = list(mailbox_questions.questions(service.client(stub.people[0]), None, 60, 5))
        service.close()

    assert {len(question.theirs) for question in asked} == {0}


def test_figures_are_told_of_both_and_by_each_other() -> None:
    figures = mailbox.compared("open", "read", [0.001, 0.003], [0.002, 0.002])

    told = {figure.key: (figure.value, figure.is_met) for figure in figures}
    assert told["open_p50"] == (1.0, None)
    assert told["open_dovecot_p99"] == (2.0, None)
    assert told["open_p50_ratio"] == (0.5, True)
    assert told["open_p99_ratio"] == (1.5, False)
    assert len(mailbox.compared("open", "read", [0.001], [])) == 2


def test_what_http_alone_takes_is_told_beside_them() -> None:
    figures = mailbox.compared("open", "read", [0.003], [0.002], [0.001])

    told = {figure.key: figure.value for figure in figures}
    assert (told["open_bare_p50"], told["open_bare_p99"]) == (1.0, 1.0)


@pytest.mark.process
def test_http_alone_answers_as_many_bytes_as_it_is_asked_for() -> None:
    with bare_peer.running() as bare:
        assert [len(bare.ask(count)()) for count in (0, 7, 30_000)] == [0, 7, 30_000]


def test_an_imap_answer_is_read_with_its_literals() -> None:
    with imap_stub() as port, ImapClient(port, ANN, "word") as imap:
        literal = b"* 1 FETCH (BODY[] {9}\r\na2 OK\r\nno)\r\n"
        assert imap.ask("FETCH 1 (BODY.PEEK[])") == literal
        with pytest.raises(RuntimeError, match="NO not here"):
            imap.ask("NOTHING")
        imap.idle()
        assert imap.told(b"EXISTS", 30)
        assert not imap.told(b"EXISTS", 0.01)
        imap.done()


def test_a_mail_of_the_maildir_holds_the_words_that_are_searched() -> None:
    raw = dovecot.raw_of(20, ANN, 5_000)

    assert (b"zq14rare" in raw, b"quarterly" in raw, b"\r" in raw) == (True, True, False)
    assert b"quarterly" not in dovecot.raw_of(21, ANN, 5_000)


@pytest.mark.process
@pytest.mark.skipif(bool(dovecot.why_not()), reason=dovecot.why_not())
def test_a_quick_run_measures_both(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    options = ["--quick", "--mails", "100", "--json", str(file), "--folder", str(tmp_path)]
    command = [sys.executable, "-m", "bench", "mailbox", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)

    assert done.returncode == 0, done.stderr[-4_000:]
    figures = json.loads(file.read_text())["sections"]["mailbox"]["figures"]
    for key in (*QUESTIONS, "push"):
        assert figures[f"{key}_p50"]["value"] > 0
        assert figures[f"{key}_dovecot_p99"]["value"] > 0
        assert figures[f"{key}_p99_ratio"]["value"] > 0
    assert all(figures[f"{key}_bare_p50"]["value"] > 0 for key in QUESTIONS)


# --- builders -----------------------------------------------------------------------


@contextmanager
def imap_stub() -> Generator[int]:
    """Answer one connection as an IMAP server does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server,), daemon=True).start()
        yield server.getsockname()[1]


def _serve(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection, connection.makefile("rb") as lines:
        connection.sendall(b"* OK ready\r\n")
        for line in lines:
            tag, _, command = line.strip().partition(b" ")
            told = b""
            if command.startswith(b"FETCH") and b"PEEK" in command:
                told = b"* 1 FETCH (BODY[] {9}\r\na2 OK\r\nno)\r\n"
            if command == b"IDLE":
                connection.sendall(b"+ idling\r\n* 7 EXISTS\r\n")
            elif tag == b"DONE":
                connection.sendall(b"a4 OK\r\n")
            elif command == b"NOTHING":
                connection.sendall(tag + b" NO not here\r\n")
            else:
                connection.sendall(told + tag + b" OK done\r\n")
