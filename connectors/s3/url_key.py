"""The key for URLs as an object beside the blobs: `keys/urls`; and that for push services.

Whoever needs it first puts it there, on the condition that nothing is there; so all have one.
To change it, delete the object and start the API's processes anew.
"""

import hashlib
import secrets
from contextlib import suppress

from connectors.s3.client import S3Client
from connectors.s3.meaning import Absent, Present
from topologies.errors import Retryable
from topologies.ports.url_key import KEY_BYTES

OBJECT, PUSH_OBJECT = "keys/urls", "keys/push"


class S3UrlKey:
    """The key in the bucket of one deployment."""

    def __init__(self, client: S3Client, name: str = OBJECT) -> None:
        """Keep it in the bucket of *client*, which is closed by its opener, as object *name*."""
        self._client = client
        self._name = name
        self._known: bytes | None = None

    async def get(self) -> bytes:
        if self._known is None:
            self._known = await self._kept()
        return self._known

    async def _kept(self) -> bytes:
        with suppress(Absent):
            return await self._client.get(self._name)
        made = secrets.token_bytes(KEY_BYTES)
        with suppress(Present):  # another process was faster
            sha256 = hashlib.sha256(made).hexdigest()
            await self._client.put(self._name, made, sha256=sha256, if_absent=True)
        try:
            return await self._client.get(self._name)
        except Absent:
            raise Retryable(f"S3: {self._name} was deleted just now") from None
