"""Mailboxes: every store holds the same after the same commands, and each user only their own."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from connectors.memory.clock import ManualClock
from connectors.memory.mailboxes import MemoryMailboxes
from connectors.sqlite.database import Database
from connectors.sqlite.mailboxes import KEPT, MIGRATIONS, SqliteMailboxes
from tests.mailbox.commands import (
    AT,
    RAW,
    carry_out,
    create,
    delete,
    deliver,
    email_id,
    folder_id,
    mail_id,
    move,
    remove,
    rename,
    save,
    set_flags,
)
from tests.mailbox.state import by_cursor, changes_in, everything
from topologies.errors import Poison, Retryable
from topologies.events import (
    DRAFTS,
    INBOX,
    SENT,
    SYSTEM_FOLDERS,
    TRASH,
    Address,
    Attachment,
    Authentication,
    Command,
    CommandAnswered,
    DkimVerdict,
    MailboxChanged,
    Message,
    RawRef,
    SpamVerdict,
)
from topologies.mail.mailbox import STEP, decide, needs
from topologies.mail.mailbox_several import decide_several
from topologies.mailbox.store import store_several
from topologies.ports.mailboxes import MAX_PAGE, Effects, Mailbox, Mailboxes, Needs

# --- several commands at once -------------------------------------------------------


async def test_what_several_commands_change_at_once_is_shown_at_once(mailboxes: Mailboxes) -> None:
    await store_several([deliver(1), deliver(2), create("Work")], mailboxes=mailboxes)
    page = await mailboxes.page("ann", INBOX)
    assert page is not None
    assert page.total_count == 2
    group = [deliver(3), set_flags(1, is_read=True), move(2, to=TRASH), deliver(4), delete(1)]
    told = await store_several(group, mailboxes=mailboxes)
    page = await mailboxes.page("ann", INBOX)
    assert page is not None
    assert [mail.email_id for mail in page.emails] == [email_id(4), email_id(3)]
    assert (page.total_count, (await mailboxes.mailbox("ann")).seq) == (2, 8)
    assert await store_several(group, mailboxes=mailboxes) == told
    assert (await mailboxes.mailbox("ann")).seq == 8


async def test_of_several_commands_those_that_were_applied_before_are_known(
    mailboxes: Mailboxes,
) -> None:
    first = list(await store_several([deliver(1), delete(9)], mailboxes=mailboxes))
    wanted = [needs(each) for each in (deliver(1), deliver(2), delete(9))]
    found = await mailboxes.load_for_several("ann", wanted)
    assert found.loaded.answered is None
    assert set(found.loaded.folders) >= set(SYSTEM_FOLDERS)
    assert {each: list(told) for each, told in found.answers.items()} == {
        deliver(1).command_id: first[0],
        delete(9).command_id: first[1],
    }


async def test_several_commands_decided_on_a_mailbox_that_changed_since_are_refused(
    mailboxes: Mailboxes,
) -> None:
    group = [deliver(1), deliver(2)]
    loaded = await mailboxes.load_for_several("ann", [needs(each) for each in group])
    decided = decide_several(group, loaded)
    await carry_out(mailboxes, deliver(3))
    with pytest.raises(Retryable):
        await mailboxes.write_several(decided.effects)
    assert (await mailboxes.mailbox("ann")).seq == 1
    await store_several(group, mailboxes=mailboxes)
    assert (await mailboxes.mailbox("ann")).seq == 3


# --- reading ------------------------------------------------------------------------


async def test_a_mailbox_that_holds_nothing_is_there(mailboxes: Mailboxes) -> None:
    assert await mailboxes.mailbox("ann") == Mailbox(user_id="ann")
    assert [f.folder_id for f in await mailboxes.folders("ann")] == list(SYSTEM_FOLDERS)
    page = await mailboxes.page("ann", INBOX)
    assert page is not None
    assert (page.emails, page.total_count, page.next_cursor) == ((), 0, None)
    assert await mailboxes.page("ann", "elsewhere") is None
    assert await mailboxes.email("ann", email_id(1)) is None
    assert await mailboxes.summaries("ann", [email_id(1)]) == []
    assert await mailboxes.thread("ann", email_id(1)) == []
    assert (await mailboxes.changes("ann", 0)).status == "ok"
    assert await mailboxes.usage("ann") == 0
    assert await mailboxes.places(mail_id(1)) == []


async def test_a_mail_comes_back_as_it_was_stored(mailboxes: Mailboxes) -> None:
    east = timezone(timedelta(hours=5, minutes=30))
    message = Message(
        subject="Ünïcödé 会議 🎉 \ufffd",
        from_=(Address(address="ada@sender.example", name='Ada, the "First"\n'),),
        to=(Address(address="a\nb"), Address(address="")),
        bcc=(Address(address="bo@shop.example"),),
        date=datetime(2026, 3, 1, 9, 30, tzinfo=east),
        message_id="odd id \t",
        references=("a", "b"),
        text="x" * 200_000,
        html="<p>…</p>",
        html_blob="1" * 64,
        attachments=(
            Attachment(
                attachment_id="1",
                file_name="ä.pdf",
                content_type="application/pdf",
                size_bytes=2**40,
                blob="2" * 64,
                is_inline=True,
            ),
        ),
        defects=("bad charset",),
        truncated=True,
    )
    command = deliver(
        1,
        message=message,
        raw_ref=RawRef(blob="3" * 64, kind="skeleton", size_bytes=2**33),
        received_at=datetime(2026, 3, 1, 4, 0, 0, 123456, tzinfo=UTC),
        mail_from="bounce+1@sender.example",
        recipient="ann+shop@shop.example",
        tag="shop",
        authentication=Authentication(
            spf="pass", dkim=(DkimVerdict(result="fail", domain="d", selector="s"),)
        ),
        spam=SpamVerdict(probability=0.1 + 0.2, is_spam=False, reasons=("a", "b")),
        note="why",
    )
    [added] = decide(command, await mailboxes.load("ann", needs(command))).added
    await carry_out(mailboxes, command)

    found = await mailboxes.email("ann", email_id(1))

    assert found == added
    assert found is not None
    assert found.message.date is not None
    assert found.message.date.utcoffset() == timedelta(hours=5, minutes=30)
    assert await mailboxes.summaries("ann", [email_id(1)]) == [added.summary]


async def test_summaries_come_in_the_order_asked_for(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, deliver(1), deliver(2), deliver(3), delete(2, permanent=True))
    asked = [email_id(3), "garbage", email_id(2), email_id(1), email_id(9)]
    found = await mailboxes.summaries("ann", asked)
    assert [mail.email_id for mail in found] == [email_id(3), email_id(1)]


@pytest.mark.parametrize(
    "spelling",
    [email_id(1).upper(), email_id(1).replace("-", ""), email_id(1) + " ", "", "'; --", "\0"],
    ids=ascii,
)
async def test_an_id_in_another_spelling_is_no_id(mailboxes: Mailboxes, spelling: str) -> None:
    await carry_out(mailboxes, deliver(1))
    assert await mailboxes.email("ann", spelling) is None
    assert await mailboxes.thread("ann", spelling) == []
    assert await mailboxes.places(spelling) == []
    assert await mailboxes.page("ann", spelling) is None


@pytest.mark.parametrize("is_read", [None, True, False])
async def test_pages_by_cursor_and_by_offset_are_the_whole_folder_newest_first(
    mailboxes: Mailboxes, is_read: bool | None
) -> None:
    unread = [2, 3, 5, 6, 9]
    await carry_out(mailboxes, *(deliver(n, is_read=n not in unread) for n in range(10)))
    await carry_out(mailboxes, deliver(20, folder_id=SENT), deliver(21, "bo"))
    all_of = {None: list(range(10)), True: [0, 1, 4, 7, 8], False: unread}[is_read]
    expected = [email_id(number) for number in reversed(all_of)]

    for size in (1, 3, 4, 5, 10, 11):
        assert await by_cursor(mailboxes, "ann", INBOX, size, is_read) == expected
        offsets = range(0, len(expected) + size, size)
        found = [await a_page(mailboxes, size, offset, is_read) for offset in offsets]
        assert [each for page in found for each in page] == expected


async def test_a_cursor_keeps_its_place_and_wins_over_an_offset(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, *(deliver(n) for n in range(6)))
    first = await mailboxes.page("ann", INBOX, limit=3)
    assert first is not None
    await carry_out(mailboxes, deliver(9), delete(3), delete(2))
    second = await mailboxes.page("ann", INBOX, limit=3, cursor=first.next_cursor, offset=2)
    assert second is not None
    assert [mail.email_id for mail in second.emails] == [email_id(1), email_id(0)]
    assert (second.total_count, second.next_cursor) == (5, None)


@pytest.mark.parametrize(
    "cursor",
    ["", "!", "AAAA", "A" * 23, "A" * 10_000, "é", "\0", "AAAAAAAAAAAAAAAAAAAAAB", "A" * 22 + "=="],
)
async def test_what_is_no_cursor_is_refused(mailboxes: Mailboxes, cursor: str) -> None:
    await carry_out(mailboxes, deliver(1))
    with pytest.raises(ValueError):
        await mailboxes.page("ann", INBOX, cursor=cursor)


async def test_a_page_has_bounds(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, *(deliver(n) for n in range(MAX_PAGE + 1)))
    assert len(await a_page(mailboxes, 10**9, 0, None)) == MAX_PAGE
    assert len(await a_page(mailboxes, 0, 0, None)) == 1
    assert await a_page(mailboxes, 50, 10**9, None) == []
    assert len(await a_page(mailboxes, -1, -1, None)) == 1


async def test_a_thread_is_listed_oldest_first_wherever_its_mails_are(
    mailboxes: Mailboxes,
) -> None:
    answer = {"references": ("m2@sender.example",)}
    await carry_out(
        mailboxes,
        deliver(2),
        deliver(1, message=answer, folder_id=SENT),
        deliver(3, message=answer),
        deliver(4),
        delete(3),
    )
    found = await mailboxes.thread("ann", email_id(2))
    assert [mail.email_id for mail in found] == [email_id(1), email_id(2), email_id(3)]
    assert {mail.thread_id for mail in found} == {email_id(2)}


async def test_threads_that_were_merged_one_after_another_are_found_by_any_of_their_ids(
    mailboxes: Mailboxes,
) -> None:
    def answering(*numbers: int) -> dict[str, Any]:
        return {"references": tuple(f"m{number}@sender.example" for number in numbers)}

    events = await carry_out(
        mailboxes,
        *(deliver(number) for number in range(6)),
        deliver(10, message=answering(1, 2)),
        deliver(11, message=answering(3, 4)),
        deliver(12, message=answering(4, 5)),
        deliver(13, message=answering(2, 3)),
        deliver(14, message=answering(5)),
    )
    expected = [email_id(number) for number in (1, 2, 3, 4, 5, 10, 11, 12, 13, 14)]
    for number in (1, 2, 3, 4, 5):
        found = await mailboxes.thread("ann", email_id(number))
        assert [mail.email_id for mail in found] == expected
        assert len({mail.thread_id for mail in found}) == 1
    assert len([e for e in changes_in(events) if e.kind == "thread.merged"]) == 4
    listed = await mailboxes.page("ann", INBOX)
    assert listed is not None
    assert len({mail.thread_id for mail in listed.emails}) == 2  # mail 0 is alone


async def test_copies_of_a_mail_are_known_even_when_gone(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, deliver(1, "bo"), deliver(1, "ann"), deliver(2))
    await carry_out(mailboxes, delete(1, permanent=True))
    assert await mailboxes.places(mail_id(1)) == [
        ("ann", email_id(1, "ann")),
        ("bo", email_id(1, "bo")),
    ]


# --- changes ------------------------------------------------------------------------


async def test_changes_are_told_in_order_in_stretches(mailboxes: Mailboxes) -> None:
    events = await carry_out(
        mailboxes,
        *(deliver(n) for n in range(4)),
        set_flags(*range(4), is_read=True),
        set_flags(7, is_read=True),
        delete(1),
    )
    told: list[MailboxChanged] = []
    has_more = True
    while has_more:
        stretch = await mailboxes.changes("ann", len(told), limit=3)
        told += stretch.changes
        has_more = stretch.has_more
        assert (stretch.status, stretch.seq) == ("ok", len(told))
    assert told == changes_in(events)
    assert [change.seq for change in told] == list(range(1, 10))


@pytest.mark.parametrize(("since", "status"), [(-5, "ok"), (2, "ok"), (3, "too-old")])
async def test_a_number_that_was_never_given_is_too_old(
    mailboxes: Mailboxes, since: int, status: str
) -> None:
    await carry_out(mailboxes, deliver(1), deliver(2))
    found = await mailboxes.changes("ann", since)
    assert (found.status, found.seq, found.has_more) == (status, 2, False)


async def test_old_changes_are_forgotten_and_whoever_asks_for_them_is_told(
    mailboxes: Mailboxes, clock: ManualClock
) -> None:
    await carry_out(mailboxes, deliver(1), deliver(2))
    clock.move(KEPT + timedelta(days=1))
    events = await carry_out(mailboxes, *(deliver(n) for n in range(10, 60)))
    assert (await mailboxes.changes("ann", 0)).status == "too-old"
    found = await mailboxes.changes("ann", 2)
    assert (found.status, list(found.changes)) == ("ok", changes_in(events))


async def test_nothing_is_forgotten_before_its_time(
    mailboxes: Mailboxes, clock: ManualClock
) -> None:
    await carry_out(mailboxes, deliver(1))
    clock.move(KEPT - timedelta(days=1))
    await carry_out(mailboxes, *(deliver(n) for n in range(10, 60)))
    assert (await mailboxes.changes("ann", 0)).status == "ok"


async def test_a_mail_that_is_delivered_again_long_after_is_not_doubled(
    mailboxes: Mailboxes, clock: ManualClock
) -> None:
    await carry_out(mailboxes, deliver(1), deliver(2), delete(2, permanent=True))
    clock.move(KEPT + timedelta(days=1))
    await carry_out(mailboxes, *(deliver(n) for n in range(10, 60)))
    await carry_out(mailboxes, deliver(1), deliver(2))
    assert len(await by_cursor(mailboxes, "ann", INBOX, 50, None)) == 51


# --- writing ------------------------------------------------------------------------


async def test_a_command_that_was_written_before_changes_nothing(mailboxes: Mailboxes) -> None:
    effects = await decided(mailboxes, deliver(1, answer=True))
    await mailboxes.write(effects)
    await carry_out(mailboxes, set_flags(1, is_read=True))
    before = await everything(mailboxes, "ann")
    await mailboxes.write(effects)
    assert await everything(mailboxes, "ann") == before
    loaded = await mailboxes.load("ann", Needs(command_id=effects.command_id))
    assert (loaded.answered, loaded.mailbox.seq) == (effects.events, 2)


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(set_flags(1, is_read=True), id="with changes and an answer"),
        pytest.param(set_flags(1, is_read=True, answer=False), id="with changes"),
        pytest.param(delete(7), id="refused"),
        pytest.param(set_flags(1, is_read=False, answer=False), id="with nothing to tell"),
        pytest.param(set_flags(1, is_read=True, command_id="not a UUID"), id="of any id"),
    ],
)
async def test_what_a_command_led_to_is_kept(mailboxes: Mailboxes, command: Command) -> None:
    await carry_out(mailboxes, deliver(1))
    events = await carry_out(mailboxes, command)
    await carry_out(mailboxes, set_flags(1, is_starred=True))
    loaded = await mailboxes.load("ann", needs(command))
    assert loaded.answered == tuple(events)


async def test_of_two_who_write_at_once_one_is_told_to_try_again(mailboxes: Mailboxes) -> None:
    first = await decided(mailboxes, deliver(1))
    second = await decided(mailboxes, deliver(2))
    await mailboxes.write(first)
    before = await everything(mailboxes, "ann")
    with pytest.raises(Retryable):
        await mailboxes.write(second)
    assert await everything(mailboxes, "ann") == before
    await carry_out(mailboxes, deliver(2))
    assert (await mailboxes.mailbox("ann")).seq == 2


async def test_the_oldest_mails_of_a_folder_are_loaded(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, *(deliver(n) for n in (3, 1, 2)), deliver(0, folder_id=SENT))
    loaded = await mailboxes.load("ann", Needs(command_id="c", oldest_in_folder=INBOX, limit=2))
    assert list(loaded.emails) == [email_id(1), email_id(2)]


async def test_a_large_folder_is_emptied_in_steps(mailboxes: Mailboxes) -> None:
    work, count = folder_id("Work"), STEP + 2
    await carry_out(mailboxes, create("Work"), *(deliver(n, folder_id=work) for n in range(count)))
    events = await carry_out(mailboxes, remove(work))
    assert [c.kind for c in changes_in(events)] == [
        "folder.updated",
        *["email.moved"] * count,
        "folder.removed",
    ]
    assert len(await by_cursor(mailboxes, "ann", TRASH, 500, None)) == count
    assert [f.folder_id for f in await mailboxes.folders("ann")] == list(SYSTEM_FOLDERS)
    told = await mailboxes.changes("ann", count + 100, limit=MAX_PAGE)  # amid those of one command
    assert told.changes[0].seq == count + 101


async def test_what_is_loaded_tells_gone_from_unknown(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, deliver(1), deliver(2), delete(2, permanent=True))
    wanted = (email_id(1), email_id(2), email_id(3))
    loaded = await mailboxes.load("ann", Needs(command_id="c", email_ids=wanted))
    assert (list(loaded.emails), loaded.gone) == ([email_id(1)], {email_id(2)})
    assert set(loaded.folders) == set(SYSTEM_FOLDERS)


# --- nobody reads another's ---------------------------------------------------------


async def test_nobody_sees_anything_of_another(mailboxes: Mailboxes) -> None:
    same_id = email_id(1)
    work = folder_id("Work")
    await carry_out(
        mailboxes,
        create("Work"),
        deliver(1, folder_id=work),
        deliver(2, message={"references": ("m1@sender.example",)}),
        deliver(3, "bo"),
    )
    before = await everything(mailboxes, "bo")
    assert await mailboxes.email("bo", same_id) is None
    assert await mailboxes.summaries("bo", [same_id]) == []
    assert await mailboxes.thread("bo", same_id) == []
    assert await mailboxes.page("bo", work) is None
    seen = Needs(
        command_id=deliver(1).command_id,
        email_ids=(same_id,),
        message_ids=("m1@sender.example",),
        oldest_in_folder=work,
        limit=10,
    )
    loaded = await mailboxes.load("bo", seen)
    assert (loaded.emails, loaded.gone, loaded.threads, loaded.answered) == (
        {},
        frozenset(),
        {},
        None,
    )
    assert work not in loaded.folders
    for command in (
        set_flags(1, user_id="bo", email_ids=(same_id,), is_read=True),
        move(1, user_id="bo", email_ids=(same_id,), to=TRASH),
        delete(1, user_id="bo", email_ids=(same_id,), permanent=True),
        rename(work, "Mine", user_id="bo"),
        remove(work, user_id="bo"),
    ):
        [refused] = await carry_out(mailboxes, command)
        assert getattr(refused, "problem", "") == "not-found"
    assert await everything(mailboxes, "bo") == before


async def test_the_same_ids_in_two_mailboxes_are_two_things(mailboxes: Mailboxes) -> None:
    for user_id in ("ann", "bo"):
        await carry_out(
            mailboxes,
            create("Work", user_id),
            deliver(1, user_id, email_id=email_id(1), command_id="same"),
            deliver(2, user_id, message={"references": ("m1@sender.example",)}),
        )
    await carry_out(mailboxes, delete(1, permanent=True), rename(folder_id("Work"), "Mine"))
    kept = await mailboxes.email("bo", email_id(1))
    assert kept is not None
    assert len(await mailboxes.thread("bo", email_id(1))) == 2
    assert [f.name for f in await mailboxes.folders("bo")][5:] == ["Work"]
    assert await mailboxes.usage("bo") == 2 * RAW.size_bytes


# --- SQLite alone -------------------------------------------------------------------


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "mailboxes.db"
    commands = (deliver(1), deliver(2), set_flags(1, is_read=True), delete(2, permanent=True))
    with closing(Database(path, MIGRATIONS)) as database:
        first = SqliteMailboxes(database, ManualClock())
        events = await carry_out(first, *commands)
        before = await everything(first, "ann")
    with closing(Database(path, MIGRATIONS)) as database:
        second = SqliteMailboxes(database, ManualClock())
        assert await everything(second, "ann") == before
        assert await carry_out(second, *commands) == events


async def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "mailboxes.db", MIGRATIONS)) as database:
        mailboxes = SqliteMailboxes(database, ManualClock())
        await carry_out(mailboxes, deliver(1))
        before = await everything(mailboxes, "ann")
        effects = await decided(mailboxes, deliver(2))
        lost = replace(
            effects, updated=(structs.replace(effects.added[0].summary, email_id=email_id(9)),)
        )
        with pytest.raises(Retryable):
            await mailboxes.write(lost)
        assert await everything(mailboxes, "ann") == before


async def test_a_damaged_file_is_an_outage_and_buries_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mailboxes.db"
    page = 16_384  # which takes the whole schema
    with closing(Database(path, MIGRATIONS, page_bytes=page)) as database:
        await carry_out(SqliteMailboxes(database, ManualClock()), deliver(1))
    whole = path.read_bytes()
    path.write_bytes(whole[:page] + b"\xff" * (len(whole) - page))  # the schema is left
    with closing(Database(path, MIGRATIONS)) as database:
        mailboxes = SqliteMailboxes(database, ManualClock())
        effects = decide(
            deliver(2), await MemoryMailboxes(ManualClock()).load("ann", Needs(command_id="c"))
        )
        for attempt in (
            mailboxes.mailbox("ann"),
            mailboxes.page("ann", INBOX),
            mailboxes.write(effects),
        ):
            with pytest.raises(Retryable) as caught:
                await attempt
            assert caught.value.outage


async def test_a_damaged_mail_spoils_no_listing(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "mailboxes.db", MIGRATIONS)) as database:
        mailboxes = SqliteMailboxes(database, ManualClock())
        await carry_out(mailboxes, deliver(1))
        await database.write(lambda c: c.execute("UPDATE bodies SET content = x'00'").rowcount)
        with pytest.raises(Poison):
            await mailboxes.email("ann", email_id(1))
        assert len(await by_cursor(mailboxes, "ann", INBOX, 1, None)) == 1


async def test_listings_read_an_index_alone(tmp_path: Path) -> None:
    from connectors.sqlite.mailboxes_load import ONE
    from connectors.sqlite.mailboxes_read import PAGE

    with closing(Database(tmp_path / "mailboxes.db", MIGRATIONS)) as database:
        for query in (*PAGE.values(), *ONE):
            count = query.count("?")
            plan = database.read_now(
                lambda c, q=query, n=count: c.execute(
                    "EXPLAIN QUERY PLAN " + q, (b"",) * n
                ).fetchall()
            )
            steps = [row[3] for row in plan]
            assert all(step.startswith("SEARCH") for step in steps), steps


# --- drafts -------------------------------------------------------------------------


async def test_a_saved_draft_takes_the_place_of_the_one_before_wholly(mailboxes: Mailboxes) -> None:
    await carry_out(
        mailboxes, deliver(1), save(2, "v1", message={"references": ("m1@sender.example",)})
    )
    before = await mailboxes.email("ann", email_id(2))
    assert before is not None
    assert (before.summary.folder_id, before.summary.thread_id) == (DRAFTS, email_id(1))
    again = save(
        2,
        "v2",
        replaces="v1",
        issued_at=AT + timedelta(hours=1),
        raw_ref=RawRef(blob="1" * 64, kind="whole", size_bytes=2_500),
    )
    told = changes_in(await carry_out(mailboxes, again))
    assert [(c.kind, c.is_rewritten, c.seq) for c in told] == [("email.updated", True, 3)]
    after = await mailboxes.email("ann", email_id(2))
    assert after is not None
    assert (after.draft, after.message, after.raw_ref) == (
        again.draft,
        again.message,
        again.raw_ref,
    )
    assert after.summary == structs.replace(
        before.summary, subject="Draft 2 v2", size_bytes=2_500, changed_seq=3
    )
    page = await mailboxes.page("ann", DRAFTS)
    assert page is not None
    assert (page.emails, page.total_count) == ((after.summary,), 1)
    assert await mailboxes.thread("ann", email_id(1)) == [
        *(await mailboxes.summaries("ann", [email_id(1)])),
        after.summary,
    ]
    assert await mailboxes.usage("ann") == 3_500
    assert (await mailboxes.changes("ann", 2)).changes == tuple(told)


async def test_a_draft_is_saved_on_the_version_that_is_there_or_not_at_all(
    mailboxes: Mailboxes,
) -> None:
    await carry_out(mailboxes, save(1, "v1"), deliver(2), set_flags(1, is_starred=True))
    before = await everything(mailboxes, "ann")
    for command, problem in (
        (save(1, "v2", replaces="v0"), "changed"),
        (save(2, "v2", replaces="v1"), "not-found"),
        (save(3, "v2", replaces="v1"), "not-found"),
    ):
        [answer] = await carry_out(mailboxes, command)
        assert isinstance(answer, CommandAnswered)
        assert (answer.status, answer.problem) == ("refused", problem)
    assert await everything(mailboxes, "ann") == before
    for command in (save(1, "v2", replaces="v1"), save(1, "v3", replaces="*")):
        answer = (await carry_out(mailboxes, command))[-1]
        assert isinstance(answer, CommandAnswered)
        assert answer.status == "done"
    saved = await mailboxes.email("ann", email_id(1))
    assert saved is not None
    assert saved.draft is not None
    assert (saved.draft.version, saved.summary.is_starred) == ("v3", True)


async def test_a_draft_comes_back_to_its_folder_when_it_is_saved(mailboxes: Mailboxes) -> None:
    await carry_out(mailboxes, save(1, "v1"), delete(1))
    told = changes_in(await carry_out(mailboxes, save(1, "v2", replaces="v1")))
    assert [(c.kind, c.folder_id, c.from_folder_id) for c in told] == [
        ("email.moved", DRAFTS, TRASH)
    ]
    for folder, count in ((DRAFTS, 1), (TRASH, 0)):
        page = await mailboxes.page("ann", folder)
        assert page is not None
        assert (len(page.emails), page.total_count) == (count, count)
    await carry_out(mailboxes, delete(1, permanent=True))
    [answer] = await carry_out(mailboxes, save(1, "v3", replaces="v2"))
    assert isinstance(answer, CommandAnswered)
    assert answer.problem == "not-found"
    await carry_out(mailboxes, save(1, "v1"))  # a replay brings nothing back
    assert await mailboxes.email("ann", email_id(1)) is None


async def test_a_draft_that_is_sent_is_gone_when_the_copy_is_there_unless_it_was_saved_since(
    mailboxes: Mailboxes,
) -> None:
    sent: dict[str, Any] = {"folder_id": SENT, "draft_id": email_id(1), "is_read": True}
    await carry_out(mailboxes, save(1, "v1"), save(1, "v2", replaces="v1"))
    await carry_out(mailboxes, deliver(2, draft_version="v1", **sent))
    assert await mailboxes.email("ann", email_id(1)) is not None
    command = deliver(3, draft_version="v2", **sent)
    told = changes_in(await carry_out(mailboxes, command))
    assert [(c.kind, c.email_id) for c in told] == [
        ("email.added", email_id(3)),
        ("email.removed", email_id(1)),
    ]
    assert changes_in(await carry_out(mailboxes, command)) == told
    assert await mailboxes.email("ann", email_id(1)) is None
    for folder, count in ((DRAFTS, 0), (SENT, 2)):
        page = await mailboxes.page("ann", folder)
        assert page is not None
        assert page.total_count == count


async def test_a_large_draft_is_replaced_as_a_small_one_is(mailboxes: Mailboxes) -> None:
    noise = "".join(chr(0x4E00 + number * 7 % 20_000) for number in range(30_000))
    await carry_out(mailboxes, save(1, "v1", message={"text": noise}))
    await carry_out(mailboxes, save(1, "v2", replaces="v1", message={"text": noise[::-1]}))
    saved = await mailboxes.email("ann", email_id(1))
    assert saved is not None
    assert saved.message.text == noise[::-1]


async def a_page(mailboxes: Mailboxes, limit: int, offset: int, is_read: bool | None) -> list[str]:
    page = await mailboxes.page("ann", INBOX, limit=limit, offset=offset, is_read=is_read)
    assert page is not None
    return [mail.email_id for mail in page.emails]


async def decided(mailboxes: Mailboxes, command: Command) -> Effects:
    return decide(command, await mailboxes.load(command.user_id, needs(command)))
