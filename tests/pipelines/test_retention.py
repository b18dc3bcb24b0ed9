"""rillmail batch retention, on the stores of the embedded profile with no service running."""

import json
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.assembly.stores import Stores
from tests.pipelines.people import People, deliver

ANN = "ann@shop.example"


@pytest.mark.process  # longer than what runs at every turn may be
def test_old_mail_is_told_of_and_goes_only_when_that_is_said(tmp_path: Path) -> None:
    people = People(tmp_path)
    users = people.add(ANN)
    now = datetime.now(UTC)

    async def fill(stores: Stores) -> str:
        await deliver(stores, users[ANN], b"Subject: new\r\n\r\n\r\n", at=now)
        old = now - timedelta(days=31)
        return await deliver(stores, users[ANN], b"Subject: old\r\n\r\n\r\n", at=old)

    old = people.do(fill)
    rehearsed = people.rillmail("batch", "retention", "--folder", "inbox", "--days", "30")
    assert rehearsed.exit_code == 0, rehearsed.output
    assert rehearsed.stdout.splitlines() == [
        "1 mails of 18 bytes in 1 of 1 mailboxes are older",
        "Nothing is changed. With --apply they are moved to the trash",
    ]
    assert written(people) == []
    done = people.rillmail(
        *("batch", "retention", "--folder", "inbox", "--days", "30", "--delete", "--apply")
    )
    assert done.stdout.splitlines()[1:] == [
        "They are being deleted for good: 1 commands are written"
    ]
    [command] = written(people)
    assert (command["email_ids"], command["permanent"]) == ([old], True)


@pytest.mark.process
@pytest.mark.parametrize("name", ["shpo.example", "not a name"])
@pytest.mark.parametrize(
    "job",
    [
        ("retention", "--folder", "inbox", "--days", "30"),
        ("export", "--output", "exported"),
        ("reconcile",),
    ],
)
def test_a_domain_that_is_not_there_is_no_job_with_nothing_to_do(
    tmp_path: Path, job: tuple[str, ...], name: str
) -> None:
    people = People(tmp_path)
    people.add(ANN)
    done = people.rillmail("batch", *job, "--domain", name)
    assert (done.exit_code, f"there is no domain {name!r}" in done.stderr) == (1, True), done.output


def written(people: People) -> list[dict[str, object]]:
    """Return the commands that are on the log."""

    async def read(stores: Stores) -> list[dict[str, object]]:
        async with aclosing(stores.reader.read("mailbox.commands")) as records:
            return [json.loads(record.value) async for record in records]

    return people.do(read)
