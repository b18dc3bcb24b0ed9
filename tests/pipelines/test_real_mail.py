"""Batch jobs on mail that people wrote: a mailing list in the mailboxes of several users."""

import hashlib
import io
import json
import tarfile
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from connectors.assembly.stores import Stores
from tests.pipelines.people import AT, People, deliver
from topologies.events import DeliveryAttempted, RecipientResult
from topologies.mail.mbox import messages

pytestmark = pytest.mark.corpus

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
ADDRESSES = ("ann@shop.example", "bo@shop.example", "eve@club.example")
MAILS = 240


def test_jobs_see_every_mail_of_a_list_and_tell_the_same_when_they_run_again(
    tmp_path: Path,
) -> None:
    people = People(tmp_path)
    users = people.add(*ADDRESSES)
    raws = list_mail(tmp_path)

    async def fill(stores: Stores) -> None:
        for number, (raw, at) in enumerate(raws):
            await deliver(stores, users[ADDRESSES[number % 3]], raw, at=at)
        await stores.log.append([outcome()])

    people.do(fill)
    size_bytes = sum(len(raw) for raw, _ in raws)

    compared = told(people, "reconcile", "--blobs")
    assert (compared["mails"], compared["blobs"] >= MAILS) == (MAILS, True)
    assert [compared[kind] for kind in ("missing", "stale", "extra", "missing_blobs")] == [0] * 4

    output = ("--output", str(tmp_path / "reports"))
    first = told(people, "reports", *output)
    assert (first["mails"], first["bytes"], first["sent"]) == (MAILS, size_bytes, 1)
    rows = pq.read_table(tmp_path / "reports" / "usage.parquet").to_pylist()
    days = Counter(at.astimezone(UTC).date() for _, at in raws)
    assert sum((Counter({row["day"]: row["mails"]}) for row in rows), Counter()) == days
    assert told(people, "reports", *output) == first
    # What the log does not hold any more is as an earlier report told it.
    emptied = told(People(tmp_path / "elsewhere"), "reports", *output)
    assert (emptied["mails"], emptied["sent"], emptied["delivered"]) == (0, 1, 1)

    written = told(people, "export", "--shards", "4", "--output", str(tmp_path / "mbox"))
    assert (written["mails"], written["mailboxes"]) == (MAILS, 3)
    exported = b"".join(path.read_bytes() for path in (tmp_path / "mbox").glob("*.mbox"))
    assert digests(each.raw for each in messages(io.BytesIO(exported), 10**8)) == digests(
        raw for raw, _ in raws
    )

    old = told(people, "retention", "--folder", "inbox", "--days", "0")
    assert (old["mails"], old["bytes"], old["commands"]) == (MAILS, size_bytes, 0)


def told(people: People, job: str, *options: str) -> dict[str, Any]:
    result = people.rillmail("batch", job, "--json", *options)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def list_mail(folder: Path) -> list[tuple[bytes, datetime]]:
    """Return mails of a list, each once, and when each came."""
    packed = CORPORA / "vectors.tar.xz"
    if not packed.exists():
        pytest.skip("vectors.tar.xz is not there: it belongs in ../shared/corpora")
    with tarfile.open(packed) as archive:
        name = "vectors/mbox/usrp-users.lists.ettus.com.0.mbox"
        archive.extract(name, folder, filter="data")
    with (folder / name).open("rb") as file:
        found = {s.raw: s.stored_at or AT for s in islice(messages(file, 10**8), MAILS * 2)}
    return list(found.items())[:MAILS]


def digests(raws: Any) -> Counter[str]:
    return Counter(hashlib.sha256(raw).hexdigest() for raw in raws)


def outcome() -> DeliveryAttempted:
    return DeliveryAttempted(
        delivery_id="d",
        mail_id="m",
        submitted_at=AT,
        mail_from=ADDRESSES[0],
        destination="far.example",
        attempt=1,
        attempted_at=AT,
        results=(RecipientResult(recipient="zoe@far.example", status="delivered"),),
    )
