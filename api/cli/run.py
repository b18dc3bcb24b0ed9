"""`rillmail run`: the whole service, and the processes that take mail beside it."""

import asyncio
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import msgspec

from api.cli.output import as_json, examples
from api.cli.stores import errors_for_people
from connectors.settings import Settings, load
from topologies.errors import Misconfigured
from topologies.mail.dkim_rotation import first_keys
from topologies.ports.directory import Directory

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
    submission: str = ""  # for users; empty: there is no such port
    submissions: str = ""  # for users who begin in TLS
    pids: dict[str, int] = field(default_factory=dict[str, int])  # of a cluster, by role


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
    from api.cli.serving import run_until_signal  # here, since `--help` needs no engine

    with errors_for_people():
        settings = load()
        if settings.profile != "embedded":
            raise Misconfigured(
                "RILLMAIL_PROFILE=cluster: run each role by `rillmail worker ROLE`, or the whole"
                " cluster on one machine by `make cluster`"
            )
        run_until_signal(lambda stopped: _serve(settings, demo, as_json, stopped), settings)


async def _serve(settings: Settings, demo: bool, as_json: bool, stopped: asyncio.Event) -> None:
    from api.cli.serving import serving, work_until
    from connectors.assembly import open_service

    if demo:
        settings = _with_certificate(settings)
    async with open_service(settings) as service, serving(service, settings.http_port) as http:
        new_users = await demo_users(service.stores.directory) if demo else ()
        if new_users:
            stores = service.stores
            await first_keys(stores.dkim_keys, DEMO_DOMAIN, stores.clock.now())
        told = Started(
            http_url=settings.public_url or f"http://{settings.host}:{http.port}",
            smtp=f"{settings.host}:{service.smtp.smtp_port}",
            lmtp=f"{settings.host}:{service.smtp.lmtp_port}",
            submission=_door(settings, service.smtp.submission_port),
            submissions=_door(settings, service.smtp.submissions_port),
            data_dir=settings.data_dir,
            new_users=new_users,
        )
        click.echo(msgspec.json.encode(told).decode() if as_json else for_people(told))
        await work_until(stopped, service)


def _with_certificate(settings: Settings) -> Settings:
    """Return *settings* with a certificate for the ports of users, made for trying if need be."""
    from connectors.files.demo_certificate import demo_certificate
    from connectors.memory.clock import SystemClock

    if settings.tls_certificate or settings.submission_certificate:
        return settings
    folder = Path(settings.data_dir)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        hostname = settings.hostname or socket.gethostname()
        made = demo_certificate(folder / "demo-certificate.pem", hostname, SystemClock())
    except OSError:
        return settings  # the folder can't be used: that is told in a moment
    return msgspec.structs.replace(settings, submission_certificate=str(made))


def _door(settings: Settings, port: int) -> str:
    return f"{settings.host}:{port}" if port else ""


async def demo_users(directory: Directory) -> tuple[tuple[str, str], ...]:
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


def for_people(told: Started) -> str:
    """Return what the terminal shows at the start."""
    lines = [
        f"Rillmail takes mail on {told.smtp} (SMTP) and {told.lmtp} (LMTP), and serves it on",
        f"{told.http_url}. Everything is kept in {told.data_dir}. Ctrl-C stops it.",
    ]
    if told.submission:
        lines.append(
            f"Mail clients send by {told.submission} (STARTTLS) or {told.submissions} (TLS)."
        )
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
