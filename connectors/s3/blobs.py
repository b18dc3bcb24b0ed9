"""Blobs as objects in an S3 bucket, named by the SHA-256 of their content.

Writes and reads `blobs/ab/cd/abcd…`; `sweeping/ab` says that a sweep deletes there just now.
A put is one conditional request; what is there already is not sent again, unless it is old: to
send it once in half the grace time is the one way to make it young that every service knows.
A content whose hash is not known before its end is spooled to a local file first: that costs
the disk one write, and saves the service a copy of each, and the network all that is there
already; what breaks off has sent nothing.

S3 has no conditional delete, so who puts an old content again and who sweeps must see each
other: the one makes it young and then looks for a sweep, the other says that it sweeps and then
looks at the age. One of them comes second and gives way.
"""

import asyncio
import errno
import hashlib
import secrets
import tempfile
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import IO

from connectors.s3.client import S3Client, Source
from connectors.s3.meaning import Absent, Present
from topologies.errors import BlobMissing, MailError, NoSpace, Retryable
from topologies.events import BlobId
from topologies.mail.disposition import disposition, shown_type
from topologies.ports.blob_sweep import GRACE

PART_BYTES = 8 * 1024**2  # larger contents are sent in parts of this size
SPOOL_BYTES = 1024**2  # of a stream, kept in memory before a file is used
AT_ONCE = 16  # requests of one call
RECENT = 20_000  # ids of blobs known to be there
RECENT_S = 600.0
SWEEP_S = 60.0  # the longest that one batch of a sweep deletes after it looked at ages
MARK_S = 300.0  # a mark of a sweep that is older was left by one that was killed
PATIENCE_S = 10.0  # to wait for a sweep that is just where a blob is put
LOOK_AGAIN_S = 0.1


class S3Blobs:
    """The blobs of one deployment, in one bucket."""

    def __init__(
        self, client: S3Client, *, grace: timedelta = GRACE, spool_folder: Path | None = None
    ) -> None:
        """Use the bucket of *client*, which is closed by its opener.

        Args:
            client: Of the bucket.
            grace: That of the sweep, or less.
            spool_folder: Where streams are kept until their end; None: the system's.
        """
        self._client = client
        self._young = grace / 2
        self._recent = _Recent(min(RECENT_S, grace.total_seconds() / 8))
        self._spool = str(spool_folder) if spool_folder else None

    async def ensure_bucket(self) -> None:
        """Make the bucket unless it is there.

        Raises:
            Misconfigured: It can't be.
            Retryable: The service is out of reach.
        """
        await self._client.ensure_bucket()

    async def put(self, contents: Sequence[bytes]) -> list[BlobId]:
        few = asyncio.Semaphore(AT_ONCE)

        async def put_one(content: bytes) -> BlobId:
            async with few:
                return await self._put_one(content)

        ended = await asyncio.gather(*map(put_one, contents), return_exceptions=True)
        for each in ended:
            if isinstance(each, BaseException):
                raise each
        return [each for each in ended if isinstance(each, str)]

    async def put_stream(self, chunks: AsyncIterator[bytes]) -> tuple[BlobId, int]:
        digest, size = hashlib.sha256(), 0
        with tempfile.SpooledTemporaryFile(SPOOL_BYTES, dir=self._spool) as file:
            async for chunk in chunks:
                size += len(chunk)
                await _write(file, chunk, is_on_disk=size > SPOOL_BYTES)
                digest.update(chunk)
            blob = digest.hexdigest()
            await self._put_source(blob, _FilePart(file), size)
        return blob, size

    async def get(self, blob: BlobId) -> bytes:
        try:
            return await self._client.get(_key(blob))
        except Absent:
            raise BlobMissing(f"there is no blob {blob}") from None

    async def stream(
        self, blob: BlobId, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        if end is not None and end <= start:
            await self.size(blob)
            return
        try:
            async for chunk in self._client.stream(_key(blob), start, end):
                yield chunk
        except Absent:
            raise BlobMissing(f"there is no blob {blob}") from None

    async def size(self, blob: BlobId) -> int:
        try:
            return (await self._client.head(_key(blob))).size_bytes
        except Absent:
            raise BlobMissing(f"there is no blob {blob}") from None

    async def signed_url(
        self, blob: BlobId, *, file_name: str, content_type: str, expires_s: int
    ) -> str:
        """Return a URL by which whoever has it can download the blob for *expires_s* seconds."""
        return await self._client.signed_url(
            _key(blob),
            disposition=disposition(file_name),
            content_type=shown_type(content_type),
            expires_s=expires_s,
        )

    async def old(self, before: datetime) -> AsyncIterator[BlobId]:
        await self._client.abort_uploads(before)
        async for key, modified_at in self._client.keys("blobs/"):
            if modified_at < before:
                yield key.rpartition("/")[2]

    async def delete(self, blobs: Sequence[BlobId], before: datetime) -> int:
        deleted = 0
        for prefix, group in groupby(sorted(set(blobs)), lambda blob: blob[:2]):
            deleted += await self._delete(prefix, list(group), before)
        return deleted

    async def _put_one(self, content: bytes) -> BlobId:
        is_large = len(content) > SPOOL_BYTES
        digest = await asyncio.to_thread(hashlib.sha256, content) if is_large else None
        blob = (digest or hashlib.sha256(content)).hexdigest()
        await self._put_source(blob, _BytesPart(content), len(content))
        return blob

    async def _put_source(self, blob: BlobId, source: Source, size: int) -> None:
        """Store what *source* holds unless it is there, where it then will be for a while."""
        if blob in self._recent:
            return
        while not (await self._send(blob, source, size) or await self._is_held(blob, source, size)):
            await self._wait_for_sweep(blob[:2])
        self._recent.add(blob)

    async def _send(self, blob: BlobId, source: Source, size: int) -> bool:
        """Store it and return True, or return False if it is there."""
        key = _key(blob)
        # What is large is asked for first, rather than sent in vain.
        if size > PART_BYTES and await self._is_there(key):
            return False
        try:
            await self._store(blob, source, size, if_absent=True)
        except Present:
            return False
        return True

    async def _store(self, blob: BlobId, source: Source, size: int, *, if_absent: bool) -> None:
        if size <= PART_BYTES:
            content = await source.part(0)
            await self._client.put(_key(blob), content, sha256=blob, if_absent=if_absent)
        else:
            await self._client.put_parts(_key(blob), source, -(-size // PART_BYTES))

    async def _is_held(self, blob: BlobId, source: Source, size: int) -> bool:
        """Return whether it is there and no sweep will take it for half the grace time."""
        key = _key(blob)
        try:
            age = (await self._client.head(key)).age
        except Absent:
            return False
        if age >= self._young:
            await self._store(blob, source, size, if_absent=False)
        elif age.total_seconds() > MARK_S:
            return True
        # It may be young because somebody has just made it so, whom a sweep did not see.
        return not await self._is_swept(blob[:2])

    async def _is_there(self, key: str) -> bool:
        try:
            await self._client.head(key)
        except Absent:
            return False
        return True

    async def _is_swept(self, prefix: str) -> bool:
        try:
            return (await self._client.head(_mark(prefix))).age.total_seconds() < MARK_S
        except Absent:
            return False

    async def _wait_for_sweep(self, prefix: str) -> None:
        patient_until = time.monotonic() + PATIENCE_S
        while await self._is_swept(prefix):
            if time.monotonic() > patient_until:
                # One that was killed is heeded for minutes, which is no fault of the mail's.
                raise Retryable(
                    "S3: a sweep is just where a blob was put", after_s=1.0, outage=True
                )
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _delete(self, prefix: str, blobs: Sequence[BlobId], before: datetime) -> int:
        begun_at, token = time.monotonic(), secrets.token_bytes(16)
        await self._mark(prefix, token)
        try:
            aged = [blob for blob in blobs if await self._is_older(blob, before)]
            if await self._client.get(_mark(prefix)) != token:
                raise Retryable("S3: another sweep is at work")
            # Beyond, somebody might take our mark for one that was left.
            async with asyncio.timeout(begun_at + SWEEP_S - time.monotonic()):
                if aged:
                    await self._client.delete([_key(blob) for blob in aged])
        except (Absent, TimeoutError) as error:
            raise Retryable("S3 is too slow to be swept", outage=True) from error
        finally:
            self._recent.discard(blobs)
            if time.monotonic() < begun_at + MARK_S / 2:  # else it may be another's
                await self._unmark(prefix)
        return len(aged)

    async def _mark(self, prefix: str, token: bytes) -> None:
        """Say that we sweep there; nobody else may at the same time."""
        try:
            if (await self._client.head(_mark(prefix))).age.total_seconds() >= MARK_S:
                await self._unmark(prefix)  # it was left
        except Absent:
            pass
        try:
            sha256 = hashlib.sha256(token).hexdigest()
            await self._client.put(_mark(prefix), token, sha256=sha256, if_absent=True)
        except Present:
            raise Retryable("S3: another sweep is at work", after_s=LOOK_AGAIN_S) from None

    async def _unmark(self, prefix: str) -> None:
        try:
            await self._client.delete([_mark(prefix)])
        except MailError:
            return  # it is not heeded after a while

    async def _is_older(self, blob: BlobId, before: datetime) -> bool:
        try:
            return (await self._client.head(_key(blob))).modified_at < before
        except Absent:
            return False


class _BytesPart:
    """Parts of a content in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def part(self, number: int) -> bytes:
        if len(self._content) <= PART_BYTES:
            return self._content
        return self._content[number * PART_BYTES : (number + 1) * PART_BYTES]


class _FilePart:
    """Parts of a content in a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._alone = asyncio.Lock()

    async def part(self, number: int) -> bytes:
        try:
            async with self._alone:
                return await asyncio.to_thread(self._read, number)
        except OSError as error:
            raise Retryable(f"a spooled stream: {error.strerror}", outage=True) from error

    def _read(self, number: int) -> bytes:
        self._file.seek(number * PART_BYTES)
        return self._file.read(PART_BYTES)


class _Recent:
    """The ids of blobs put a short while ago, so that a second put asks nobody."""

    def __init__(self, lives_s: float) -> None:
        self._lives_s = lives_s
        self._until: OrderedDict[BlobId, float] = OrderedDict()

    def __contains__(self, blob: BlobId) -> bool:
        return self._until.get(blob, 0.0) > time.monotonic()

    def add(self, blob: BlobId) -> None:
        self._until[blob] = time.monotonic() + self._lives_s
        self._until.move_to_end(blob)
        if len(self._until) > RECENT:
            self._until.popitem(last=False)

    def discard(self, blobs: Sequence[BlobId]) -> None:
        for blob in blobs:
            self._until.pop(blob, None)


async def _write(file: IO[bytes], chunk: bytes, *, is_on_disk: bool) -> None:
    try:
        if is_on_disk:
            await asyncio.to_thread(file.write, chunk)
        else:
            file.write(chunk)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoSpace("the disk is full: a stream can't be spooled") from error
        raise Retryable(f"a stream can't be spooled: {error.strerror}", outage=True) from error


def _key(blob: BlobId) -> str:
    return f"blobs/{blob[:2]}/{blob[2:4]}/{blob}"


def _mark(prefix: str) -> str:
    return f"sweeping/{prefix}"
