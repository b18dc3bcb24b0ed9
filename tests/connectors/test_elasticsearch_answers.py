"""What Elasticsearch answers when it can't do as asked, and what that means for a mail."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.elasticsearch.documents import document_id
from connectors.elasticsearch.search import ElasticSearch
from topologies.errors import MailError, Misconfigured, Poison, Retryable
from topologies.mail.ids import derived_id
from topologies.ports.search import SearchDocument, SearchQuery, SearchState

NOW = datetime(2026, 3, 14, tzinfo=UTC)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 502, 503, 504])
async def test_a_cluster_that_can_not_answer_is_an_outage(status: int) -> None:
    async with Answering() as server:
        server.answers = [(status, {"error": {"type": "some", "reason": "so"}})] * 4

        for error in (await failure_of_index(server), await failure_of_search(server)):
            assert (isinstance(error, Retryable), is_outage(error)) == (True, True)


async def test_a_cluster_that_is_not_there_is_an_outage() -> None:
    async with searching([f"http://127.0.0.1:{closed_port()}"]) as search:
        for asked in (search.index([document(1)]), search.search("ann", SearchQuery())):
            with pytest.raises(Retryable) as raised:
                await asked
            assert raised.value.outage


async def test_a_node_that_is_down_is_passed_over() -> None:
    async with Answering() as server:
        down = f"http://127.0.0.1:{closed_port()}"
        async with searching([down, server.url]) as search:
            for _ in range(4):
                await search.search("ann", SearchQuery())

    assert [len(server.requests), len(server.answers)] == [4, 0]


async def test_an_answer_that_does_not_come_is_an_outage() -> None:
    async with Answering() as server:
        server.is_silent = True
        error = await failure_of_search(server, timeout_s=0.05)

    assert is_outage(error)


async def test_a_page_of_a_proxy_is_an_outage() -> None:
    async with Answering() as server:
        server.answers = [(200, "<html>")] * 2

        assert is_outage(await failure_of_index(server))


async def test_one_mail_that_is_refused_leaves_the_others_alone() -> None:
    async with Answering() as server:
        # The first goes alone; those who wait meanwhile go together.
        refused = bulk((400, "mapper_parsing_exception"), 201)
        server.answers = [(200, bulk(201)), (200, refused)]
        async with searching([server.url]) as search:
            asked = [search.index([document(number)]) for number in range(3)]
            first, second, third = await asyncio.gather(*asked, return_exceptions=True)

    assert [first, third] == [None, None]
    assert isinstance(second, Poison)
    assert "mapper_parsing_exception" in str(second)


async def test_one_mail_that_can_not_be_sent_leaves_the_others_alone() -> None:
    async with Answering() as server:
        server.answers = [(200, bulk(201)), (200, bulk(201))]
        async with searching([server.url]) as search:
            odd = replace(document(1), folder_id="\ud800")
            asked = [search.index([mail]) for mail in (document(0), odd, document(2))]
            first, refused, last = await asyncio.gather(*asked, return_exceptions=True)

    assert [first, last] == [None, None]
    assert isinstance(refused, Poison)


@pytest.mark.parametrize("status", [429, 503])
async def test_one_mail_whose_shard_is_busy_is_tried_again(status: int) -> None:
    async with Answering() as server:
        server.answers = [(200, bulk(201, (status, "es_rejected_execution_exception")))]

        assert is_outage(await failure_of_index(server, document(1), document(2)))


async def test_what_may_pass_is_tried_again_before_the_rest_is_buried() -> None:
    async with Answering() as server:
        server.answers = [(200, bulk((400, "mapper_parsing_exception"), (503, "unavailable")))]

        assert is_outage(await failure_of_index(server, document(1), document(2)))


async def test_others_who_keep_changing_a_mail_do_not_hold_us_for_ever() -> None:
    seen = {"docs": [{"_id": name_of(1), "found": True, "_source": {"version": 1}} | PLACE]}
    async with Answering() as server:
        conflict = bulk((409, "version_conflict_engine_exception"))
        server.answers = [(200, conflict), *[(200, seen), (200, conflict)] * 20]
        error = await failure_of_index(server)

    assert (isinstance(error, Retryable), is_outage(error)) == (True, False)


async def test_a_new_mail_is_one_request() -> None:
    async with Answering() as server:
        server.answers = [(200, bulk(201))]
        async with searching([server.url]) as search:
            await search.index([document(1)])

    assert [path.partition("?")[0] for path, _ in server.requests] == ["/mails/_bulk"]
    assert "require_alias=true" in server.requests[0][0]  # no index is made by writing to it


async def test_a_state_is_two_requests_without_text() -> None:
    mail = document(1, "secret")
    seen = {"docs": [{"_id": name_of(1), "found": True, "_source": {"version": 1}} | PLACE]}
    async with Answering() as server:
        server.answers = [(200, seen), (200, bulk(200))]
        async with searching([server.url]) as search:
            await search.set_state("ann", [state(mail)])

    paths = [path.partition("?")[0] for path, _ in server.requests]
    assert paths == ["/mails/_mget", "/mails/_bulk"]
    assert b'"if_seq_no":7,"if_primary_term":3' in server.requests[1][1]


async def test_nothing_to_do_asks_nobody() -> None:
    search = ElasticSearch(["http://127.0.0.1:9"], "mails")
    await search.index([])
    await search.remove("ann", [])

    assert await search.set_state("ann", []) == []


async def test_those_who_wait_are_written_together() -> None:
    async with Answering() as server:
        server.answers = [(200, bulk(201)), (200, bulk(*[201] * 49))]
        async with searching([server.url]) as search:
            await asyncio.gather(*(search.index([document(number)]) for number in range(50)))

    assert len(server.requests) <= 2


async def test_large_batches_are_sent_in_parts() -> None:
    async with Answering() as server:
        server.answers = [(200, bulk(*[201] * 1_000)), (200, bulk(*[201] * 200))]
        async with searching([server.url]) as search:
            await search.index([document(number) for number in range(1_200)])

    assert [body.count(b'"create"') for _, body in server.requests] == [1_000, 200]


async def test_an_answer_that_was_cut_short_by_time_is_no_answer() -> None:
    async with Answering() as server:
        server.answers = [(200, EMPTY | {"timed_out": True})]

        assert isinstance(await failure_of_search(server), Retryable)


async def test_a_question_names_its_user_and_goes_to_one_shard() -> None:
    async with Answering() as server, searching([server.url]) as search:
        await search.search("ann", SearchQuery())

    [(path, body)] = server.requests
    assert "routing=ann" in path
    assert {"term": {"user_id": {"value": "ann"}}} in json.loads(body)["query"]["bool"]["filter"]


async def test_an_id_that_is_none_is_poison() -> None:
    search = ElasticSearch(["http://127.0.0.1:9"], "mails")
    with pytest.raises(Poison):
        await search.remove("ann", ["../_all"])


@pytest.mark.parametrize("urls", [(), ("localhost:9200",), ("http://",)])
def test_a_url_that_is_none_is_said_at_start(urls: tuple[str, ...]) -> None:
    with pytest.raises(Misconfigured):
        ElasticSearch(urls, "mails")


# --- builders -----------------------------------------------------------------------

EMPTY: dict[str, Any] = {"timed_out": False, "hits": {"total": {"value": 0}}}
PLACE = {"_seq_no": 7, "_primary_term": 3}


class Answering:
    """An HTTP server that gives the answers it was told, then empty lists of hits."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.requests: list[tuple[str, bytes]] = []  # path with options, and body
        self.is_silent = False
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> "Answering":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await asyncio.gather(*self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        async for path, body in _requests(reader):
            if self.is_silent:
                break
            self.requests.append((path, body))
            status, answer = self.answers.pop(0) if self.answers else (200, EMPTY)
            text = answer if isinstance(answer, str) else json.dumps(answer)
            kind = "text/html" if isinstance(answer, str) else "application/json"
            head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(text)}"
            writer.write(f"{head}\r\n\r\n{text}".encode())
        if self.is_silent:
            await reader.read()
        writer.transport.abort()


async def _requests(reader: asyncio.StreamReader) -> AsyncIterator[tuple[str, bytes]]:
    while line := await reader.readline():
        length = 0
        while (header := await reader.readline()).strip():
            if header.lower().startswith(b"content-length:"):
                length = int(header.partition(b":")[2])
        yield line.split()[1].decode(), await reader.readexactly(length)


def bulk(*statuses: int | tuple[int, str]) -> dict[str, Any]:
    items: list[Any] = []
    for one in statuses:
        status, kind = one if isinstance(one, tuple) else (one, "")
        error = {"error": {"type": kind, "reason": "so"}} if kind else {}
        items.append({"any": {"status": status} | error})
    return {"items": items}


@asynccontextmanager
async def searching(urls: Sequence[str], **settings: Any) -> AsyncGenerator[ElasticSearch]:
    search = ElasticSearch(urls, "mails", **settings)
    try:
        yield search
    finally:
        await search.close()


async def failure_of_index(server: Answering, *documents: SearchDocument) -> MailError:
    async with searching([server.url]) as search:
        with pytest.raises(MailError) as raised:
            await search.index(documents or [document(1)])
    return raised.value


async def failure_of_search(server: Answering, **settings: Any) -> MailError:
    async with searching([server.url], **settings) as search:
        with pytest.raises(MailError) as raised:
            await search.search("ann", SearchQuery())
    return raised.value


def is_outage(error: MailError) -> bool:
    return isinstance(error, Retryable) and error.outage


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def document(number: int, text: str = "word") -> SearchDocument:
    return SearchDocument(
        user_id="ann",
        email_id=derived_id(NOW, str(number)),
        folder_id="inbox",
        version=1,
        subject="",
        text=text,
        senders=(),
        recipients=(),
        file_names=(),
        received_at=NOW,
        is_read=False,
        is_starred=False,
        has_attachments=False,
        size_bytes=1,
    )


def name_of(number: int) -> str:
    return document_id("ann", document(number).email_id)


def state(mail: SearchDocument) -> SearchState:
    return SearchState(
        email_id=mail.email_id, folder_id="inbox", version=2, is_read=True, is_starred=False
    )
