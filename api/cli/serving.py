"""How a process of ours runs: its logs, its memory, its servers, its end."""

import asyncio
import contextlib
import ctypes
import logging
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import msgspec
import structlog
import uvloop
from starlette.types import ASGIApp

from api.app import create
from api.context import Context
from api.server import HttpServer
from connectors.assembly.stores import Stores
from connectors.metrics import Metrics
from connectors.settings import Settings
from connectors.smtp_in.server import SmtpIn
from topologies.ports.notices import Notices

LARGE_MEMORY_BYTES = 256 * 1024
_M_MMAP_THRESHOLD = -3  # of mallopt(3)


class Process(Protocol):
    """What is served: the embedded service, or a worker of the cluster."""

    @property
    def settings(self) -> Settings:
        """What is set."""
        ...

    @property
    def stores(self) -> Stores:
        """What answers the ports."""
        ...

    @property
    def notices(self) -> Notices:
        """Who is told of changes."""
        ...

    @property
    def metrics(self) -> Metrics:
        """What is counted."""
        ...

    @property
    def smtp(self) -> SmtpIn | None:
        """The doors for mail, if this process has them."""
        ...

    @property
    def has_api(self) -> bool:
        """Whether the API is served, or only health and metrics."""
        ...

    async def work(self) -> None:
        """Work until ``stop``."""
        ...

    async def stop(self) -> None:
        """End ``work``."""
        ...

    async def health(self) -> Mapping[str, Any]:
        """Tell whether it does what it is for."""
        ...


def run_until_signal(serve: Callable[[asyncio.Event], Awaitable[None]], settings: Settings) -> None:
    """Run *serve* in a loop of its own; the event it is given is set by SIGINT and SIGTERM."""
    configure_logs(settings)
    give_back_large_memory()

    async def run() -> None:
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await serve(stopped)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def application(process: Process) -> ASGIApp:
    """Return what *process* serves by HTTP."""
    stores = process.stores
    context = Context(
        settings=process.settings,
        clock=stores.clock,
        log=stores.log,
        directory=stores.directory,
        mailboxes=stores.mailboxes,
        blobs=stores.blobs,
        search=stores.search,
        notices=process.notices,
        dead_letters=stores.dead_letters,
        request_keys=stores.request_keys,
        limits=stores.limits,
        url_key=stores.url_key,
        blob_urls=stores.blob_urls,
        metrics=process.metrics.exposition,
        health=process.health,
    )
    return create(context, is_whole=process.has_api)


@asynccontextmanager
async def serving(process: Process, port: int) -> AsyncGenerator[HttpServer]:
    """Take mail and requests while the context lasts.

    Raises:
        Misconfigured: A port is taken, or the address is none of this machine's.
    """
    http = HttpServer(application(process), process.settings.host, port)
    if process.smtp is not None:
        await process.smtp.start()
    await http.start()
    try:
        yield http
    finally:
        # Whoever brings mail in ends before what works on it.
        if process.smtp is not None:
            await process.smtp.close()
        await http.close()


async def work_until(stopped: asyncio.Event, process: Process) -> None:
    """Let *process* work until *stopped* is set, or until it ends with an error."""
    working = asyncio.create_task(process.work(), name="work")
    stopping = asyncio.create_task(stopped.wait(), name="stop")
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        await process.stop()
        await working  # raises what ended it, if it was not us


def give_back_large_memory() -> None:
    """Let what held a large mail go back to the system, where the C library can be told so.

    glibc raises its threshold with each large piece that is freed, up to 32 MiB, and keeps what
    is smaller: a few mails of 25 MB would stay resident for ever. A fixed threshold does not rise.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_MEMORY_BYTES)


def configure_logs(settings: Settings) -> None:
    """Log to standard error: JSON, one line for each record, unless it is a terminal."""
    is_terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer()
            if is_terminal
            else structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[settings.log_level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr)
        if is_terminal
        else structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)  # what libraries have to say


def _json(value: object, **_: object) -> bytes:
    return msgspec.json.encode(value, enc_hook=repr)
