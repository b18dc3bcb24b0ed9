"""`rillmail backup` and `restore`: a copy of all that the embedded profile keeps."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.progress import TaskID

from api.cli.output import as_json, examples, print_json
from api.cli.progress import nearing
from api.cli.stores import errors_for_people
from connectors.files.backup import back_up
from connectors.files.copies import Manifest, Told
from connectors.files.restore import restore as put_back
from connectors.settings import load

IN_DOCS = "docs/operations.md tells how the engines are backed up and restored"


@click.command(
    epilog=examples("rillmail backup /mnt/backup/mail", "rillmail backup /mnt/backup/mail --json")
)
@click.argument("target", type=click.Path(path_type=Path, file_okay=False))
@as_json
def backup(target: Path, as_json: bool) -> None:
    """Copy all mail, users and keys into the folder TARGET.

    The service may run meanwhile; the copy shows one moment. Run again, it brings the copy up to
    date, and large parts that are there are not copied anew. Whoever reads it reads all mail.
    """
    with errors_for_people(), shown(is_quiet=as_json) as told:
        made = back_up(data_folder(), target, told, now=datetime.now(UTC))
    if as_json:
        print_json(made)
    else:
        click.echo(f"Backed up as of {said(made)}")


@click.command(
    epilog=examples(
        "rillmail restore /mnt/backup/mail",
        "RILLMAIL_DATA_DIR=/var/lib/rillmail rillmail restore /mnt/backup/mail",
    )
)
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
@as_json
def restore(source: Path, as_json: bool) -> None:
    """Put the backup in the folder SOURCE into the data folder, which must be empty.

    Every file is compared with its digest. Mail that was accepted after the moment of the backup
    is not in it; mail that was sent since then is sent once more.
    """
    with errors_for_people(), shown(is_quiet=as_json) as told:
        made = put_back(source, data_folder(), told)
    if as_json:
        print_json(made)
    else:
        click.echo(f"Restored as of {said(made)}")


def data_folder() -> Path:
    """Return the folder of this deployment, if it keeps all in one."""
    settings = load()
    if settings.profile != "embedded":
        raise click.ClickException(f"in a cluster the engines keep the data: {IN_DOCS}")
    return Path(settings.data_dir)


def said(made: Manifest) -> str:
    """Return what a copy holds, for people."""
    size = sum(file.size for file in made.files.values()) + made.blob_bytes
    return (
        f"{made.made_at:%Y-%m-%d %H:%M:%S} UTC: {len(made.files)} files and {made.blobs:,} blobs,"
        f" {size / 1024**2:,.1f} MiB"
    )


@contextmanager
def shown(*, is_quiet: bool) -> Generator[Told]:
    """Yield what shows how far the copying is."""
    tasks: dict[str, TaskID] = {}
    with nearing(is_quiet=is_quiet) as progress:

        def told(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total)
            progress.update(tasks[name], completed=done, total=total)

        yield told
