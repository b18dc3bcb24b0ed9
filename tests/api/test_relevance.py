"""By relevance: first what says it in subject or sender, each mail once, on every index."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from api.search_hits import by_relevance
from connectors.memory.search import MemorySearch
from topologies.mail.ids import derived_id
from topologies.mail.query import parse
from topologies.ports.search import Search, SearchDocument

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
# Subject, text, sender; later ones are newer.
MAILS = (
    ("Boats", "the harbour", "ada"),
    ("Weather", "boats in the harbour", "bo"),
    ("News", "of the harbour", "boater"),
    ("Harbour boats", "", "cleo"),
    ("Else", "boats", "dora"),
    ("Else", "nothing", "eva"),
)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("boats", [3, 0, 4, 1]),
        ("boat", [3, 2, 0, 4, 1]),
        ("boats harbour", [3, 1, 0]),
        ("boats -harbour", [4]),
        ("boats OR nothing", [5, 4, 3, 1, 0]),
        ("subject:boats", [3, 0]),
        ("boats from:cleo", [3]),
        ("", [5, 4, 3, 2, 1, 0]),
        ("missing", []),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_finds_in_this_order(typed: str, found: list[int], size: int) -> None:
    assert asyncio.run(walked(typed, size)) == (found, {len(found)})


@pytest.mark.parametrize("cursor", ["junk", "7.", "0.junk", "-1.", ""])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError):
        asyncio.run(one_page(cursor))


async def walked(typed: str, size: int) -> tuple[list[int], set[int]]:
    """All that is found, page by page, and the totals that were told."""
    search = await filled()
    found: list[str] = []
    totals: set[int] = set()
    cursor: str | None = None
    is_last = False
    while not is_last:
        hits = await by_relevance(search, "ann", parse(typed, now=NOW), limit=size, cursor=cursor)
        assert len(hits.email_ids) <= size
        found += hits.email_ids
        totals.add(hits.total_count)
        cursor, is_last = hits.next_cursor, hits.next_cursor is None
    return [IDS.index(each) for each in found], totals


async def one_page(cursor: str) -> None:
    await by_relevance(await filled(), "ann", parse("boats", now=NOW), limit=2, cursor=cursor)


async def filled() -> Search:
    search = MemorySearch()
    await search.index([document(number) for number in range(len(MAILS))])
    return search


def document(number: int) -> SearchDocument:
    subject, text, sender = MAILS[number]
    return SearchDocument(
        user_id="ann",
        email_id=IDS[number],
        folder_id="inbox",
        version=1,
        subject=subject,
        text=text,
        senders=(f"<{sender}@far.example>",),
        recipients=(),
        file_names=(),
        received_at=NOW,
        is_read=False,
        is_starred=False,
        has_attachments=False,
        size_bytes=1,
    )


IDS = [derived_id(NOW + timedelta(minutes=n), "mail", str(n)) for n in range(len(MAILS))]
