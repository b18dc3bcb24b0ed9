"""What is written in attached files: read by kind, in bounds, whatever a file does."""

import asyncio
import random
from collections.abc import Callable

import pytest

from connectors.documents.reader import LONGEST_BYTES, DocumentTexts
from connectors.memory.blobs import MemoryBlobs
from tests.contracts.documents import (
    DOCX,
    a_docx,
    a_pdf,
    a_pdf_bomb,
    a_slow_pdf,
    an_endless_docx,
    laughing_docx,
)
from topologies.events import Attachment

PDF = "application/pdf"
HTML = b"<html><head><title>no</title></head><body><p>Dear <b>Ada</b></p></body></html>"


@pytest.mark.parametrize(
    ("content", "content_type", "name", "words"),
    [
        pytest.param(a_pdf("Total: 42 EUR"), PDF, "a", "Total: 42 EUR", id="PDF"),
        pytest.param(a_pdf("one", "two"), PDF, "a", "one two", id="all pages of a PDF"),
        pytest.param(a_docx("Minutes"), DOCX, "a", "Minutes", id="DOCX, runs joined"),
        pytest.param(a_docx("one", "two"), DOCX, "a", "one two", id="paragraphs of a DOCX"),
        pytest.param(a_docx("one", footnote="two"), DOCX, "a", "one two", id="footnotes"),
        pytest.param(b"plain words", "text/plain", "a", "plain words", id="plain text"),
        pytest.param("naïve".encode("cp1252"), "text/csv", "a", "naïve", id="unlabelled text"),
        pytest.param("naïve".encode("utf-16"), "text/plain", "a", "naïve", id="UTF-16"),
        pytest.param(HTML, "text/html", "a", "Dear Ada", id="HTML without its tags"),
        pytest.param(
            a_pdf("by name"), "application/octet-stream", "A.PDF", "by name", id="by its name"
        ),
    ],
)
async def test_reads(content: bytes, content_type: str, name: str, words: str) -> None:
    assert [text.split() for text in await read((content, content_type, name))] == [words.split()]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        pytest.param(b"\x89PNG", "image/png", id="a picture"),
        pytest.param(b"{\\rtf1 words}", "text/rtf", id="RTF"),
        pytest.param(b"no PDF at all", PDF, id="what is no PDF"),
        pytest.param(a_pdf("words")[:120], PDF, id="half a PDF"),
        pytest.param(a_docx("words")[:-40], DOCX, id="half a DOCX"),
        pytest.param(a_pdf("words"), DOCX, id="a PDF that claims to be a DOCX"),
        pytest.param(b"", PDF, id="nothing"),
        pytest.param(a_pdf_bomb, PDF, id="a PDF that unpacks to far more than it is"),
        pytest.param(laughing_docx(), DOCX, id="entities in entities"),
    ],
)
async def test_what_can_not_be_read_has_no_text_and_costs_nothing_else(
    content: bytes | Callable[[], bytes], content_type: str
) -> None:
    content = content() if callable(content) else content
    files = (
        (b"before", "text/plain", "a"),
        (content, content_type, "b"),
        (a_docx("after"), DOCX, "c"),
    )

    assert [text.split() for text in await read(*files)] == [["before"], ["after"]]


async def test_a_document_that_takes_too_long_is_stopped_and_the_next_is_read() -> None:
    slow, fine = (a_slow_pdf(), PDF, "slow"), (a_pdf("fine"), PDF, "fine")

    *_, last = await read(slow, fine, texts=DocumentTexts(cpu_s=1))

    assert last.split() == ["fine"]


async def test_what_was_written_before_the_limit_is_kept_and_no_more() -> None:
    [text] = await read((an_endless_docx(), DOCX, "a"))

    assert text.startswith("over and over")
    assert len(text.encode()) <= LONGEST_BYTES


async def test_all_files_of_a_mail_together_have_so_much_text_and_no_more() -> None:
    files = [(b"word " * 10, "text/plain", str(n)) for n in range(10)]

    found = await read(*files, texts=DocumentTexts(longest_bytes=120))

    assert [len(text) for text in found] == [50, 50, 20]
    assert await read(*files, texts=DocumentTexts(longest_bytes=0)) == []


async def test_a_file_that_is_not_in_the_store_has_no_text() -> None:
    blobs = MemoryBlobs()
    lost = attachment("0" * 64, 10, PDF, "lost"), attachment("1" * 64, 10, "text/plain", "lost")

    assert await DocumentTexts().texts_of(lost, blobs) == []


async def test_a_file_that_many_mails_carry_is_fetched_once() -> None:
    texts, blobs = DocumentTexts(), Counting()
    content = a_pdf("to all")
    [blob] = await blobs.put([content])
    files = [attachment(blob, len(content), PDF, "circular")]

    found = await asyncio.gather(*(texts.texts_of(files, blobs) for _ in range(20)))

    assert {tuple(text.strip() for text in each) for each in found} == {("to all",)}
    assert blobs.fetched <= 2  # those that began at the same moment


async def test_while_others_read_for_long_a_mail_does_without() -> None:
    texts, blobs = DocumentTexts(patience_s=0.01, cpu_s=1), MemoryBlobs()
    slow_one = a_slow_pdf()
    contents = [slow_one, slow_one + b"\n", a_pdf("patience")]
    ids = await blobs.put(contents)
    slow = [
        asyncio.create_task(texts.texts_of([attachment(i, 1, PDF, "slow")], blobs)) for i in ids[:2]
    ]
    await asyncio.sleep(0)  # they have taken the places
    last = [attachment(ids[2], 1, PDF, "last"), attachment(ids[2], 1, "text/plain", "last")]

    found = await texts.texts_of(last, blobs)

    assert len(found) == 1  # the one that needs no place
    await asyncio.gather(*slow)


async def test_damaged_documents_never_raise() -> None:
    draw = random.Random(7)
    whole = [(a_pdf("one", "two"), PDF), (a_docx("one", footnote="two"), DOCX)]
    for content, content_type in whole:
        broken = bytearray(content)
        for _ in range(20):
            broken[draw.randrange(len(broken))] = draw.randrange(256)
        await read((bytes(broken), content_type, "a"))


# --- builders -----------------------------------------------------------------------


async def read(*files: tuple[bytes, str, str], texts: DocumentTexts | None = None) -> list[str]:
    """Return what is written in *files*: content, type and name of each."""
    blobs = MemoryBlobs()
    ids = await blobs.put([content for content, _, _ in files])
    attached = [
        attachment(blob, len(content), content_type, name)
        for blob, (content, content_type, name) in zip(ids, files, strict=True)
    ]
    return list(await (texts or DocumentTexts()).texts_of(attached, blobs))


def attachment(blob: str, size_bytes: int, content_type: str, name: str) -> Attachment:
    return Attachment(
        attachment_id="1",
        file_name=name,
        content_type=content_type,
        size_bytes=size_bytes,
        blob=blob,
    )


class Counting(MemoryBlobs):
    """Blobs that count how often one was fetched."""

    fetched = 0

    async def get(self, blob: str) -> bytes:
        self.fetched += 1
        return await super().get(blob)
