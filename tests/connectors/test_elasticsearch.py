"""Elasticsearch itself: outages, writers beside each other, versions of the index, large mailboxes.

What every index must do is in tests/contracts/test_search.py.
"""

import asyncio
import random
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.documents.reader import DocumentTexts
from connectors.elasticsearch.cluster import Cluster
from connectors.elasticsearch.documents import MAPPING
from connectors.elasticsearch.search import ElasticSearch
from connectors.memory.blobs import MemoryBlobs
from connectors.sqlite.database import Database
from connectors.sqlite.search import MIGRATIONS, SqliteSearch
from tests.live.engines import elasticsearch
from tests.live.proxy import proxy
from topologies.engines.handling import Again, Emit, handle
from topologies.errors import Misconfigured, Poison, Retryable
from topologies.events import MailboxChanged, Message, RawRef
from topologies.mail.ids import derived_id
from topologies.mail.query import parse
from topologies.mailbox.index import index as index_stage
from topologies.ports.blobs import Blobs
from topologies.ports.mailboxes import Email, Mailboxes, Summary
from topologies.ports.search import Search, SearchDocument, SearchQuery, SearchState, Term
from topologies.ports.texts import Texts
from topologies.stage import declared_by

pytestmark = pytest.mark.live

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
Place = tuple[Sequence[str], str]  # URLs and the name of an index


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with elasticsearch() as (urls, name):
        yield urls, name


@pytest.fixture
async def search(place: Place) -> AsyncIterator[ElasticSearch]:
    async with opened(place) as found:
        yield found


@pytest.fixture
def user() -> str:
    return a_user()


# --- outages ------------------------------------------------------------------------


async def test_a_cluster_that_is_cut_off_is_an_outage_until_it_is_back(
    place: Place, user: str
) -> None:
    urls, name = place
    async with proxy(*address_of(urls)) as line, opened(([line.url], name)) as search:
        await search.index([document(1, user)])
        await line.cut()
        for asked in (search.index([document(2, user)]), search.search(user, SearchQuery())):
            with pytest.raises(Retryable) as raised:
                await asked
            assert raised.value.outage
        await line.open()
        await search.index([document(2, user)])

        assert (await search.search(user, SearchQuery())).total_count == 2


async def test_a_cluster_that_stalls_is_an_outage(place: Place, user: str) -> None:
    urls, name = place
    async with proxy(*address_of(urls)) as line:
        line.stall()
        async with opened(([line.url], name), timeout_s=0.2) as search:
            with pytest.raises(Retryable) as raised:
                await search.search(user, SearchQuery())
    assert raised.value.outage


async def test_what_was_missed_is_indexed_when_the_cluster_is_back(place: Place, user: str) -> None:
    urls, name = place
    stage = declared_by(index_stage)
    changes = [change(number, user, "email.added") for number in range(3)]
    changes += [change(0, user, "email.updated"), change(1, user, "email.removed")]
    mailbox = OneMailbox([email(number) for number in range(3)])
    async with proxy(*address_of(urls)) as line, opened(([line.url], name)) as search:
        services: dict[type, Any] = {
            Mailboxes: mailbox,
            Blobs: MemoryBlobs(),
            Search: search,
            Texts: DocumentTexts(),
        }
        await line.cut()
        missed = [await handle(stage, it, services, attempt=99) for it in changes]
        await line.open()
        made_up = [await handle(stage, it, services) for it in changes]
        again = [await handle(stage, it, services) for it in changes]
        found = await search.search(user, parse("word", now=NOW))

    assert [isinstance(outcome, Again) and outcome.outage for outcome in missed] == [True] * 5
    assert made_up + again == [Emit(())] * 10
    assert found.email_ids == (email(2).summary.email_id, email(0).summary.email_id)


async def test_an_index_that_is_gone_is_not_made_by_writing_to_it(
    search: ElasticSearch, place: Place
) -> None:
    urls, name = place
    async with opened((urls, f"{name}-gone")) as lost:
        with pytest.raises(Retryable) as raised:
            await lost.index([document(1, "ann")])
        assert raised.value.outage
        assert await lost.versions.used() is None


# --- documents ----------------------------------------------------------------------


async def test_a_mail_that_does_not_fit_is_poison_and_the_others_are_indexed(
    search: ElasticSearch, user: str
) -> None:
    odd = document(2, user, size_bytes=2**63)  # beyond what a long holds
    with pytest.raises(Poison):
        await search.index([document(1, user), odd, document(3, user)])

    assert (await search.search(user, SearchQuery())).email_ids == (
        document(3, user).email_id,
        document(1, user).email_id,
    )


async def test_a_mail_is_found_within_seconds_without_being_waited_for(
    place: Place, user: str
) -> None:
    async with opened(place, refresh="false") as search:
        await search.index([document(1, user)])
        async with asyncio.timeout(10):
            while (await search.search(user, SearchQuery())).total_count != 1:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


async def test_a_writer_that_waits_for_the_refresh_finds_its_mail(place: Place, user: str) -> None:
    async with opened(place, refresh="wait_for") as search:
        await search.index([document(1, user)])

        assert (await search.search(user, SearchQuery())).total_count == 1


async def test_a_state_needs_no_refresh_before_it(place: Place, user: str) -> None:
    mail = document(1, user)
    async with opened(place, refresh="false") as writer:
        await writer.index([mail])
        assert await writer.set_state(user, [state(mail, version=2, is_read=True)]) == []
    async with opened(place) as search:
        await search.index([document(2, user)])

        assert (await search.search(user, parse("is:read", now=NOW))).email_ids == (mail.email_id,)


async def test_cancelled_writer_does_not_lose_the_others(search: ElasticSearch, user: str) -> None:
    tasks = [asyncio.create_task(search.index([document(n, user)])) for n in range(50)]
    await asyncio.sleep(0)  # all have asked, the first has the turn
    for task in tasks[::3]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    found = await search.search(user, SearchQuery(), limit=100)

    done = {document(n, user).email_id for n in range(50) if results[n] is None}
    assert done <= set(found.email_ids)
    assert len(done) >= len(tasks) - len(tasks[::3])


async def test_removals_are_forgotten_when_nothing_can_bring_the_mails_back(
    search: ElasticSearch, user: str
) -> None:
    mail, kept = document(1, user), document(2, user)
    await search.index([mail, kept])
    await search.remove(user, [mail.email_id])
    await search.forget_removed(datetime.now(UTC) - timedelta(hours=1))
    await search.index([mail])
    assert (await search.search(user, SearchQuery())).email_ids == (kept.email_id,)
    assert await search.forget_removed(datetime.now(UTC) + timedelta(hours=1)) >= 1
    await search.index([mail])

    assert (await search.search(user, SearchQuery())).email_ids == (kept.email_id, mail.email_id)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers())
def test_writers_beside_each_other_leave_the_newest(place: Place, seed: int) -> None:
    shuffle = random.Random(seed)
    user = a_user()
    mail = document(1, user)

    async def write_all() -> tuple[int, int]:
        async with opened(place, refresh="false") as one, opened(place, refresh="false") as other:
            jobs: list[Any] = []
            for version in range(1, 9):
                by = shuffle.choice([one, other])
                is_newest = version == 8
                if is_newest or shuffle.random() < 0.5:
                    jobs.append(by.index([replace(mail, version=version, is_read=is_newest)]))
                else:
                    jobs.append(by.set_state(user, [state(mail, version=version)]))
            jobs.append(one.index([document(2, user)]))
            jobs.append(other.remove(user, [document(2, user).email_id]))
            shuffle.shuffle(jobs)
            await asyncio.gather(*jobs)
        async with opened(place) as search:
            await search.index([document(3, user)])
            read = await search.search(user, parse("is:read", now=NOW))
            every = await search.search(user, SearchQuery())
        return read.total_count, every.total_count

    assert asyncio.run(write_all()) == (1, 2)


# --- large mailboxes ----------------------------------------------------------------


async def test_a_beginning_stands_for_all_words_that_begin_so(
    search: ElasticSearch, user: str
) -> None:
    many = 3_000  # more than Elasticsearch takes of its own accord
    text = [f"pre{number:05d}" for number in range(many)]
    await search.index(
        [document(number, user, text=f"inv {word}") for number, word in enumerate(text)]
    )
    in_phrase = SearchQuery(terms=(Term(field="any", words="inv-pre"),))

    for query in (parse("pre", now=NOW), in_phrase, parse("-nothing", now=NOW)):
        assert (await search.search(user, query, limit=1)).total_count == many


async def test_pages_lead_through_all_hits(search: ElasticSearch, user: str) -> None:
    mails = [document(number, user) for number in range(2_500)]
    await search.index(mails)
    found: list[str] = []
    cursor = None
    while page := await search.search(user, parse("word", now=NOW), limit=2_000, cursor=cursor):
        found += page.email_ids
        cursor = page.next_cursor
        if cursor is None:
            break

    assert found == [mail.email_id for mail in reversed(mails)]


async def test_the_longest_query_is_answered(search: ElasticSearch, user: str) -> None:
    await search.index([document(1, user, text="会" * 900)])

    assert (await search.search(user, parse("会" * 100, now=NOW))).total_count == 1
    many = " ".join(f"-a{number}b" for number in range(18)) + " word OR 会"
    assert (await search.search(user, parse(many, now=NOW))).total_count == 1


# --- equal to SQLite ----------------------------------------------------------------

SAMPLES = (
    "Straße naïve ﬁle İstanbul Ångström œuvre Łódź",
    "会議の手続き 東京タワー ﾀﾜｰ ガギグ",
    "내일 회의를 시작합니다",
    "พรุ่งนี้มีประชุมใหญ่",
    "हिन्दी में लिखा",
    "السَّلام عليكم שָׁלוֹם",
    "Бегемот и ёжик Ελληνικά Ὀδυσσεύς",
    "🎉 party 👩‍👩‍👧 x_y-z INV-2026-0042 O’Brien",
    "linda.stone@billing.example.org <ada@sender.example>",
    "https://shop.example/orders?id=7 a.b..c 𝔘𝔫𝔦 ① ½",
    "\u200bzero\u00adwidth\ufeff \ud800 \x00 tab\tline\u2028end",
)
pieces = st.builds(
    lambda text, start, length: text[start : start + length],
    st.sampled_from(SAMPLES),
    st.integers(0, 50),
    st.integers(0, 20),
)
texts = st.lists(pieces | st.text(max_size=6), max_size=4).map(" ".join)
mails = st.builds(
    lambda subject, text, senders, recipients, names: {
        "subject": subject,
        "text": text,
        "senders": tuple(senders),
        "recipients": tuple(recipients),
        "file_names": tuple(names),
    },
    texts,
    texts,
    st.lists(texts, max_size=2),
    st.lists(texts, max_size=2),
    st.lists(texts, max_size=2),
)
terms = st.builds(
    Term,
    field=st.sampled_from(["any", "any", "subject", "text", "from", "to", "filename"]),
    words=pieces | st.text(max_size=3),
    is_prefix=st.booleans(),
    is_negated=st.booleans(),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(mails, min_size=1, max_size=6), st.lists(terms, min_size=1, max_size=12))
def test_finds_what_sqlite_finds(
    place: Place, contents: list[dict[str, Any]], questions: list[Term]
) -> None:
    user = a_user()
    documents = [document(number, user, **what) for number, what in enumerate(contents)]

    async def differences() -> list[object]:
        found: list[object] = []
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(Database(Path(folder) / "search.db", MIGRATIONS)) as database,
        ):
            plain = SqliteSearch(database)
            async with opened(place) as search:
                await plain.index(documents)
                await search.index(documents)
                for term in questions:
                    query = SearchQuery(terms=(term,))
                    pair = (await plain.search(user, query), await search.search(user, query))
                    found += [(term, *pair)] if pair[0] != pair[1] else []
        return found

    assert asyncio.run(differences()) == []


# --- versions of the index ----------------------------------------------------------


async def test_making_the_index_twice_is_making_it_once(search: ElasticSearch, user: str) -> None:
    await search.index([document(1, user)])

    assert [await search.versions.ensure(), await search.versions.ensure()] == [1, 1]
    assert (await search.search(user, SearchQuery())).total_count == 1


def test_an_index_is_rebuilt_beside_the_one_in_use(user: str) -> None:
    async def rebuild(place: Place) -> list[int]:
        counts: list[int] = []
        async with opened(place) as search, opened(place, version=2) as next_one:
            await search.index([document(1, user)])
            await search.versions.create(2, shards=3)
            await next_one.index([document(1, user), document(2, user)])
            counts.append((await search.search(user, SearchQuery())).total_count)
            await search.versions.switch(2)
            counts.append((await search.search(user, SearchQuery())).total_count)
            await search.versions.drop(1)
            await search.index([document(3, user)])
            counts.append((await next_one.search(user, SearchQuery())).total_count)
            counts.append(await search.versions.ensure())
            with pytest.raises(Misconfigured):
                await search.versions.drop(2)
            with pytest.raises(Misconfigured):
                await search.versions.switch(3)
        return counts

    with elasticsearch() as fresh:
        assert asyncio.run(rebuild(fresh)) == [1, 2, 3, 2]


def test_an_index_that_lacks_only_fields_added_since_is_given_them_and_used(user: str) -> None:
    before = {name: kind for name, kind in MAPPING["properties"].items() if name != "labels"}
    mapping = MAPPING | {"properties": before, "_meta": {"layout": 1}}
    labelled = replace(document(1, user), labels=("red",))

    async def start(place: Place) -> int:
        urls, name = place
        cluster = Cluster(urls)
        body = {"mappings": mapping, "aliases": {name: {}}}
        await cluster.ask("PUT", f"/{name}-v1", msgspec.json.encode(body))
        await cluster.close()
        async with opened(place) as search:
            assert await search.versions.ensure() == 1
            await search.index([labelled, document(2, user)])
            return (await search.search(user, SearchQuery(labels=("red",)))).total_count

    with elasticsearch(prepared=False) as fresh:
        assert asyncio.run(start(fresh)) == 1


def test_processes_that_start_together_make_one_index() -> None:
    async def start(place: Place) -> list[int]:
        async with opened(place) as search:
            return await asyncio.gather(*(search.versions.ensure() for _ in range(4)))

    with elasticsearch(prepared=False) as fresh:
        assert asyncio.run(start(fresh)) == [1, 1, 1, 1]


# --- builders -----------------------------------------------------------------------


@asynccontextmanager
async def opened(place: Place, **settings: Any) -> AsyncGenerator[ElasticSearch]:
    search = ElasticSearch(*place, **({"refresh": "true"} | settings))
    try:
        yield search
    finally:
        await search.close()


def address_of(urls: Sequence[str]) -> tuple[str, int]:
    parts = urlsplit(urls[0])
    return parts.hostname or "", parts.port or 9200


def a_user() -> str:
    return f"ann-{random.SystemRandom().getrandbits(48):x}"


def document(number: int, user: str, **changed: Any) -> SearchDocument:
    at = NOW - timedelta(days=30) + timedelta(minutes=number)
    made = SearchDocument(
        user_id=user,
        email_id=derived_id(at, str(number)),
        folder_id="inbox",
        version=1,
        subject="",
        text="word",
        senders=(),
        recipients=(),
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
    )
    return replace(made, **changed)


class OneMailbox:
    """A mailbox that is only read."""

    def __init__(self, emails: Sequence[Email]) -> None:
        self._emails = {email.summary.email_id: email for email in emails}

    async def email(self, user_id: str, email_id: str, *, or_deleted: bool = False) -> Email | None:
        return self._emails.get(email_id)

    async def summaries(self, user_id: str, email_ids: Sequence[str]) -> Sequence[Summary]:
        return [self._emails[i].summary for i in email_ids if i in self._emails]


def email(number: int) -> Email:
    at = NOW - timedelta(hours=1) + timedelta(minutes=number)
    summary = Summary(
        email_id=derived_id(at, str(number)),
        folder_id="inbox",
        thread_id="t",
        is_read=False,
        is_starred=False,
        from_name="",
        from_address="",
        to=(),
        subject="",
        snippet="",
        has_attachments=False,
        size_bytes=1,
        created_at=at,
        changed_seq=1,
    )
    return Email(
        summary=summary,
        mail_id="m",
        message=Message(text="word"),
        raw_ref=RawRef(blob="0" * 64, kind="whole", size_bytes=1),
        mail_from="",
        recipient="",
        tag="",
        authentication=None,
        spam=None,
        note="",
    )


def change(number: int, user: str, kind: Any) -> MailboxChanged:
    return MailboxChanged(
        user_id=user,
        seq=number + 1,
        command_id="c",
        changed_at=NOW,
        kind=kind,
        email_id=email(number).summary.email_id,
    )
