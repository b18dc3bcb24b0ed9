"""Which mail in mailboxes tells what its readers hold for spam."""

from typing import Any

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.directory import MemoryDirectory
from connectors.memory.mailboxes import MemoryMailboxes
from tests.mailbox.commands import create, deliver, email_id, folder_id, move, set_flags
from topologies.events import INBOX, SENT, SPAM, TRASH, Command, SpamVerdict
from topologies.mailbox.store import store
from topologies.reported import reported

WORK = folder_id("Work")


def taken(*, for_spam: bool) -> SpamVerdict:
    return SpamVerdict(
        probability=0.99 if for_spam else 0.01, is_spam=for_spam, threshold=0.9, model="m"
    )


@pytest.mark.parametrize(
    ("verdict", "place", "expected"),
    [
        pytest.param(taken(for_spam=False), SPAM, [True], id="reported as spam"),
        pytest.param(taken(for_spam=True), INBOX, [False], id="reported as none"),
        pytest.param(taken(for_spam=True), WORK, [False], id="taken out of spam and filed"),
        pytest.param(taken(for_spam=False), WORK, [False], id="filed"),
        pytest.param(taken(for_spam=True), SPAM, [], id="where the model put it"),
        pytest.param(taken(for_spam=False), INBOX, [], id="nothing said"),
        pytest.param(taken(for_spam=False), TRASH, [], id="thrown away"),
        pytest.param(None, SENT, [], id="sent"),
        pytest.param(SpamVerdict(probability=0.0, is_spam=False), WORK, [], id="imported"),
    ],
)
async def test_a_mail_teaches_if_its_reader_has_said_what_it_is(
    verdict: SpamVerdict | None, place: str, expected: list[bool]
) -> None:
    assert await told(deliver(1, user_id="", spam=verdict), place) == expected


async def test_a_star_says_that_it_is_no_spam() -> None:
    mail = deliver(1, user_id="", spam=taken(for_spam=False))
    assert await told(mail, INBOX, is_starred=True) == [False]


async def told(mail: Any, place: str, *, is_starred: bool = False) -> list[bool]:
    """Return what is told of the mailbox of one user, who moved *mail* to *place*."""
    clock = ManualClock()
    directory, mailboxes = MemoryDirectory(clock), MemoryMailboxes(clock)
    await directory.add_domain("shop.example")
    await directory.add_user("ann@shop.example", "a password")
    [ann] = await directory.users()
    number = 1
    commands: list[Command] = [
        create("Work", user_id=ann.user_id),
        deliver(number, user_id=ann.user_id, spam=mail.spam),
        move(number, to=place, user_id=ann.user_id),
    ]
    if is_starred:
        commands.append(set_flags(number, is_starred=True, user_id=ann.user_id))
    for command in commands:
        await store(command, mailboxes=mailboxes)
    assert await mailboxes.email(ann.user_id, email_id(number, ann.user_id)) is not None
    return [is_spam async for _, is_spam in reported(directory, mailboxes)]
