"""Mailboxes: what each command does, and to what it says no."""

from collections.abc import Sequence
from typing import Any

import pytest

from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from tests.mailbox.commands import (
    AT,
    RAW,
    carry_out,
    create,
    delete,
    deliver,
    email_id,
    folder_id,
    move,
    remove,
    rename,
    set_flags,
)
from topologies.errors import Poison
from topologies.events import (
    DRAFTS,
    INBOX,
    SENT,
    SPAM,
    TRASH,
    Address,
    Attachment,
    Command,
    CommandAnswered,
    Event,
    MailboxChanged,
    SpamVerdict,
)
from topologies.mail.mailbox import MOST_EMAILS, STEP, decide, needs
from topologies.mail.mailbox_folders import MOST_FOLDERS
from topologies.ports.mailboxes import Loaded, Mailbox, Needs, Summary

# --- deliveries ---------------------------------------------------------------------


async def test_a_delivered_mail_is_told_counted_and_its_bytes_are_used() -> None:
    house = House()
    events = await house.do(deliver(1, answer=True))
    [change, answer] = events
    assert change == MailboxChanged(
        user_id="ann",
        seq=1,
        command_id=deliver(1).command_id,
        changed_at=deliver(1).issued_at,
        kind="email.added",
        email_id=email_id(1),
        folder_id=INBOX,
        thread_id=email_id(1),
    )
    assert answer == CommandAnswered(
        user_id="ann", command_id=deliver(1).command_id, status="done", seq=1
    )
    assert await house.counts(INBOX) == (1, 1)
    assert await house.used() == RAW.size_bytes


async def test_a_mail_that_was_read_already_is_not_unread() -> None:
    house = House()
    await house.do(deliver(1, folder_id=SENT, is_read=True))
    assert await house.counts(SENT) == (1, 0)


@pytest.mark.parametrize("first", [(), (delete(1, permanent=True),)], ids=["there", "gone"])
async def test_a_mail_is_never_delivered_twice(first: Sequence[Command]) -> None:
    house = House()
    await house.do(deliver(1), *first)
    seq = await house.seq()
    again = await house.do(deliver(1, command_id="another", answer=True))
    assert again == [CommandAnswered(user_id="ann", command_id="another", status="done", seq=seq)]
    assert await house.counts(INBOX) == ((0, 0) if first else (1, 1))


async def test_two_mails_with_one_message_id_are_two_mails() -> None:
    house = House()
    await house.do(*(deliver(n, message={"message_id": "same@sender.example"}) for n in (1, 2)))
    assert await house.counts(INBOX) == (2, 2)


async def test_a_mail_for_a_folder_that_is_gone_goes_to_the_inbox() -> None:
    house = House()
    await house.do(deliver(1, folder_id=folder_id("Work")))
    assert (await house.mail(1)).folder_id == INBOX


async def test_a_mail_for_a_folder_on_its_way_out_goes_to_the_inbox() -> None:
    house = House()
    work = folder_id("Work")
    await house.do(create("Work"), *(deliver(n, folder_id=work) for n in range(STEP + 1)))
    await house.begin(remove(work))
    await house.do(deliver(9_999, folder_id=work))
    assert (await house.mail(9_999)).folder_id == INBOX


async def test_a_line_shows_what_a_list_needs_and_no_field_without_end() -> None:
    long = "x" * 100_000
    sender = Address(address=long + "@sender.example", name=long)
    attachment = Attachment(
        attachment_id="1", file_name="a", content_type="text/plain", size_bytes=1, blob="0" * 64
    )
    house = House()
    await house.do(
        deliver(
            1,
            message={
                "subject": long,
                "snippet": long,
                "from_": (sender,),
                "to": (sender,) * 50,
                "attachments": (attachment,),
            },
            spam=SpamVerdict(probability=0.25, is_spam=False),
        )
    )
    assert await house.mail(1) == Summary(
        email_id=email_id(1),
        folder_id=INBOX,
        thread_id=email_id(1),
        is_read=False,
        is_starred=False,
        from_name=long[:200],
        from_address=long[:320],
        to=(long[:320],) * 10,
        subject=long[:500],
        snippet=long[:300],
        has_attachments=True,
        size_bytes=RAW.size_bytes,
        created_at=deliver(1).received_at,
        spam_probability=0.25,
        changed_seq=1,
    )


async def test_a_mail_without_from_shows_its_envelope_sender() -> None:
    house = House()
    await house.do(deliver(1, message={"from_": ()}, mail_from="bounce@sender.example"))
    assert (await house.mail(1)).from_address == "bounce@sender.example"


# --- threads ------------------------------------------------------------------------


async def test_an_answer_lies_in_the_thread_of_what_it_answers() -> None:
    house = House()
    await house.do(deliver(1), deliver(2, message={"in_reply_to": ("m1@sender.example",)}))
    assert await house.thread(1) == [1, 2]


async def test_equal_subjects_are_no_thread() -> None:
    house = House()
    await house.do(*(deliver(n, message={"subject": "Invitation"}) for n in (1, 2)))
    assert await house.thread(1) == [1]


async def test_a_late_parent_merges_threads_and_says_so() -> None:
    house = House()
    root, parent = "m1@sender.example", "m4@sender.example"
    await house.do(
        deliver(1),
        deliver(2, message={"references": (root,)}),
        deliver(3, message={"references": (parent,)}),
    )
    events = await house.do(deliver(4, message={"references": (root,)}))
    assert [(e.kind, e.seq, e.thread_id, e.merged_thread_id) for e in changes(events)] == [
        ("email.added", 4, email_id(1), ""),
        ("thread.merged", 5, email_id(1), email_id(3)),
    ]
    assert await house.thread(1) == await house.thread(3) == [1, 2, 3, 4]


async def test_the_thread_of_a_mail_that_is_gone_goes_on() -> None:
    house = House()
    answer = {"references": ("m1@sender.example",)}
    await house.do(deliver(1), delete(1, permanent=True), deliver(2, message=answer))
    assert await house.thread(1) == [2]


# --- flags, moves, deletions --------------------------------------------------------


async def test_flags_are_set_and_those_not_named_stay() -> None:
    house = House()
    await house.do(deliver(1), deliver(2))
    events = await house.do(set_flags(1, 2, is_read=True), set_flags(1, is_starred=True))
    assert [(e.kind, e.email_id, e.is_read, e.is_starred) for e in changes(events)] == [
        ("email.updated", email_id(1), True, False),
        ("email.updated", email_id(2), True, False),
        ("email.updated", email_id(1), True, True),
    ]
    assert await house.counts(INBOX) == (2, 0)
    assert (await house.mail(1)).changed_seq == 5


async def test_what_is_so_already_is_no_change() -> None:
    house = House()
    await house.do(deliver(1))
    events = await house.do(
        set_flags(1, is_read=False), set_flags(1), move(1, to=INBOX), set_flags(1, is_starred=False)
    )
    assert changes(events) == []
    assert [e.status for e in answers(events)] == ["done"] * 4


async def test_a_mail_named_twice_is_changed_once() -> None:
    house = House()
    await house.do(deliver(1))
    assert len(changes(await house.do(delete(1, 1)))) == 1
    assert (await house.mail(1)).folder_id == TRASH


async def test_a_moved_mail_is_counted_where_it_is() -> None:
    house = House()
    await house.do(create("Work"), deliver(1), deliver(2, is_read=True))
    [moved, _] = changes(await house.do(move(1, 2, to=folder_id("Work"))))
    assert (moved.kind, moved.folder_id, moved.from_folder_id) == (
        "email.moved",
        folder_id("Work"),
        INBOX,
    )
    assert await house.counts(INBOX) == (0, 0)
    assert await house.counts(folder_id("Work")) == (2, 1)


@pytest.mark.parametrize(
    ("reported", "to", "folder"),
    [("spam", "", SPAM), ("ham", "", INBOX), ("spam", SPAM, SPAM), ("ham", DRAFTS, DRAFTS)],
)
async def test_a_report_moves(reported: str, to: str, folder: str) -> None:
    house = House()
    await house.do(deliver(1, folder_id=SENT), move(1, to=to, reported=reported))
    assert (await house.mail(1)).folder_id == folder


async def test_a_deleted_mail_goes_to_trash_and_from_there_for_good() -> None:
    house = House()
    await house.do(deliver(1))
    [to_trash] = changes(await house.do(delete(1)))
    assert (to_trash.kind, to_trash.folder_id, await house.counts(TRASH)) == (
        "email.moved",
        TRASH,
        (1, 1),
    )
    [gone] = changes(await house.do(delete(1, command_id="again")))
    assert (gone.kind, gone.email_id, gone.folder_id, gone.from_folder_id) == (
        "email.removed",
        email_id(1),
        "",
        TRASH,
    )
    assert (await house.counts(TRASH), await house.used()) == ((0, 0), 0)


async def test_a_permanent_deletion_spares_the_trash() -> None:
    house = House()
    await house.do(deliver(1), deliver(2), delete(1, permanent=True))
    assert (await house.counts(INBOX), await house.counts(TRASH)) == ((1, 1), (0, 0))
    assert await house.used() == RAW.size_bytes


async def test_of_several_mails_those_that_are_there_are_changed() -> None:
    house = House()
    await house.do(deliver(1))
    events = await house.do(set_flags(7, 1, 8, is_read=True))
    assert [e.email_id for e in changes(events)] == [email_id(1)]
    assert [e.status for e in answers(events)] == ["done"]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(set_flags(7, is_read=True), id="flags of a mail that is not there"),
        pytest.param(set_flags(is_read=True), id="flags of no mail"),
        pytest.param(move(7, to=TRASH), id="moving a mail that is not there"),
        pytest.param(move(1, to=folder_id("Nowhere")), id="moving to a folder that is not there"),
        pytest.param(move(1, to=""), id="moving nowhere"),
        pytest.param(delete(7), id="deleting a mail that is not there"),
        pytest.param(rename(folder_id("Nowhere"), "X"), id="renaming a folder that is not there"),
        pytest.param(remove(folder_id("Nowhere")), id="deleting a folder that is not there"),
    ],
)
async def test_what_is_not_there_is_not_found(command: Command) -> None:
    assert await refusal(command) == "not-found"


@pytest.mark.parametrize(
    "command",
    [
        set_flags(*range(MOST_EMAILS + 1), is_read=True),
        move(*range(MOST_EMAILS + 1), to=TRASH),
        delete(*range(MOST_EMAILS + 1)),
    ],
    ids=["flags", "move", "delete"],
)
async def test_one_command_names_only_so_many_mails(command: Command) -> None:
    assert await refusal(command) == "invalid"
    assert len(needs(command).email_ids) == MOST_EMAILS


# --- folders ------------------------------------------------------------------------


async def test_a_folder_is_made_renamed_and_deleted() -> None:
    house = House()
    work = folder_id("Work")
    events = await house.do(create("Work"), rename(work, "Play"), remove(work))
    assert [(e.kind, e.folder_id) for e in changes(events)] == [
        ("folder.added", work),
        ("folder.updated", work),
        ("folder.removed", work),
    ]
    assert await house.names() == ["Inbox", "Sent", "Drafts", "Spam", "Trash"]


async def test_folders_are_listed_by_name_after_those_that_every_mailbox_has() -> None:
    house = House()
    await house.do(create("zebra"), create("Apple"), create("émail"))
    assert (await house.names())[5:] == ["Apple", "zebra", "émail"]


async def test_the_same_folder_again_is_no_change() -> None:
    house = House()
    await house.do(create("Work"))
    again = create("Other", folder_id=folder_id("Work"))
    assert [e.kind for e in changes(await house.do(again))] == []
    assert (await house.names())[5:] == ["Work"]


@pytest.mark.parametrize(
    "command",
    [
        create("Work", folder_id=folder_id("Second")),
        create("wORK"),
        create("  Work  "),
        create("Cafe\u0301"),
        create("STRASSE"),
        create("inbox"),
        create("Trash"),
        rename(folder_id("Other"), "work"),
        rename(folder_id("Other"), "Sent"),
    ],
    ids=lambda command: ascii(command.name),
)
async def test_a_name_is_taken_whatever_its_case_and_form(command: Command) -> None:
    made = [create("Work"), create("Caf\xe9"), create("Straße"), create("Other")]
    assert await refusal(command, *made) == "name-taken"


async def test_a_folder_may_keep_its_name_in_another_case() -> None:
    house = House()
    await house.do(create("Work"), rename(folder_id("Work"), "WORK"))
    assert (await house.names())[5:] == ["WORK"]


@pytest.mark.parametrize(
    "name", ["", "  ", "a\x00b", "a\nb", "x" * 256, "x" * 100_000, "a\u2028b", "\x85"], ids=ascii
)
async def test_what_is_no_name_is_refused(name: str) -> None:
    assert await refusal(create(name)) == "invalid"
    assert await refusal(rename(folder_id("Work"), name), create("Work")) == "invalid"


@pytest.mark.parametrize(
    "command", [rename(INBOX, "Mine"), remove(TRASH), create("Mine", folder_id=SPAM)]
)
async def test_folders_that_every_mailbox_has_are_left_alone(command: Command) -> None:
    assert await refusal(command) == "system-folder"


async def test_a_mailbox_has_only_so_many_folders() -> None:
    made = [create(f"f{number}") for number in range(MOST_FOLDERS)]
    assert await refusal(create("one more"), *made) == "invalid"


async def test_what_is_deleted_takes_the_place_of_no_folder() -> None:
    mailboxes = MemoryMailboxes(ManualClock(AT))
    await carry_out(mailboxes, deliver(1), delete(1, permanent=True, is_restorable=True))
    await carry_out(mailboxes, *(create(f"f{number}") for number in range(MOST_FOLDERS)))
    own = [each for each in await mailboxes.folders("ann") if not each.is_system]
    assert len(own) == MOST_FOLDERS


async def test_the_mails_of_a_deleted_folder_go_to_trash() -> None:
    house = House()
    work = folder_id("Work")
    await house.do(create("Work"), *(deliver(n, folder_id=work) for n in (1, 2)))
    events = await house.do(set_flags(1, is_read=True), remove(work))
    assert [e.kind for e in changes(events)][1:] == ["email.moved", "email.moved", "folder.removed"]
    assert await house.counts(TRASH) == (2, 1)


async def test_a_large_folder_is_hidden_at_once_and_emptied_in_steps() -> None:
    house = House()
    work, count = folder_id("Work"), 2 * STEP + 1
    await house.do(create("Work"), *(deliver(n, folder_id=work) for n in range(count)))

    first = await house.begin(remove(work))
    assert [e.kind for e in changes(first)] == ["folder.updated"] + ["email.moved"] * STEP
    assert [e.status for e in answers(first)] == ["done"]
    assert await house.mailboxes.page("ann", work) is None
    assert await refusal(rename(work, "X"), house=house) == "not-found"
    assert await refusal(move(1, to=work), house=house) == "not-found"
    assert await refusal(create("X", folder_id=work), house=house) == "invalid"

    [follow_up] = [event for event in first if isinstance(event, Command)]
    rest = await house.do(create("Work", folder_id=folder_id("New")), follow_up)
    assert changes(rest)[-1].kind == "folder.removed"
    assert await house.counts(TRASH) == (count, count)
    assert (await house.names())[5:] == ["Work"]


async def test_deleting_a_large_folder_twice_ends_all_the_same() -> None:
    house = House()
    work, count = folder_id("Work"), 3 * STEP
    await house.do(create("Work"), *(deliver(n, folder_id=work) for n in range(count)))
    await house.do(remove(work), remove(work, command_id="again", answer=False))
    assert await house.counts(TRASH) == (count, count)


# --- all of them --------------------------------------------------------------------


async def test_nobody_is_told_who_does_not_wait() -> None:
    house = House()
    events = await house.do(delete(7, answer=False), create("Work", answer=False))
    assert answers(events) == []


def test_a_command_that_was_applied_leads_to_what_it_led_to() -> None:
    told = (CommandAnswered(user_id="ann", command_id="c", status="done", seq=4),)
    loaded = Loaded(
        mailbox=Mailbox(user_id="ann", seq=9),
        folders={},
        emails={},
        gone=frozenset(),
        threads={},
        thread_sizes={},
        answered=told,
    )
    effects = decide(deliver(1, command_id="c"), loaded)
    assert (effects.events, effects.mailbox, effects.added) == (told, loaded.mailbox, ())


async def test_a_command_that_nobody_knows_is_poison() -> None:
    command = Unheard(user_id="ann", command_id="c", issued_at=AT)
    loaded = await MemoryMailboxes(ManualClock()).load("ann", Needs(command_id="c"))
    with pytest.raises(Poison):
        needs(command)
    with pytest.raises(Poison):
        decide(command, loaded)


class Unheard(Command, frozen=True, kw_only=True, tag="mailbox.unheard/1"):
    """What a newer version might send."""


class House:
    """One mailbox of Ann's, and commands for it."""

    def __init__(self) -> None:
        self.mailboxes = MemoryMailboxes(ManualClock())

    async def do(self, *commands: Command) -> list[Event]:
        return await carry_out(self.mailboxes, *commands)

    async def begin(self, command: Command) -> list[Event]:
        """Apply *command* without what follows from it."""
        from topologies.mailbox.store import store

        return list(await store(command, mailboxes=self.mailboxes))

    async def mail(self, number: int) -> Summary:
        [found] = await self.mailboxes.summaries("ann", [email_id(number)])
        return found

    async def thread(self, number: int) -> list[int]:
        found = await self.mailboxes.thread("ann", email_id(number))
        numbers = {email_id(n): n for n in range(10)}
        return [numbers[mail.email_id] for mail in found]

    async def counts(self, folder: str) -> tuple[int, int]:
        for kept in await self.mailboxes.folders("ann"):
            if kept.folder_id == folder:
                return kept.total_count, kept.unread_count
        raise AssertionError(f"no folder {folder}")

    async def names(self) -> list[str]:
        return [f.name for f in await self.mailboxes.folders("ann") if not f.is_deleting]

    async def used(self) -> int:
        return await self.mailboxes.usage("ann")

    async def seq(self) -> int:
        return (await self.mailboxes.mailbox("ann")).seq


async def refusal(command: Command, *before: Command, house: House | None = None) -> Any:
    """Return how *command* is refused, after a mail 1 and *before*; it must change nothing."""
    if house is None:
        house = House()
        await house.do(deliver(1), *before)
    seq = await house.seq()
    [answer] = answers(await house.do(command))
    assert (answer.status, answer.seq, await house.seq()) == ("refused", seq, seq)
    assert answer.detail
    return answer.problem


def changes(events: Sequence[Event]) -> list[MailboxChanged]:
    return [event for event in events if isinstance(event, MailboxChanged)]


def answers(events: Sequence[Event]) -> list[CommandAnswered]:
    return [event for event in events if isinstance(event, CommandAnswered)]
