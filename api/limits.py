"""What slows down who guesses passwords, and who opens too many sockets.

Sign-ins are counted by whatever answers ``Limits``, for all processes of a deployment together.
Sockets are counted in this process: they are bounded because each costs its memory.
"""

import ipaddress
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from topologies.ports.limits import Limits

WINDOW_S = 15 * 60.0
FAILURES_FROM_ONE_PLACE = 10  # for one address, from one network
FAILURES_FOR_ONE_ADDRESS = 100  # from wherever: so no stranger locks out a user by ten tries
FAILURES_OF_ONE_NETWORK = 100
SOCKETS_OF_ONE_USER = 50  # in one process


class SignIn:
    """One try to sign in.

    It counts as a failure when it begins and is taken back when it succeeds, so that tries side
    by side get no further than one after the other.
    """

    def __init__(self, limits: Limits, address: str, client_ip: str) -> None:
        """Count at *limits* what comes from *client_ip* for *address*."""
        self._limits = limits
        name, network = address.strip().lower()[:320], _network(client_ip)
        self._wanted = (
            (f"sign-in {name} {network}", FAILURES_FROM_ONE_PLACE),
            (f"sign-in {name}", FAILURES_FOR_ONE_ADDRESS),
            (f"sign-in from {network}", FAILURES_OF_ONE_NETWORK),
        )
        self._counted: list[str] = []

    async def begin(self) -> float:
        """Count it; return 0 if it may go on, else how many seconds to wait."""
        for key, most in self._wanted:
            verdict = await self._limits.hit(key, most, WINDOW_S)
            if not verdict.allowed:
                await self.take_back()  # what is refused counts nowhere
                return verdict.retry_after_s
            self._counted.append(key)
        return 0.0

    async def take_back(self) -> None:
        """Say that it was no failure: the password was right, or could not be checked."""
        while self._counted:
            await self._limits.take_back(self._counted.pop(), WINDOW_S)


class Places:
    """How many sockets each user has open in this process."""

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


def _network(client_ip: str) -> str:
    try:
        address = ipaddress.ip_address(client_ip)
    except ValueError:
        return client_ip
    # Whoever has one IPv6 address has 2^64 of them.
    return str(ipaddress.ip_network((address, 64 if address.version == 6 else 32), strict=False))
