"""The key for URLs in a file that only its owner can read."""

import asyncio
import contextlib
import errno
import os
import secrets
from pathlib import Path

from topologies.errors import NoSpace, Retryable
from topologies.ports.url_key import KEY_BYTES


class FileUrlKey:
    """The key in one file, made when it is needed first."""

    def __init__(self, path: Path) -> None:
        """Keep it in *path*, whose folder is there."""
        self._path = path
        self._known: bytes | None = None

    async def get(self) -> bytes:
        if self._known is None:
            try:
                self._known = await asyncio.to_thread(self._kept)
            except OSError as error:
                words = f"{self._path}: {error.strerror}"
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise NoSpace(words) from error
                raise Retryable(words, outage=True) from error
        return self._known

    def _kept(self) -> bytes:
        with contextlib.suppress(FileNotFoundError):
            return self._path.read_bytes()
        # Whole under its name or not there at all, and never another's: whoever links second
        # finds the first one's.
        made = self._path.with_name(f"{self._path.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(
                os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb"
            ) as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                self._path.hardlink_to(made)
        finally:
            made.unlink(missing_ok=True)
        return self._path.read_bytes()
