"""Write the mailboxes of many users into mbox files, as many as there are shards.

Each mailbox stands in one piece in the file of its shard, as `rillmail export` writes it; a list
beside the file tells whose mail begins where, so that one mailbox can be cut out and imported.
A shard has its name when it is whole: what is there already is not written again, so a job that
was cut off goes on. Mail may flow meanwhile.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# Beam types its transforms only in part.

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial
from typing import Any

import apache_beam as beam
import click
import msgspec
from apache_beam.io.filesystems import FileSystems

from connectors.assembly.stores import Stores
from pipelines.at_stores import AtStores, Users, at_once, check_domain
from pipelines.running import WriteOne, count, make_folder, options, read_one, run
from pipelines.telling import (
    SHOWN,
    as_json,
    errors_for_people,
    examples,
    for_beam,
    print_json,
    printable,
)
from topologies.errors import BlobMissing
from topologies.exporting import mails, whole
from topologies.mail import mbox_writing


class Mailbox(msgspec.Struct, frozen=True, kw_only=True):
    """Whose mail stands where in the file of a shard.

    Attributes:
        start: The first byte.
        bytes: How many from there on.
        unreadable: Ids of mails whose raw message is not where it should be.
    """

    address: str
    user_id: str
    start: int
    bytes: int
    mails: int
    unreadable: tuple[str, ...] = ()


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What a job came to.

    Attributes:
        there_already: Shards that an earlier job had written.
        unreadable: Mails that were left out; the first of them by id.
    """

    mailboxes: int = 0
    mails: int = 0
    bytes: int = 0
    shards: int = 0
    there_already: int = 0
    unreadable: int = 0
    first_unreadable: tuple[str, ...] = ()


class Export(beam.PTransform[Any, Any]):
    """From (user_id, domain) to one ``Exported``; files are written on the way."""

    def __init__(self, name: str, shards: int) -> None:
        super().__init__()
        self._name = name
        self._shards = shards

    def expand(self, input_or_inputs: Any) -> Any:
        """Add the steps to the pipeline."""
        write = partial(write_shard, path=self._name, shards=self._shards)
        return (
            input_or_inputs
            | "Shard" >> beam.Map(partial(_in_its_shard, shards=self._shards))
            | "Of a shard" >> beam.GroupByKey()
            | "Write" >> beam.ParDo(AtStores(write))
            | "Add up" >> beam.CombineGlobally(_added)
        )


@click.command(
    "export",
    epilog=examples(
        "rillmail batch export --output exported",
        "rillmail batch export --domain demo.test --shards 8 --output exported --json",
        "rillmail batch export --shards 4096 --output /srv/exported -- --runner FlinkRunner",
    ),
)
@click.option("--output", required=True, help="The folder of the files.")
@click.option("--domain", default="", help="The mailboxes of this domain alone.")
@click.option(
    "--shards", type=click.IntRange(min=1), default=16, show_default=True, help="How many files."
)
@as_json
@for_beam
def command(output: str, domain: str, shards: int, as_json: bool, for_beam: Sequence[str]) -> None:
    """Write the mailboxes of all users into mbox files, whole ones into each.

    `rillmail export` does one user's. Shards that are there already are not written again: to
    have what came since, take another folder. The exit code is 1 if a mail could not be read.
    """
    folder = output.rstrip("/")
    with errors_for_people():
        at_once(partial(check_domain, name=domain))  # what can't be done is told at once
        pipeline = beam.Pipeline(options=options(for_beam))
        _ = (
            pipeline
            | "All" >> Users(domain, has_quarantine=False)
            | Export(f"{folder}/{domain or 'mail'}", shards)
            | "Tell" >> WriteOne(f"{folder}/summary.json")
        )
        run(pipeline, "Mails", is_quiet=as_json)
        told = read_one(f"{folder}/summary.json", Exported)
    if as_json:
        print_json(told)
    else:
        click.echo(
            f"{told.mails:,} mails of {told.mailboxes:,} mailboxes in {told.shards:,} files in"
            f" {printable(output)}"
        )
        if told.there_already:
            click.echo(f"{told.there_already:,} shards were there already")
        for email_id in told.first_unreadable:
            click.echo(f"unreadable  {email_id}")
    if told.unreadable:
        raise SystemExit(1)


def shard_of(user_id: str, shards: int) -> int:
    """Return which of the *shards* a mailbox is in: the same on every machine."""
    return int.from_bytes(hashlib.sha256(user_id.encode()).digest()[:8], "big") % shards


async def write_shard(
    stores: Stores, shard: tuple[int, Iterable[str]], *, path: str, shards: int
) -> AsyncIterator[Exported]:
    """Write one shard, unless it is there; yield what it came to.

    Args:
        stores: Where the mailboxes are.
        shard: Its number, and the user_ids of those who are in it.
        path: The folder, and how the names of its files begin.
        shards: How many there are.

    Raises:
        Retryable: A store is out of reach.
    """
    number, users = shard
    name = f"{path}-{number:05d}-of-{shards:05d}"
    if FileSystems.exists(f"{name}.jsonl"):
        yield Exported(there_already=1)
        return
    told: list[Mailbox] = []
    at = 0
    make_folder(path.rpartition("/")[0])
    with FileSystems.create(f"{name}.mbox.part") as file:
        for user_id in sorted(users):
            mailbox = await _write_mailbox(stores, user_id, file, at)
            if mailbox is not None:
                told.append(mailbox)
                at += mailbox.bytes
    with FileSystems.create(f"{name}.jsonl.part") as file:
        file.write(msgspec.json.Encoder().encode_lines(told))
    if FileSystems.exists(f"{name}.mbox"):  # a job was cut off between the two renamings
        FileSystems.delete([f"{name}.mbox"])
    FileSystems.rename([f"{name}.mbox.part"], [f"{name}.mbox"])
    FileSystems.rename([f"{name}.jsonl.part"], [f"{name}.jsonl"])
    unreadable = [email_id for mailbox in told for email_id in mailbox.unreadable]
    yield Exported(
        mailboxes=len(told),
        mails=sum(mailbox.mails for mailbox in told),
        bytes=at,
        shards=1,
        unreadable=len(unreadable),
        first_unreadable=tuple(unreadable[:SHOWN]),
    )


def _in_its_shard(user: tuple[str, str], *, shards: int) -> tuple[int, str]:
    return shard_of(user[0], shards), user[0]


async def _write_mailbox(stores: Stores, user_id: str, file: Any, start: int) -> Mailbox | None:
    user = await stores.directory.user(user_id)
    if user is None:
        return None  # deleted since
    size_bytes = written = 0
    unreadable: list[str] = []
    async for lying in mails(user_id, stores.mailboxes):
        email_id = lying.summary.email_id
        try:
            found = await whole(user_id, email_id, stores.mailboxes, stores.blobs)
        except BlobMissing:
            unreadable.append(email_id)
            continue
        if found is None:
            continue  # gone since
        email, raw = found
        data = mbox_writing.written(
            raw,
            email_id=email_id,
            sender=email.mail_from,
            stored_at=lying.summary.created_at,
            filing=lying.filing,
        )
        file.write(data)
        size_bytes += len(data)
        written += 1
        count()
    return Mailbox(
        address=user.address,
        user_id=user_id,
        start=start,
        bytes=size_bytes,
        mails=written,
        unreadable=tuple(unreadable),
    )


def _added(parts: Iterable[Exported]) -> Exported:
    names = [name for name in Exported.__struct_fields__ if name != "first_unreadable"]
    total = dict.fromkeys(names, 0)
    first: list[str] = []
    for part in parts:
        total = {name: total[name] + getattr(part, name) for name in names}
        first = sorted([*first, *part.first_unreadable])[:SHOWN]
    return Exported(**total, first_unreadable=tuple(first))
