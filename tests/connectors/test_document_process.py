"""The process that reads documents: one for many, and another when it has ended."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from connectors.documents.process import CHILD, DocumentProcess, Limits, Reading
from tests.contracts.documents import a_pdf, a_slow_pdf
from tests.process import eventually, words_of

LIMITS = Limits(longest_bytes=10_000, cpu_s=5, longest_s=15)


def test_documents_are_read_by_forks_of_one_process() -> None:
    process = DocumentProcess()

    texts = [text_of(process, a_pdf(f"number {n}")) for n in range(5)]

    assert [text.strip() for text in texts] == [f"number {n}" for n in range(5)]
    assert len(readers()) == 1


def test_documents_of_several_threads_are_not_mixed_up() -> None:
    process = DocumentProcess()

    with ThreadPoolExecutor(8) as threads:
        documents = [a_pdf(f"number {n}") for n in range(40)]
        texts = list(threads.map(partial(text_of, process), documents))

    assert [text.strip() for text in texts] == [f"number {n}" for n in range(40)]


@pytest.mark.parametrize("end", ["killed", "nobody asked"])
def test_when_the_process_has_ended_another_reads_the_next(end: str) -> None:
    process = DocumentProcess(idle_s=60 if end == "killed" else 0.01)
    text_of(process, a_pdf("first"))
    if end == "killed":
        [reader] = readers()
        os.kill(reader, signal.SIGKILL)
    eventually(readers, lambda left: not left)

    assert text_of(process, a_pdf("second")).strip() == "second"


def test_a_document_given_up_is_waited_for_no_longer() -> None:
    process, reading = DocumentProcess(), Reading("pdf", a_slow_pdf(), LIMITS)
    with ThreadPoolExecutor(1) as thread:
        text = thread.submit(process.read, reading)

        reading.give_up()

        assert text.result(LIMITS.cpu_s - 1) == b""


def test_a_document_given_up_before_it_was_begun_is_not_read() -> None:
    process, reading = DocumentProcess(), Reading("pdf", a_pdf("words"), LIMITS)

    reading.give_up()

    assert process.read(reading) == b""
    assert text_of(process, a_pdf("the next")).strip() == "the next"


def test_a_process_that_can_not_read_leaves_a_document_without_text() -> None:
    assert DocumentProcess().read(Reading("rtf", b"{\\rtf1 words}", LIMITS)) == b""


def test_the_process_ends_with_who_started_it() -> None:
    process = DocumentProcess()
    text_of(process, a_pdf("words"))
    [reader] = readers()

    del process

    eventually(lambda: words_of(reader), lambda words: not words)


def test_the_process_ends_with_a_service_that_is_killed() -> None:
    program = (
        "import sys, time\n"
        "from connectors.documents.process import DocumentProcess, Limits, Reading\n"
        "process = DocumentProcess()\n"
        "process.read(Reading('pdf', b'', Limits(1, 5, 15)))\n"
        "print(flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as service:
        assert service.stdout is not None
        service.stdout.readline()
        [reader] = readers(service.pid)
        service.kill()

    eventually(lambda: words_of(reader), lambda words: not words)


# --- builders -----------------------------------------------------------------------


def text_of(process: DocumentProcess, content: bytes) -> str:
    return process.read(Reading("pdf", content, LIMITS)).decode()


def readers(pid: int | None = None) -> list[int]:
    """Return which processes that read documents process *pid*, or this one, has started."""
    tasks = Path(f"/proc/{pid or 'self'}/task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    return [child for child in children if str(CHILD) in words_of(child)]
