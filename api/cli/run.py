"""`rillmail run`: the whole service in one process."""

import asyncio
import contextlib
import ctypes
import logging
import secrets
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click
import msgspec
import structlog

from api.cli.output import as_json, examples
from api.cli.stores import errors_for_people
from connectors.settings import Settings, load
from topologies.ports.directory import Directory

LARGE_MEMORY_BYTES = 256 * 1024
_M_MMAP_THRESHOLD = -3  # of mallopt(3)

DEMO_DOMAIN = "demo.test"  # RFC 2606: nobody's, so no stranger's mail can be meant
DEMO_USERS = ("alice", "bob")


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What the running service tells whoever started it."""

    http_url: str
    smtp: str  # host:port
    lmtp: str
    data_dir: str
    new_users: tuple[tuple[str, str], ...]  # (address, password): told this once


@click.command(
    epilog=examples(
        "rillmail run --demo",
        "RILLMAIL_DATA_DIR=/srv/mail RILLMAIL_SMTP_PORT=25 rillmail run",
        "RILLMAIL_SMTP_PORT=0 RILLMAIL_HTTP_PORT=0 rillmail run --json",
    )
)
@click.option(
    "--demo", is_flag=True, help=f"If there is no domain yet, make {DEMO_DOMAIN} with two users."
)
@as_json
def run(demo: bool, as_json: bool) -> None:
    """Receive mail by SMTP and LMTP, and serve it by HTTP, until Ctrl-C or SIGTERM.

    What is accepted lies in the data folder, and is still there after a restart. Logs go to
    standard error: one line for each record and stage, JSON unless it is a terminal.
    """
    # Here, since `--help` needs no engine.
    import uvloop

    with errors_for_people():
        settings = load()
        _configure_logs(settings)
        _give_back_large_memory()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, demo, as_json))


async def _serve(settings: Settings, demo: bool, as_json: bool) -> None:
    from api.app import create
    from api.context import Context
    from api.server import HttpServer
    from connectors.assembly import open_service

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with open_service(settings) as service:
        stores = service.stores
        app = create(
            Context(
                settings=settings,
                clock=stores.clock,
                log=stores.log,
                directory=stores.directory,
                mailboxes=stores.mailboxes,
                blobs=stores.blobs,
                search=stores.search,
                notices=service.notices,
                dead_letters=stores.dead_letters,
                request_keys=stores.request_keys,
                metrics=service.metrics.exposition,
                health=service.health,
            )
        )
        http = HttpServer(app, settings.host, settings.http_port)
        await service.smtp.start()
        await http.start()
        new_users = await _demo_users(stores.directory) if demo else ()
        told = Started(
            http_url=settings.public_url or f"http://{settings.host}:{http.port}",
            smtp=f"{settings.host}:{service.smtp.smtp_port}",
            lmtp=f"{settings.host}:{service.smtp.lmtp_port}",
            data_dir=settings.data_dir,
            new_users=new_users,
        )
        click.echo(msgspec.json.encode(told).decode() if as_json else _for_people(told))
        working = asyncio.create_task(service.work(), name="work")
        stopping = asyncio.create_task(stopped.wait(), name="stop")
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # First whoever brings mail in, then what works on it.
            await service.smtp.close()
            await http.close()
            stopping.cancel()
            await service.stop()
            await working  # raises what ended it, if it was not us


async def _demo_users(directory: Directory) -> tuple[tuple[str, str], ...]:
    """Make the demo domain and its users if there is no domain; return (address, password)."""
    if await directory.domains():
        return ()
    await directory.add_domain(DEMO_DOMAIN)
    made: list[tuple[str, str]] = []
    for name in DEMO_USERS:
        address, password = f"{name}@{DEMO_DOMAIN}", secrets.token_urlsafe(9)
        await directory.add_user(
            address, password, name=name.title(), is_admin=name == DEMO_USERS[0]
        )
        made.append((address, password))
    return tuple(made)


def _for_people(told: Started) -> str:
    lines = [
        f"Rillmail takes mail on {told.smtp} (SMTP) and {told.lmtp} (LMTP), and serves it on",
        f"{told.http_url}. Everything is kept in {told.data_dir}. Ctrl-C stops it.",
    ]
    if told.new_users:
        lines += ["", "Two users were made. Their passwords are shown this once:"]
        lines += [f"  {address}   {password}" for address, password in told.new_users]
    return "\n".join([*lines, "", *_try_next(told)])


def _try_next(told: Started) -> Sequence[str]:
    if not told.new_users:
        return [f"Sign in at {told.http_url}"]
    [(alice, password), (bob, _)] = told.new_users
    send = f"rillmail send --server {told.smtp} --to {alice} --subject Hello --body 'It flows.'"
    form = f"-d grant_type=password -d username={alice} -d password={password}"
    return [
        "Try next, in another terminal:",
        f"  .venv/bin/{send}",
        f"  curl -s {told.http_url}/auth/token {form}",
        f"  open {told.http_url} in a browser and sign in as {alice} or {bob}",
    ]


def _give_back_large_memory() -> None:
    """Let what held a large mail go back to the system, where the C library can be told so.

    glibc raises its threshold with each large piece that is freed, up to 32 MiB, and keeps what
    is smaller: a few mails of 25 MB would stay resident for ever. A fixed threshold does not rise.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_MEMORY_BYTES)


def _configure_logs(settings: Settings) -> None:
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
