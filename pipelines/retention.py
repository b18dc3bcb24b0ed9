"""Let old mail go: to the trash, or for good, by folder, age and domain.

Reads the listings of mailboxes; with ``--apply`` it writes the commands that the stage `store`
applies, as if each user had given them (``topologies.retaining``). Without, it tells what would
go. Idempotent: a job that was cut off is begun anew.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# Beam types its transforms only in part.

import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import apache_beam as beam
import click
import msgspec

from connectors.assembly.stores import Stores
from pipelines.at_stores import AtStores, Users, at_once, check_domain, user_named
from pipelines.running import WriteOne, options, read_one, run
from pipelines.telling import as_json, errors_for_people, examples, for_beam, print_json
from topologies.retaining import Rule, What, command_for, falling_under


class Retained(msgspec.Struct, frozen=True, kw_only=True):
    """What a job came to.

    Attributes:
        mailboxes: That were looked through.
        concerned: Of them, those that have mail under the rule.
        commands: That were written; 0: nothing was, it was a rehearsal or there is no such mail.
    """

    mailboxes: int = 0
    concerned: int = 0
    mails: int = 0
    bytes: int = 0
    commands: int = 0


@click.command(
    "retention",
    epilog=examples(
        "rillmail batch retention --folder trash --days 30 --delete",
        "rillmail batch retention --folder trash --folder spam --days 30 --delete --apply",
        "rillmail batch retention --folder inbox --days 3650 --domain demo.test --apply --json",
    ),
)
@click.option(
    "--folder",
    "folders",
    multiple=True,
    required=True,
    help="Its name; inbox, sent, drafts, trash and spam are everybody's.",
)
@click.option("--days", type=click.FloatRange(min=0), required=True, help="Mail older than that.")
@click.option("--delete", "is_for_good", is_flag=True, help="For good, not into the trash.")
@click.option("--starred", "has_starred", is_flag=True, help="What is starred, too.")
@click.option("--user", "address", default="", help="This mailbox alone.")
@click.option("--domain", default="", help="The mailboxes of this domain alone.")
@click.option("--apply", "is_applied", is_flag=True, help="Do it; without, it is only told.")
@as_json
@for_beam
def command(
    folders: Sequence[str],
    days: float,
    is_for_good: bool,
    has_starred: bool,
    address: str,
    domain: str,
    is_applied: bool,
    as_json: bool,
    for_beam: Sequence[str],
) -> None:
    """Move mail that is older than --days to the trash, or delete it for good.

    Without --apply nothing is changed: it is told what would be. The service works off what is
    written; a mail's attachments and raw message go with the next `rillmail sweep` but one.
    """
    if address and domain:
        raise click.UsageError("take --user or --domain")
    what: What = "delete" if is_for_good else "trash"
    with errors_for_people(), tempfile.TemporaryDirectory() as own_folder:
        now, user_id = at_once(partial(_begin, address=address, domain=domain))
        rule = Rule(
            folders=tuple(folders),
            before=now - timedelta(days=days),
            what=what,
            keeps_starred=not has_starred,
        )
        pipeline = beam.Pipeline(options=options(for_beam))
        users = (
            pipeline | "User" >> beam.Create([(user_id, "")])
            if user_id
            else pipeline | "All" >> Users(domain, has_quarantine=False)
        )
        choose = AtStores(partial(_chosen, rule=rule, is_applied=is_applied), is_counted=True)
        _ = (
            users
            | "Choose" >> beam.ParDo(choose)
            | "Add up" >> beam.CombineGlobally(_added)
            | "Tell" >> WriteOne(f"{own_folder}/summary.json")
        )
        run(pipeline, "Mailboxes", is_quiet=as_json)
        told = read_one(f"{own_folder}/summary.json", Retained)
    if as_json:
        print_json(told)
        return
    verb = "deleted for good" if is_for_good else "moved to the trash"
    click.echo(
        f"{told.mails:,} mails of {told.bytes:,} bytes in {told.concerned:,} of"
        f" {told.mailboxes:,} mailboxes are older"
    )
    if is_applied:
        click.echo(f"They are being {verb}: {told.commands:,} commands are written")
    elif told.mails:
        click.echo(f"Nothing is changed. With --apply they are {verb}")


async def _begin(stores: Stores, address: str, domain: str) -> tuple[Any, str]:
    await check_domain(stores, domain)
    user_id = (await user_named(stores, address)).user_id if address else ""
    return stores.clock.now(), user_id


async def _chosen(
    stores: Stores, user: tuple[str, str], *, rule: Rule, is_applied: bool
) -> AsyncIterator[Retained]:
    mails = size_bytes = commands = 0
    async for lines in falling_under(rule, user[0], stores.mailboxes):
        mails += len(lines)
        size_bytes += sum(line.size_bytes for line in lines)
        if is_applied:
            await stores.log.append([command_for(rule, user[0], lines, stores.clock.now())])
            commands += 1
    yield Retained(
        mailboxes=1, concerned=int(mails > 0), mails=mails, bytes=size_bytes, commands=commands
    )


def _added(parts: Iterable[Retained]) -> Retained:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(msgspec.structs.asdict(part))
    return Retained(**{name: total[name] for name in Retained.__struct_fields__})
