"""Which processes the engines are, as far as they run on this machine: found by their ports."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bench.process_cost import PROC, cpu_s
from connectors.settings import Settings

_LISTENING = "0A"  # state of a socket in /proc/net/tcp (proc(5))


def engines_of(settings: Settings) -> dict[str, int]:
    """Return the process of each engine that *settings* name and that listens here.

    Processes of other users are seen by root alone.
    """
    ports = {
        "kafka": _port(settings.kafka_servers[0]),
        "cassandra": _port(settings.cassandra_hosts[0]),
        "elasticsearch": _port(settings.elasticsearch_urls[0]),
        "redis": _port(settings.redis_url),
        "s3": _port(settings.s3_url),
        "clamd": _port(settings.clamd),
    }
    by_port = _listening()
    return {name: by_port[port] for name, port in ports.items() if port in by_port}


def engines_cpu_s(engines: Mapping[str, int]) -> dict[str, float]:
    """Return the CPU seconds that each used so far, whoever it worked for."""
    return {name: cpu_s([pid]) for name, pid in engines.items()}


def _port(address: str) -> int:
    url = urlsplit(address if "//" in address else f"//{address}")
    return (url.port or 0) if not url.scheme.startswith("unix") else 0


def _listening() -> dict[int, int]:
    """Return who listens on each port."""
    ports: dict[str, int] = {}  # by the socket's inode
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING:
                    ports[f"socket:[{fields[9]}]"] = int(fields[1].rpartition(":")[2], 16)
    found: dict[int, int] = {}
    for process in PROC.iterdir():
        if process.name.isdigit():
            for inode in _open_in(process):
                if inode in ports:
                    # The oldest, when one has forked and handed its socket on.
                    port = ports[inode]
                    found[port] = min(found.get(port, int(process.name)), int(process.name))
    return found


def _open_in(process: Path) -> list[str]:
    links: list[str] = []
    with contextlib.suppress(OSError):
        for entry in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                links.append(str(entry.readlink()))
    return links
