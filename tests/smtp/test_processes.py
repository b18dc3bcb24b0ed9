"""How processes that take mail are started, heard and started again; here they are tiny ones."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from connectors.settings import Settings
from connectors.smtp_in.processes import SmtpProcesses
from topologies.errors import Misconfigured

# Reads its task, and has `say` to speak with.
PRELUDE = """
import json, os, signal, socket, sys, time
task = json.loads(sys.stdin.buffer.read())
channel = socket.socket(fileno=task["channel"])
say = lambda line: channel.send(line.encode() + b"\\n")
"""
READY = 'say(\'{"type":"ready"}\')\n'
ENDLESS = READY + "time.sleep(600)\n"


async def test_they_are_there_once_all_have_said_so() -> None:
    async with started(ENDLESS, processes=3) as doors:
        assert [process.number for process in doors.processes] == [1, 2, 3]
        assert len({process.pid for process in doors.processes}) == 3
        assert doors.trouble == ""
    assert doors.processes == []


async def test_each_is_given_sockets_of_the_same_ports() -> None:
    listens = """
for sockets in task["sockets"].values():
    for number in sockets:
        socket.socket(fileno=number).listen()
"""
    async with started(listens + ENDLESS, processes=2) as doors:
        for port in (doors.smtp_port, doors.lmtp_port):
            socket.create_connection(("127.0.0.1", port), timeout=10).close()


async def test_what_they_say_is_heard() -> None:
    hints: list[str] = []
    figures = 'say(\'{"type":"figures","sessions":7}\')\nsay("")\n'
    async with started(figures + ENDLESS, on_append=lambda: hints.append("appended")) as doors:
        await until(lambda: bool(hints))
        assert doors.sessions == 7


async def test_what_one_answered_is_kept_when_another_takes_its_place() -> None:
    figures = 'say(\'{"type":"figures","sessions":1,"answers":{"250 2.1.5":3}}\')\n'
    async with started(READY + figures + "time.sleep(600)\n") as doors:
        [process] = doors.processes
        await until(lambda: dict(process.answers) == {"250 2.1.5": 3})
        os.kill(process.pid, signal.SIGKILL)
        await until(lambda: dict(process.answers) == {"250 2.1.5": 6})
        assert process.restarts == 1


async def test_one_that_can_not_work_as_it_is_set_up_says_why() -> None:
    failed = 'say(\'{"type":"failed","reason":"no such certificate"}\')\nsys.exit(1)\n'
    with pytest.raises(Misconfigured, match=r"^no such certificate$"):
        async with started(failed, processes=2):
            pass


async def test_one_that_ends_at_once_without_a_word_is_told_by_its_status() -> None:
    with pytest.raises(Misconfigured, match="ended at once, status 3"):
        async with started("sys.exit(3)\n"):
            pass


async def test_what_can_not_be_started_at_all_is_told() -> None:
    with pytest.raises(Misconfigured, match="can't start /nowhere/python"):
        async with started("", python="/nowhere/python"):
            pass


async def test_one_that_dies_is_told_and_started_again() -> None:
    async with started(ENDLESS) as doors:
        [process] = doors.processes
        before = process.pid
        os.kill(before, signal.SIGKILL)
        await until(lambda: not process.is_ready)
        assert doors.trouble == "SMTP process 1 is being started again"
        await until(lambda: process.is_ready)
        assert (process.restarts, doors.trouble) == (1, "")
        assert process.pid != before


async def test_to_stop_does_not_wait_for_one_that_ends_again_and_again() -> None:
    async with started(READY) as doors:
        [process] = doors.processes
        await until(lambda: process.restarts >= 3)  # so the next wait is long
    assert doors.processes == []


async def test_the_port_is_free_when_all_have_ended() -> None:
    async with started(ENDLESS, processes=2) as doors:
        port = doors.smtp_port
    with socket.socket() as next_one:
        next_one.bind(("127.0.0.1", port))


@asynccontextmanager
async def started(
    script: str,
    *,
    processes: int = 1,
    on_append: Callable[[], None] = lambda: None,
    python: str = sys.executable,
) -> AsyncGenerator[SmtpProcesses]:
    settings = Settings(smtp_port=0, lmtp_port=0, smtp_processes=processes)
    doors = SmtpProcesses(settings, (python, "-c", PRELUDE + script), on_append)
    await doors.start()
    try:
        yield doors
    finally:
        await doors.close()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110  of another process there is no event
            await asyncio.sleep(0.01)
