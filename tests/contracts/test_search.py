"""Search: every index finds the same mails, and never another user's."""

import asyncio
import secrets
import sqlite3
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.elasticsearch.search import ElasticSearch
from connectors.memory.search import MemorySearch
from connectors.sqlite import search_find
from connectors.sqlite.database import Database
from connectors.sqlite.search import MIGRATIONS, SqliteSearch
from tests.live.engines import elasticsearch
from topologies.mail.ids import derived_id
from topologies.mail.query import parse
from topologies.ports.search import Hits, Search, SearchDocument, SearchQuery, SearchState, Term

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
ElasticPlace = tuple[Sequence[str], str]  # URLs and the name of an index
Place = Database | ElasticPlace | None


@pytest.fixture(params=["memory", "sqlite", pytest.param("elasticsearch", marks=pytest.mark.live)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "elasticsearch":
        yield request.getfixturevalue("elastic_place")
    elif request.param == "sqlite":
        with closing(Database(tmp_path / "search.db", MIGRATIONS)) as database:
            yield database
    else:
        yield None


@pytest.fixture(scope="module")
def elastic_place() -> Iterator[ElasticPlace]:
    with elasticsearch() as (urls, index):
        yield urls, index


@pytest.fixture
async def search(place: Place) -> AsyncIterator[Search]:
    async with opened(place) as found:
        yield found


# --- what is found ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        pytest.param("proc", "en", id="a word is found by its beginning"),
        pytest.param("ocedure", "", id="and not by its end"),
        pytest.param("review quarterly", "en", id="words may stand in any order"),
        pytest.param("quarterly dragon", "", id="all words must be there"),
        pytest.param('"quarterly procedure"', "en", id="a phrase is found"),
        pytest.param('"procedure quarterly"', "", id="a phrase keeps its order"),
        pytest.param('"quarterly proc"', "", id="the last word of a phrase is whole"),
        pytest.param('"invoice overdue"', "", id="a phrase has no gaps"),
        pytest.param("NAIVE", "en", id="case and diaeresis do not matter"),
        pytest.param("naïve", "en", id="nor do they in the question"),
        pytest.param("strasse", "en", id="sharp s is ss"),
        pytest.param("straße", "en", id="in the question too"),
        pytest.param("file", "en", id="a ligature is two letters"),
        pytest.param("ｉｎｖｏｉｃｅ", "en", id="full width is plain"),
        pytest.param("istanbul", "en", id="dotted capital i is i"),
        pytest.param("INV-2026-0042", "en", id="a number with hyphens is a phrase"),
        pytest.param("INV-2026-00", "en", id="and is found by its beginning"),
        pytest.param("inv-0042", "", id="but not with a part left out"),
        pytest.param("acme", "en", id="an underscore separates"),
        pytest.param("brien", "en", id="an apostrophe separates"),
        pytest.param("o'brien", "en", id="and a word with one is found"),
        pytest.param("linda", "en", id="the local part of an address"),
        pytest.param("billing.example.org", "en", id="the domain of an address"),
        pytest.param("billing", "en", id="a label of a domain"),
        pytest.param("linda.stone@billing.example.org", "en", id="an address in the text"),
        pytest.param("shop.example/orders", "en", id="a part of a URL"),
        pytest.param("会議", "ja", id="two characters of Japanese"),
        pytest.param("京", "ja", id="one character"),
        pytest.param("京都", "", id="characters must follow each other"),
        pytest.param("手続き", "ja", id="a mix of scripts"),
        pytest.param("タワー", "ja", id="katakana"),
        pytest.param("ﾀﾜｰ", "ja", id="half width katakana"),
        pytest.param("か", "", id="a voiced kana is another"),
        pytest.param("회의", "ko", id="Korean before its particle"),
        pytest.param("장비", "ko", id="Korean within a compound"),
        pytest.param("ประชุม", "th", id="a Thai word within a sentence"),
        pytest.param("бегемот", "ru", id="Cyrillic"),
        pytest.param("ежик", "ru", id="ё is е"),
        pytest.param("हिन्दी", "hi", id="Devanagari with its vowel signs"),
        pytest.param("हिन्द", "hi", id="by its beginning"),
        pytest.param("السلام", "ar", id="Arabic without its vowel signs"),
        pytest.param("🎉 party", "ru", id="an emoji does no harm"),
        pytest.param("-会議 procedure", "en", id="minus leaves out"),
        pytest.param("procedure -invoice", "", id="minus leaves out what has it"),
        pytest.param("-procedure -会議 -회의 -ประชุม -бегемот", "ar hi", id="minus alone"),
        pytest.param("procedure OR 会議", "en ja", id="or finds either"),
        pytest.param("invoice procedure OR 会議", "en", id="or joins its neighbours"),
        pytest.param("会議 OR -subject:procedure -hindi", "ar hi ja ko ru th", id="or not"),
        pytest.param("subject:procedure", "en", id="in the subject"),
        pytest.param("subject:invoice", "", id="and not in the text"),
        pytest.param("body:invoice", "en", id="in the text"),
        pytest.param("from:ada@sender.example invoice", "en", id="a sender's address"),
        pytest.param('from:"ada lovelace" invoice', "en", id="a sender's name"),
        pytest.param("from:bo", "", id="a recipient is no sender"),
        pytest.param("to:carol", "en", id="the second recipient"),
        pytest.param('to:"example carol"', "", id="a phrase does not bridge two addresses"),
        pytest.param("filename:report.pdf", "en", id="a file name"),
        pytest.param("filename:report has:attachment", "en", id="an attachment"),
        pytest.param("has:attachment 会議", "", id="no attachment"),
        pytest.param("in:archive", "ja", id="a folder"),
        pytest.param("label:red", "en ja", id="a label"),
        pytest.param("label:red label:blue", "ja", id="two labels"),
        pytest.param("label:red -label:blue", "en", id="one label and not another"),
        pytest.param("-label:red is:starred", "ko", id="no label"),
        pytest.param("label:red procedure", "en", id="a label and a word"),
        pytest.param("is:starred", "ko", id="starred"),
        pytest.param("is:read", "en", id="read"),
        pytest.param("is:unread invoice", "", id="unread"),
        pytest.param("before:2026-03-08", "hi th", id="older than a day"),
        pytest.param("after:2026-03-12 before:2026-03-14", "en ja", id="between"),
        pytest.param("after:36h", "en", id="an age"),
        pytest.param("larger:10K", "ko", id="larger"),
        pytest.param("refrigerators", "en", id="a plural by itself"),
        pytest.param("u:1", "", id="nobody meets the marks of our own"),
        pytest.param('"the the the"', "", id="a repeated word must be repeated"),
        pytest.param("turbine", "en", id="what is written in a file"),
        pytest.param("body:turbine", "en", id="which is text of the mail"),
        pytest.param("filename:turbine", "", id="and not its name"),
        pytest.param("body:blades invoice", "en", id="in the second file"),
        pytest.param('"orders id 7 turbine"', "", id="a phrase does not bridge text and file"),
        pytest.param('"turbine spare"', "", id="nor two files"),
    ],
)
async def test_finds(search: Search, typed: str, found: str) -> None:
    await search.index(MAILS)

    hits = await search.search("ann", parse(typed, now=NOW))

    names = {mail.email_id: name for name, mail in zip(NAMES, MAILS, strict=True)}
    assert found.split() == sorted(names[email_id] for email_id in hits.email_ids)
    assert len(hits.email_ids) == hits.total_count


async def test_signs_alone_hold_for_no_mail(search: Search) -> None:
    await search.index(MAILS)
    signs = SearchQuery(terms=(Term(field="any", words="&"),))
    without = SearchQuery(terms=(Term(field="any", words="&", is_negated=True),))

    assert (await search.search("ann", signs)).total_count == 0
    assert len(MAILS) == (await search.search("ann", without)).total_count


async def test_words_beyond_the_longest_are_compared_by_their_start(search: Search) -> None:
    await search.index([document(1, text="x" * 100)])

    assert await count(search, "x" * 100) == 1
    assert await count(search, "x" * 63 + "y") == 0


async def test_odd_characters_are_harmless(search: Search) -> None:
    await search.index([document(1, subject='a"b\0c * \ud800 NEAR(x) {text}: ^', text="\0")])

    assert await count(search, "near") == 1
    assert await count(search, "b OR NEAR") == 1


# --- whose it is --------------------------------------------------------------------


async def test_nobody_finds_another_users_mail(search: Search) -> None:
    users = [f"user-{number}" for number in range(40)]  # numbers that begin with each other
    await search.index([document(1, user=user, text=f"secret of{user[5:]}") for user in users])

    for user in users:
        for query in (parse("secret", now=NOW), parse("-other", now=NOW), SearchQuery()):
            assert (document(1, user=user).email_id,) == (
                await search.search(user, query)
            ).email_ids
    assert (await search.search("stranger", SearchQuery())).total_count == 0


async def test_another_users_removal_touches_nothing(search: Search) -> None:
    mine = document(1, text="kept")
    await search.index([mine])
    await search.remove("bob", [mine.email_id])

    assert await count(search, "kept") == 1
    assert [mine.email_id] != await search.set_state("bob", [state(mine, is_read=True)])
    assert await count(search, "is:read") == 0


# --- versions, removal --------------------------------------------------------------


async def test_indexing_twice_is_indexing_once(search: Search) -> None:
    await search.index([document(1, text="once"), document(1, text="once")])
    await search.index([document(1, text="once")])

    assert await count(search, "once") == 1


async def test_newer_text_replaces_older(search: Search) -> None:
    await search.index([document(1, text="first draft", version=1)])
    await search.index([document(1, text="second thought", version=2)])

    assert [await count(search, "first"), await count(search, "second")] == [0, 1]


async def test_older_version_changes_nothing(search: Search) -> None:
    await search.index([document(1, text="new", version=5)])
    await search.index([document(1, text="old", version=4)])
    await search.set_state("ann", [state(document(1, version=3), is_read=True)])

    assert [await count(search, q) for q in ("new", "old", "is:read")] == [1, 0, 0]


async def test_state_changes_without_the_text(search: Search) -> None:
    await search.index([document(1, text="invoice", version=1)])
    changed = state(
        document(1, version=2),
        is_read=True,
        is_starred=True,
        folder_id="archive",
        labels=("red",),
    )

    assert await search.set_state("ann", [changed]) == []
    assert await count(search, "invoice is:read is:starred in:archive label:red") == 1
    assert await count(search, "in:inbox") == 0
    unlabelled = replace(changed, version=3, labels=())
    assert await search.set_state("ann", [unlabelled]) == []
    assert await count(search, "invoice label:red") == 0


async def test_state_of_an_unknown_mail_asks_for_it(search: Search) -> None:
    unknown = document(1)

    assert [unknown.email_id] == await search.set_state("ann", [state(unknown, is_read=True)])
    assert (await search.search("ann", SearchQuery())).total_count == 0


async def test_removed_mail_is_gone_and_stays_gone(search: Search) -> None:
    mail = document(1, text="secret", version=1)
    await search.index([mail, document(2, text="secret")])
    await search.remove("ann", [mail.email_id, mail.email_id, derived_id(NOW, "unknown")])
    await search.index([replace(mail, version=9)])

    assert await search.set_state("ann", [state(mail, is_read=True)]) == []
    assert (document(2).email_id,) == (
        await search.search("ann", parse("secret", now=NOW))
    ).email_ids


async def test_removal_may_come_before_the_mail(search: Search) -> None:
    mail = document(1)
    await search.remove("ann", [mail.email_id])
    await search.index([mail])

    assert (await search.search("ann", SearchQuery())).total_count == 0


async def test_of_a_user_who_is_erased_nothing_is_found_and_others_keep_theirs(
    search: Search,
) -> None:
    mails = [document(number, text="secret") for number in range(1, 4)]
    await search.index([*mails, document(1, user="bob", text="secret")])
    await search.remove("ann", [mails[0].email_id])
    for _ in range(2):
        await search.erase("ann")
        assert (await search.search("ann", SearchQuery())).total_count == 0
        assert await count(search, "secret") == 0
    assert (await search.search("bob", SearchQuery())).total_count == 1


async def test_the_version_of_what_is_found_is_told(search: Search) -> None:
    first, second, gone = (document(number, version=1) for number in (1, 2, 3))
    assert await search.versions_of("ann", [first.email_id]) == {}
    await search.index([first, second, gone])
    await search.set_state("ann", [state(replace(second, version=5))])
    await search.remove("ann", [gone.email_id])

    wanted = [each.email_id for each in (first, second, gone)]
    assert await search.versions_of("ann", wanted) == {first.email_id: 1, second.email_id: 5}
    assert await search.versions_of("bob", wanted) == await search.versions_of("ann", []) == {}


# --- order and pages ----------------------------------------------------------------


async def test_newest_comes_first_however_they_were_indexed(search: Search) -> None:
    mails = [document(number, text="word") for number in (3, 1, 2)]
    await search.index(mails)

    newest = tuple(sorted((mail.email_id for mail in mails), reverse=True))
    for query in (parse("word", now=NOW), SearchQuery()):
        assert newest == (await search.search("ann", query)).email_ids


@pytest.mark.parametrize("typed", ["word", "", "-nothing", "word in:inbox"])
async def test_pages_keep_their_place_when_mails_come_in(search: Search, typed: str) -> None:
    query = parse(typed, now=NOW)
    await search.index([document(number, text="word") for number in range(10)])
    first = await search.search("ann", query, limit=4)
    await search.index([document(number, text="word") for number in range(10, 13)])
    await search.remove("ann", [first.email_ids[-1]])
    second = await search.search("ann", query, limit=4, cursor=first.next_cursor)
    third = await search.search("ann", query, limit=4, cursor=second.next_cursor)

    expected = [document(number).email_id for number in range(9, -1, -1)]
    assert expected == [*first.email_ids, *second.email_ids, *third.email_ids]
    assert (first.total_count, second.total_count, third.next_cursor) == (10, 12, None)


async def test_last_page_that_is_full_has_no_next(search: Search) -> None:
    await search.index([document(number) for number in range(4)])

    assert (await search.search("ann", SearchQuery(), limit=4)).next_cursor is None


async def test_foreign_cursor_is_refused(search: Search) -> None:
    with pytest.raises(ValueError):
        await search.search("ann", SearchQuery(), cursor="'; --")


# --- equal to the reference ---------------------------------------------------------

ALPHABET = ["ab", "abc", "b", "会", "議会", "é", "e", "ก", "-", ".", "x_y", "🎉", "ß", "한국"]
texts = st.lists(st.sampled_from(ALPHABET), max_size=6).map(" ".join) | st.text(max_size=8)
label_ids = st.sampled_from(["red", "redder"])
documents = st.builds(
    lambda number, user, subject, text, attached, sender, folder, labels, state: document(
        number,
        user=user,
        subject=subject,
        text=text,
        attached=tuple(attached),
        senders=(sender, "ab <b@e.example>"),
        folder_id=folder,
        labels=tuple(sorted(labels)),
        is_read=state[0],
        version=state[1],
    ),
    st.integers(0, 7),
    st.sampled_from(["ann", "bob"]),
    texts,
    texts,
    st.lists(texts, max_size=2),
    texts,
    st.sampled_from(["inbox", "trash"]),
    st.sets(label_ids),
    st.tuples(st.booleans(), st.integers(0, 3)),
)
terms = st.builds(
    Term,
    field=st.sampled_from(["any", "any", "head", "subject", "text", "from", "to", "filename"]),
    words=texts,
    is_prefix=st.booleans(),
    is_negated=st.booleans(),
)
queries = st.builds(
    SearchQuery,
    terms=st.lists(terms, max_size=3).map(tuple),
    either=st.lists(st.lists(terms, min_size=1, max_size=3).map(tuple), max_size=2).map(tuple),
    folder_id=st.sampled_from([None, None, "inbox"]),
    is_read=st.sampled_from([None, None, True]),
    labels=st.sets(label_ids, max_size=1).map(tuple),
    without_labels=st.sets(label_ids, max_size=1).map(tuple),
)
steps = st.lists(
    st.tuples(st.just("index"), st.lists(documents, min_size=1, max_size=5))
    | st.tuples(st.just("state"), documents)
    | st.tuples(st.just("remove"), documents),
    min_size=1,
    max_size=6,
)


questionnaires = st.lists(queries, min_size=1, max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps, questionnaires)
def test_index_equals_the_reference(
    history: list[tuple[str, Any]], questions: list[SearchQuery]
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Database(Path(folder) / "search.db", MIGRATIONS)) as database,
    ):
        assert asyncio.run(differences(database, history, questions)) == []


@pytest.mark.live
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps, questionnaires)
def test_elasticsearch_equals_the_reference(
    elastic_place: ElasticPlace, history: list[tuple[str, Any]], questions: list[SearchQuery]
) -> None:
    assert asyncio.run(differences(elastic_place, history, questions)) == []


async def differences(
    place: Place, history: list[tuple[str, Any]], questions: list[SearchQuery]
) -> list[object]:
    plain = MemorySearch()
    async with opened(place) as real:
        found: list[object] = []
        for step, what in history:
            found += [await apply(plain, step, what), await apply(real, step, what)]
        found = [pair for pair in zip(found[::2], found[1::2], strict=True) if pair[0] != pair[1]]
        for question in questions:
            expected = await plain.search("ann", question, limit=3)
            actual = await real.search("ann", question, limit=3)
            found += [(question, expected, actual)] if expected != actual else []
    return found


async def apply(search: Search, step: str, what: Any) -> object:
    if step == "index":
        return await search.index(what)
    if step == "remove":
        return await search.remove(what.user_id, [what.email_id])
    return await search.set_state(what.user_id, [state(what, is_read=what.is_read)])


# --- SQLite's own -------------------------------------------------------------------


async def test_what_was_indexed_is_there_after_a_restart(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "search.db", MIGRATIONS)) as database:
        await SqliteSearch(database).index([document(1, text="kept")])
        await SqliteSearch(database).remove("ann", [document(2).email_id])
    with closing(Database(tmp_path / "search.db", MIGRATIONS)) as database:
        search = SqliteSearch(database)
        await search.index([document(2, text="kept")])

        assert await count(search, "kept") == 1


async def test_removed_words_leave_the_file(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "search.db", MIGRATIONS)) as database:
        search = SqliteSearch(database)
        await search.index([document(1, text="plutonium"), document(2, text="bread")])
        await search.remove("ann", [document(1).email_id])

    with closing(sqlite3.connect(tmp_path / "search.db")) as connection:
        connection.execute("INSERT INTO words (words) VALUES ('optimize')")
        connection.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(words, row)")
        words = {term.partition(":")[2] for (term,) in connection.execute("SELECT term FROM terms")}
    assert {"bread"} == words & {"bread", "plutonium"}


async def test_many_hits_are_met_on_the_way_through_the_mailbox(tmp_path: Path) -> None:
    many = search_find.FEW + 10
    with closing(Database(tmp_path / "search.db", MIGRATIONS)) as database:
        search = SqliteSearch(database)
        await search.index(
            [document(number, text="common", is_read=number % 2 == 0) for number in range(many)]
        )
        every = await search.search("ann", parse("common", now=NOW), limit=2)
        unread = await search.search(
            "ann", parse("common is:unread", now=NOW), limit=2, cursor=every.next_cursor
        )

    newest = [document(number).email_id for number in range(many - 1, many - 8, -1)]
    assert (tuple(newest[:2]), many) == (every.email_ids, every.total_count)
    assert ((newest[2], newest[4]), many // 2) == (unread.email_ids, unread.total_count)


async def test_concurrent_writers_share_a_transaction(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "search.db", MIGRATIONS)) as database:
        search = SqliteSearch(database)
        await asyncio.gather(*(search.index([document(n, text="word")]) for n in range(200)))

        assert await count(search, "word") == 200
        segments = await database.read(
            lambda connection: connection.execute("SELECT count(*) FROM words_idx").fetchone()[0]
        )
    assert segments < 50  # leaves; a segment for each document would have as many as documents


async def test_cancelled_writer_does_not_lose_the_others(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "search.db", MIGRATIONS)) as database:
        search = SqliteSearch(database)
        tasks = [asyncio.create_task(search.index([document(n, text="word")])) for n in range(50)]
        await asyncio.sleep(0)  # all have asked, the first has the turn
        for task in tasks[::3]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        found = await search.search("ann", parse("word", now=NOW), limit=100)

    done = {document(n).email_id for n in range(50) if results[n] is None}
    assert done <= set(found.email_ids)
    assert len(tasks) - len(tasks[::3]) <= len(done)


# --- builders -----------------------------------------------------------------------


@asynccontextmanager
async def opened(place: Place) -> AsyncGenerator[Search]:
    """The index that lies in *place*, empty."""
    if place is None:
        yield MemorySearch()
    elif isinstance(place, Database):
        yield SqliteSearch(place)
    else:
        search = ElasticSearch(*place, refresh="true")
        try:
            yield Apart(search)
        finally:
            await search.close()


class Apart:
    """An index in which others have mails, too: nobody but its own users is met."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._suffix = secrets.token_hex(4)

    async def index(self, documents: Sequence[SearchDocument]) -> None:
        await self._search.index([replace(d, user_id=self._own(d.user_id)) for d in documents])

    async def set_state(self, user_id: str, states: Sequence[SearchState]) -> Sequence[str]:
        return await self._search.set_state(self._own(user_id), states)

    async def remove(self, user_id: str, email_ids: Sequence[str]) -> None:
        await self._search.remove(self._own(user_id), email_ids)

    async def erase(self, user_id: str) -> None:
        await self._search.erase(self._own(user_id))

    async def versions_of(self, user_id: str, email_ids: Sequence[str]) -> Mapping[str, int]:
        return await self._search.versions_of(self._own(user_id), email_ids)

    async def search(
        self, user_id: str, query: SearchQuery, *, limit: int = 50, cursor: str | None = None
    ) -> Hits:
        return await self._search.search(self._own(user_id), query, limit=limit, cursor=cursor)

    def _own(self, user_id: str) -> str:
        return f"{user_id}-{self._suffix}"


async def count(search: Search, typed: str) -> int:
    return (await search.search("ann", parse(typed, now=NOW))).total_count


def document(number: int, *, user: str = "ann", **changed: Any) -> SearchDocument:
    at = NOW - timedelta(days=30) + timedelta(minutes=number)
    made = SearchDocument(
        user_id=user,
        email_id=derived_id(at, "mail", str(number)),
        folder_id="inbox",
        version=1,
        subject="",
        text="",
        senders=("Ada Lovelace <ada@sender.example>",),
        recipients=("Bo <bo@rcpt.example>", "Carol <carol@rcpt.example>"),
        file_names=(),
        received_at=at,
        is_read=False,
        is_starred=False,
        has_attachments=False,
        size_bytes=5_000,
    )
    return replace(made, **changed)


def state(mail: SearchDocument, **changed: Any) -> SearchState:
    made = SearchState(
        email_id=mail.email_id,
        folder_id=mail.folder_id,
        version=mail.version,
        is_read=mail.is_read,
        is_starred=mail.is_starred,
        labels=mail.labels,
    )
    return replace(made, **changed)


def mail(days: int, **changed: Any) -> SearchDocument:
    plain: dict[str, Any] = {"recipients": ("Bo <bo@rcpt.example>",), "senders": ("<x@y.example>",)}
    return document(days, **(plain | {"received_at": NOW - timedelta(days=days)} | changed))


NAMES: Sequence[str] = ("en", "ja", "ko", "th", "ru", "hi", "ar")
MAILS: Sequence[SearchDocument] = (
    mail(
        1,
        subject="Quarterly procedure review",
        text="The refrigerators hum; invoice INV-2026-0042 for ACME_Corp is overdue. naïve Straße"
        " ﬁle İstanbul O’Brien linda.stone@billing.example.org https://shop.example/orders?id=7",
        senders=("Ada Lovelace <ada@sender.example>",),
        recipients=("Bo <bo@rcpt.example>", "Carol <carol@rcpt.example>"),
        file_names=("Report.pdf",),
        attached=("Turbine", "Spare blades"),
        has_attachments=True,
        is_read=True,
        labels=("red",),
    ),
    mail(
        2,
        subject="会議の手続き",
        text="東京タワーが見える。",
        folder_id="archive",
        labels=("blue", "red"),
    ),
    mail(3, text="내일 회의를 시작합니다 통신장비", is_starred=True, size_bytes=50_000),
    mail(8, text="พรุ่งนี้มีประชุมใหญ่"),
    mail(5, text="Бегемот и ёжик 🎉 party"),
    mail(9, text="हिन्दी में लिखा"),
    mail(6, text="السَّلام"),
)
