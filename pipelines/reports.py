"""Reports as Parquet, each with a picture: what is held here, and what became of what was sent.

Writes into a folder ``usage.parquet``, ``deliverability.parquet``, ``dmarc.parquet``,
``usage.svg`` and ``deliverability.svg``, each replaced as a whole: a job that was cut off is begun
anew, and one that is run again tells the same.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportMissingTypeStubs=false
# Beam types its transforms only in part, and Arrow has no types.

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial
from typing import Any

import apache_beam as beam
import click
import msgspec
from apache_beam.io import ReadFromParquet, WriteToParquet, WriteToText
from apache_beam.io.filesystems import FileSystems
from apache_beam.pvalue import AsSingleton

from connectors.assembly.stores import Stores
from connectors.settings import load
from pipelines import deliverability, dmarc_rows, usage
from pipelines.at_stores import Users, at_once
from pipelines.pictures import bars
from pipelines.running import WriteOne, options, read_one, run
from pipelines.telling import as_json, errors_for_people, examples, for_beam, print_json

DOMAINS_SHOWN = 5  # in the picture, each with a colour; the rest together
OTHERS = "others"
OUTCOMES = ("delivered", "deferred", "bounced")


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """What the reports add up to."""

    users: int = 0
    mails: int = 0
    bytes: int = 0
    sent: int = 0
    delivered: int = 0
    deferred: int = 0
    bounced: int = 0
    suppressed: int = 0
    complained: int = 0
    dmarc_mails: int = 0
    dmarc_aligned: int = 0


class WriteTable(beam.PTransform[Any, Any]):
    """Write rows, in one file of just this name."""

    def __init__(self, path: str, schema: Any) -> None:
        super().__init__()
        self._path = path
        self._schema = schema

    def expand(self, input_or_inputs: Any) -> Any:
        """Add the steps to the pipeline."""
        return input_or_inputs | WriteToParquet(
            self._path, self._schema, num_shards=1, shard_name_template=""
        )


class Draw(beam.PTransform[Any, Any]):
    """From ((day in ISO 8601, name), amount) to a file with a picture of them.

    Args:
        path: Of the file.
        title: Of the picture.
        names: In their order; None: by amount.
    """

    def __init__(self, path: str, title: str, names: Sequence[str] | None = None) -> None:
        super().__init__()
        self._path = path
        self._draw = partial(_drawn, title=title, names=names)

    def expand(self, input_or_inputs: Any) -> Any:
        """Add the steps to the pipeline."""
        return (
            input_or_inputs
            | "Sum" >> beam.CombinePerKey(sum)
            | "All" >> beam.combiners.ToList()
            | "Draw" >> beam.Map(self._draw)
            | "Write" >> WriteToText(self._path, num_shards=1, shard_name_template="")
        )


@click.command(
    "reports",
    epilog=examples(
        "rillmail batch reports --output reports",
        "rillmail batch reports --output reports --json",
        "rillmail batch reports --output /srv/reports -- --runner FlinkRunner",
    ),
)
@click.option("--output", required=True, help="The folder that the reports are written to.")
@as_json
@for_beam
def command(output: str, as_json: bool, for_beam: Sequence[str]) -> None:
    """Report what mailboxes hold, by domain and day, and what became of sent mail.

    Writes usage, deliverability and, of DMARC reports, what others saw, as Parquet files, and
    pictures of the first two as SVG. Days that the log has forgotten stay as an earlier report
    in the same folder told them.
    """
    with errors_for_people():
        at_once(_is_there)  # what can't be opened here is told at once
        pipeline = beam.Pipeline(options=options(for_beam))
        _build(pipeline, output.rstrip("/"), load().partitions)
        run(pipeline, "Mailboxes", is_quiet=as_json)
        told = read_one(f"{output.rstrip('/')}/summary.json", Reported)
    if as_json:
        print_json(told)
        return
    click.echo(
        f"{told.mails:,} mails of {told.bytes:,} bytes in {told.users:,} mailboxes\n"
        f"{told.sent:,} recipients elsewhere: {told.delivered:,} delivered,"
        f" {told.deferred:,} deferred, {told.bounced:,} bounced;"
        f" {told.complained:,} complaints, {told.suppressed:,} not written to\n"
        f"{told.dmarc_mails:,} mails that others reported on, {told.dmarc_aligned:,} passed DMARC\n"
        f"{output} holds usage.parquet, deliverability.parquet, dmarc.parquet and the pictures"
    )


def _build(pipeline: beam.Pipeline, folder: str, partitions: int) -> None:
    users = pipeline | "People" >> Users(has_quarantine=False)
    held = users | "Usage" >> usage.Usage()
    _ = held | "Write usage" >> WriteTable(f"{folder}/usage.parquet", usage.SCHEMA)
    largest: Any = (
        held
        | "Mails" >> beam.Map(_mails_of_domain)
        | "By domain" >> beam.CombinePerKey(sum)
        | "Largest" >> beam.combiners.Top.Of(DOMAINS_SHOWN, key=_by_amount)
    )
    _ = (
        held
        | "Name" >> beam.Map(_named, AsSingleton(largest))
        | "Draw usage" >> Draw(f"{folder}/usage.svg", "Mails held, by the day they came on")
    )
    sent = (
        pipeline
        | "Partitions" >> beam.Create(deliverability.partitions(partitions))
        | "Spread partitions" >> beam.Reshuffle()
        | "Deliverability"
        >> deliverability.Deliverability(_known(pipeline, f"{folder}/deliverability.parquet"))
    )
    _ = sent | "Write sent" >> WriteTable(f"{folder}/deliverability.parquet", deliverability.SCHEMA)
    _ = (
        sent
        | "Outcomes" >> beam.FlatMap(_outcomes)
        | "Draw sent"
        >> Draw(f"{folder}/deliverability.svg", "Recipients, by the day of sending", OUTCOMES)
    )
    seen = (
        users
        | "Domain" >> beam.Map(_domain)
        | "Each once" >> beam.Distinct()
        | "DMARC" >> dmarc_rows.DmarcRows()
    )
    _ = seen | "Write DMARC" >> WriteTable(f"{folder}/dmarc.parquet", dmarc_rows.SCHEMA)
    _ = (
        (
            users | "Users" >> beam.Map(_one_user),
            held | "Of usage" >> beam.Map(partial(_only, names=("mails", "bytes"))),
            sent | "Of sent" >> beam.Map(partial(_only, names=deliverability.COUNTS)),
            seen | "Of DMARC" >> beam.Map(_of_dmarc),
        )
        | "Everything" >> beam.Flatten()
        | "Total" >> beam.CombineGlobally(_total)
        | "As one" >> beam.Map(_reported)
        | "Tell" >> WriteOne(f"{folder}/summary.json")
    )


def _known(pipeline: beam.Pipeline, path: str) -> Any:
    """Return the rows of an earlier report, if there is one."""
    if not FileSystems.exists(path):
        return None
    return pipeline | "Earlier" >> ReadFromParquet(path)


async def _is_there(stores: Stores) -> None:
    await stores.directory.domains()


def _mails_of_domain(row: dict[str, Any]) -> tuple[str, int]:
    return row["domain"], row["mails"]


def _by_amount(each: tuple[str, int]) -> tuple[int, str]:
    return each[1], each[0]


def _outcomes(row: dict[str, Any]) -> list[tuple[tuple[str, str], int]]:
    return [((row["day"].isoformat(), name), row[name]) for name in OUTCOMES]


def _domain(user: tuple[str, str]) -> str:
    return user[1]


def _one_user(_: tuple[str, str]) -> dict[str, int]:
    return {"users": 1}


def _named(row: dict[str, Any], largest: Sequence[tuple[str, int]]) -> tuple[tuple[str, str], int]:
    is_shown = any(row["domain"] == domain for domain, _ in largest)
    return (row["day"].isoformat(), row["domain"] if is_shown else OTHERS), row["mails"]


def _drawn(
    amounts: Iterable[tuple[tuple[str, str], int]], *, title: str, names: Sequence[str] | None
) -> str:
    found = {(date.fromisoformat(day), name): amount for (day, name), amount in amounts}
    if names is None:
        totals: Counter[str] = Counter()
        for (_, name), amount in found.items():
            totals[name] += amount
        names = sorted(totals, key=lambda name: (name == OTHERS, -totals[name], name))
    return bars(title, names, found)


def _only(row: dict[str, Any], names: Sequence[str]) -> dict[str, int]:
    return {name: row[name] for name in names}


def _of_dmarc(row: dict[str, Any]) -> dict[str, int]:
    return {"dmarc_mails": row["mails"], "dmarc_aligned": row["aligned"]}


def _total(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(total)


def _reported(total: dict[str, int]) -> Reported:
    return Reported(**{name: total.get(name, 0) for name in Reported.__struct_fields__})
