"""The sending side: SMTP sessions in parallel that hand mails over (RFC 5321).

Each command waits for its reply, without pipelining, so that every server sees the same
conversation. A mail's latency runs from its MAIL command, or from opening the connection
when there is one for each mail, to the reply after its last line.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from bench.mails import Mail
from bench.process_cost import own_cpu_s

HOST = "127.0.0.1"  # nowhere else is ever sent to
REPLY_TIMEOUT_S = 60
MOST_REFUSALS = 20


class Refused(Exception):
    """The server did not take a command."""


@dataclass(slots=True, kw_only=True)
class Load:
    """What came of handing over.

    Attributes:
        refused: How often each reply that is no success came.
        sending_cpu_s: What the sending side itself used.
    """

    took_s: list[float] = field(default_factory=list[float])
    refused: dict[str, int] = field(default_factory=dict[str, int])
    duration_s: float = 0
    sending_cpu_s: float = 0

    @property
    def accepted(self) -> int:
        """How many mails were accepted."""
        return len(self.took_s)


class Session:
    """One SMTP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect and greet.

        Raises:
            Refused: The server does not want us.
        """
        session = cls(*await asyncio.open_connection(HOST, port))
        try:
            await session._reply(b"220")
            await session.ask(b"EHLO relay.news.example\r\n", b"250")
        except (Refused, OSError):
            session.drop()
            raise
        return session

    async def send(self, mail: Mail, data: bytes) -> None:
        """Hand over one mail; returns when the server answers for it.

        Args:
            mail: Whose envelope it is.
            data: ``dotted(mail.raw)``.

        Raises:
            Refused: The server did not take it.
        """
        await self.ask(f"MAIL FROM:<{mail.sender}>\r\n".encode(), b"250")
        await self.ask(f"RCPT TO:<{mail.recipient}>\r\n".encode(), b"250")
        await self.ask(b"DATA\r\n", b"354")
        await self.ask(data, b"250")

    async def ask(self, command: bytes, expected: bytes) -> None:
        """Send a command and wait for its reply.

        Raises:
            Refused: The reply's code is not the *expected* one.
        """
        self._writer.write(command)
        await self._reply(expected)

    async def close(self) -> None:
        """Say goodbye."""
        with contextlib.suppress(Refused, OSError):
            await self.ask(b"QUIT\r\n", b"221")
        self._writer.close()

    def drop(self) -> None:
        """End the connection without a word."""
        self._writer.transport.abort()
        self._writer.close()

    async def _reply(self, expected: bytes) -> None:
        async with asyncio.timeout(REPLY_TIMEOUT_S):
            line = await self._reader.readline()
            while line[3:4] == b"-":
                line = await self._reader.readline()
        if not line.startswith(expected):
            raise Refused(line.decode("latin-1").strip() or "connection closed")


def dotted(raw: bytes) -> bytes:
    """Return *raw* as it follows DATA: leading dots doubled, the end marked (RFC 5321 §4.5.2)."""
    stuffed = raw.replace(b"\r\n.", b"\r\n..")
    return (b"." if raw.startswith(b".") else b"") + stuffed + b".\r\n"


async def hand_over(
    port: int,
    mails: Sequence[Mail],
    *,
    sessions: int,
    is_kept: bool,
    on_accepted: Callable[[], object] = lambda: None,
) -> Load:
    """Hand over all *mails*, *sessions* at a time.

    Args:
        port: Where a server listens on this machine.
        mails: What to hand over; each must end with CRLF.
        sessions: How many connections are open at once.
        is_kept: One connection carries many mails, else each mail opens its own.
        on_accepted: Called after each accepted mail.
    """
    ready = [(mail, dotted(mail.raw)) for mail in mails]
    load = Load()
    waiting = iter(ready)
    cpu, began = own_cpu_s(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(sessions):
            group.create_task(_work(port, waiting, load, is_kept, on_accepted))
    load.duration_s = time.perf_counter() - began
    load.sending_cpu_s = own_cpu_s() - cpu
    return load


async def _work(
    port: int,
    waiting: Iterator[tuple[Mail, bytes]],
    load: Load,
    is_kept: bool,
    on_accepted: Callable[[], object],
) -> None:
    session: Session | None = None
    for mail, data in waiting:
        began = time.perf_counter()
        try:
            session = session or await Session.open(port)
            await session.send(mail, data)
            load.took_s.append(time.perf_counter() - began)
            on_accepted()
            if not is_kept:
                await session.close()
                session = None
        except (Refused, OSError) as error:  # TimeoutError is one of the latter
            load.refused[str(error)] = load.refused.get(str(error), 0) + 1
            if session is not None:
                session.drop()
            session = None
            if sum(load.refused.values()) > MOST_REFUSALS:
                return  # the figures are worth nothing any more
    if session is not None:
        await session.close()
