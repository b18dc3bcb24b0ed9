"""What slows down who guesses passwords, and who opens too many sockets.

Kept in the process: after a restart everybody begins anew. Memory is bounded, and when it
is full, whoever failed longest ago is forgotten first.
"""

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=15)
FAILURES_FROM_ONE_PLACE = 10  # for one address, from one network
FAILURES_FOR_ONE_ADDRESS = 100  # from wherever: so no stranger locks out a user by ten tries
FAILURES_OF_ONE_NETWORK = 100
KEYS_KEPT = 20_000
SOCKETS_OF_ONE_USER = 50


class Failures:
    """Failed sign-ins in the last quarter of an hour.

    A try counts when it begins and is taken back when it succeeds, so that tries side by
    side get no further than one after the other.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str], tuple[datetime, int]] = OrderedDict()

    def begin(self, address: str, client_ip: str, now: datetime) -> timedelta | None:
        """Count one try; return None if it may go on, else how long to wait."""
        keys = _keys(address, client_ip)
        wait: timedelta | None = None
        for key, most in keys:
            since, count = self._counts.get(key, (now, 0))
            if count >= most and now - since < WINDOW:
                wait = max(wait or timedelta(0), WINDOW - (now - since))
        if wait is not None:
            return wait
        for key, _ in keys:
            since, count = self._counts.pop(key, (now, 0))
            self._counts[key] = (now, 1) if now - since >= WINDOW else (since, count + 1)
        while len(self._counts) > KEYS_KEPT:
            self._counts.popitem(last=False)
        return None

    def take_back(self, address: str, client_ip: str) -> None:
        """Say that the try was none: the password was right, or could not be checked."""
        for key, _ in _keys(address, client_ip):
            if key in self._counts:
                since, count = self._counts[key]
                self._counts[key] = (since, max(0, count - 1))


class Places:
    """How many sockets each user has open."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    @contextmanager
    def place(self, user_id: str) -> Generator[bool]:
        """Take a place until the context is left; false if there is none."""
        if self._taken[user_id] >= SOCKETS_OF_ONE_USER:
            yield False
            return
        self._taken[user_id] += 1
        try:
            yield True
        finally:
            self._taken[user_id] -= 1
            if not self._taken[user_id]:
                del self._taken[user_id]


def _keys(address: str, client_ip: str) -> tuple[tuple[tuple[str, str], int], ...]:
    name, network = address.strip().lower()[:320], _network(client_ip)
    return (
        ((name, network), FAILURES_FROM_ONE_PLACE),
        ((name, ""), FAILURES_FOR_ONE_ADDRESS),
        (("", network), FAILURES_OF_ONE_NETWORK),
    )


def _network(client_ip: str) -> str:
    try:
        address = ipaddress.ip_address(client_ip)
    except ValueError:
        return client_ip
    # Whoever has one IPv6 address has 2^64 of them.
    return str(ipaddress.ip_network((address, 64 if address.version == 6 else 32), strict=False))
