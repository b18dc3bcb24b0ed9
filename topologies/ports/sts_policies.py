"""The MTA-STS policies of our own domains: what other systems are told to ask of our hosts."""

from typing import Protocol


class StsPolicies(Protocol):
    """The policy files of a deployment (RFC 8461 §3.2), each as it is served."""

    async def of(self, domain: str) -> str | None:
        """Return the file of *domain*, which is in ASCII; None: it has no policy.

        Raises:
            Retryable: The store is out of reach.
        """
        ...

    async def put(self, domain: str, text: str) -> None:
        """Let *text* be the file of *domain* from now on."""
        ...

    async def remove(self, domain: str) -> bool:
        """Let *domain* have no policy; False if it has none."""
        ...
