"""What IMAP servers answer is understood, however they write it; and how far it came is kept."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api.cli.imap_answers import RemoteFolder, folder_of, remote_of
from api.cli.imap_state import ImapState, state_path


@pytest.mark.parametrize(
    ("line", "name", "own_name"),
    [
        (rb'(\HasNoChildren) "/" INBOX', "INBOX", "inbox"),
        (rb'(\HasNoChildren) "." "INBOX.Work.2026"', "INBOX.Work.2026", "Work/2026"),
        (rb'(\Junk) "/" "Unerw&APw-nscht"', "Unerw&APw-nscht", "spam"),
        (rb'() NIL "a \"b\" \\ c"', r'a "b" \ c', r'a "b" \ c'),
        (rb'() "\\" "a\\b"', r"a\b", "a/b"),
        ((rb'() "/" {5}', b"a)b c"), "a)b c", "a)b c"),
        (rb'(\Sent) "/" "[Gmail]/Gesendet"', "[Gmail]/Gesendet", "sent"),
    ],
)
def test_folders_have_the_names_that_they_have_here(line: Any, name: str, own_name: str) -> None:
    assert folder_of(line) == RemoteFolder(name=name, own_name=own_name)


def test_a_folder_with_all_mail_is_known_and_one_that_holds_none_is_left_out() -> None:
    found = folder_of(rb'(\All \HasNoChildren) "/" "[Gmail]/All Mail"')
    assert found == RemoteFolder(name="[Gmail]/All Mail", own_name="Archive", holds_all=True)
    assert folder_of(rb'(\Noselect \HasChildren) "/" "[Gmail]"') is None
    assert folder_of(None) is None


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (b" 2-Mar-2026 10:00:07 +0100", datetime(2026, 3, 2, 9, 0, 7, tzinfo=UTC)),
        (b"02-Mar-2026 10:00:07 -0830", datetime(2026, 3, 2, 18, 30, 7, tzinfo=UTC)),
        (b"31-Feb-2026 10:00:07 +0000", None),
        (b"02-Xxx-2026 10:00:07 +0000", None),
    ],
)
def test_mails_have_flags_sizes_and_dates_in_any_order(
    date: bytes, expected: datetime | None
) -> None:
    line = b'7 (FLAGS (\\seen $Junk) INTERNALDATE "%b" RFC822.SIZE 12 UID 99)' % date
    found = remote_of(line)
    assert found is not None
    assert (found.uid, found.size_bytes, found.is_read, found.is_starred) == (99, 12, True, False)
    assert found.received_at == expected
    assert remote_of(b"7 (FLAGS ())") is None


def test_how_far_it_came_is_kept_until_the_folder_is_another(tmp_path: Path) -> None:
    path = state_path(tmp_path, "IMAP.far.example", "bo", "BO@shop.example")
    assert path == state_path(tmp_path, "imap.far.example", "bo", "bo@shop.example")
    state = ImapState(path)
    state.see(b"one")
    state.reached("INBOX", 1, 42)
    again = ImapState(path)
    assert [again.last("INBOX", 1), again.last("INBOX", 2), again.last("Sent", 1)] == [42, 0, 0]
    assert [again.is_seen(b"one"), again.is_seen(b"two")] == [True, False]


def test_a_state_that_is_damaged_is_as_none(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b'{"INBOX": {"val')
    assert ImapState(path).last("INBOX", 1) == 0
