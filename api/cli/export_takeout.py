"""Everything that a user has, written to one zip file, which appears when it is whole."""

from contextlib import suppress
from pathlib import Path

import click

from api.cli.export_mbox import alone_in
from api.cli.stores import Stores
from topologies.ports.directory import User
from topologies.takeout import Holdings, takeout


async def write_takeout(stores: Stores, user: User, path: Path) -> int:
    """Write the zip file at *path*, in place of one that is there; return its size in bytes.

    Raises:
        click.ClickException: It can't be written.
    """
    half = path.with_name(f"{path.name}.part")
    size_bytes = 0
    try:
        half.parent.mkdir(parents=True, exist_ok=True)
        half.touch(mode=0o600)
        with half.open("r+b") as file:
            alone_in(file, half)
            file.truncate()
            async for piece in takeout(user, Holdings.of(stores)):
                size_bytes += file.write(piece)
        half.replace(path)
    except OSError as error:
        with suppress(OSError):
            half.unlink(missing_ok=True)
        raise click.ClickException(f"{path} can't be written: {error.strerror}") from error
    return size_bytes
