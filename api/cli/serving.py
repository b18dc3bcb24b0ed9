"""How a process of ours serves: its servers, and its end."""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import structlog
import uvloop
from starlette.types import ASGIApp

from api.app import create
from api.context import Context
from api.server import HttpServer
from connectors.assembly.stores import Stores, classifier_of
from connectors.metrics import Metrics
from connectors.process import (
    configure_logs,
    give_back_large_memory,
    open_standard_streams,
    pass_over_the_program,
)
from connectors.settings import Settings
from topologies import queue
from topologies.ports.figures import Flow
from topologies.ports.notices import Notices
from topologies.ports.tracer import Tracer
from topologies.topology import Topology

ENDS_WITHIN_S = 25.0  # after SIGTERM; whoever runs us kills after 30, as a rule
LEFT_OVER_S = 2.0  # for what still runs when all that we wait for has ended

_logger = structlog.get_logger("service")


class Doors(Protocol):
    """What takes mail: in this process, or in some beside it."""

    @property
    def smtp_port(self) -> int:
        """The port for other mail servers, once started."""
        ...

    @property
    def lmtp_port(self) -> int:
        """The port for our own mail server, once started."""
        ...

    async def start(self) -> None:
        """Take mail from now on.

        Raises:
            Misconfigured: A port is taken, or the address is none of this machine's.
        """
        ...

    async def close(self) -> None:
        """Take no more; who brings a message gets a moment."""
        ...


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
    def tracer(self) -> Tracer | None:
        """What is told of spans, if anybody asks for them."""
        ...

    @property
    def smtp(self) -> Doors | None:
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

    async def flow(self) -> Flow:
        """Tell how mail flows through the deployment."""
        ...

    @property
    def topology(self) -> Topology:
        """The stages, and how their edges run."""
        ...


def end_for_good_after(seconds: float, status: int = 0) -> None:
    """End this process after *seconds*, whatever it waits for: no worse than a kill, which is safe.

    An engine that is away may keep a client of it from ending.
    """

    def end() -> None:
        time.sleep(seconds)
        _logger.warning("ended-for-good", after_s=seconds)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

    threading.Thread(target=end, name="end-for-good", daemon=True).start()


def run_until_signal(serve: Callable[[asyncio.Event], Awaitable[None]], settings: Settings) -> None:
    """Run *serve* in a loop of its own; the event it is given is set by SIGINT and SIGTERM."""
    open_standard_streams()
    configure_logs(settings)
    give_back_large_memory()

    async def run() -> None:
        stopped = asyncio.Event()

        def stop() -> None:
            if not stopped.is_set():
                end_for_good_after(ENDS_WITHIN_S)
            stopped.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        await serve(stopped)

    # Not asyncio.Runner: it waits for all tasks, and Faust's do not let themselves be cancelled
    # while its client waits for a broker. So a worker that lost Kafka would stay.
    loop, status = uvloop.new_event_loop(), 1
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(run())
        status = 0
    finally:
        if not _closed(loop):
            end_for_good_after(LEFT_OVER_S, status)  # their threads may not end either


def _closed(loop: asyncio.AbstractEventLoop) -> bool:
    """Cancel what is left in *loop*, wait for it a moment, close; return whether all has ended."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    left.add(loop.create_task(loop.shutdown_asyncgens()))
    _, staying = loop.run_until_complete(asyncio.wait(left, timeout=LEFT_OVER_S))
    loop.set_exception_handler(_say_nothing)  # it would tell of each task that is left
    asyncio.set_event_loop(None)
    loop.close()
    return not staying


def _say_nothing(loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """Handle what a closed loop complains of."""


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
        deliveries=stores.deliveries,
        contacts=stores.contacts,
        unsubscribes=stores.unsubscribes,
        snoozes=stores.snoozes,
        scheduled=stores.scheduled,
        personal_spam=stores.personal_spam,
        suppressions=stores.suppressions,
        webhooks=stores.webhooks,
        push_subscriptions=stores.push_subscriptions,
        push_key=stores.push_key,
        domain_reports=stores.domain_reports,
        sts_policies=stores.sts_policies,
        try_now=lambda wanted: queue.try_now(wanted, stores.reader, stores.log, stores.clock.now()),
        request_keys=stores.request_keys,
        limits=stores.limits,
        app_passwords=stores.app_passwords,
        second_factors=stores.second_factors,
        dkim_keys=stores.dkim_keys,
        restraints=stores.restraints,
        rules=stores.rules,
        url_key=stores.url_key,
        classifier=classifier_of(process.settings),
        blob_urls=stores.blob_urls,
        metrics=process.metrics.exposition,
        answered=process.metrics.answered,
        tracer=process.tracer,
        health=process.health,
        flow=process.flow,
        topology=process.topology,
        reader=stores.reader,
        top_senders=stores.top_senders,
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
    pass_over_the_program()
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
