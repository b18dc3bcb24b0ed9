"""Nested folders: every store keeps the same tree, and what is deleted goes with all within."""

from collections.abc import Sequence

import pytest

from tests.mailbox.commands import (
    carry_out,
    create,
    deliver,
    email_id,
    folder_id,
    move,
    put_into,
    remove,
    rename,
)
from tests.mailbox.state import by_cursor, changes_in, everything
from topologies.events import INBOX, SYSTEM_FOLDERS, TRASH, Command, CommandAnswered
from topologies.mail.folder_names import paths
from topologies.mail.mailbox import STEP
from topologies.mail.mailbox_folders import DEEPEST
from topologies.mailbox.store import store, store_several
from topologies.ports.mailboxes import Mailboxes

WORK, BOATS, IDEAS, OLD = (folder_id(name) for name in ("Work", "Boats", "Ideas", "Old"))


async def test_folders_are_listed_as_a_tree_each_followed_by_those_within(
    mailboxes: Mailboxes,
) -> None:
    await a_tree(mailboxes)
    assert await tree(mailboxes) == ["Boats", "Work", "Work/Ideas", "Work/Ideas/Old"]
    parents = {f.name: f.parent_id for f in await mailboxes.folders("ann") if not f.is_system}
    assert parents == {"Boats": "", "Work": "", "Ideas": WORK, "Old": IDEAS}


async def test_a_folder_is_moved_with_all_that_is_in_it(mailboxes: Mailboxes) -> None:
    await a_tree(mailboxes)
    await carry_out(mailboxes, deliver(1, folder_id=OLD))
    told = changes_in(await carry_out(mailboxes, put_into(IDEAS, BOATS)))
    assert [(c.kind, c.folder_id) for c in told] == [("folder.updated", IDEAS)]
    assert await tree(mailboxes) == ["Boats", "Boats/Ideas", "Boats/Ideas/Old", "Work"]
    assert await by_cursor(mailboxes, "ann", OLD, 2, None) == [email_id(1)]
    await carry_out(mailboxes, rename(IDEAS, "Plans", parent_id=""))
    assert await tree(mailboxes) == ["Boats", "Plans", "Plans/Old", "Work"]
    assert changes_in(await carry_out(mailboxes, put_into(IDEAS, ""))) == []  # it lies there


async def test_folders_in_different_ones_may_have_one_name(mailboxes: Mailboxes) -> None:
    await a_tree(mailboxes)
    await carry_out(
        mailboxes,
        create("Old", folder_id="old boats", parent_id=BOATS),
        create("Inbox", folder_id="inbox of work", parent_id=WORK),
    )
    assert await tree(mailboxes) == [
        "Boats",
        "Boats/Old",
        "Work",
        "Work/Ideas",
        "Work/Ideas/Old",
        "Work/Inbox",
    ]
    for command in (
        create("old", folder_id="again", parent_id=BOATS),
        put_into("old boats", IDEAS),
        put_into("inbox of work", ""),
    ):
        [answer] = await carry_out(mailboxes, command)
        assert isinstance(answer, CommandAnswered)
        assert answer.problem == "name-taken"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (put_into(WORK, WORK), "invalid"),
        (put_into(WORK, IDEAS), "invalid"),
        (put_into(WORK, OLD), "invalid"),
        (put_into(WORK, "none"), "not-found"),
        (put_into(WORK, INBOX), "system-folder"),
        (put_into(INBOX, WORK), "system-folder"),
        (put_into("none", WORK), "not-found"),
        (create("New", parent_id="none"), "not-found"),
        (create("New", parent_id=TRASH), "system-folder"),
        (rename(WORK, ""), "invalid"),
    ],
    ids=str,
)
async def test_what_would_be_no_tree_is_refused_and_changes_nothing(
    mailboxes: Mailboxes, command: Command, problem: str
) -> None:
    await a_tree(mailboxes)
    before = await everything(mailboxes, "ann")
    [answer] = await carry_out(mailboxes, command)
    assert isinstance(answer, CommandAnswered)
    assert (answer.status, answer.problem) == ("refused", problem)
    assert await everything(mailboxes, "ann") == before


async def test_a_tree_is_only_so_deep(mailboxes: Mailboxes) -> None:
    parent = ""
    for number in range(DEEPEST):
        name = f"{number}"
        await carry_out(mailboxes, create(name, parent_id=parent))
        parent = folder_id(name)
    await carry_out(mailboxes, create("top"), create("within", parent_id=folder_id("top")))
    below_last = [
        create("one more", parent_id=parent),
        put_into(folder_id("top"), folder_id(f"{DEEPEST - 2}")),
    ]
    for command in below_last:
        [answer] = await carry_out(mailboxes, command)
        assert isinstance(answer, CommandAnswered)
        assert answer.problem == "invalid"
    [_, answer] = await carry_out(
        mailboxes, put_into(folder_id("top"), folder_id(f"{DEEPEST - 3}"))
    )
    assert isinstance(answer, CommandAnswered)
    assert answer.status == "done"
    assert max(path.count("/") for path in await tree(mailboxes)) == DEEPEST - 1


async def test_what_lies_in_a_deleted_folder_is_hidden_at_once_and_its_mails_go_to_trash(
    mailboxes: Mailboxes,
) -> None:
    await a_tree(mailboxes)
    count = STEP + 2
    many = [deliver(number, folder_id=OLD) for number in range(count)]
    for at in range(0, count, 100):
        await store_several(many[at : at + 100], mailboxes=mailboxes)
    await carry_out(mailboxes, deliver(count, folder_id=WORK), deliver(count + 1, folder_id=BOATS))
    first = await store(remove(WORK), mailboxes=mailboxes)
    assert await tree(mailboxes) == ["Boats"]
    for hidden in (WORK, IDEAS, OLD):
        assert await mailboxes.page("ann", hidden) is None
        refused = (await store(move(count + 1, to=hidden), mailboxes=mailboxes))[-1]
        assert isinstance(refused, CommandAnswered)
        assert refused.problem == "not-found"
    late = deliver(count + 2, folder_id=OLD)
    await carry_out(mailboxes, late)  # by a rule that was read before
    following = [event for event in first if isinstance(event, Command)]
    await carry_out(mailboxes, *following)
    assert [f.name for f in await mailboxes.folders("ann") if not f.is_system] == ["Boats"]
    assert await by_cursor(mailboxes, "ann", INBOX, 50, None) == [email_id(count + 2)]
    page = await mailboxes.page("ann", TRASH)
    assert page is not None
    assert page.total_count == count + 1
    assert await mailboxes.usage("ann") == 1_000 * (count + 3)
    before = await everything(mailboxes, "ann")
    await carry_out(mailboxes, remove(WORK))  # a replay of it and of all its steps
    assert await everything(mailboxes, "ann") == before


async def a_tree(mailboxes: Mailboxes) -> None:
    await carry_out(
        mailboxes,
        create("Work"),
        create("Boats"),
        create("Ideas", parent_id=WORK),
        create("Old", parent_id=IDEAS),
    )


async def tree(mailboxes: Mailboxes) -> Sequence[str]:
    """The paths of custom folders, in the order they are listed."""
    folders = [folder for folder in await mailboxes.folders("ann") if not folder.is_deleting]
    named = paths(folders)
    return [named[f.folder_id] for f in folders if f.folder_id not in SYSTEM_FOLDERS]
