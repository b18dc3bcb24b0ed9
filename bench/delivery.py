"""Delivering what is queued: mails a second and CPU a mail, and the same of Postfix.

    python -m bench.delivery [--mails 2000] [--bytes 5000] [--destinations 1 100 1000]

Both begin with a durable queue, and bring it to the same sink, in the same run: ours from
`delivery.due` on its log, by the stage and engine that the service runs, until each outcome is
durable; Postfix from its deferred queue, by qmgr and smtp, until that is empty. Each destination
has an address of its own, and 20 connections at most. Once more with a hundred destinations and
as many mails for one that never greets: how much longer do the others take?
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from bench.delivery_sink import SILENT
from bench.mails import SENDING_DOMAIN
from bench.peers import postfix
from bench.process_cost import cpu_s, own_cpu_s
from connectors.memory.blobs import MemoryBlobs
from connectors.memory.clock import SystemClock
from connectors.memory.dns import MemoryDns
from connectors.memory.limits import MemoryLimits
from connectors.memory.suppressions import MemorySuppressions
from connectors.metrics import Metrics
from connectors.settings import Settings
from connectors.smtp_out.setup import relay_of
from connectors.sqlite import deliveries, log
from connectors.sqlite.database import Database
from connectors.sqlite.deliveries import SqliteDeliveries
from connectors.sqlite.log import SqliteLog
from topologies.engines.embedded import EmbeddedEngine
from topologies.events import DeliveryDue
from topologies.mail import ids
from topologies.outbound.attempt import attempt
from topologies.ports.blobs import Blobs
from topologies.ports.clock import Clock
from topologies.ports.deliveries import Deliveries
from topologies.ports.relay import Relay
from topologies.ports.suppressions import Suppressions
from topologies.stage import declared_by
from topologies.topology import Topology

LONGEST_S = 600
POLL_S = 0.02
DEAD = "dead.example"


class Sink:
    """The process that takes the mail."""

    def __init__(self, port: int, process: "subprocess.Popen[str]") -> None:
        self.port = port
        self._process = process

    def taken(self) -> int:
        """Return how many messages it took so far."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("COUNT\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    async def took(self, count: int) -> None:
        """Return when it took so many."""
        deadline = time.monotonic() + LONGEST_S
        while self.taken() < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.taken()} of {count} mails came within {LONGEST_S} s")
            await asyncio.sleep(POLL_S)


@contextlib.contextmanager
def sinking() -> Generator[Sink]:
    """Run a sink."""
    port = postfix.free_port()
    command = [sys.executable, "-m", "bench.delivery_sink", str(port)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        process.stdout.readline()
        yield Sink(port, process)
        process.stdin.close()


def names(count: int) -> list[str]:
    """Return the names of *count* destinations."""
    return [f"d{number}.example" for number in range(count)]


def address_of(domain: str) -> str:
    """Return the loopback address that *domain* has."""
    if domain == DEAD:
        return SILENT
    number = int(domain.partition(".")[0][1:])
    return f"127.1.{number // 250}.{number % 250 + 1}"


async def ours(folder: Path, raw: bytes, domains: Sequence[str], dead: int) -> dict[str, float]:
    """Deliver a mail to each of *domains*, and *dead* ones to whom nobody answers."""
    clock = SystemClock()
    log_file = Database(folder / "log.db", log.MIGRATIONS)
    kept_file = Database(folder / "deliveries.db", deliveries.MIGRATIONS)
    queue = SqliteLog(
        log_file,
        clock=clock,
        partitions=Settings().partitions,
        max_bytes=2**40,
        disk_reserve_bytes=0,
        disk_free=lambda: 1,
    )
    with sinking() as sink:
        known = {domain: {"A": [address_of(domain)]} for domain in {*domains, DEAD}}
        settings = Settings(
            delivery_port=sink.port, delivery_to_private=True, mta_sts=False, delivery_ipv6=False
        )
        relay = relay_of(settings, MemoryDns(known), MemoryLimits(clock), clock, name="us.example")
        engine = EmbeddedEngine(
            Topology((declared_by(attempt),)),
            {
                Blobs: MemoryBlobs(),
                Clock: clock,
                Deliveries: SqliteDeliveries(kept_file),
                Relay: relay,
                Suppressions: MemorySuppressions(),
            },
            queue,
            clock=clock,
            in_flight=Settings().in_flight,
            observer=Metrics(),
        )
        at = datetime.now(UTC)
        queued = [_due(n, domain, raw, at) for n, domain in enumerate([DEAD] * dead + [*domains])]
        for start in range(0, len(queued), 500):
            await queue.append(queued[start : start + 500])
        began, before = time.perf_counter(), own_cpu_s()
        running = asyncio.create_task(engine.run())
        await sink.took(len(domains))
        if not dead:
            await engine.drained(LONGEST_S)
        figures = {"took_s": time.perf_counter() - began, "cpu_s": own_cpu_s() - before}
        await engine.stop()
        await running
        await relay.close()
    log_file.close()
    kept_file.close()
    return figures


def _due(number: int, domain: str, raw: bytes, at: datetime) -> DeliveryDue:
    return DeliveryDue(
        delivery_id=f"{number}",
        mail_id=ids.derived_id(at, f"{number}"),
        submitted_at=at,
        mail_from=f"news@{SENDING_DOMAIN}",
        destination=domain,
        recipients=(f"user{number}@{domain}",),
        size_bytes=len(raw),
        raw=raw,
        due_at=at,
    )


async def theirs(folder: Path, raw: bytes, domains: Sequence[str], dead: int) -> dict[str, float]:
    """Let Postfix deliver the same."""
    with sinking() as sink:
        ways = folder / "ways"
        ways.write_text(
            "".join(f"{d} smtp:[{address_of(d)}]:{sink.port}\n" for d in {*domains, DEAD})
        )
        own: dict[str, object] = {
            "transport_maps": f"texthash:{ways}",
            "defer_transports": "smtp",
            "default_process_limit": 200,
            "smtp_tls_security_level": "none",
        }
        with postfix.running(folder, own) as (port, pid):
            to = [f"user{n}@{d}" for n, d in enumerate([DEAD] * dead + [*domains])]
            await asyncio.to_thread(_fill, port, to, raw)
            etc = str(folder / "postfix" / "etc")
            postfix.output(["postconf", "-c", etc, "-e", "defer_transports="])
            postfix.output(["postfix", "-c", etc, "reload"])
            await asyncio.sleep(1)
            began, before = time.perf_counter(), cpu_s([pid])
            postfix.output(["postqueue", "-c", etc, "-f"])
            await sink.took(len(domains))
            return {"took_s": time.perf_counter() - began, "cpu_s": cpu_s([pid]) - before}


def _fill(port: int, to: Sequence[str], raw: bytes) -> None:
    import smtplib

    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        for recipient in to:
            client.sendmail(f"news@{SENDING_DOMAIN}", [recipient], raw)


def _measured(who: str, mails: int, size_bytes: int, count: int, dead: int) -> dict[str, float]:
    """Measure in a process of its own, so that nothing of one run is in the other's CPU."""
    command = [sys.executable, "-m", "bench.delivery", "--one", who, str(mails), str(size_bytes)]
    command += [str(count), str(dead)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    return json.loads(done.stdout.splitlines()[-1])


def _one(who: str, mails: int, size_bytes: int, count: int, dead: int) -> None:
    raw = b"From: news@news.example\r\nSubject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * (
        size_bytes // 72
    )
    known = names(count)
    domains = [known[number % count] for number in range(mails)]
    folder = Path(tempfile.mkdtemp(prefix="bench-delivery-"))
    folder.chmod(0o755)
    try:
        run = ours if who == "ours" else theirs
        print(json.dumps(uvloop.run(run(folder, raw, domains, dead))))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mails", type=int, default=2_000)
    parser.add_argument("--bytes", type=int, default=5_000)
    parser.add_argument("--destinations", type=int, nargs="+", default=[1, 100, 1_000])
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        who, *numbers = options.one
        _one(who, *map(int, numbers))
        return
    subjects = ["ours", *(["postfix"] if postfix.is_installed() else [])]
    print(f"{options.mails:,} mails of {options.bytes:,} bytes")
    cases = [(count, 0) for count in options.destinations] + [(100, options.mails)]
    for count, dead in cases:
        beside = f", {dead:,} mails for a dead one beside" if dead else ""
        print(f"{count:,} destinations{beside}")
        for who in subjects:
            found = _measured(who, options.mails, options.bytes, count, dead)
            rate, cpu_ms = options.mails / found["took_s"], found["cpu_s"] / options.mails * 1000
            print(f"  {who:8} {rate:8.0f} mails/s  {cpu_ms:6.2f} ms CPU a mail")


if __name__ == "__main__":
    main()
