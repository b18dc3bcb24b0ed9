"""How far an import over IMAP has come: by folder, the last UID that is safe here.

Kept in a file of its own, replaced whole. Losing it costs time only: what is here already is
known by its bytes. A folder whose UIDVALIDITY changed begins anew (RFC 9051 §2.3.1.1).
"""

import hashlib
import os
from pathlib import Path

import msgspec

DIGEST_BYTES = 16


class _Folder(msgspec.Struct, frozen=True):
    validity: int
    last: int


class ImapState:
    """The state of one import."""

    def __init__(self, path: Path) -> None:
        """Read what *path* holds, if it is there and can be read."""
        self._path = path
        self._seen_path = path.with_suffix(".seen")
        self._folders: dict[str, _Folder] = {}
        self._seen: set[bytes] = set()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._folders = msgspec.json.decode(path.read_bytes(), type=dict[str, _Folder])
            kept = self._seen_path.read_bytes() if self._seen_path.exists() else b""
        except (OSError, msgspec.MsgspecError):
            return
        stretches = range(0, len(kept) - DIGEST_BYTES + 1, DIGEST_BYTES)
        self._seen = {kept[at : at + DIGEST_BYTES] for at in stretches}

    def last(self, folder: str, validity: int) -> int:
        """Return the last UID that is safe; 0: none."""
        known = self._folders.get(folder)
        return known.last if known is not None and known.validity == validity else 0

    def reached(self, folder: str, validity: int, last: int) -> None:
        """Keep that all mails of a folder up to *last* are safe."""
        self._folders[folder] = _Folder(validity, last)
        half = self._path.with_suffix(".new")
        with half.open("wb") as file:
            file.write(msgspec.json.encode(self._folders))
            file.flush()
            os.fsync(file.fileno())
        half.replace(self._path)

    def is_seen(self, raw: bytes) -> bool:
        """Tell whether a message was seen in another folder."""
        return _digest(raw) in self._seen

    def see(self, raw: bytes) -> None:
        """Keep that a message was seen."""
        digest = _digest(raw)
        if digest not in self._seen:
            self._seen.add(digest)
            with self._seen_path.open("ab") as file:
                file.write(digest)


def state_path(folder: Path, host: str, login: str, address: str) -> Path:
    """Return where the state of such an import is kept."""
    name = msgspec.json.encode([host.lower(), login, address.lower()])
    return folder / "imports" / f"{hashlib.sha256(name).hexdigest()[:32]}.json"


def _digest(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()[:DIGEST_BYTES]
