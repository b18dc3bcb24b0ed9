"""A resolver whose zones are a dict: for tests, and what the others are held against."""

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from typing import cast

from topologies.errors import Retryable

MOST_ALIASES = 16  # CNAMEs followed, so that a ring of them ends

# By record type: TXT, A, AAAA, PTR and CNAME are texts, MX are (preference, host).
Records = Mapping[str, Sequence[object]]


class MemoryDns:
    """Answers from *zones*, and counts what it was asked."""

    def __init__(self, zones: Mapping[str, Records], *, failing: Collection[str] = ()) -> None:
        """Keep what is known.

        Args:
            zones: By name without trailing dot, then by record type.
            failing: Names whose look-up fails, as SERVFAIL or a timeout would.
        """
        self._zones = {name.lower(): records for name, records in zones.items()}
        self._failing = frozenset(name.lower() for name in failing)
        self.asked: list[tuple[str, str]] = []  # (name, record type), in order

    async def txt(self, name: str) -> Sequence[str]:
        return [cast("str", text) for text in self._find(name, "TXT")]

    async def addresses(self, name: str, *, ipv6: bool) -> Sequence[str]:
        return [cast("str", text) for text in self._find(name, "AAAA" if ipv6 else "A")]

    async def mx(self, name: str) -> Sequence[tuple[int, str]]:
        return sorted(cast("tuple[int, str]", record) for record in self._find(name, "MX"))

    async def ptr(self, address: str) -> Sequence[str]:
        name = ipaddress.ip_address(address).reverse_pointer
        return [cast("str", text) for text in self._find(name, "PTR")]

    def _find(self, name: str, kind: str) -> Sequence[object]:
        self.asked.append((name, kind))
        key = name.lower().rstrip(".")
        for _ in range(MOST_ALIASES):
            if key in self._failing:
                raise Retryable(f"{kind} of {name}: no answer")
            records = self._zones.get(key, {})
            if kind in records or "CNAME" not in records:
                return records.get(kind, ())
            key = str(records["CNAME"][0]).lower()
        raise Retryable(f"{kind} of {name}: its aliases lead nowhere")
