"""The key by which push services know a deployment (RFC 8292, VAPID)."""

from typing import Protocol


class PushKey(Protocol):
    """One secret for all processes of a deployment, made by whoever needs it first, and kept.

    Browsers subscribe to its public half, so with another key all subscriptions are worthless.
    """

    async def get(self) -> bytes:
        """Return ``topologies.ports.url_key.KEY_BYTES`` random bytes.

        Raises:
            Retryable: Where it is kept is out of reach.
            NoSpace: It has to be made, and there is no room for it.
        """
        ...
