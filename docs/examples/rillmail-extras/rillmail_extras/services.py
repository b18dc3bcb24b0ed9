"""What answers our ports in a deployment: its bucket, or its data folder."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rillmail_extras.archive import Archive, GroupedArchive
from topologies.errors import Retryable

if TYPE_CHECKING:
    from connectors.s3.client import S3Client
    from connectors.settings import Settings

FOLDER = "archive"


def services(settings: "Settings") -> Mapping[type, Any]:
    """Return an answer for each of our ports: what the entry point names."""
    if settings.profile == "cluster":
        return {Archive: GroupedArchive(BucketStore(settings))}
    return {Archive: GroupedArchive(FolderStore(Path(settings.data_dir) / FOLDER))}


class FolderStore:
    """Files in a folder."""

    def __init__(self, folder: Path) -> None:
        """Write below *folder*, which is made when it is needed."""
        self._folder = folder

    async def write(self, name: str, content: bytes) -> None:
        """Write a file: it is there whole, or not at all."""
        try:
            await asyncio.to_thread(self._write, self._folder / name, content)
        except OSError as error:
            raise Retryable(f"the archive can't be written: {error}", outage=True) from error

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}.unfinished")
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        for folder in (path.parent, path.parent.parent):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)  # or the name is gone after a power cut
            finally:
                os.close(descriptor)


class BucketStore:
    """Objects in the deployment's bucket, below ``archive/``; connects when it is used."""

    def __init__(self, settings: "Settings") -> None:
        """Keep *settings*; nothing is opened before the first file."""
        self._settings = settings
        self._opened = AsyncExitStack()
        self._client: S3Client | None = None
        self._opening = asyncio.Lock()

    async def write(self, name: str, content: bytes) -> None:
        """Write an object."""
        client = await self._connected()
        digest = hashlib.sha256(content).hexdigest()
        await client.put(f"{FOLDER}/{name}", content, sha256=digest, if_absent=False)

    async def close(self) -> None:
        """Leave the service."""
        with contextlib.suppress(Retryable):
            await self._opened.aclose()

    async def _connected(self) -> "S3Client":
        from connectors.assembly.named import open_s3

        async with self._opening:
            if self._client is None:
                opening = open_s3(self._settings, self._settings.s3_url)
                self._client = await self._opened.enter_async_context(opening)
            return self._client
