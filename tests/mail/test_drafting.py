"""A draft as a message: whole, byte for byte, though its files are never read."""

import random
from datetime import UTC, datetime

import pytest

from connectors.memory.blobs import MemoryBlobs
from topologies.events import Address, Draft, DraftTexts
from topologies.mail import compose
from topologies.mail.drafting import DraftFile, store_draft, texts_of
from topologies.mail.message import parse_message
from topologies.mail.raw import read_raw

AT = datetime(2026, 3, 1, 12, 0, 0, 7, tzinfo=UTC)
ANN = Address(address="ann@shop.example", name="Ann")
CONTENT = random.Random(1).randbytes(600_000)


@pytest.mark.parametrize(
    "sizes", [[], [0], [1], [2, 3], [56, 57, 58], [114, 0, 171, 20_000], [600_000, 5, 5]]
)
async def test_the_raw_message_is_what_would_be_made_of_the_files_themselves(
    sizes: list[int],
) -> None:
    blobs = MemoryBlobs()
    contents = [CONTENT[:size] for size in sizes]
    ids = await blobs.put(contents)
    draft = Draft(version="v", saved_at=AT, to=(ANN, Address(address="zo")), subject="Grüße")
    texts = DraftTexts(text="Hello\n\n Ü", html="<p>Hello</p>")
    files = [
        DraftFile(
            attachment_id=str(number),
            name=f"fü{number}.bin",
            content_type="a/b",
            blob=blob,
            size_bytes=size,
        )
        for number, (blob, size) in enumerate(zip(ids, sizes, strict=True))
    ]
    kept = await store_draft(
        draft,
        texts,
        files,
        draft_id="draft",
        sender=ANN,
        in_reply_to="a@b",
        references=["r@b"],
        blobs=blobs,
    )
    expected = compose.compose(
        compose.Draft(
            message_id="draft@shop.example",
            date=AT.replace(microsecond=0),
            sender=ANN,
            to=[ANN],
            subject="Grüße",
            text=texts.text,
            html=texts.html,
            files=[
                compose.File(name=each.name, content_type="a/b", content=content)
                for each, content in zip(files, contents, strict=True)
            ],
            in_reply_to="a@b",
            references=["r@b"],
        )
    )
    assert await read_raw(blobs, kept.raw_ref) == expected
    assert kept.raw_ref.size_bytes == len(expected)
    parsed = parse_message(expected).message
    shown = kept.message
    assert (shown.text, shown.html, shown.snippet) == (parsed.text, parsed.html, parsed.snippet)
    assert [(a.file_name, a.size_bytes, a.blob) for a in shown.attachments] == [
        (a.file_name, a.size_bytes, a.blob) for a in parsed.attachments
    ]
    assert (shown.to, shown.message_id) == (draft.to, "")
    assert await texts_of(kept.draft, shown, blobs) == texts


async def test_long_texts_lie_in_the_blob_store_and_their_start_is_left_if_they_are_lost() -> None:
    blobs = MemoryBlobs()
    texts = DraftTexts(text="word " * 40_000)
    kept = await store_draft(
        Draft(version="v", saved_at=AT),
        texts,
        [],
        draft_id="draft",
        sender=ANN,
        in_reply_to="",
        references=(),
        blobs=blobs,
    )
    assert kept.draft.texts is None
    assert await texts_of(kept.draft, kept.message, blobs) == texts
    lost = await texts_of(kept.draft, kept.message, MemoryBlobs())
    assert texts.text.startswith(lost.text)
    assert lost.text
