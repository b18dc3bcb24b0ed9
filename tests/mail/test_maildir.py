"""Names in a Maildir: what is written is read back, and what others wrote is understood."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from topologies.mail import foreign_folders, ids, imap_names, maildir
from topologies.mail.maildir import Named

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


@given(st.text(min_size=1, max_size=60))
@example("Work/2026")
@example("v1.2/a&b")
@example("/")
@example("a//b")
@example("日本語 & ~peter")
def test_folders_keep_their_names(name: str) -> None:
    path = maildir.folder_path(name)
    assert maildir.folder_name(path) == name
    assert path not in (".", "..")
    assert "/" not in path


@pytest.mark.parametrize(
    ("path", "name"),
    [(".Work.2026", "Work/2026"), (".Entw&APw-rfe", "Entwürfe"), (".&-", "&"), (".&x", "&x")],
)
def test_names_of_others_are_read(path: str, name: str) -> None:
    assert maildir.folder_name(path) == name


@given(st.text(max_size=40))
def test_modified_utf_7_is_undone_and_is_printable_ascii(name: str) -> None:
    written = imap_names.encoded(name)
    assert imap_names.decoded(written) == name
    assert all(" " <= character <= "~" for character in written)


@pytest.mark.parametrize(("is_read", "is_starred"), [(False, False), (True, False), (True, True)])
def test_a_file_tells_which_mail_it_is_and_how_it_is_marked(
    is_read: bool, is_starred: bool
) -> None:
    email_id = ids.derived_id(AT, "x")
    name = maildir.file_name(email_id, AT, 7, is_read=is_read, is_starred=is_starred)
    assert maildir.named(name) == Named(
        is_read=is_read, is_starred=is_starred, email_id=email_id, stored_at=AT
    )


def test_flags_stand_in_the_order_of_ascii() -> None:
    name = maildir.file_name("x", AT, 7, is_read=True, is_starred=True, is_draft=True)
    assert name.endswith(",S=7:2,DFS")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1772445600.M1P2.host,S=3,W=4:2,FSab", Named(is_read=True, is_starred=True, stored_at=AT)),
        ("1772445600.1_0.host;2,", Named(is_read=False, is_starred=False, stored_at=AT)),
        ("mail", Named(is_read=False, is_starred=False)),
    ],
)
def test_files_of_others_are_read(name: str, expected: Named) -> None:
    assert maildir.named(name) == expected


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("INBOX", "inbox"),
        ("Junk", "spam"),
        ("[Gmail]/Sent Mail", "sent"),
        ("INBOX.Work.2026", "Work.2026"),
        ("Deleted Items", "trash"),
        ("Work", "Work"),
    ],
)
def test_folders_that_every_mailbox_has_are_known_by_many_names(name: str, own: str) -> None:
    assert foreign_folders.own_name(name) == own
