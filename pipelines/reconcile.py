"""Hold the search index, and the blobs, against every mailbox; and have the index mended.

Reads mailboxes, the index and, with ``--blobs``, which blobs there are; a mailbox is compared by
``topologies.reconcile``, whatever the profile. With ``--repair`` each difference goes on the log
as a change that the stage `index` looks at once more. Everything may run meanwhile. Idempotent: a
job that was cut off is begun anew.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# Beam types its transforms only in part.

import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import click
import msgspec
from apache_beam.io import WriteToText

from connectors.assembly.stores import Stores
from pipelines.at_stores import AtStores, Users, at_once, check_domain, user_named
from pipelines.running import WriteOne, in_json, options, read_one, run
from pipelines.telling import SHOWN, as_json, errors_for_people, examples, for_beam, print_json
from topologies.reconcile import Compared, Difference, compare_mailbox, mending

WRITTEN_AT_ONCE = 100  # records


class Reconciled(msgspec.Struct, frozen=True, kw_only=True):
    """What a job came to.

    Attributes:
        handed_on: Differences that were given to the stage `index`.
        first: Of the differences, as many as people are shown.
    """

    mailboxes: int = 0
    mails: int = 0
    blobs: int = 0
    under_way: int = 0
    missing: int = 0
    stale: int = 0
    extra: int = 0
    missing_blobs: int = 0
    handed_on: int = 0
    first: tuple[Difference, ...] = ()

    @property
    def differences(self) -> int:
        """How many there are."""
        return self.missing + self.stale + self.extra + self.missing_blobs


class Reconcile(beam.PTransform[Any, Any]):
    """From (user_id, domain) to one ``Reconciled``; differences are written on the way.

    Args:
        output: The folder of the differences; on any file system that Beam knows.
        settled_before: What changed since may be under way.
        has_blobs: Look for each blob, too.
        is_repaired: Have the index mended.
    """

    def __init__(
        self, output: str, settled_before: datetime, *, has_blobs: bool, is_repaired: bool
    ) -> None:
        super().__init__()
        self._output = output
        self._compare = partial(
            _compare, settled_before=settled_before, has_blobs=has_blobs, is_repaired=is_repaired
        )
        self._is_repaired = is_repaired

    def expand(self, input_or_inputs: Any) -> Any:
        """Add the steps to the pipeline."""
        compared = input_or_inputs | "Compare" >> beam.ParDo(
            AtStores(self._compare, is_counted=True)
        )
        _ = (
            compared
            | "Differences" >> beam.FlatMap(_differences)
            | "As lines" >> beam.Map(in_json)
            | "Write" >> WriteToText(f"{self._output}/differences", ".jsonl")
        )
        return (
            compared
            | "Count" >> beam.Map(partial(_counted, is_repaired=self._is_repaired))
            | "Add up" >> beam.CombineGlobally(_added)
        )


@click.command(
    "reconcile",
    epilog=examples(
        "rillmail batch reconcile",
        "rillmail batch reconcile --repair --json",
        "rillmail batch reconcile --user bo@demo.test --blobs",
        "rillmail batch reconcile --output /srv/reconciled -- --runner FlinkRunner",
    ),
)
@click.option("--user", "address", default="", help="This mailbox alone.")
@click.option("--domain", default="", help="The mailboxes of this domain alone.")
@click.option("--blobs", "has_blobs", is_flag=True, help="Look for each blob of each mail, too.")
@click.option("--repair", "is_repaired", is_flag=True, help="Have the index mended.")
@click.option(
    "--grace",
    "grace_s",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds in which the index may lag behind.",
)
@click.option("--output", help="A folder for all differences, as lines of JSON.")
@as_json
@for_beam
def command(
    address: str,
    domain: str,
    has_blobs: bool,
    is_repaired: bool,
    grace_s: float,
    output: str | None,
    as_json: bool,
    for_beam: Sequence[str],
) -> None:
    """Hold the search index, and the blobs, against every mailbox, while everything runs.

    With --repair, what the index lacks, has wrongly or has too much of is handed to the stage
    `index` by the log, and is right once that has worked it off. Missing blobs are told; they
    come from a backup alone. The exit code is 1 if there are differences.
    """
    if address and domain:
        raise click.UsageError("take --user or --domain")
    with errors_for_people(), tempfile.TemporaryDirectory() as own_folder:
        folder = output or own_folder
        user = at_once(partial(user_named, address=address)) if address else None
        at_once(partial(check_domain, name=domain))  # what can't be done is told at once
        pipeline = beam.Pipeline(options=options(for_beam))
        users = (
            pipeline | "User" >> beam.Create([(user.user_id, "")])
            if user is not None
            else pipeline | "All" >> Users(domain)
        )
        before = datetime.now(UTC) - timedelta(seconds=grace_s)
        _ = (
            users
            | Reconcile(folder, before, has_blobs=has_blobs, is_repaired=is_repaired)
            | WriteOne(f"{folder}/summary.json")
        )
        run(pipeline, "Mailboxes", is_quiet=as_json)
        told = read_one(f"{folder}/summary.json", Reconciled)
    if as_json:
        print_json(told)
    else:
        _print(told, output, has_blobs=has_blobs)
    if told.differences:
        raise SystemExit(1)


async def _compare(
    stores: Stores,
    user: tuple[str, str],
    *,
    settled_before: datetime,
    has_blobs: bool,
    is_repaired: bool,
) -> AsyncIterator[Compared]:
    compared = await compare_mailbox(
        user[0],
        mailboxes=stores.mailboxes,
        search=stores.search,
        blobs=stores.blobs if has_blobs else None,
        settled_before=settled_before,
    )
    if is_repaired:
        now = stores.clock.now()
        found = (mending(difference, now) for difference in compared.differences)
        entries = [entry for entry in found if entry is not None]
        for start in range(0, len(entries), WRITTEN_AT_ONCE):
            await stores.log.write(entries[start : start + WRITTEN_AT_ONCE])
    yield compared


def _differences(compared: Compared) -> Sequence[Difference]:
    return compared.differences


def _counted(compared: Compared, *, is_repaired: bool) -> Reconciled:
    kinds = Counter(difference.kind for difference in compared.differences)
    return Reconciled(
        mailboxes=1,
        mails=compared.mails,
        blobs=compared.blobs,
        under_way=compared.under_way,
        missing=kinds["missing"],
        stale=kinds["stale"],
        extra=kinds["extra"],
        missing_blobs=kinds["blob"],
        handed_on=kinds.total() - kinds["blob"] if is_repaired else 0,
        first=compared.differences[:SHOWN],
    )


def _added(parts: Iterable[Reconciled]) -> Reconciled:
    """Return the sum of *parts*, whatever their order."""
    total: Counter[str] = Counter()
    first: list[Difference] = []
    names = [name for name in Reconciled.__struct_fields__ if name != "first"]
    for part in parts:
        total.update({name: getattr(part, name) for name in names})
        first = sorted([*first, *part.first], key=lambda d: (d.user_id, d.email_id))[:SHOWN]
    return Reconciled(**{name: total[name] for name in names}, first=tuple(first))


def _print(told: Reconciled, output: str | None, *, has_blobs: bool) -> None:
    blobs = f", {told.missing_blobs:,} of {told.blobs:,} blobs missing" if has_blobs else ""
    click.echo(
        f"{told.mails:,} mails in {told.mailboxes:,} mailboxes: {told.missing:,} missing in the"
        f" index, {told.stale:,} stale, {told.extra:,} too many, {told.under_way:,} under way"
        f"{blobs}"
    )
    for difference in told.first:
        click.echo(
            f"{difference.kind}  {difference.user_id}  {difference.email_id}  {difference.detail}"
        )
    if told.differences > len(told.first):
        where = f"{output}/differences-*.jsonl" if output else "take --output"
        click.echo(f"… and {told.differences - len(told.first):,} more: {where}")
    if told.handed_on:
        click.echo(f"{told.handed_on:,} were handed to the stage `index`")
    if not told.differences:
        click.echo("All is as the mailboxes say.")
    elif output:
        click.echo(f"{Path(output)}/differences-*.jsonl lists them")
