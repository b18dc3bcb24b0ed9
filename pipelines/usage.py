"""What mailboxes hold: mails, bytes and users, by domain and by the day mails came on.

Reads mailboxes, the lines of their listings alone. The quarantine is nobody's. It tells what is
there now: a mail that was deleted since counts nowhere.
"""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportMissingTypeStubs=false
# Beam types its transforms only in part, and Arrow has no types.

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, date
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa

from connectors.assembly.stores import Stores
from pipelines.at_stores import AtStores
from topologies.mail.listing import pages

SCHEMA: Any = pa.schema(
    [
        pa.field("domain", pa.string(), nullable=False),
        pa.field("day", pa.date32(), nullable=False),
        pa.field("mails", pa.int64(), nullable=False),
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("users", pa.int64(), nullable=False),
    ]
)
_Key = tuple[str, str]  # domain, and day (ISO 8601): what every runner can group by


class Held(NamedTuple):
    """What is held of one day.

    Attributes:
        users: Who hold any of it.
    """

    mails: int = 0
    bytes: int = 0
    users: int = 0


class Usage(beam.PTransform[Any, Any]):
    """From (user_id, domain) to rows of ``SCHEMA``."""

    def expand(self, input_or_inputs: Any) -> Any:
        """Add the steps to the pipeline."""
        return (
            input_or_inputs
            | "Held" >> beam.ParDo(AtStores(_held, is_counted=True))
            | "By domain and day" >> beam.CombinePerKey(_added)
            | "Row" >> beam.MapTuple(_row)
        )


async def _held(stores: Stores, user: tuple[str, str]) -> AsyncIterator[tuple[_Key, Held]]:
    user_id, domain = user
    days: dict[str, Held] = {}
    for folder in await stores.mailboxes.folders(user_id):
        async for lines in pages(stores.mailboxes, user_id, folder.folder_id):
            for line in lines:
                day = line.created_at.astimezone(UTC).date().isoformat()
                known = days.get(day, Held(users=1))
                days[day] = Held(known.mails + 1, known.bytes + line.size_bytes, 1)
    for day, held in days.items():
        yield (domain, day), held


def _added(parts: Iterable[Held]) -> Held:
    mails = size_bytes = users = 0
    for part in parts:
        mails, size_bytes, users = mails + part[0], size_bytes + part[1], users + part[2]
    return Held(mails, size_bytes, users)


def _row(key: _Key, held: Held) -> dict[str, Any]:
    domain, day = key
    return {"domain": domain, "day": date.fromisoformat(day), **Held(*held)._asdict()}
