"""A mail server of another system that does what a test says: any answer at any command.

Answers are looked up by the command's first word (``END`` for the end of a message), or by the
whole line; a list is used up one by one, its last one stays.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

DROP = "drop"  # end the connection instead
SILENT = "silent"  # say nothing any more
GARBAGE = "garbage"  # what is no SMTP
_USUAL = {
    "GREETING": "220 mx.far.example ESMTP",
    "MAIL": "250 2.1.0 fine",
    "RCPT": "250 2.1.5 fine",
    "DATA": "354 go on",
    "END": "250 2.0.0 taken",
    "RSET": "250 2.0.0 fine",
    "NOOP": "250 2.0.0 fine",
    "STARTTLS": "220 2.0.0 go on",
    "QUIT": "221 2.0.0 bye",
    "HELO": "250 mx.far.example",
}
FEATURES = ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE 1000000", "ENHANCEDSTATUSCODES")


@dataclass
class Taken:
    """A message that it took."""

    mail: str
    recipients: list[str]
    data: bytes


@dataclass
class Peer:
    """What it answers, and what it saw."""

    answers: Mapping[str, str | Sequence[str]] = field(default_factory=dict[str, str])
    features: Sequence[str] = FEATURES
    tls: ssl.SSLContext | None = None
    breaks_tls: bool = False
    injects: bytes = b""  # sent along with the answer to STARTTLS
    lines: list[str] = field(default_factory=list[str])
    taken: list[Taken] = field(default_factory=list[Taken])
    batches: list[int] = field(default_factory=list[int])  # how many commands came at once
    connections: int = 0
    open: int = 0
    port: int = 0
    tls_sessions: int = 0
    most_open: int = 0
    is_going: asyncio.Event = field(default_factory=asyncio.Event)  # messages end when it is set
    _used: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        self.is_going.set()

    def answer(self, line: str) -> str:
        """Return what is said to *line*."""
        verb = line.partition(" ")[0].upper()
        name = line if line in self.answers else verb
        found = self.answers.get(name, _USUAL.get(name, "500 5.5.1 what?"))
        if isinstance(found, str):
            return found
        used = self._used[name] = self._used.get(name, -1) + 1
        return found[min(used, len(found) - 1)]

    def ehlo(self, *, in_tls: bool) -> str:
        """Return the answer to EHLO."""
        if "EHLO" in self.answers:
            return self.answer("EHLO")
        offered = [*self.features]
        if (self.tls or self.breaks_tls) and not in_tls:
            offered.append("STARTTLS")
        lines = ["mx.far.example", *offered]
        return "\r\n".join(
            f"250{'-' if n < len(lines) - 1 else ' '}{x}" for n, x in enumerate(lines)
        )


class _End(Exception):
    pass


class _Connection:
    def __init__(
        self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._peer = peer
        self._reader = reader
        self._writer = writer
        self._mail = ""
        self._recipients: list[str] = []
        self._in_tls = False

    async def serve(self) -> None:
        peer = self._peer
        await self._say(peer.answer("GREETING"))
        while True:
            line = (await self._reader.readuntil(b"\r\n"))[:-2].decode()
            peer.lines.append(line)
            await self._obey(line)

    async def _obey(self, line: str) -> None:
        peer = self._peer
        verb = line.partition(" ")[0].upper()
        if verb == "EHLO":
            return await self._say(peer.ehlo(in_tls=self._in_tls))
        said = peer.answer(line)
        if verb == "MAIL":
            self._mail, self._recipients = line if said.startswith("2") else "", []
        elif verb == "RCPT" and not self._mail:
            said = "503 5.5.1 MAIL first"
        elif verb == "RCPT" and said.startswith("2"):
            self._recipients.append(line)
        elif verb == "DATA":
            return await self._data(said)
        elif verb == "STARTTLS" and said.startswith("220"):
            return await self._start_tls(said)
        await self._say(said)
        if verb == "QUIT":
            raise _End
        return None

    async def _data(self, said: str) -> None:
        if not self._recipients and said.startswith("354") and "DATA" not in self._peer.answers:
            said = "503 5.5.1 nobody to send to"
        await self._say(said)
        if not said.startswith("354"):
            return
        lines: list[bytes] = []
        while (line := await self._reader.readline()) != b".\r\n":
            if not line.endswith(b"\n"):
                raise _End
            lines.append(line)
            if "BLOCK" in self._peer.answers:
                await self._say(self._peer.answer("BLOCK"))
        said = self._peer.answer("END")
        if said.startswith("2"):
            self._peer.taken.append(Taken(self._mail, self._recipients, b"".join(lines)))
        await self._peer.is_going.wait()
        await self._say(said)

    async def _start_tls(self, said: str) -> None:
        peer = self._peer
        if peer.breaks_tls or peer.tls is None:
            await self._say(said)
            raise _End
        self._writer.write(said.encode() + b"\r\n" + peer.injects)
        await self._writer.drain()
        await self._writer.start_tls(peer.tls)
        self._in_tls = True
        peer.tls_sessions += 1

    async def _say(self, text: str) -> None:
        if text == DROP:
            raise _End
        if text == SILENT:
            await self._reader.read()
            raise _End
        if text == GARBAGE:
            text = "\x16\x03\x01 what is this"
        self._writer.write(text.encode() + b"\r\n")
        await self._writer.drain()


@asynccontextmanager
async def listening(peer: Peer, address: str = "127.0.0.1", port: int = 0) -> AsyncGenerator[Peer]:
    """Let *peer* listen until left."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer.connections += 1
        peer.open += 1
        peer.most_open = max(peer.most_open, peer.open)
        tasks.add(asyncio.current_task())
        try:
            await _Connection(peer, reader, writer).serve()
        except (
            _End,
            OSError,
            asyncio.CancelledError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ):
            pass
        finally:
            peer.open -= 1
            writer.transport.abort()

    tasks: set[asyncio.Task[None] | None] = set()
    server = await asyncio.start_server(serve, address, port, limit=2**26)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for task in filter(None, tasks):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*filter(None, tasks), return_exceptions=True)
        await server.wait_closed()
