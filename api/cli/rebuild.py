"""`rillmail rebuild`: the search index made anew from the mailboxes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import click

from api.cli.output import as_json, examples, print_json, printable
from api.cli.progress import nearing
from api.cli.stores import Stores, with_stores
from connectors.settings import load
from topologies.ports.search import Search
from topologies.rebuild import index_all, index_mailbox

MOST_ROUNDS = 20  # over what changed meanwhile


@dataclass(slots=True)
class Rebuilt:
    """What was done."""

    mailboxes: int = 0
    mails: int = 0


@click.command(
    epilog=examples("rillmail rebuild --user bo@demo.test", "rillmail rebuild --all --json")
)
@click.option("--user", "address", help="Index this mailbox anew, in the index in use.")
@click.option("--all", "is_all", is_flag=True, help="Index every mailbox anew.")
@as_json
def rebuild(address: str | None, is_all: bool, as_json: bool) -> None:
    """Make the search index anew from the mailboxes and blobs, while everything runs.

    On a cluster, --all fills a new index beside the one in use, switches over in one step, goes
    over what changed meanwhile, and deletes the old one. The embedded index is written in place.
    """
    if (address is None) is not is_all:
        raise click.UsageError("name a mailbox by --user, or take --all")

    async def work(stores: Stores) -> Rebuilt:
        if address is not None:
            return await _one(stores, address, is_quiet=as_json)
        return await _all(stores, is_quiet=as_json)

    rebuilt = with_stores(work)
    if as_json:
        print_json(rebuilt)
    else:
        click.echo(f"{rebuilt.mails:,} mails in {rebuilt.mailboxes:,} mailboxes indexed anew")


async def _one(stores: Stores, address: str, *, is_quiet: bool) -> Rebuilt:
    user = await stores.directory.user_by_address(address)
    if user is None:
        raise click.ClickException(
            f"there is no user {printable(address)}; `rillmail user list` shows who there is"
        )
    folders = await stores.mailboxes.folders(user.user_id)
    rebuilt = Rebuilt(mailboxes=1)
    with nearing(is_quiet=is_quiet) as progress:
        task = progress.add_task("Mails", total=sum(folder.total_count for folder in folders))
        async for done in index_mailbox(
            user.user_id, stores.mailboxes, stores.blobs, stores.search
        ):
            progress.update(task, completed=done)
            rebuilt.mails = done
    return rebuilt


async def _all(stores: Stores, *, is_quiet: bool) -> Rebuilt:
    known: dict[str, int] = {}
    rebuilt = Rebuilt()
    with nearing(is_quiet=is_quiet) as progress:
        task = progress.add_task("Mailboxes", total=len(await stores.directory.users()))

        async def go_over(search: Search) -> int:
            count = 0
            async for user_id, seq, mails in index_all(
                stores.directory, stores.mailboxes, stores.blobs, search, known=known
            ):
                known[user_id] = seq
                count += 1
                rebuilt.mails += mails
                progress.update(task, completed=len(known))
            return count

        async with _beside(stores) as index:
            await go_over(index)
        # What changed while that ran went into the old index only.
        for _ in range(MOST_ROUNDS):
            if not await go_over(stores.search):
                break
    rebuilt.mailboxes = len(known)
    return rebuilt


@asynccontextmanager
async def _beside(stores: Stores) -> AsyncGenerator[Search]:
    """Give the index to be filled; it is the one in use afterwards."""
    settings = load()
    if settings.profile != "cluster":
        yield stores.search
        return
    from connectors.elasticsearch.search import ElasticSearch

    name = settings.elasticsearch_index
    in_use = ElasticSearch(settings.elasticsearch_urls, name)
    versions = in_use.versions
    before = await versions.used()
    number = (before or 0) + 1
    await versions.drop(number)  # what a run that was cut off has left
    await versions.create(
        number,
        shards=settings.elasticsearch_shards,
        replicas=settings.elasticsearch_replication - 1,
    )
    search = ElasticSearch(settings.elasticsearch_urls, name, version=number)
    try:
        yield search
        await versions.switch(number)
        if before is not None:
            await versions.drop(before)
    finally:
        await search.close()
        await in_use.close()
