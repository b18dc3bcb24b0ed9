"""An engine of a test's own, started by `servers/`, which the test may kill or let hang."""

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

SERVERS = Path(__file__).parents[2] / "servers"
NODES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")


@dataclass(frozen=True)
class OwnEngine:
    """One engine, by the name that `servers/` gives it."""

    name: str
    port: int
    environment: Mapping[str, str]
    folder: Path
    host: str = "127.0.0.1"

    async def up(self) -> None:
        await asyncio.to_thread(self.call, "up")

    async def down(self) -> None:
        await asyncio.to_thread(self.call, "down")

    async def kill(self) -> None:
        await asyncio.to_thread(self.call, "kill")

    def freeze(self) -> None:
        """Let it hang: connections stay, and nothing is answered."""
        os.kill(self._pid(), signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._pid(), signal.SIGCONT)

    def call(self, command: str) -> str:
        """Run one of the commands of `servers/`, and return what it printed."""
        done = subprocess.run(
            [SERVERS / command, self.name],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _pid(self) -> int:
        return int((self.folder / self.name / "pid").read_text().split()[0])


@contextmanager
def own_kafka(folder: Path) -> Generator[OwnEngine]:
    """A Kafka that holds nothing, with its data in *folder*; it is killed at the end."""
    port, controller_port, tls_port = free_ports(3)
    environment = {
        "RILLMAIL_SERVERS_DATA": str(folder),
        "RILLMAIL_SERVERS_KAFKA_PORT": str(port),
        "RILLMAIL_SERVERS_KAFKA_CONTROLLER_PORT": str(controller_port),
        "RILLMAIL_SERVERS_KAFKA_TLS_PORT": str(tls_port),
        "RILLMAIL_SERVERS_KAFKA_HEAP": "256m",
    }
    with _up(OwnEngine("kafka", port, environment, folder)) as engine:
        yield engine


@contextmanager
def own_redis(folder: Path) -> Generator[OwnEngine]:
    """A Redis that holds nothing, with its data in *folder*; it is killed at the end."""
    port, tls_port = free_ports(2)
    environment = {
        "RILLMAIL_SERVERS_DATA": str(folder),
        "RILLMAIL_SERVERS_REDIS_PORT": str(port),
        "RILLMAIL_SERVERS_REDIS_TLS_PORT": str(tls_port),
    }
    with _up(OwnEngine("redis", port, environment, folder)) as engine:
        yield engine


@contextmanager
def own_registry(folder: Path) -> Generator[OwnEngine]:
    """A schema registry that holds nothing; it is killed at the end."""
    [port] = free_ports(1)
    environment = {
        "RILLMAIL_SERVERS_DATA": str(folder),
        "RILLMAIL_SERVERS_REGISTRY_PORT": str(port),
    }
    with _up(OwnEngine("registry", port, environment, folder)) as engine:
        yield engine


@contextmanager
def own_cassandra(folder: Path) -> Generator[OwnEngine]:
    """A Cassandra that demands TLS, a certificate and a password, with its data in *folder*.

    It is killed at the end.
    """
    port, storage_port, jmx_port = free_ports(3)
    environment = {
        "RILLMAIL_SERVERS_DATA": str(folder),
        "RILLMAIL_SERVERS_CASSANDRA_PORT": str(port),
        "RILLMAIL_SERVERS_CASSANDRA_STORAGE_PORT": str(storage_port),
        "RILLMAIL_SERVERS_CASSANDRA_JMX_PORT": str(jmx_port),
        "RILLMAIL_SERVERS_CASSANDRA_HEAP": "384m",
        "RILLMAIL_SERVERS_CASSANDRA_SECURED": "1",
    }
    with _up(OwnEngine("cassandra", port, environment, folder)) as engine:
        yield engine


@contextmanager
def three_cassandras(folder: Path) -> Generator[Sequence[OwnEngine]]:
    """A Cassandra of three nodes that hold nothing, with their data in *folder*.

    They are killed at the end. The system must have 127.0.0.2 and the next two, as Linux has.
    """
    port, storage_port, *jmx_ports = free_ports(5)
    with ExitStack() as running:
        yield [
            running.enter_context(
                _up(
                    OwnEngine(
                        "cassandra",
                        port,
                        {
                            "RILLMAIL_SERVERS_DATA": str(folder / host),
                            "RILLMAIL_SERVERS_CASSANDRA_ADDRESS": host,
                            "RILLMAIL_SERVERS_CASSANDRA_SEED": NODES[0],
                            "RILLMAIL_SERVERS_CASSANDRA_PORT": str(port),
                            "RILLMAIL_SERVERS_CASSANDRA_STORAGE_PORT": str(storage_port),
                            "RILLMAIL_SERVERS_CASSANDRA_JMX_PORT": str(jmx_port),
                            "RILLMAIL_SERVERS_CASSANDRA_HEAP": "320m",
                        },
                        folder / host,
                        host,
                    )
                )
            )
            for host, jmx_port in zip(NODES, jmx_ports, strict=True)
        ]


@contextmanager
def _up(engine: OwnEngine) -> Generator[OwnEngine]:
    engine.call("up")
    try:
        yield engine
    finally:
        engine.call("kill")


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
