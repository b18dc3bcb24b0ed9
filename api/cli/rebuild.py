"""`rillmail rebuild`: mailboxes made anew from the log, and the search index from the mailboxes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import click

from api.cli.output import as_json, examples, print_json, printable
from api.cli.progress import counting, nearing
from api.cli.stores import Stores, with_stores
from connectors.assembly.stores import texts_of
from connectors.settings import load
from topologies.ports.search import Search
from topologies.rebuild import index_all, index_mailbox
from topologies.rebuild_mailboxes import RebuiltMailboxes, rebuild_mailboxes

MOST_ROUNDS = 20  # over what changed meanwhile
TAKEN_WITHIN_S = 30.0  # by the stage `store`, of a mailbox made anew


@dataclass(slots=True)
class Rebuilt:
    """What was done.

    Attributes:
        mailboxes: Whose mails were indexed anew.
        mails: Indexed.
        from_log: Mailboxes that were made anew and replaced; None: that was not asked for.
    """

    mailboxes: int = 0
    mails: int = 0
    from_log: RebuiltMailboxes | None = None


@click.command(
    epilog=examples(
        "rillmail rebuild --user bo@demo.test",
        "rillmail rebuild --all --json",
        "rillmail rebuild --user bo@demo.test --mailboxes",
    )
)
@click.option("--user", "address", help="This mailbox alone.")
@click.option("--all", "is_all", is_flag=True, help="Every mailbox.")
@click.option(
    "--mailboxes",
    "from_log",
    is_flag=True,
    help="First make the mailbox itself anew from the log. The service must run.",
)
@as_json
def rebuild(address: str | None, is_all: bool, from_log: bool, as_json: bool) -> None:
    """Make the search index anew from the mailboxes and blobs, while everything runs.

    On a cluster, --all fills a new index beside the one in use, switches over in one step, goes
    over what changed meanwhile, and deletes the old one. The embedded index is written in place.

    With --mailboxes, mailboxes are made anew from the commands that the log holds, beside those
    in use, which they replace between two commands: nothing is lost or done twice. A mailbox
    that is older than what the log still holds stays as it is. The exit code is 1 if one did.
    """
    if (address is None) is not is_all:
        raise click.UsageError("name a mailbox by --user, or take --all")

    async def work(stores: Stores) -> Rebuilt:
        user_id = None if address is None else await _user_id(stores, address)
        anew = await _from_log(stores, user_id, is_quiet=as_json) if from_log else None
        if user_id is not None:
            rebuilt = await _one(stores, user_id, is_quiet=as_json)
        else:
            rebuilt = await _all(stores, is_quiet=as_json)
        rebuilt.from_log = anew
        return rebuilt

    rebuilt = with_stores(work)
    if as_json:
        print_json(rebuilt)
    else:
        click.echo(_for_people(rebuilt))
    anew = rebuilt.from_log
    if anew is not None and (anew.beyond_the_log or anew.not_switched):
        raise SystemExit(1)


def _for_people(rebuilt: Rebuilt) -> str:
    lines: list[str] = []
    if (anew := rebuilt.from_log) is not None:
        lines.append(f"{len(anew.rebuilt):,} mailboxes made anew of {anew.commands:,} commands")
        if anew.beyond_the_log:
            lines.append(
                f"{len(anew.beyond_the_log):,} are older than what the log still holds, and stay"
                " as they are"
            )
        if anew.not_switched:
            lines.append(
                f"{len(anew.not_switched):,} were not taken by the stage `store` within"
                f" {TAKEN_WITHIN_S:g} s: see that it runs, then do it again"
            )
    lines.append(f"{rebuilt.mails:,} mails in {rebuilt.mailboxes:,} mailboxes indexed anew")
    return "\n".join(lines)


async def _user_id(stores: Stores, address: str) -> str:
    user = await stores.directory.user_by_address(address)
    if user is None:
        raise click.ClickException(
            f"there is no user {printable(address)}; `rillmail user list` shows who there is"
        )
    return user.user_id


async def _from_log(stores: Stores, user_id: str | None, *, is_quiet: bool) -> RebuiltMailboxes:
    anew = RebuiltMailboxes()
    with counting(is_quiet=is_quiet) as progress:
        task = progress.add_task("Commands", total=None)
        async for done in rebuild_mailboxes(
            stores.reader,
            stores.log,
            stores.generations,
            stores.clock,
            users=None if user_id is None else [user_id],
            rebuilt=anew,
            timeout_s=TAKEN_WITHIN_S,
        ):
            progress.update(task, completed=done)
    return anew


async def _one(stores: Stores, user_id: str, *, is_quiet: bool) -> Rebuilt:
    folders = await stores.mailboxes.folders(user_id)
    rebuilt = Rebuilt(mailboxes=1)
    with nearing(is_quiet=is_quiet) as progress:
        task = progress.add_task("Mails", total=sum(folder.total_count for folder in folders))
        texts = texts_of(load(), patience_s=None)
        async for done in index_mailbox(
            user_id, stores.mailboxes, stores.blobs, texts, stores.search
        ):
            progress.update(task, completed=done)
            rebuilt.mails = done
    return rebuilt


async def _all(stores: Stores, *, is_quiet: bool) -> Rebuilt:
    known: dict[str, int] = {}
    rebuilt = Rebuilt()
    texts = texts_of(load(), patience_s=None)
    with nearing(is_quiet=is_quiet) as progress:
        task = progress.add_task("Mailboxes", total=len(await stores.directory.users()))

        async def go_over(search: Search) -> int:
            count = 0
            async for user_id, seq, mails in index_all(
                stores.directory, stores.mailboxes, stores.blobs, texts, search, known=known
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
    from connectors.assembly.reaching import search_of

    in_use = search_of(settings)
    versions = in_use.versions
    before = await versions.used()
    number = (before or 0) + 1
    await versions.drop(number)  # what a run that was cut off has left
    await versions.create(
        number,
        shards=settings.elasticsearch_shards,
        replicas=settings.elasticsearch_replication - 1,
    )
    search = search_of(settings, version=number)
    try:
        yield search
        await versions.switch(number)
        if before is not None:
            await versions.drop(before)
    finally:
        await search.close()
        await in_use.close()
