"""store: what it is told to do happens once, however often it is told."""

import msgspec
import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from tests.mailbox.commands import (
    create,
    delete,
    deliver,
    email_id,
    folder_id,
    move,
    remove,
    rename,
    save,
    set_flags,
)
from topologies.engines.handling import Again, Bury, Emit, Outcome, handle
from topologies.errors import NoSpace, Retryable
from topologies.events import (
    INBOX,
    SPAM,
    TRASH,
    Command,
    CommandAnswered,
    DeleteFolder,
    Event,
    MailboxChanged,
)
from topologies.mail.mailbox import STEP
from topologies.mailbox.store import store
from topologies.ports.mailboxes import Effects, Mailboxes
from topologies.stage import declared_by
from topologies.topology import collect

STAGE = declared_by(store)
WORK = folder_id("Work")


@pytest.mark.parametrize(
    "command",
    [
        deliver(2, answer=True),
        set_flags(1, is_read=True),
        move(1, to=SPAM, reported="spam"),
        delete(1),
        delete(1, permanent=True),
        delete(9),
        create("Play"),
        create("Work", folder_id=folder_id("Second")),
        rename(WORK, "Play"),
        remove(WORK),
        save(2, "v1"),
        save(1, "v2", replaces="v1"),
    ],
    ids=lambda command: type(command).__name__,
)
async def test_a_command_told_twice_tells_the_same_and_changes_nothing(command: Command) -> None:
    mailboxes = MemoryMailboxes(ManualClock())
    await told(mailboxes, create("Work"), deliver(1, folder_id=WORK))
    first = await told(mailboxes, command)
    await told(mailboxes, deliver(5), create("Later"))
    seq = (await mailboxes.mailbox("ann")).seq
    again = await told(mailboxes, command)
    assert first == again != []
    assert (await mailboxes.mailbox("ann")).seq == seq


async def test_each_step_of_a_folders_deletion_says_what_follows_and_again_the_same() -> None:
    mailboxes = MemoryMailboxes(ManualClock())
    count = 2 * STEP + 1
    await told(mailboxes, create("Work"), *(deliver(n, folder_id=WORK) for n in range(count)))
    steps: list[list[Event]] = []
    step: DeleteFolder | None = remove(WORK)
    while step is not None:
        steps.append(await told(mailboxes, step))
        assert await told(mailboxes, step) == steps[-1]  # as after a kill
        step = next((e for e in steps[-1] if isinstance(e, DeleteFolder)), None)
    moved = [
        sum(isinstance(e, MailboxChanged) and e.kind == "email.moved" for e in s) for s in steps
    ]
    assert moved == [STEP, STEP, 1]
    assert [sum(isinstance(e, CommandAnswered) for e in s) for s in steps] == [1, 0, 0]


async def test_a_kill_between_the_write_and_its_commit_loses_no_event() -> None:
    mailboxes = MemoryMailboxes(ManualClock())
    before = await told(mailboxes, deliver(1))  # and the process ends here
    after = await told(mailboxes, deliver(1))
    assert after == before
    assert [e.kind for e in after if isinstance(e, MailboxChanged)] == ["email.added"]


async def test_a_full_disk_is_waited_for_and_nothing_is_changed() -> None:
    mailboxes = FullDisk(ManualClock())
    outcome = await told_once(mailboxes, deliver(1))
    assert isinstance(outcome, Again)
    assert outcome.outage
    assert (await mailboxes.mailbox("ann")).seq == 0


async def test_a_mailbox_that_changed_meanwhile_is_tried_again() -> None:
    mailboxes = Racing(ManualClock(), deliver(7))
    assert isinstance(await told_once(mailboxes, deliver(1)), Again)
    assert isinstance(await told_once(mailboxes, deliver(1), attempt=2), Emit)
    page = await mailboxes.page("ann", INBOX)
    assert page is not None
    assert [mail.email_id for mail in page.emails] == [email_id(7), email_id(1)]


async def test_a_draft_that_is_saved_out_of_the_spam_folder_says_nothing_of_spam() -> None:
    mailboxes = MemoryMailboxes(ManualClock())
    await told(mailboxes, save(1, "v1"), move(1, to=SPAM))
    events = await told(mailboxes, save(1, "v2", replaces="v1"))
    assert [type(event) for event in events] == [MailboxChanged, CommandAnswered]


async def test_what_is_no_command_is_buried() -> None:
    outcome = await handle(
        STAGE, b'{"event":"mailbox.deliver/1","user_id":"ann"}', {Mailboxes: None}
    )
    assert isinstance(outcome, Bury)
    assert outcome.kind == "poison"


async def test_answers_of_others_pass_by() -> None:
    answer = CommandAnswered(user_id="ann", command_id="c", status="done", seq=1)
    assert await handle(STAGE, answer, {}) == Emit(())


def test_the_stage_is_found() -> None:
    import topologies.mailbox

    assert "store" in {stage.name for stage in collect([topologies.mailbox])}


async def test_mails_of_a_deleted_folder_are_in_trash_when_all_is_done() -> None:
    mailboxes = MemoryMailboxes(ManualClock())
    await told(mailboxes, create("Work"), deliver(1, folder_id=WORK), remove(WORK))
    [mail] = await mailboxes.summaries("ann", [email_id(1)])
    assert mail.folder_id == TRASH


class FullDisk(MemoryMailboxes):
    """Takes nothing more."""

    async def write(self, effects: Effects) -> None:
        raise NoSpace("the disk is full")


class Racing(MemoryMailboxes):
    """Somebody else writes first, once."""

    def __init__(self, clock: ManualClock, other: Command) -> None:
        super().__init__(clock)
        self._other: Command | None = other

    async def write(self, effects: Effects) -> None:
        if (other := self._other) is not None:
            self._other = None
            await store(other, mailboxes=self)
            with pytest.raises(Retryable):
                await super().write(effects)
            raise Retryable("as told")
        await super().write(effects)


async def told(mailboxes: Mailboxes, *commands: Command) -> list[Event]:
    """Return what comes of *commands*, each as read from the log."""
    events: list[Event] = []
    for command in commands:
        outcome = await told_once(mailboxes, command)
        assert isinstance(outcome, Emit), outcome
        events += outcome.events
    return events


async def told_once(mailboxes: Mailboxes, command: Command, attempt: int = 1) -> Outcome:
    services: dict[type, Mailboxes] = {Mailboxes: mailboxes}
    return await handle(STAGE, msgspec.json.encode(command), services, attempt=attempt)
