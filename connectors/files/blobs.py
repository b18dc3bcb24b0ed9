"""Blobs as files named by the SHA-256 of their content.

Writes and reads `blobs/ab/cd…`. A blob is written under another name, synced and renamed,
so that after a power cut it is there whole or not at all. Its age is the file's; to make an
old one young again and to delete one exclude each other by a lock between processes.
"""

import asyncio
import errno
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

from topologies.errors import BlobMissing, NoSpace, Retryable
from topologies.events.message import BlobId
from topologies.ports.blob_sweep import GRACE

CHUNK_BYTES = 256 * 1024


class FileBlobs:
    """The blobs of one deployment, in one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        disk_reserve_bytes: int,
        disk_free: Callable[[], int],
        grace: timedelta = GRACE,
    ) -> None:
        """Use *folder*, made when absent; what a killed process left half-written is removed."""
        self._folder = folder
        self._unfinished = folder / "unfinished"
        self._disk_reserve_bytes = disk_reserve_bytes
        self._disk_free = disk_free
        self._young_s = grace.total_seconds() / 2
        self._lock = folder / "sweep.lock"
        self._unfinished.mkdir(parents=True, exist_ok=True)
        self._mine = f"{os.getpid()}-"
        for left in self._unfinished.iterdir():
            if not _is_alive(left.name.partition("-")[0]):
                left.unlink(missing_ok=True)

    async def put(self, contents: Sequence[bytes]) -> list[BlobId]:
        return await asyncio.to_thread(self._put, contents)

    async def put_stream(self, chunks: AsyncIterator[bytes]) -> tuple[BlobId, int]:
        self._check_space()
        path = self._new_path()
        digest, size = hashlib.sha256(), 0
        try:
            with path.open("wb") as file:
                async for chunk in chunks:
                    await _in_thread(file.write, chunk)
                    digest.update(chunk)
                    size += len(chunk)
                blob = digest.hexdigest()
                await _in_thread(file.flush)
                await _in_thread(self._finish, file.fileno(), path, blob)
        finally:
            path.unlink(missing_ok=True)  # is there only if it came to nothing
        return blob, size

    async def get(self, blob: BlobId) -> bytes:
        return await asyncio.to_thread(self._read, blob, 0, None)

    async def stream(
        self, blob: BlobId, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        size = await self.size(blob)
        last = size if end is None else min(end, size)
        for at in range(start, last, CHUNK_BYTES):
            length = min(CHUNK_BYTES, last - at)
            yield await asyncio.to_thread(self._read, blob, at, length)

    async def size(self, blob: BlobId) -> int:
        try:
            return self._path(blob).stat().st_size
        except FileNotFoundError:
            raise BlobMissing(f"there is no blob {blob}") from None

    async def old(self, before: datetime) -> AsyncIterator[BlobId]:
        for prefix in range(256):
            for blob in await asyncio.to_thread(self._old, f"{prefix:02x}", before.timestamp()):
                yield blob

    async def delete(self, blobs: Sequence[BlobId], before: datetime) -> int:
        return await asyncio.to_thread(self._delete, blobs, before.timestamp())

    def _old(self, prefix: str, before: float) -> list[BlobId]:
        found: list[BlobId] = []
        try:
            for file in (self._folder / prefix).iterdir():
                with suppress(FileNotFoundError):  # another sweep was faster
                    if file.stat().st_mtime < before:
                        found.append(prefix + file.name)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _translated(error) from error
        return found

    def _delete(self, blobs: Sequence[BlobId], before: float) -> int:
        deleted = 0
        for path in map(self._path, blobs):
            try:
                with self._locked(fcntl.LOCK_EX):
                    if path.stat().st_mtime < before:
                        path.unlink()
                        deleted += 1
            except FileNotFoundError:
                continue
            except OSError as error:
                raise _translated(error) from error
        return deleted

    def _is_there(self, path: Path) -> bool:
        """Return whether the blob is there, and will be for half the grace time at least."""
        try:
            if time.time() - path.stat().st_mtime >= self._young_s:
                with self._locked(fcntl.LOCK_SH):
                    os.utime(path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _translated(error) from error
        return True

    @contextmanager
    def _locked(self, kind: int) -> Generator[None]:
        with self._lock.open("a") as file:
            fcntl.flock(file, kind)
            yield

    def _put(self, contents: Sequence[bytes]) -> list[BlobId]:
        return [self._put_one(content) for content in contents]

    def _put_one(self, content: bytes) -> BlobId:
        blob = hashlib.sha256(content).hexdigest()
        if self._is_there(self._path(blob)):
            return blob
        self._check_space()
        path = self._new_path()
        try:
            with path.open("wb") as file:
                file.write(content)
                file.flush()
                self._finish(file.fileno(), path, blob)
        except OSError as error:
            raise _translated(error) from error
        finally:
            path.unlink(missing_ok=True)
        return blob

    def _finish(self, descriptor: int, path: Path, blob: BlobId) -> None:
        os.fsync(descriptor)
        target = self._path(blob)
        is_new_folder = not target.parent.exists()
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._locked(fcntl.LOCK_SH):
            path.replace(target)
        _sync(target.parent)  # a name is durable once its folder is
        if is_new_folder:
            _sync(self._folder)

    def _read(self, blob: BlobId, start: int, length: int | None) -> bytes:
        try:
            with self._path(blob).open("rb") as file:
                file.seek(start)
                return file.read(-1 if length is None else length)
        except FileNotFoundError:
            raise BlobMissing(f"there is no blob {blob}") from None

    def _check_space(self) -> None:
        if self._disk_free() < self._disk_reserve_bytes:
            raise NoSpace("the disk is nearly full")

    def _new_path(self) -> Path:
        return self._unfinished / f"{self._mine}{secrets.token_hex(8)}"

    def _path(self, blob: BlobId) -> Path:
        return self._folder / blob[:2] / blob[2:]


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _in_thread(work: Callable[..., object], *arguments: object) -> None:
    # Only the disk's errors are ours to translate, not those of whoever sends the bytes.
    try:
        await asyncio.to_thread(work, *arguments)
    except OSError as error:
        raise _translated(error) from error


def _is_alive(pid: str) -> bool:
    return pid.isdecimal() and Path(f"/proc/{pid}").exists()


def _translated(error: OSError) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace("the disk is full")
    return Retryable(f"blobs: {error.strerror}", outage=True)
