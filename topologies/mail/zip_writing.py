"""A zip file written piece by piece, to a reader who takes it as it comes.

Members follow each other; of what was written only the list of members is kept. Sizes stand
behind each member (bit 3 of its flags), in 64 bits, so that neither is bounded.
"""

import zipfile
from datetime import UTC, datetime
from typing import IO

EARLIEST, LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, tzinfo=UTC)  # MS-DOS
LEVEL = 1  # of zlib: mail is base64 for the most part, more effort wins little


class ZipWriting:
    """One zip file. Used by one at a time; what it returns is what comes next of the file."""

    def __init__(self, at: datetime) -> None:
        """Begin it.

        Args:
            at: The time of all members that have none of their own.
        """
        self._pieces: list[bytes] = []
        self._at = at.astimezone(UTC)
        self._zip = zipfile.ZipFile(
            _Sink(self._pieces), "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL
        )
        self._member: IO[bytes] | None = None

    def folder(self, name: str) -> None:
        """Add an empty folder; *name* ends with a slash."""
        self._end_member()
        info = zipfile.ZipInfo(name, self._at.timetuple()[:6])
        info.external_attr = (0o40700 << 16) | 0x10  # a folder, on Unix and on others
        self._zip.writestr(info, b"")

    def begin(self, name: str, at: datetime | None = None) -> None:
        """Begin a member; what is written goes into it.

        Args:
            name: With the folders that it lies in.
            at: Its time; None: that of all.
        """
        self._end_member()
        at = max(EARLIEST, min(at.astimezone(UTC), LATEST)) if at is not None else self._at
        info = zipfile.ZipInfo(name, at.timetuple()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        self._member = self._zip.open(info, "w", force_zip64=True)

    def write(self, data: bytes) -> bytes:
        """Add *data* to the member, and return what the file goes on with."""
        assert self._member is not None  # noqa: S101  by the contract
        self._member.write(data)
        return self._taken()

    def close(self) -> bytes:
        """End the file, and return the rest of it."""
        self._end_member()
        self._zip.close()
        return self._taken()

    def _end_member(self) -> None:
        if self._member is not None:
            self._member.close()
            self._member = None

    def _taken(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


class _Sink:
    """A file that can't be sought: what is written to it is collected."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is to be closed."""
