"""What is asked of the DNS."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


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


@dataclass(frozen=True, slots=True)
class Tlsa:
    """One TLSA record (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes


class SignedNames(Protocol):
    """What the DNS says and vouches for by DNSSEC. Errors are those of ``Resolver``."""

    async def is_signed(self, name: str, kind: Literal["MX", "A", "AAAA"]) -> bool:
        """Return whether the answer to that question is authenticated."""
        ...

    async def tlsa(self, name: str) -> Sequence[Tlsa]:
        """Return the TLSA records of *name*, if they are authenticated; else none."""
        ...
