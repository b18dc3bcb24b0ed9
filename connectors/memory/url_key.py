"""A key for URLs that lives as long as the process."""

import secrets

from topologies.ports.url_key import KEY_BYTES


class MemoryUrlKey:
    """One key."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(KEY_BYTES)

    async def get(self) -> bytes:
        return self._key
