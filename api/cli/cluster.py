"""`rillmail cluster`: a worker for each role, on this machine, started again when it ends."""

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence

import click
import msgspec
import structlog

from api.cli.output import as_json, examples
from api.cli.run import DEMO_DOMAIN, demo_users, for_people
from api.cli.run import Started as Told
from api.cli.stores import errors_for_people
from api.cli.worker import Started
from connectors.settings import PREFIX, Settings, load
from topologies import extensions
from topologies.errors import Misconfigured
from topologies.mail.dkim_rotation import first_keys

ROLES = ("smtp", "api", "inbound", "mailbox", "outbound", "feedback")
SHORTEST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0  # before a worker is started again
STEADY_AFTER_S = 60.0  # one that ran so long begins with the shortest wait again
STOP_WITHIN_S = 20.0

_logger = structlog.get_logger("cluster")


@click.command(
    epilog=examples(
        "make cluster                                  # the engines, and then this",
        "RILLMAIL_PROFILE=cluster rillmail cluster --demo",
        "RILLMAIL_PROFILE=cluster rillmail cluster smtp api inbound mailbox outbound feedback",
    )
)
@click.argument("roles", nargs=-1, metavar="[ROLE]...")
@click.option("--demo", is_flag=True, help="If there is no domain yet, make one with two users.")
@as_json
def cluster(roles: Sequence[str], demo: bool, as_json: bool) -> None:
    """Run a worker for each role named, or one of each, until Ctrl-C or SIGTERM.

    For trying the cluster on one machine. In production, Kubernetes or systemd does this for
    `rillmail worker`: a worker that can't go on ends, and is started again.
    """
    from api.cli.serving import run_until_signal  # here, since `--help` needs no engine

    with errors_for_people():
        settings = load()
        if settings.profile != "cluster":
            raise Misconfigured("set RILLMAIL_PROFILE=cluster, or use `rillmail run`")
        chosen = roles or (*ROLES, *extensions.paths())
        run_until_signal(lambda stopped: _run(settings, chosen, demo, as_json, stopped), settings)


async def _run(
    settings: Settings, roles: Sequence[str], demo: bool, as_json: bool, stopped: asyncio.Event
) -> None:
    from connectors.assembly.cluster import check_roles  # here, since `--help` needs no engine

    check_roles(settings, roles)  # else workers of a role that there is not would end for ever
    users = await _users(settings) if demo else ()
    workers = [Supervised(role, doors=roles.count("smtp")) for role in roles]
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(worker.run()) for worker in workers]
            started = [asyncio.create_task(worker.started.wait()) for worker in workers]
            stopping = asyncio.create_task(stopped.wait())
            await asyncio.wait({asyncio.gather(*started), stopping}, return_when="FIRST_COMPLETED")
            if not stopped.is_set():
                told = _told(settings, workers, users)
                click.echo(msgspec.json.encode(told).decode() if as_json else for_people(told))
                await stopped.wait()
            for worker in workers:
                worker.stop()
            await asyncio.wait(running, timeout=STOP_WITHIN_S)
            for task in running:
                task.cancel()
    except* Misconfigured as errors:
        raise errors.exceptions[0] from None


async def _users(settings: Settings) -> tuple[tuple[str, str], ...]:
    from connectors.assembly import open_stores

    async with open_stores(settings) as stores:
        users = await demo_users(stores.directory)
        if users:
            await first_keys(stores.dkim_keys, DEMO_DOMAIN, stores.clock.now())
        return users


def _told(
    settings: Settings, workers: Sequence["Supervised"], users: tuple[tuple[str, str], ...]
) -> Told:
    by_role = {worker.role: worker.told for worker in workers}
    smtp, api = by_role.get("smtp", Started.none()), by_role.get("api", Started.none())
    return Told(
        http_url=settings.public_url or api.http_url,
        smtp=smtp.smtp,
        lmtp=smtp.lmtp,
        submission=smtp.submission,
        submissions=smtp.submissions,
        data_dir="the engines",
        new_users=users,
        pids={worker.role: worker.pid for worker in workers},
    )


class Supervised:
    """A worker that is started again whenever it ends, until it is stopped."""

    def __init__(self, role: str, *, doors: int = 1) -> None:
        """Start nothing yet; *doors* workers of the role smtp share its ports."""
        self.role = role
        self._doors = doors
        self.started = asyncio.Event()  # it has said once that it serves
        self.told = Started.none()
        self._process: Process | None = None
        self._is_stopping = False

    @property
    def pid(self) -> int:
        """The number of its process; 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    async def run(self) -> None:
        """Keep it running until ``stop``."""
        wait_s = SHORTEST_WAIT_S
        while not self._is_stopping:
            began = time.monotonic()
            status = await self._once()
            if self._is_stopping:
                return
            if time.monotonic() - began > STEADY_AFTER_S:
                wait_s = SHORTEST_WAIT_S
            _logger.warning("worker.ended", role=self.role, status=status, again_in_s=wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(LONGEST_WAIT_S, 2 * wait_s)

    def stop(self) -> None:
        """End it in order."""
        self._is_stopping = True
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    async def _once(self) -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "api.cli.main", "worker", self.role, "--json"),
            stdout=PIPE,
            env={**os.environ, f"{PREFIX}SMTP_PROCESSES": str(max(1, self._doors))},
        )
        self._process = process
        assert process.stdout is not None  # noqa: S101  asked for above
        try:
            if line := await process.stdout.readline():
                self.told = msgspec.json.decode(line, type=Started)
                self.started.set()
            return await process.wait()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
        finally:
            self._process = None
