"""Labels: every store knows the same mails by them, wherever these lie, and counts them exactly."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from connectors.memory.clock import ManualClock
from tests.mailbox.commands import (
    carry_out,
    change_label,
    create,
    create_label,
    delete,
    delete_label,
    deliver,
    email_id,
    folder_id,
    label,
    label_id,
    move,
    remove,
    save,
    set_flags,
)
from tests.mailbox.state import all_labelled, changes_in, everything
from topologies.events import INBOX, SPAM, TRASH, Command, CommandAnswered
from topologies.mail.mailbox import STEP
from topologies.mail.mailbox_labels import MOST_LABELS, MOST_ON_A_MAIL
from topologies.mailbox.store import store_several
from topologies.ports.mailboxes import Label, Mailboxes

RED, BLUE = label_id("Red"), label_id("Blue")


async def test_labels_are_listed_by_name_with_colours(mailboxes: Mailboxes) -> None:
    assert await mailboxes.labels("ann") == []
    told = changes_in(
        await carry_out(
            mailboxes,
            create_label("Red", colour="#FF0000"),
            create_label("blue"),
            create_label("Red", label_id=BLUE),  # taken
            change_label(RED, name="Ærlig", colour=""),
            change_label(RED, name="Ærlig"),  # as it is
        )
    )
    assert list(await mailboxes.labels("ann")) == [
        Label(label_id=label_id("blue"), name="blue"),
        Label(label_id=RED, name="Ærlig"),
    ]
    assert [(c.kind, c.label_id) for c in told] == [
        ("label.added", RED),
        ("label.added", label_id("blue")),
        ("label.updated", RED),
    ]
    assert await mailboxes.labels("bo") == []


async def test_a_mail_carries_its_labels_wherever_it_is_moved_and_however_it_is_marked(
    mailboxes: Mailboxes,
) -> None:
    await labelled(mailboxes, 3)
    for command in (
        create("Work"),
        move(0, to=folder_id("Work")),
        set_flags(0, is_starred=True, is_read=True),
        move(0, to=SPAM),
        delete(0),
        move(0, to=INBOX),
    ):
        await carry_out(mailboxes, command)
        [mail] = await mailboxes.summaries("ann", [email_id(0)])
        assert mail.labels == tuple(sorted([RED, BLUE]))
        found = await mailboxes.email("ann", email_id(0))
        assert found is not None
        assert found.summary == mail
        assert mail in await all_labelled(mailboxes, "ann", RED, 2, None)
    assert await counts(mailboxes) == {"Blue": (3, 2), "Red": (3, 2)}
    page = await mailboxes.page("ann", INBOX)
    assert page is not None
    assert {mail.labels for mail in page.emails} == {tuple(sorted([RED, BLUE]))}


async def test_labels_go_with_a_mail_that_goes_for_good(mailboxes: Mailboxes) -> None:
    await labelled(mailboxes, 2)
    await carry_out(mailboxes, delete(1, permanent=True))
    assert await counts(mailboxes) == {"Blue": (1, 1), "Red": (1, 1)}
    assert await ids_of(mailboxes, RED) == [email_id(0)]


async def test_labels_are_put_on_and_taken_off_in_one_step_that_is_told_mail_by_mail(
    mailboxes: Mailboxes,
) -> None:
    await labelled(mailboxes, 2)
    told = changes_in(await carry_out(mailboxes, label(0, 1, 7, on=["Red"], off=["Blue"])))
    assert [(c.kind, c.email_id, c.labels) for c in told] == [
        ("email.updated", email_id(0), (RED,)),
        ("email.updated", email_id(1), (RED,)),
    ]
    assert (await mailboxes.changes("ann", told[0].seq - 1)).changes == tuple(told)
    assert await counts(mailboxes) == {"Blue": (0, 0), "Red": (2, 2)}
    assert changes_in(await carry_out(mailboxes, label(0, on=["Red"], off=["Blue"]))) == []


async def test_a_replay_of_what_labels_were_told_changes_nothing(mailboxes: Mailboxes) -> None:
    commands: list[Command] = [
        create_label("Red"),
        deliver(1),
        label(1, on=["Red"]),
        label(1, off=["Red"]),
        label(1, on=["Red"], command_id="again"),
        change_label(RED, name="Rot"),
    ]
    events = await carry_out(mailboxes, *commands)
    before = await everything(mailboxes, "ann")
    assert await carry_out(mailboxes, *commands) == events
    assert await everything(mailboxes, "ann") == before


async def test_that_mails_are_read_is_known_to_their_labels(mailboxes: Mailboxes) -> None:
    await labelled(mailboxes, 7)
    await carry_out(mailboxes, set_flags(1, 2, 5, is_read=True))
    assert await counts(mailboxes) == {"Blue": (7, 4), "Red": (7, 4)}
    found = [mail.email_id for mail in await all_labelled(mailboxes, "ann", RED, 2, is_read=True)]
    assert found == [email_id(5), email_id(2), email_id(1)]
    assert len(await all_labelled(mailboxes, "ann", RED, 3, is_read=False)) == 4


async def test_a_page_by_label_has_bounds_and_refuses_what_is_no_cursor(
    mailboxes: Mailboxes,
) -> None:
    await labelled(mailboxes, 3)
    page = await mailboxes.labelled("ann", RED, limit=0, offset=-1)
    assert page is not None
    assert (len(page.emails), page.total_count) == (1, 3)
    page = await mailboxes.labelled("ann", RED, offset=10**6)
    assert page is not None
    assert (page.emails, page.total_count, page.next_cursor) == ((), 3, None)
    assert await mailboxes.labelled("ann", "elsewhere") is None
    assert await mailboxes.labelled("bo", RED) is None
    assert await mailboxes.page("ann", RED) is None  # it is no folder
    with pytest.raises(ValueError):
        await mailboxes.labelled("ann", RED, cursor="!")


async def test_a_deleted_label_leaves_the_mails_where_they_are(mailboxes: Mailboxes) -> None:
    await labelled(mailboxes, 4)
    await carry_out(mailboxes, delete(3))
    told = changes_in(await carry_out(mailboxes, delete_label(RED)))
    assert [c.kind for c in told] == ["email.updated"] * 4 + ["label.removed"]
    assert await counts(mailboxes) == {"Blue": (4, 4)}
    found = await mailboxes.summaries("ann", [email_id(n) for n in range(4)])
    assert [mail.labels for mail in found] == [(BLUE,)] * 4
    assert [mail.folder_id for mail in found] == [INBOX] * 3 + [TRASH]
    assert await mailboxes.labelled("ann", RED) is None
    await carry_out(mailboxes, create_label("Red", command_id="anew"))
    assert await counts(mailboxes) == {"Blue": (4, 4), "Red": (0, 0)}


async def test_a_label_of_many_mails_is_hidden_at_once_and_taken_off_in_steps(
    mailboxes: Mailboxes,
) -> None:
    count = STEP + 3
    await carry_out(mailboxes, create_label("Red"))
    many = [deliver(n) for n in range(count)]
    for at in range(0, count, 100):
        await store_several(many[at : at + 100], mailboxes=mailboxes)
    await carry_out(mailboxes, label(*range(count), on=["Red"]))
    assert await counts(mailboxes) == {"Red": (count, count)}
    [first] = await store_several([delete_label(RED)], mailboxes=mailboxes)
    assert await mailboxes.labelled("ann", RED) is None
    assert [each.is_deleting for each in await mailboxes.labels("ann")] == [True]
    [answer] = await carry_out(mailboxes, label(0, on=["Red"], command_id="late"))
    assert isinstance(answer, CommandAnswered)
    assert answer.problem == "not-found"
    [following] = [event for event in first if isinstance(event, Command)]
    await carry_out(mailboxes, following)
    assert await mailboxes.labels("ann") == []
    page = await mailboxes.page("ann", INBOX, limit=500)
    assert page is not None
    assert page.total_count == count
    assert {mail.labels for mail in page.emails} == {()}


async def test_a_draft_keeps_its_labels_when_it_is_saved_again(mailboxes: Mailboxes) -> None:
    await carry_out(
        mailboxes,
        create_label("Red"),
        save(1, "v1"),
        label(1, on=["Red"]),
        save(1, "v2", replaces="v1"),
    )
    [mail] = await all_labelled(mailboxes, "ann", RED, 2, None)
    assert (mail.email_id, mail.subject, mail.labels) == (email_id(1), "Draft 1 v2", (RED,))


async def test_a_folder_that_is_deleted_leaves_labels_on_its_mails(mailboxes: Mailboxes) -> None:
    work = folder_id("Work")
    await carry_out(mailboxes, create("Work"), create_label("Red"))
    await carry_out(mailboxes, deliver(1, folder_id=work), label(1, on=["Red"]), remove(work))
    [mail] = await all_labelled(mailboxes, "ann", RED, 2, None)
    assert (mail.folder_id, mail.labels) == (TRASH, (RED,))


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (create_label("RED", label_id="other"), "name-taken"),
        (create_label(" "), "invalid"),
        (create_label("Green", colour="green"), "invalid"),
        (change_label(RED, name="blue"), "name-taken"),
        (change_label(RED, colour="#12345"), "invalid"),
        (change_label(label_id("none"), name="x"), "not-found"),
        (delete_label(label_id("none")), "not-found"),
        (label(0, on=["none"]), "not-found"),
        (label(9, on=["Red"]), "not-found"),
        (label(*range(1_001), on=["Red"]), "invalid"),
    ],
    ids=str,
)
async def test_what_can_not_be_is_refused_and_changes_nothing(
    mailboxes: Mailboxes, command: Command, problem: str
) -> None:
    await labelled(mailboxes, 1)
    before = await everything(mailboxes, "ann")
    [answer] = await carry_out(mailboxes, command)
    assert isinstance(answer, CommandAnswered)
    assert (answer.status, answer.problem) == ("refused", problem)
    assert await everything(mailboxes, "ann") == before


async def test_a_mail_carries_a_bounded_number_of_labels_and_a_mailbox_has_one(
    mailboxes: Mailboxes,
) -> None:
    names = [f"Label {number}" for number in range(MOST_LABELS)]
    for at in range(0, len(names), 100):
        some = [create_label(name) for name in names[at : at + 100]]
        await store_several(some, mailboxes=mailboxes)
    [answer] = await carry_out(mailboxes, create_label("one more"))
    assert isinstance(answer, CommandAnswered)
    assert answer.problem == "invalid"
    await carry_out(mailboxes, deliver(1), label(1, on=names[:MOST_ON_A_MAIL]))
    [answer] = await carry_out(mailboxes, label(1, on=names[MOST_ON_A_MAIL : MOST_ON_A_MAIL + 1]))
    assert isinstance(answer, CommandAnswered)
    assert answer.problem == "invalid"
    swapped = label(1, on=names[MOST_ON_A_MAIL : MOST_ON_A_MAIL + 1], off=names[:1])
    await carry_out(mailboxes, swapped)
    [mail] = await mailboxes.summaries("ann", [email_id(1)])
    assert len(mail.labels) == MOST_ON_A_MAIL


async def test_labels_are_known_long_after_what_led_to_them_is_forgotten(
    mailboxes: Mailboxes, clock: ManualClock
) -> None:
    await labelled(mailboxes, 2)
    clock.move(timedelta(days=40))
    await carry_out(mailboxes, *(deliver(n) for n in range(10, 60)))
    assert await counts(mailboxes) == {"Blue": (2, 2), "Red": (2, 2)}


async def labelled(mailboxes: Mailboxes, count: int) -> None:
    """Let there be *count* mails that carry two labels."""
    await carry_out(mailboxes, create_label("Red"), create_label("Blue"))
    await carry_out(mailboxes, *(deliver(number) for number in range(count)))
    await carry_out(mailboxes, label(*range(count), on=["Red", "Blue"]))


async def counts(mailboxes: Mailboxes) -> dict[str, tuple[int, int]]:
    labels = await mailboxes.labels("ann")
    return {each.name: (each.total_count, each.unread_count) for each in labels}


async def ids_of(mailboxes: Mailboxes, label: str) -> Sequence[str]:
    return [mail.email_id for mail in await all_labelled(mailboxes, "ann", label, 2, None)]
