"""A TCP proxy before an engine, so that a test can cut the line without stopping the engine."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """Forwards connections while it is open; refuses, drops or stalls them else."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._server: asyncio.Server | None = None
        self._lines: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens, for engines that speak HTTP."""
        return f"http://127.0.0.1:{self.port}"

    async def open(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Drop all connections and refuse new ones."""
        if self._server is not None:
            self._server.close()
        for line in self._lines:
            line.transport.abort()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def stall(self) -> None:
        """Accept, and pass nothing on from now on."""
        self._flows.clear()

    def flow(self) -> None:
        """Pass on what was held back."""
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        lines = {writer}
        try:
            self._lines |= lines
            to_reader, to_writer = await asyncio.open_connection(*self._to)
            lines.add(to_writer)
            self._lines |= lines
            await asyncio.gather(self._pump(reader, to_writer), self._pump(to_reader, writer))
        except OSError:
            pass  # the engine is not there
        finally:
            for line in lines:
                line.transport.abort()
            self._lines -= lines
            self._serving.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(64 * 1024):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def proxy(host: str, port: int) -> AsyncGenerator[Proxy]:
    """A proxy before *host*:*port*, open."""
    before = Proxy(host, port)
    await before.open()
    try:
        yield before
    finally:
        before.flow()
        await before.cut()
