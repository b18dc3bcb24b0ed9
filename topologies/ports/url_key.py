"""The secret that signs URLs which need no token."""

from typing import Protocol


class UrlKey(Protocol):
    """One key for all processes of a deployment, made by whoever needs it first, and kept.

    So a URL that one process signed is good for every other, and after a restart. What the key
    opens is what the store that keeps it holds anyway. Asked once by each process, then known.
    """

    async def get(self) -> bytes:
        """Return the key: ``KEY_BYTES`` random ones.

        Raises:
            Retryable: Where it is kept is out of reach.
            NoSpace: It has to be made, and there is no room for it.
        """
        ...


KEY_BYTES = 32
