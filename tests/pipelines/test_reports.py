"""rillmail batch reports, on the stores of the embedded profile with no service running."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from connectors.assembly.stores import Stores
from pipelines.pictures import bars
from tests.pipelines.people import AT, People, deliver
from topologies.events import DeliveryAttempted, RecipientResult
from topologies.ports.domain_reports import DmarcRow

ANN, BO = "ann@shop.example", "bo@club.example"
NOON = datetime.now(UTC).replace(hour=12, minute=0)


def test_what_is_held_and_what_became_of_what_was_sent_is_in_tables_with_pictures(
    tmp_path: Path,
) -> None:
    people = People(tmp_path)
    users = people.add(ANN, "al@shop.example", BO)
    raws = [b"Subject: %d\r\n\r\n%s\r\n" % (number, b"x" * number) for number in range(4)]

    async def fill(stores: Stores) -> None:
        await deliver(stores, users[ANN], raws[0])
        await deliver(stores, users[ANN], raws[1])
        await deliver(stores, users["al@shop.example"], raws[2])
        await deliver(stores, users[BO], raws[3], at=AT + timedelta(days=1))
        await stores.log.append([attempted("a", 1, "deferred"), attempted("a", 2, "delivered")])
        await stores.log.append([attempted("b", 1, "failed"), attempted("a", 2, "delivered")])
        await stores.domain_reports.keep_dmarc("key", [dmarc_row(3), dmarc_row(4)])

    people.do(fill)
    told = reported(people, tmp_path / "out")
    assert told | {"bytes": 0} == {
        "users": 3,
        "mails": 4,
        "bytes": 0,
        "sent": 2,
        "delivered": 1,
        "deferred": 0,
        "bounced": 1,
        "suppressed": 0,
        "complained": 0,
        "dmarc_mails": 7,
        "dmarc_aligned": 7,
    }
    assert told["bytes"] == sum(map(len, raws))
    day = AT.date()
    assert rows(tmp_path / "out" / "usage.parquet") == [
        ["club.example", day + timedelta(days=1), 1, len(raws[3]), 1],
        ["shop.example", day, 3, sum(map(len, raws[:3])), 2],
    ]
    assert rows(tmp_path / "out" / "deliverability.parquet") == [
        ["far.example", NOON.date(), 2, 1, 0, 1, 1, 0, 0]
    ]
    assert rows(tmp_path / "out" / "dmarc.parquet") == [
        ["shop.example", NOON.date(), "far.example", True, 7, 7, 0, 0]
    ]
    assert "shop.example, 2026-03-04: 3" in texts(tmp_path / "out" / "usage.svg")
    assert f"delivered, {NOON:%Y-%m-%d}: 1" in texts(tmp_path / "out" / "deliverability.svg")


def test_a_picture_shows_each_day_and_escapes_what_strangers_named() -> None:
    first = date(2026, 1, 1)
    picture = bars("A & B", ["<x>"], {(first, "<x>"): 5, (first + timedelta(days=2), "<x>"): 7})
    assert titles(picture)[1:] == ["<x>, 2026-01-01: 5", "<x>, 2026-01-03: 7"]


def test_a_picture_of_years_shows_the_last_days() -> None:
    first = date(2020, 1, 1)
    picture = bars("Years", ["x"], {(first + timedelta(days=n), "x"): 1 for n in range(1_000)})
    assert len(titles(picture)) == 1 + 60


def reported(people: People, output: Path) -> dict[str, Any]:
    result = people.rillmail("batch", "reports", "--json", "--output", str(output))
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def rows(path: Path) -> list[list[Any]]:
    return sorted([list(row.values()) for row in pq.read_table(path).to_pylist()])


def texts(path: Path) -> Sequence[str]:
    return [each.text or "" for each in ET.parse(path).getroot().iter()]


def titles(picture: str) -> list[str]:
    return [e.text or "" for e in ET.fromstring(picture).iter() if e.tag.endswith("title")]


def attempted(delivery_id: str, attempt: int, status: Any) -> DeliveryAttempted:
    return DeliveryAttempted(
        delivery_id=delivery_id,
        mail_id=f"mail of {delivery_id}",
        submitted_at=NOON,
        mail_from=ANN,
        destination="far.example",
        attempt=attempt,
        attempted_at=NOON + timedelta(minutes=attempt),
        results=(RecipientResult(recipient="eve@far.example", status=status),),
    )


def dmarc_row(count: int) -> DmarcRow:
    return DmarcRow(
        domain="shop.example",
        policy_domain="shop.example",
        day=NOON.date(),
        reporter="far.example",
        report_id="1",
        is_proved=True,
        source=f"192.0.2.{count}",
        header_from="shop.example",
        count=count,
        disposition="none",
        spf="pass",
        dkim="pass",
        is_spf_aligned=True,
        is_dkim_aligned=False,
    )
