"""Opens one archive, 7z or RAR, and writes what is in it; run as a program by ``sealed``.

Reads the archive from standard input. Writes frames: four bytes of length, then msgpack of
(what, name, reason, content), where *what* is ``file``, a kind of finding, ``much`` or ``end``.
Imports nothing of ours, so that it starts fast; takes limits from the system for itself.
"""

import io
import resource
import sys
from collections.abc import Iterator
from typing import Any, cast

import msgspec

MEMORY_BYTES = 1024**3
CPU_S = 10
STORED = 0x30  # the method of RAR that leaves files as they are

Frame = tuple[str, str, str, bytes]


class _TooMuch(Exception):
    """More comes out than may."""


def _of_7z(content: bytes, most_bytes: int, most_files: int) -> Iterator[Frame]:
    import py7zr  # here, since one of the two is needed
    import py7zr.exceptions

    class File(py7zr.Py7zIO):
        """One file of the archive, written out when it is whole."""

        def __init__(self, name: str) -> None:
            self._name = name
            self._content = io.BytesIO()

        def write(self, s: bytes | bytearray) -> int:
            nonlocal most_bytes
            most_bytes -= len(s)
            if most_bytes < 0:
                raise _TooMuch
            return self._content.write(s)

        def read(self, size: int | None = None) -> bytes:
            return self._content.read(size)

        def seek(self, offset: int, whence: int = 0) -> int:
            return self._content.seek(offset, whence)

        def flush(self) -> None:
            return

        def size(self) -> int:
            return len(self._content.getbuffer())

        def close(self) -> None:
            _write(("file", self._name, "", self._content.getvalue()))
            self._content = io.BytesIO()

    class Files(py7zr.WriterFactory):
        def create(self, filename: str) -> py7zr.Py7zIO:
            nonlocal most_files
            most_files -= 1
            if most_files < 0:
                raise _TooMuch
            return File(filename)

    try:
        with py7zr.SevenZipFile(io.BytesIO(content)) as archive:
            if not archive.needs_password():
                archive.extractall(factory=Files())
                return
            for info in archive.list():
                if info.is_file:
                    yield ("encrypted", info.filename, "archive with a password", b"")
    except py7zr.exceptions.PasswordRequired:
        yield ("encrypted", "", "archive with a password", b"")


def _of_rar(content: bytes, most_bytes: int, most_files: int) -> Iterator[Frame]:
    import rarfile  # pyright: ignore[reportMissingTypeStubs]

    # Any: the library has no types.
    archive: Any = cast(
        "Any",
        rarfile.RarFile(  # pyright: ignore[reportUnknownMemberType]
            io.BytesIO(content), part_only=True, errors="strict"
        ),
    )
    with archive:
        if not archive.infolist():
            kind = "encrypted" if archive.needs_password() else "unscannable"
            yield (kind, "", "archive that shows nothing of what is in it", b"")
        for info in archive.infolist():
            most_files -= 1
            if most_files < 0:
                raise _TooMuch
            if not info.is_file():
                continue
            name = str(info.filename)
            if info.needs_password():
                yield ("encrypted", name, "archive with a password", b"")
            elif info.compress_type != STORED or info.file_size != info.compress_size:
                yield ("unscannable", name, "compressed by RAR", b"")
            else:
                most_bytes -= info.file_size
                if most_bytes < 0:
                    raise _TooMuch
                yield ("file", name, "", archive.read(info))


def _write(frame: Frame) -> None:
    packed = msgspec.msgpack.encode(frame)
    sys.stdout.buffer.write(len(packed).to_bytes(4, "big") + packed)


def main() -> None:
    """Open what standard input holds."""
    kind, most_bytes, most_files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    content = sys.stdin.buffer.read()
    try:
        for frame in {"7z": _of_7z, "rar": _of_rar}[kind](content, most_bytes, most_files):
            _write(frame)
    except _TooMuch:
        _write(("much", "", "", b""))
    _write(("end", "", "", b""))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
