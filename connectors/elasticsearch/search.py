"""Search on Elasticsearch.

Writes and reads one index of all mails, routed by user: a question and a write concern one
shard. Finds what the other answers of this port find (``documents`` has the words, ``asking``
the questions), and keeps newer over older (``writing``). What is written is on the disk of
the shard and of its replicas on return; it is found when the index was refreshed, which is
every second unless ``refresh`` says otherwise. Index and settings are made by ``versions``.
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from connectors.access import Access
from connectors.elasticsearch.asking import asked, asked_of
from connectors.elasticsearch.cluster import TIMEOUT_S, Cluster
from connectors.elasticsearch.documents import (
    document_id,
    fields_of,
    mark_of,
    microseconds,
    state_of,
    tombstone,
)
from connectors.elasticsearch.versions import Versions
from connectors.elasticsearch.writing import Change, Removal, Target, Written, write
from topologies.errors import Poison, Retryable
from topologies.ports.search import Hits, SearchDocument, SearchQuery, SearchState

LARGE_TEXT = 32 * 1024  # characters; what takes longer to cut leaves the event loop free
FORGOTTEN_AT_ONCE = 5_000  # removals in one request, well within the time for an answer
LARGEST_PAGE = 1_000  # hits; who asks for more is given that many and a cursor
_ANSWERED = "timed_out,hits.total.value,hits.hits.sort"


@dataclass(eq=False, slots=True)
class _Job:
    """What one caller wants written."""

    changes: Sequence[Change] = ()
    removals: Sequence[Removal] = ()
    written: Written = field(default_factory=Written)
    error: Retryable | Poison | None = None  # of the whole batch it was written in
    is_done: bool = False

    def check(self) -> None:
        """Raise what kept any part of it from being written."""
        if self.error is not None:
            raise self.error
        own = [what.document_id for what in (*self.changes, *self.removals)]
        errors = [self.written.errors[name] for name in own if name in self.written.errors]
        if errors:
            # What may pass comes first: at the next try, what is poison still is.
            raise min(errors, key=lambda error: isinstance(error, Poison))


class ElasticSearch:
    """The index of one deployment."""

    def __init__(
        self,
        urls: Sequence[str],
        index: str,
        *,
        version: int | None = None,
        refresh: Literal["false", "wait_for", "true"] = "false",
        timeout_s: float = TIMEOUT_S,
        access: Access | None = None,
    ) -> None:
        """Connects at the first request.

        Args:
            urls: Of the nodes.
            index: The alias that names the index in use.
            version: Write and read this version of the index instead, for a rebuild.
            refresh: When writing returns: at once, when a search finds it (within the
                second), or after a refresh of its own (dear: for tests).
            timeout_s: How long to wait for an answer of the cluster.
            access: How it is spoken to; None: as the URLs say.

        Raises:
            Misconfigured: One of the URLs is none.
        """
        self._cluster = Cluster(urls, timeout_s=timeout_s, access=access)
        self.versions = Versions(self._cluster, index)
        self._index = index if version is None else self.versions.name_of(version)
        self._target = Target(self._cluster, self._index, refresh, is_alias=version is None)
        self._timeout_s = timeout_s
        self._alias = index
        self._waiting: list[_Job] = []
        self._turn = asyncio.Lock()

    async def index(self, documents: Sequence[SearchDocument]) -> None:
        changes: list[Change] = []
        for document in documents:
            if document.characters > LARGE_TEXT:
                changes.append(await asyncio.to_thread(_whole, document))
            else:
                changes.append(_whole(document))
        await self._write(_Job(changes=changes))

    async def set_state(self, user_id: str, states: Sequence[SearchState]) -> Sequence[str]:
        job = _Job(
            changes=[_change(user_id, state, state_of(state), is_whole=False) for state in states]
        )
        await self._write(job)
        return [
            state.email_id
            for state, change in zip(states, job.changes, strict=True)
            if change.document_id in job.written.missing
        ]

    async def remove(self, user_id: str, email_ids: Sequence[str]) -> None:
        grave = tombstone(datetime.now(UTC))
        await self._write(
            _Job(removals=[Removal(user_id, document_id(user_id, i), grave) for i in email_ids])
        )

    async def erase(self, user_id: str) -> None:
        # What was written just now is found after a refresh alone.
        await self._cluster.ask("POST", f"/{self._index}/_refresh")
        await self._delete({"term": {"user_id": user_id}}, {"routing": user_id})

    async def search(
        self, user_id: str, query: SearchQuery, *, limit: int = 50, cursor: str | None = None
    ) -> Hits:
        below = str(uuid.UUID(cursor)) if cursor is not None else None
        limit = min(limit, LARGEST_PAGE)
        # It gives up before we do, and says so.
        within_s = self._timeout_s * 0.8
        body = asked(user_id, query, size=limit + 1, below=below, within_s=within_s)
        return _hits(await self._answer(user_id, body, _ANSWERED), limit)

    async def versions_of(self, user_id: str, email_ids: Sequence[str]) -> Mapping[str, int]:
        if not email_ids:
            return {}
        ids = {document_id(user_id, each): each for each in email_ids}
        answer = await self._answer(user_id, asked_of(user_id, ids), "hits.hits._source")
        found = answer.get("hits", {}).get("hits", ())
        return {hit["_source"]["email_id"]: hit["_source"]["version"] for hit in found}

    async def _answer(
        self, user_id: str, body: Mapping[str, Any], wanted: str
    ) -> Mapping[str, Any]:
        try:
            _, answer = await self._cluster.ask(
                "POST",
                f"/{self._index}/_search",
                msgspec.json.encode(body),
                options={
                    "routing": user_id,
                    "preference": f"of-{mark_of(user_id)}",  # one replica: pages keep their place
                    "allow_partial_search_results": "false",
                    "filter_path": wanted,
                },
            )
        except Poison as error:
            # What was typed is fine, so it is the index that can't answer it.
            raise Retryable(str(error)) from error
        return answer

    async def forget_removed(self, before: datetime) -> int:
        """Delete what is left of mails that were removed earlier; return of how many.

        A replay of something older than *before* could bring one of them back, so it lies
        further back than the log reaches.

        Raises:
            Retryable: The cluster is out of reach; call again.
        """
        return await self._delete({"range": {"removed_us": {"lt": microseconds(before)}}}, {})

    async def _delete(self, query: Mapping[str, Any], options: Mapping[str, str]) -> int:
        """Delete what *query* finds, and return of how many."""
        body = msgspec.json.encode({"query": query, "max_docs": FORGOTTEN_AT_ONCE})
        deleted = 0
        while True:
            _, answer = await self._cluster.ask(
                "POST",
                f"/{self._index}/_delete_by_query",
                body,
                options={"conflicts": "proceed", "refresh": "true", **options},
            )
            deleted += answer["deleted"]
            if answer["total"] < FORGOTTEN_AT_ONCE:
                return deleted

    async def check(self) -> None:
        """Find out whether the cluster lets us in; one that is away may come yet.

        Raises:
            Misconfigured: It does not; says why, and which setting to look at.
        """
        await self._cluster.check(f"/{self._alias}/_alias")

    async def close(self) -> None:
        """Close the connections to the cluster. Calling it twice is no error."""
        await self._cluster.close()

    async def _write(self, job: _Job) -> None:
        # Whoever has the turn writes for all who wait: a request for one mail costs us and
        # the server ten times what a mail costs in a request for many.
        if not job.changes and not job.removals:
            return
        self._waiting.append(job)
        async with self._turn:
            if not job.is_done:
                await self._write_waiting(job)
        job.check()

    async def _write_waiting(self, own: _Job) -> None:
        # If the writing of a batch was cancelled, those in it wait no longer: each of them
        # writes its own when it has the turn. Writing twice is harmless.
        batch = [own]
        if own in self._waiting:
            batch, self._waiting = self._waiting, []
        written = Written()
        failure: Retryable | Poison | None = None
        try:
            written = await write(
                self._target,
                [change for job in batch for change in job.changes],
                [removal for job in batch for removal in job.removals],
            )
        except (Retryable, Poison) as error:
            failure = error
        for job in batch:
            job.written, job.error, job.is_done = written, failure, True


def _whole(document: SearchDocument) -> Change:
    return _change(document.user_id, document, fields_of(document), is_whole=True)


def _change(
    user_id: str, mail: SearchDocument | SearchState, fields: Mapping[str, Any], *, is_whole: bool
) -> Change:
    try:
        # Here, so that what can't be encoded harms nobody that is written together with it.
        body = msgspec.json.encode(fields)
    except UnicodeEncodeError as error:
        raise Poison(f"{mail.email_id} can't be indexed: {error}") from error
    return Change(
        user_id=user_id,
        document_id=document_id(user_id, mail.email_id),
        version=mail.version,
        fields=fields,
        body=body,
        is_whole=is_whole,
    )


def _hits(answer: Mapping[str, Any], limit: int) -> Hits:
    if answer["timed_out"]:
        raise Retryable("elasticsearch: the search took too long")
    found: Sequence[Mapping[str, Any]] = answer["hits"].get("hits", ())
    email_ids: tuple[str, ...] = tuple(hit["sort"][0] for hit in found)
    page = email_ids[:limit]
    return Hits(
        email_ids=page,
        total_count=answer["hits"]["total"]["value"],
        next_cursor=page[-1] if page and len(email_ids) > limit else None,
    )
