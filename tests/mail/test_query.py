"""query: what a person types is read as meant, or refused with advice."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.memory.search import MemorySearch
from topologies.mail.folding import words
from topologies.mail.query import LONGEST_QUERY, MOST_TERMS, QueryError, parse
from topologies.ports.search import SearchDocument, SearchQuery, Term

NOW = datetime(2026, 3, 14, 15, 9, tzinfo=UTC)
CASES = Path(__file__).parents[3] / "shared" / "cases"


@pytest.mark.parametrize(
    ("typed", "query"),
    [
        pytest.param("  ", SearchQuery(), id="nothing asks for everything"),
        pytest.param("invoice", {"words": "invoice"}, id="a word may go on"),
        pytest.param(
            '"Annual  report"', {"words": "Annual  report", "is_prefix": False}, id="phrase"
        ),
        pytest.param("“annual”", {"words": "annual", "is_prefix": False}, id="curly quotes"),
        pytest.param("-draft", {"words": "draft", "is_negated": True}, id="minus"),
        pytest.param("x", {"words": "x", "is_prefix": False}, id="a letter stands for itself"),
        pytest.param("会", {"words": "会", "is_prefix": False}, id="and so does a character"),
        pytest.param("a-b", {"words": "a-b", "is_prefix": False}, id="also at the end"),
        pytest.param("FROM:ada", {"field": "from", "words": "ada"}, id="fields in any case"),
        pytest.param("cc:ada", {"field": "to", "words": "ada"}, id="cc is a recipient"),
        pytest.param("body:ada", {"field": "text", "words": "ada"}, id="the body"),
        pytest.param(
            '-subject:"a b"',
            {"field": "subject", "words": "a b", "is_prefix": False, "is_negated": True},
            id="all at once",
        ),
        pytest.param(
            "http://a.example/b",
            {"words": "http://a.example/b", "is_prefix": False},
            id="a URL is text",
        ),
        pytest.param("re:12:30", {"words": "re:12:30"}, id="an unknown field is text"),
        pytest.param("& invoice - (", {"words": "invoice"}, id="signs alone are left out"),
        pytest.param("or", {"words": "or"}, id="or in small letters is a word"),
        pytest.param('"OR"', {"words": "OR", "is_prefix": False}, id="and so is one in quotes"),
        pytest.param("in:Inbox", SearchQuery(folder_id="inbox"), id="a system folder"),
        pytest.param('in:"My Folder"', SearchQuery(folder_id="My Folder"), id="as typed"),
        pytest.param(
            'label:a LABEL:"To read" -label:b label:a',
            SearchQuery(labels=("a", "To read"), without_labels=("b",)),
            id="labels",
        ),
        pytest.param(
            "is:unread is:STARRED", SearchQuery(is_read=False, is_starred=True), id="flags"
        ),
        pytest.param("-is:read", SearchQuery(is_read=False), id="not read is unread"),
        pytest.param("is:read is:read", SearchQuery(is_read=True), id="twice is once"),
        pytest.param("-has:attachments", SearchQuery(has_attachment=False), id="no attachment"),
        pytest.param("after:2026", SearchQuery(after=datetime(2026, 1, 1, tzinfo=UTC)), id="year"),
        pytest.param(
            "before:2026-03", SearchQuery(before=datetime(2026, 3, 1, tzinfo=UTC)), id="month"
        ),
        pytest.param(
            "after:2026-3-9", SearchQuery(after=datetime(2026, 3, 9, tzinfo=UTC)), id="day"
        ),
        pytest.param("after:7d", SearchQuery(after=NOW - timedelta(days=7)), id="age"),
        pytest.param(
            "after:2026 after:7d", SearchQuery(after=NOW - timedelta(days=7)), id="later one"
        ),
        pytest.param(
            "before:2026 before:7d",
            SearchQuery(before=datetime(2026, 1, 1, tzinfo=UTC)),
            id="earlier one",
        ),
        pytest.param("larger:10K", SearchQuery(larger_bytes=10_240), id="kilobytes"),
        pytest.param("larger:5mb larger:3", SearchQuery(larger_bytes=5 * 1024**2), id="megabytes"),
    ],
)
def test_reads(typed: str, query: SearchQuery | dict[str, Any]) -> None:
    if isinstance(query, dict):
        query = SearchQuery(terms=(term(**query),))

    assert query == parse(typed, now=NOW)


def test_or_joins_the_terms_beside_it() -> None:
    a, b, c = (term(words=word) for word in ("aa", "bb", "cc"))
    d = term(words="dd", field="from", is_negated=True)

    expected = SearchQuery(terms=(a,), either=((b, c, d),), is_read=True)
    assert expected == parse("aa bb OR cc OR -from:dd is:read", now=NOW)


def test_dates_are_days_of_the_time_zone() -> None:
    zone = timezone(timedelta(hours=9))

    expected = SearchQuery(after=datetime(2026, 3, 14, tzinfo=zone))
    assert expected == parse("after:2026-03-14", now=NOW.astimezone(zone))


@pytest.mark.parametrize(
    ("typed", "position", "advice"),
    [
        pytest.param('invoice "ann', 8, "close it", id="open quote"),
        pytest.param("& ! 🎉", 0, "type a word", id="signs alone"),
        pytest.param("from:", 0, "from:ada", id="nothing behind a field"),
        pytest.param("a from: ada", 2, "right after it", id="a space behind a field"),
        pytest.param("from:🎉", 0, "signs alone", id="signs behind a field"),
        pytest.param("subject:(a b)", 0, 'subject:"', id="brackets behind a field"),
        pytest.param("is:important", 0, "is:unread", id="unknown flag"),
        pytest.param("is:", 0, "is:unread", id="no flag"),
        pytest.param("x is:read is:unread", 10, "leave one", id="contradiction"),
        pytest.param("in:a in:b", 5, "leave one", id="two folders"),
        pytest.param("-in:spam", 0, "in:inbox", id="not in a folder"),
        pytest.param("a label:", 2, "name a label", id="no label"),
        pytest.param("-after:2026", 0, "before:", id="not after"),
        pytest.param("has:picture", 0, "has:attachment", id="unknown thing to have"),
        pytest.param("after:yesterday", 0, "7d", id="a date in words"),
        pytest.param("after:2026-02-30", 0, "2026-03-14", id="no such day"),
        pytest.param("before:99999y", 0, "2026", id="before all time"),
        pytest.param("larger:big", 0, "5M", id="no size"),
        pytest.param("OR a", 0, "between two", id="or at the start"),
        pytest.param("a OR", 2, "between two", id="or at the end"),
        pytest.param("a OR OR b", 2, "between two", id="or twice"),
        pytest.param("(a b) OR c", 0, "leave them out", id="brackets with or"),
        pytest.param("is:read OR a", 8, "between two", id="or joins no filters"),
        pytest.param("a is:read OR b", 10, "between two", id="nor one before it"),
        pytest.param("a OR is:read b", 2, "between two", id="nor one behind it"),
        pytest.param("x " * MOST_TERMS + "y", 2 * MOST_TERMS, "at most", id="too many words"),
        pytest.param("会" * 101, 0, "at most", id="too long a phrase"),
        pytest.param("x" * (LONGEST_QUERY + 1), LONGEST_QUERY, "at most", id="too long"),
    ],
)
def test_refuses_with_advice(typed: str, position: int, advice: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(typed, now=NOW)

    assert position == caught.value.position
    assert advice in caught.value.advice


PIECES = ["from:", "in:", "is:read", "OR", "-", '"', "(", "after:", "7d", "larger:9999999999g", " "]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=12).map("".join))
def test_any_text_is_read_or_refused(typed: str) -> None:
    places: list[int] = []
    try:
        query = parse(typed, now=NOW)
    except QueryError as error:
        query = SearchQuery()
        places.append(error.position)
    assert all(0 <= place <= len(typed) for place in places)
    assert len(query.terms) + sum(map(len, query.either)) <= MOST_TERMS
    assert all(words(t.words) for t in query.terms)


@pytest.mark.skipif(not CASES.is_dir(), reason=f"shared cases are not at {CASES}")
async def test_shared_cases() -> None:
    search = MemorySearch()
    for number, path in enumerate(sorted(CASES.glob("19*.eml"))):
        await search.index([read(number, path)])

    for case in json.loads((CASES / "19-search-queries.json").read_text(encoding="utf-8")):
        try:
            found = (await search.search("ann", parse(case["q"], now=NOW))).email_ids
        except QueryError:
            found = ()
        assert case["hit"] == [f"19{'ab'[int(email_id[-1])]}" for email_id in found], case["q"]


def read(number: int, path: Path) -> SearchDocument:
    head, _, body = path.read_bytes().replace(b"\r\n", b"\n").decode().partition("\n\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    return SearchDocument(
        user_id="ann",
        email_id=f"019cd000-0000-7000-8000-00000000000{number}",
        folder_id="inbox",
        version=1,
        subject=fields["Subject"],
        text=body,
        senders=(fields["From"],),
        recipients=(fields["To"],),
        file_names=(),
        received_at=NOW,
        is_read=False,
        is_starred=False,
        has_attachments=False,
        size_bytes=len(body),
    )


def term(**changed: Any) -> Term:
    return Term(**({"field": "any"} | changed))
