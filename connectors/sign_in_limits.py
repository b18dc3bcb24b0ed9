"""What slows down who guesses passwords, by whichever way they come.

Counted by whatever answers ``Limits``, for all processes of a deployment together.
"""

import ipaddress

from topologies.ports.limits import Limits

WINDOW_S = 15 * 60.0
FAILURES_FROM_ONE_PLACE = 10  # for one address, from one network
FAILURES_FOR_ONE_ADDRESS = 100  # from wherever: so no stranger locks out a user by ten tries
FAILURES_OF_ONE_NETWORK = 100


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


def _network(client_ip: str) -> str:
    try:
        address = ipaddress.ip_address(client_ip)
    except ValueError:
        return client_ip
    # Whoever has one IPv6 address has 2^64 of them.
    return str(ipaddress.ip_network((address, 64 if address.version == 6 else 32), strict=False))
