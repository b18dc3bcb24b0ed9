"""From which addresses mail leaves: a pool for each stream, and how many mails a day each may send.

An address that nobody knows is warmed up: it begins with few mails a day. What it may not send
goes by another one of its pool, or waits.
"""

import hashlib
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from topologies.errors import Misconfigured
from topologies.ports.limits import Limits

DAY_S = 86_400.0


class Capped(Exception):
    """No address of the pool may send any more now.

    Attributes:
        after_s: When one may again.
    """

    def __init__(self, after_s: float) -> None:
        super().__init__(f"all source addresses have sent what they may, for {after_s:.0f} s")
        self.after_s = after_s


@dataclass(frozen=True, slots=True)
class Pools:
    """Addresses by stream, and their caps a day; without an entry: any number."""

    by_stream: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    caps: Mapping[str, int] = field(default_factory=dict[str, int])

    def of(self, stream: str) -> Sequence[str]:
        """Return the addresses of *stream*; none: whichever the machine takes."""
        return self.by_stream.get(stream) or self.by_stream.get("default", ())


def pools_of(addresses: Sequence[str], caps: Sequence[str]) -> Pools:
    """Read settings: each of *addresses* ``[STREAM=]ADDRESS``, each of *caps* ``ADDRESS=MAILS``.

    Raises:
        Misconfigured: One can't be read.
    """
    by_stream: dict[str, list[str]] = {}
    for text in addresses:
        stream, _, address = text.rpartition("=")
        by_stream.setdefault(stream or "default", []).append(_ip(address, "source_addresses"))
    counts: dict[str, int] = {}
    for text in caps:
        address, _, mails = text.rpartition("=")
        if not mails.isascii() or not mails.isdigit():
            raise Misconfigured(f"source_daily_caps: {text!r} is not ADDRESS=MAILS")
        counts[_ip(address, "source_daily_caps")] = int(mails)
    return Pools(by_stream, counts)


class Sources:
    """Chooses an address for each mail."""

    def __init__(self, pools: Pools, limits: Limits) -> None:
        self._pools = pools
        self._limits = limits

    async def chosen(self, stream: str, destination: str) -> Mapping[int, str]:
        """Return the address to send from, by IP version; none: whichever the machine takes.

        A destination sees the same one as long as that may send.

        Raises:
            Capped: None of the pool may send now.
        """
        chosen: dict[int, str] = {}
        after_s: list[float] = []
        for address in _rotated(self._pools.of(stream), destination):
            version = ipaddress.ip_address(address).version
            if version in chosen:
                continue
            cap = self._pools.caps.get(address)
            if cap is not None:
                verdict = await self._limits.hit(f"source:{address}", cap, DAY_S)
                if not verdict.allowed:
                    after_s.append(verdict.retry_after_s)
                    continue
            chosen[version] = address
        if after_s and not chosen:
            raise Capped(min(after_s))
        return chosen


def _rotated(addresses: Sequence[str], destination: str) -> Sequence[str]:
    if not addresses:
        return addresses
    first = int.from_bytes(hashlib.sha256(destination.encode()).digest()[:4], "big")
    first %= len(addresses)
    return [*addresses[first:], *addresses[:first]]


def _ip(text: str, setting: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise Misconfigured(f"{setting}: {text!r} is no IP address") from None
