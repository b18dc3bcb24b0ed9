"""A copy of a data folder is put back (``connectors.files.backup`` made it)."""

import shutil
from pathlib import Path

from connectors.files.copies import (
    BLOBS,
    STATES,
    Manifest,
    Told,
    blobs_of,
    digest_of,
    read_manifest,
    seen,
    sync,
)
from topologies.errors import Misconfigured

RESTORING = ".restoring"  # in a data folder: what a restore has not finished


def restore(source: Path, folder: Path, told: Told) -> Manifest:
    """Put the copy in *source* into the data *folder*, which is empty or absent.

    Every file is compared with its digest first. A restore that was killed is run again.

    Raises:
        Misconfigured: *source* is no copy or is damaged, *folder* is in use, or can't be written.
    """
    manifest = read_manifest(source)
    unfinished = folder / RESTORING
    if folder.exists() and any(folder.iterdir()) and not unfinished.exists():
        raise Misconfigured(
            f"{folder.resolve()} is not empty: move it away, or let RILLMAIL_DATA_DIR name another"
        )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished.mkdir(exist_ok=True)
        _put_back(source, manifest, unfinished, told)
        _take_over(unfinished, folder)
    except OSError as error:
        raise Misconfigured(f"the backup was not restored: {error}") from error
    return manifest


def _put_back(source: Path, manifest: Manifest, target: Path, told: Told) -> None:
    for number, (name, known) in enumerate(manifest.files.items(), start=1):
        copy = target / name
        shutil.copyfile(source / STATES / manifest.state / name, copy)
        copy.chmod(known.mode)
        if seen(copy) != known:
            raise Misconfigured(f"{name} of the backup is damaged: restore from another one")
        sync(copy)
        told("databases", number, len(manifest.files))
    blobs = list(blobs_of(source / BLOBS))
    for number, (digest, path) in enumerate(blobs, start=1):
        copy = target / BLOBS / digest[:2] / digest[2:]
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
        if digest_of(copy) != digest:
            raise Misconfigured(f"the blob {digest} of the backup is damaged: restore another one")
        sync(copy)
        told(BLOBS, number, len(blobs))


def _take_over(unfinished: Path, folder: Path) -> None:
    """Move all into place; the service does not start before the last has moved."""
    for path in unfinished.iterdir():
        there = folder / path.name
        if there.is_dir():  # half moved by a run that was killed
            shutil.rmtree(there)
        path.replace(there)
    sync(folder)
    unfinished.rmdir()
