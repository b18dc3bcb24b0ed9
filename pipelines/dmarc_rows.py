"""What other systems reported of mail in our domains' names (DMARC), by domain, day and reporter.

Reads the rows that are kept of aggregate reports (RFC 7489 appendix C).
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportMissingTypeStubs=false
# Beam types its transforms only in part, and Arrow has no types.

from collections.abc import AsyncIterator, Iterable
from datetime import date
from typing import Any

import apache_beam as beam
import pyarrow as pa

from connectors.assembly.stores import Stores
from pipelines.at_stores import AtStores
from topologies.ports.domain_reports import KEPT_FOR, MAX_REPORTS_PAGE

COUNTS = ("mails", "aligned", "quarantined", "rejected")
SCHEMA: Any = pa.schema(
    [
        pa.field("domain", pa.string(), nullable=False),
        pa.field("day", pa.date32(), nullable=False),
        pa.field("reporter", pa.string(), nullable=False),
        pa.field("is_proved", pa.bool_(), nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in COUNTS),
    ]
)
_Key = tuple[str, str, str, bool]  # the day in ISO 8601: what every runner can group by


class DmarcRows(beam.PTransform[Any, Any]):
    """From our domains to rows of ``SCHEMA``."""

    def expand(self, input_or_inputs: Any) -> Any:
        """Add the steps to the pipeline."""
        return (
            input_or_inputs
            | "Reported" >> beam.ParDo(AtStores(_reported))
            | "Add up" >> beam.CombinePerKey(_added)
            | "Row" >> beam.MapTuple(_row)
        )


async def _reported(stores: Stores, domain: str) -> AsyncIterator[tuple[_Key, tuple[int, ...]]]:
    today = stores.clock.now().date()
    cursor: str | None = None
    while True:
        page = await stores.domain_reports.dmarc(
            domain, today - KEPT_FOR, today, limit=MAX_REPORTS_PAGE, cursor=cursor
        )
        for row in page.rows:
            yield (
                (row.domain, row.day.isoformat(), row.reporter, row.is_proved),
                (
                    row.count,
                    row.count * row.is_aligned,
                    row.count * (row.disposition == "quarantine"),
                    row.count * (row.disposition == "reject"),
                ),
            )
        cursor = page.next_cursor
        if cursor is None:
            return


def _added(parts: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    total = [0] * len(COUNTS)
    for part in parts:
        total = [have + more for have, more in zip(total, part, strict=True)]
    return tuple(total)


def _row(key: _Key, counts: tuple[int, ...]) -> dict[str, Any]:
    domain, day, reporter, is_proved = key
    return {
        "domain": domain,
        "day": date.fromisoformat(day),
        "reporter": reporter,
        "is_proved": is_proved,
        **dict(zip(COUNTS, counts, strict=True)),
    }
