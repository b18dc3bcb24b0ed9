"""What is asked of the DNS."""

from collections.abc import Sequence
from typing import Protocol


class Resolver(Protocol):
    """Looks names up. Answers come from cache or network: callers can't tell.

    NXDOMAIN and an empty answer are no errors: both give an empty sequence.
    SERVFAIL, REFUSED, a timeout and an unreachable network raise ``Retryable``.
    """

    async def txt(self, name: str) -> Sequence[str]:
        """Return the TXT records of *name*, each with its strings joined."""
        ...

    async def addresses(self, name: str, *, ipv6: bool) -> Sequence[str]:
        """Return the AAAA records of *name* if *ipv6*, else its A records, as text."""
        ...

    async def mx(self, name: str) -> Sequence[tuple[int, str]]:
        """Return (preference, host without trailing dot), best first; host "" is null MX."""
        ...

    async def ptr(self, address: str) -> Sequence[str]:
        """Return the names of an IP *address* by reverse look-up."""
        ...
