"""A copy of the data folder of the embedded profile: what lies where in it.

One folder, and every run of ``connectors.files.backup`` brings it up to date::

    manifest.json       what is in it; replaced last, so a run that is killed leaves the one before
    states/2026…/       every database and every key, as of one moment
    blobs/ab/cdef…      large raw messages, attachments and texts, each named by its digest
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from topologies.errors import Misconfigured

FORMAT = 1
MANIFEST, STATES, BLOBS = "manifest.json", "states", "blobs"
CHUNK_BYTES = 1024 * 1024

# Called with what is copied now, how much of it is done and how much there is, in one unit.
Told = Callable[[str, int, int], None]


class Copied(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the copy: its size in bytes, its SHA-256 in hex, and its mode."""

    size: int
    sha256: str
    mode: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a copy holds.

    Attributes:
        format: Of the copy's layout.
        made_at: The moment it shows.
        state: The folder under ``states``.
        files: Databases and keys by name.
        blobs: How many there are beside them, and ``blob_bytes`` their size.
    """

    format: int
    made_at: datetime
    state: str
    files: Mapping[str, Copied]
    blobs: int
    blob_bytes: int


def read_manifest(copy: Path) -> Manifest:
    """Return what the *copy* says it holds.

    Raises:
        Misconfigured: It is none, or made by a later version.
    """
    try:
        manifest = msgspec.json.decode((copy / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise Misconfigured(f"{copy} is no backup: it has no {MANIFEST}") from None
    except (OSError, msgspec.DecodeError) as error:
        raise Misconfigured(f"{copy / MANIFEST} can't be read: {error}") from error
    names = (manifest.state, *manifest.files)
    if manifest.format != FORMAT or any(Path(name).name != name for name in names):
        raise Misconfigured(f"{copy} was made by another version of Rillmail")
    return manifest


def blobs_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the digest and the path of each blob."""
    for prefix in sorted(folder.glob("[0-9a-f][0-9a-f]")):
        for path in sorted(prefix.iterdir()):
            yield prefix.name + path.name, path


def seen(path: Path) -> Copied:
    """Return what a manifest says of the file *path*."""
    about = path.stat()
    return Copied(about.st_size, digest_of(path), about.st_mode & 0o777)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Return when a file or a folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
