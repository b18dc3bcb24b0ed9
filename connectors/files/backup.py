"""A copy of the data folder of the embedded profile, taken while the service runs.

All databases are copied as they were at one moment: while their snapshots are opened, which takes
milliseconds, nobody writes the log. So nothing was accepted and not copied, no stage was further
than its copy of the log says, and what a stage had written already is written again after a
restore, which changes nothing. ``connectors.files.copies`` tells what lies where.
"""

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from connectors.files.copies import (
    BLOBS,
    FORMAT,
    MANIFEST,
    STATES,
    Copied,
    Manifest,
    Told,
    blobs_of,
    read_manifest,
    seen,
    sync,
)
from topologies.errors import Misconfigured

LOG = "log.db"
LOG_TIMEOUT_S = 30.0  # how long to wait for whoever writes the log
PAGES_AT_ONCE = 4_096  # of a database, between two tellings


def back_up(folder: Path, target: Path, told: Told, *, now: datetime) -> Manifest:
    """Bring the copy in *target* up to date with the data *folder*.

    Whoever writes the log waits for some milliseconds; nothing else is noticed of it.

    Raises:
        Misconfigured: There is nothing to copy, *target* is no place for it, or the disk is full.
    """
    if not (folder / LOG).exists():
        raise Misconfigured(
            f"{folder.resolve()} holds no mail: let RILLMAIL_DATA_DIR name the data folder"
        )
    if target.resolve().is_relative_to(folder.resolve()):
        raise Misconfigured(f"{target} is in the data folder: name a folder on another disk")
    if (target / MANIFEST).exists():
        read_manifest(target)  # else it may be something else that is overwritten
    elif target.exists() and any(target.iterdir()):
        raise Misconfigured(f"{target} is no backup, and not empty: name an empty folder")
    try:
        return _back_up(folder, target, told, now)
    except (OSError, sqlite3.Error) as error:
        raise Misconfigured(f"the backup was not made: {error}") from error


def _back_up(folder: Path, target: Path, told: Told, now: datetime) -> Manifest:
    target.mkdir(mode=0o700, parents=True, exist_ok=True)  # there are keys and passwords in it
    state = now.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    place = target / STATES / state
    place.mkdir(parents=True)
    files: dict[str, Copied] = {}
    databases = sorted(path.name for path in folder.glob("*.db"))
    with ExitStack() as opened:
        snapshots = _snapshots(folder, databases, opened)
        for name, snapshot in snapshots.items():
            _copy_database(name, snapshot, place / name, told)
            shutil.copymode(folder / name, place / name)
            files[name] = seen(place / name)
    for path in _small_files(folder):
        shutil.copy2(path, place / path.name)
        files[path.name] = seen(place / path.name)
    # Last: whatever the databases name is there by now, and swept only days later.
    blobs, blob_bytes = _copy_blobs(folder / BLOBS, target / BLOBS, told)
    manifest = Manifest(FORMAT, now, state, files, blobs, blob_bytes)
    _write(target / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
    for old in (target / STATES).iterdir():
        if old.name != state:
            shutil.rmtree(old)
    _forget_swept(folder / BLOBS, target / BLOBS)
    return manifest


def _snapshots(
    folder: Path, names: Sequence[str], opened: ExitStack
) -> dict[str, sqlite3.Connection]:
    """Return connections to all databases that see them as they were at one moment."""
    connections = {
        name: opened.enter_context(closing(sqlite3.connect(folder / name, isolation_level=None)))
        for name in names
    }
    with closing(sqlite3.connect(folder / LOG, timeout=LOG_TIMEOUT_S, isolation_level=None)) as log:
        log.execute("BEGIN IMMEDIATE")
        for connection in connections.values():
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        log.execute("ROLLBACK")
    return connections


def _copy_database(name: str, snapshot: sqlite3.Connection, target: Path, told: Told) -> None:
    with closing(sqlite3.connect(target)) as copy:
        snapshot.backup(
            copy,
            pages=PAGES_AT_ONCE,
            progress=lambda _, remaining, total: told(name, total - remaining, total),
        )
    sync(target)


def _small_files(folder: Path) -> Iterator[Path]:
    """Yield keys and certificates: what is neither a database nor of one, nor a lock."""
    for path in sorted(folder.iterdir()):
        is_of_database = any(part in path.name for part in (".db", ".lock"))
        if path.is_file() and not is_of_database and not path.name.startswith("."):
            yield path


def _copy_blobs(source: Path, target: Path, told: Told) -> tuple[int, int]:
    paths = [path for _, path in blobs_of(source)]
    count = size = 0
    for number, path in enumerate(paths, start=1):
        copy = target / path.parent.name / path.name
        with suppress(FileNotFoundError):  # swept meanwhile: nothing names it
            if not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                unfinished = target / f"{path.name}.unfinished"
                shutil.copy2(path, unfinished)
                sync(unfinished)
                unfinished.replace(copy)
            count += 1
            size += copy.stat().st_size
        told(BLOBS, number, len(paths))
    return count, size


def _forget_swept(source: Path, target: Path) -> None:
    for digest, path in blobs_of(target):
        if not (source / digest[:2] / digest[2:]).exists():
            path.unlink()


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_bytes(content)
    sync(unfinished)
    unfinished.replace(path)
    sync(path.parent)
