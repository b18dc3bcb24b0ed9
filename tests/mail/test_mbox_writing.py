"""What is written to an mbox file is read back as it was, and by programs of others, too."""

import io
import mailbox
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from topologies.events import Filing
from topologies.mail import ids, mbox_writing
from topologies.mail.mbox import Stored, messages

AT = datetime(2026, 3, 2, 10, 0, 7, tzinfo=UTC)
PLAIN = Filing(folder="Inbox")

# What a message is made of, where it matters to an mbox.
_pieces = st.lists(
    st.sampled_from(
        [
            *(b"From ", b">From ", b">>From x", b"From a@b Mon Mar  2 10:00:00 2026", b">"),
            *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"Subject: x\r\n", b"Status: RO\r\n", b"a" * 70),
            b"X-Rillmail-Kept: id=0; bytes=1; length=1; ends=lf; folder=x\r\n",
        ]
    ),
    max_size=12,
).map(b"".join)
_filings = st.builds(
    Filing,
    folder=st.text(max_size=20),
    is_read=st.booleans(),
    is_starred=st.booleans(),
    labels=st.lists(st.text(min_size=1, max_size=9), max_size=3).map(tuple),
)


@given(st.lists(st.tuples(_pieces, _filings), max_size=5))
@example([(b"", PLAIN), (b"\r\n", PLAIN), (b"From x", PLAIN), (b"a\r\n\r\n\r\n", PLAIN)])
def test_every_message_comes_back_byte_for_byte_with_folder_and_flags(
    mails: list[tuple[bytes, Filing]],
) -> None:
    file = io.BytesIO(
        b"".join(written(raw, number, filing) for number, (raw, filing) in mail(mails))
    )
    assert [(m.raw, m.filing, m.kept_id) for m in messages(file, 10**6)] == [
        (raw, filing, email_id(number)) for number, (raw, filing) in mail(mails)
    ]


@given(st.lists(_pieces, min_size=1, max_size=4), st.data())
def test_a_file_that_was_cut_off_anywhere_goes_on_after_its_last_whole_message(
    raws: list[bytes], data: st.DataObject
) -> None:
    parts = [written(raw, number) for number, raw in enumerate(raws)]
    whole = b"".join(parts)
    cut = data.draw(st.integers(0, len(whole)))
    file = io.BytesIO(whole[:cut])
    there = mbox_writing.resumed(file)
    ends = [sum(map(len, parts[: n + 1])) for n in range(len(parts))]
    count = sum(end <= cut for end in ends)
    assert list(there) == [email_id(number) for number in range(count)]
    file.write(b"".join(parts[count:]))
    assert file.getvalue() == whole


@pytest.mark.parametrize(
    "content",
    [
        b"From ann@far.example Mon Mar  2 10:00:00 2026\nSubject: x\n\nof another program\n\n",
        b"no mbox at all",
        b"From ann@far.example Mon Mar  2 10:00:00 2026\nSubject: x\n",
    ],
)
def test_what_others_wrote_is_not_touched(content: bytes) -> None:
    file = io.BytesIO(content)
    with pytest.raises(ValueError, match="something else"):
        mbox_writing.resumed(file)
    assert file.getvalue() == content


def test_other_programs_read_the_text_and_the_flags(tmp_path: Path) -> None:
    path = tmp_path / "mail.mbox"
    starred = Filing(folder="Work/2026", is_read=False, is_starred=True)
    path.write_bytes(
        written(b"Subject: one\r\n\r\nFrom here\r\n", 1)
        + written(b"Subject: two\r\n\r\n", 2, starred)
    )
    with closing(mailbox.mbox(path)) as read_by_python:
        one, two = read_by_python
    assert (one["Subject"], two["Subject"]) == ("one", "two")
    assert (one.get_flags(), two.get_flags()) == ("RO", "OF")
    assert one.get_from() == "ann@far.example Mon Mar  2 10:00:07 2026"


def test_flags_of_other_programs_are_read_and_their_fields_stay() -> None:
    raw = b"Subject: x\nStatus: O\nX-Status: F\n\ntext\n\n"
    [found] = read(b"From ann@far.example Mon Mar  2 10:00:00 2026\n" + raw)
    assert found.filing == Filing(is_read=False, is_starred=True)
    assert found.raw == raw[:-1].replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    ("labels", "filing"),
    [
        ("Inbox,Opened,Category Personal", Filing(folder="inbox")),
        (
            "Important,Starred,Unread,Work/2026",
            Filing(folder="Work/2026", is_read=False, is_starred=True),
        ),
        ("Trash,Work", Filing(folder="trash", labels=("Work",))),
        ("Red,Inbox,Blue", Filing(folder="Red", labels=("Blue",))),
        ("Archived,Opened", Filing()),
        ("=?UTF-8?Q?Gepr=C3=BCft?=,Opened", Filing(folder="Geprüft")),
    ],
)
def test_labels_of_gmail_become_folder_and_flags(labels: str, filing: Filing) -> None:
    head = f"X-GM-THRID: 1\nX-Gmail-Labels: {labels}\nSubject: x\n\n".encode()
    [found] = read(b"From 1@xxx Mon Mar 02 10:00:00 +0000 2026\n" + head)
    assert found.filing == filing


def test_a_message_that_stands_alone_was_never_quoted() -> None:
    [found] = read(b"Subject: x\n\n>From here\n")
    assert found.raw == b"Subject: x\r\n\r\n>From here\r\n"


@given(st.text(min_size=1, max_size=300))
def test_files_of_folders_have_names_that_every_file_system_takes(folder: str) -> None:
    name = mbox_writing.file_name(folder)
    assert len(name.encode()) < 255
    assert not set(name) & set('/\\:*?"<>|')
    assert name not in (".mbox", "..mbox")
    assert not name.startswith(".")


# --- builders -----------------------------------------------------------------------------


def email_id(number: int) -> str:
    return ids.derived_id(AT, str(number))


def written(raw: bytes, number: int, filing: Filing = PLAIN) -> bytes:
    return mbox_writing.written(
        raw, email_id=email_id(number), sender="ann@far.example", stored_at=AT, filing=filing
    )


def mail(mails: list[tuple[bytes, Filing]]) -> list[tuple[int, tuple[bytes, Filing]]]:
    return list(enumerate(mails))


def read(content: bytes) -> list[Stored]:
    return list(messages(io.BytesIO(content), 10**6))
