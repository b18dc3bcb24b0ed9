"""What earlier releases wrote is served by this one: mailboxes, and mail they had not worked on."""

import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.place import Place
from tests.live.engines import cluster_settings
from tests.process import RunningCluster, RunningService, emails_of, eventually
from tests.upgrade import engines
from tests.upgrade.make import CLUSTER, in_mailbox, message

FOR_EVER = {  # or what they left would be too old one day
    "RILLMAIL_LOG_RETENTION_HOURS": "1000000",
    "RILLMAIL_TRASH_DAYS": "0",
    "RILLMAIL_SPAM_DAYS": "0",
}
LEFT = [  # by releases; made by ``make``
    pytest.param(
        path,
        id=path.name.removesuffix(".tar.xz"),
        marks=pytest.mark.live if path.name.endswith(CLUSTER) else pytest.mark.process,
    )
    for path in sorted(Path(__file__).parent.glob("*.tar.xz"))
]


@pytest.fixture(params=LEFT)
def upgraded(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[RunningService, dict[str, Any]]]:
    """This release on what an earlier one left, and what must be in it."""
    with tarfile.open(request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    folder = tmp_path / "data"
    expected = json.loads((folder / "expected.json").read_text())
    with ExitStack() as opened:
        if request.param.name.endswith(CLUSTER):
            settings = opened.enter_context(
                cluster_settings(lambda settings: engines.put_back(settings, folder))
            )
            service = RunningCluster(tmp_path / "cluster", settings | FOR_EVER)
        else:
            service = RunningService(folder, FOR_EVER)
        service.users = [(address, password) for address, password in expected["users"]]
        yield opened.enter_context(service), expected


def test_what_an_earlier_release_left_is_found_goes_on_and_can_be_made_anew(
    upgraded: tuple[RunningService, dict[str, Any]],
) -> None:
    # One after another: to put back what a cluster left takes longer than all of this.
    all_is_found(*upgraded)
    mail_goes_on(*upgraded)
    mailboxes_are_made_anew(*upgraded)


def all_is_found(service: RunningService, expected: dict[str, Any]) -> None:
    """Look for what people had, and whether what was under way has arrived, once."""
    alice = service.signed_in(0)
    mails = arrived(service, alice, expected)
    waiting = Counter(mail["subject"] for mail in mails if mail["subject"] in expected["waiting"])
    assert waiting == dict.fromkeys(expected["waiting"], 1)
    assert [mail for mail in mails if mail["subject"] not in waiting] == expected["mails"]
    bob = service.signed_in(1)
    assert {mail["subject"] for mail in emails_of(bob)} == {"See you there"}
    for query, count in (("写真", 1), ("subject:waiting", len(waiting)), ("is:starred", 1)):
        found = eventually(
            lambda query=query: alice.get("/emails/search", params={"query": query}).json(),
            lambda page, count=count: page["total_count"] == count,
        )
        assert (query, found["total_count"]) == (query, count)


def mail_goes_on(service: RunningService, expected: dict[str, Any]) -> None:
    """Answer a mail of that release, and see the answer in its thread."""
    alice = service.signed_in(0)
    subject = "Re: Re: Re: The lake"
    raw = message(subject, message_id="lake-4", answers="lake-3")
    service.send(raw, [service.users[0][0]])
    [mail] = eventually(
        lambda: [each for each in emails_of(alice) if each["subject"] == subject], bool
    )
    [first] = [each for each in expected["mails"] if each["subject"] == "The lake"]
    thread = alice.get(f"/threads/{first['thread_id']}").json()
    assert mail["email_id"] in {each["email_id"] for each in thread["emails"]}
    assert len(thread["emails"]) == 4


def mailboxes_are_made_anew(service: RunningService, expected: dict[str, Any]) -> None:
    """Make mailboxes anew from events of that release, and compare."""
    alice = service.signed_in(0)
    before = arrived(service, alice, expected)
    Place(service).rillmail("rebuild", "--all", "--mailboxes")
    service.settle()
    assert eventually(lambda: in_mailbox(alice), lambda mails: mails == before) == before


def arrived(
    service: RunningService, client: httpx.Client, expected: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return all mails of the mailbox when what was under way has come."""
    service.settle()  # a cluster tells it of the API alone
    return eventually(
        lambda: in_mailbox(client),
        lambda mails: set(expected["waiting"]) <= {mail["subject"] for mail in mails},
        timeout_s=180,
    )
