"""learn: a report teaches once, and only a report does."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from connectors.memory.personal_spam import MemoryPersonalSpam
from tests.mailbox.commands import AT, deliver, email_id, mail_id
from tests.services import OneWord
from topologies.events import (
    INBOX,
    SPAM,
    TRASH,
    Authentication,
    Event,
    MailboxChanged,
    Message,
    SenderJudged,
)
from topologies.mail.mailbox_reports import reports
from topologies.mailbox.learn import learn
from topologies.mailbox.store import store
from topologies.ports.personal_spam import Learnt
from topologies.ports.policy import ScorePolicy

PROVED = Authentication(dmarc="pass", from_domain="far.example")


async def test_a_report_is_learnt_once_however_often_it_is_told() -> None:
    house = House()
    await house.receives(1)
    report = moved(5, INBOX, SPAM)
    first = await house.learns(report)
    learnt = await house.learnt.read("ann")
    assert (learnt.seq, learnt.reports) == (5, 1)
    assert learnt.weights
    assert await house.learns(report) == first
    assert await house.learns(moved(4, INBOX, SPAM)) == first
    assert await house.learnt.read("ann") == learnt
    assert await house.learnt.read("bo") == Learnt()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"kind": "email.added", "folder_id": SPAM}, id="delivered into spam"),
        pytest.param({"from_folder_id": SPAM, "folder_id": TRASH}, id="thrown away"),
        pytest.param({"from_folder_id": INBOX, "folder_id": "work"}, id="filed"),
        pytest.param({"from_folder_id": SPAM, "folder_id": SPAM}, id="moved nowhere"),
        pytest.param({"kind": "email.updated", "folder_id": SPAM}, id="read"),
        pytest.param({"kind": "email.removed", "from_folder_id": SPAM}, id="deleted"),
    ],
)
async def test_what_is_no_report_teaches_nothing(change: dict[str, Any]) -> None:
    house = House()
    await house.receives(1)
    report = msgspec.structs.replace(moved(5, INBOX, SPAM), **change)
    assert await house.learns(report) == []
    assert await house.learnt.read("ann") == Learnt()


async def test_a_mail_moved_out_of_spam_to_any_folder_is_none() -> None:
    house = House()
    await house.receives(1, message=Message(text="lottery results of our club"))
    assert await house.learns(moved(5, SPAM, "work")) == []
    assert (await house.learnt.read("ann")).weights


async def test_a_mail_that_is_gone_teaches_nothing() -> None:
    house = House()
    assert await house.learns(moved(5, INBOX, SPAM)) == []
    assert await house.learnt.read("ann") == Learnt()


async def test_reported_spam_counts_against_its_sender_if_that_is_proved() -> None:
    house = House()
    await house.receives(1, authentication=PROVED)
    [judged] = await house.learns(moved(5, INBOX, SPAM))
    assert judged == SenderJudged(
        sender="far.example", mail_id=mail_id(1), judged_at=AT, is_bad=True
    )
    assert await house.learns(moved(6, SPAM, INBOX)) == []
    for known in (Authentication(dmarc="fail", from_domain="far.example"), None):
        unproved = House()
        await unproved.receives(1, authentication=known)
        assert await unproved.learns(moved(5, INBOX, SPAM)) == []


# --- builders -----------------------------------------------------------------------


@dataclass
class House:
    mailboxes: MemoryMailboxes = field(default_factory=lambda: MemoryMailboxes(ManualClock()))
    learnt: MemoryPersonalSpam = field(default_factory=MemoryPersonalSpam)

    async def receives(self, number: int, **changes: Any) -> None:
        await store(deliver(number, **changes), mailboxes=self.mailboxes)

    async def learns(self, change: MailboxChanged) -> Sequence[Event]:
        """Hand in what a change says of spam, and return what that leads to."""
        written: list[Event] = []
        for report in reports([change]):
            written += await learn(
                report,
                mailboxes=self.mailboxes,
                learnt=self.learnt,
                classifier=OneWord(),
                policy=ScorePolicy(),
            )
        return written


def moved(seq: int, where_from: str, to: str) -> MailboxChanged:
    """What is told when ann's first mail was moved."""
    return MailboxChanged(
        user_id="ann",
        seq=seq,
        command_id="c",
        changed_at=AT,
        kind="email.moved",
        email_id=email_id(1),
        folder_id=to,
        from_folder_id=where_from,
    )
