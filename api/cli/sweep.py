"""`rillmail sweep`: blobs that nothing refers to any more are deleted."""

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime, timedelta

import click
from rich.progress import Progress

from api.cli.output import as_json, examples, print_json
from api.cli.progress import counting
from api.cli.stores import Stores, with_stores
from topologies.events import BlobId
from topologies.mail.sweep import Swept, sweep
from topologies.ports.blob_sweep import GRACE
from topologies.used_blobs import used_blobs

SHOWN_EVERY = 1_000


@click.command("sweep", epilog=examples("rillmail sweep", "rillmail sweep --days 30 --json"))
@click.option(
    "--days",
    type=click.FloatRange(min=GRACE.days),
    default=float(GRACE.days),
    show_default=True,
    help="Only blobs that were put longer ago.",
)
@as_json
def sweep_(days: float, as_json: bool) -> None:
    """Delete raw messages, attachments and large texts that no mail refers to any more.

    Reads the log, the dead letters and every mailbox first, and deletes nothing if one of them
    can't be read. Everything may run meanwhile: what is put again stays. Once a week is enough.
    """
    swept = with_stores(lambda stores: _sweep(stores, timedelta(days=days), is_quiet=as_json))
    if as_json:
        print_json(swept)
    else:
        click.echo(
            f"{swept.marked:,} references read, {swept.old:,} blobs older than {days:g} days,"
            f" {swept.deleted:,} of them deleted"
        )


async def _sweep(stores: Stores, grace: timedelta, *, is_quiet: bool) -> Swept:
    now = datetime.now(UTC)
    used = used_blobs(
        stores.directory, stores.mailboxes, stores.blobs, stores.reader, stores.dead_letters
    )
    with counting(is_quiet=is_quiet) as progress:
        return await sweep(stores.blobs, _shown(used, progress), now=now, grace=grace)


async def _shown(used: AsyncGenerator[BlobId], progress: Progress) -> AsyncIterator[BlobId]:
    task = progress.add_task("References", total=None)
    count = 0
    async for blob in used:
        count += 1
        if count % SHOWN_EVERY == 0:
            progress.update(task, completed=count)
        yield blob
