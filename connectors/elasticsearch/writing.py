"""How changes reach the documents: newer over older, and never over a removal.

There are no scripts and, beside partial updates, no external versions, so each document
carries our ``version`` and is changed only as it was seen (compare and swap by sequence
number):

1. A mail that is new (the common case) is created: one round trip. A removal replaces
   whatever there is by a tombstone without text, which stays: one round trip, too.
2. Where there was something already, and for states, our version is read by id (which
   needs no refresh) and what is newer is written as a partial update, provided that nothing
   changed in between: two round trips, no text. Equal content is not written again.
3. Who was overtaken in between starts at 2 again.

Replaying and overtaking therefore change nothing, and a crash leaves each document whole.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from connectors.elasticsearch.cluster import Cluster, error_of
from topologies.errors import Poison, Retryable

ROUNDS = 10  # against writers of other processes; each round one of them gets through
LARGEST_REQUEST_BYTES = 4 * 1024**2  # of one request; a server takes 100 MB by default
MOST_ITEMS = 1_000  # of one request
_OVERTAKEN = ("version_conflict_engine_exception", "document_missing_exception")
_ANSWERED = ",".join(
    ["items.*.status", *(f"items.*.error.{part}" for part in ("type", "reason", "caused_by"))]
)


@dataclass(frozen=True, slots=True)
class Change:
    """A document, or the part of one that changes.

    Attributes:
        body: The fields as JSON.
    """

    user_id: str
    document_id: str
    version: int
    fields: Mapping[str, Any]
    body: bytes
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Removal:
    """A document that goes for good."""

    user_id: str
    document_id: str
    tombstone: Mapping[str, Any]


@dataclass(slots=True)
class Written:
    """What became of a batch, by document id.

    Attributes:
        missing: Had a state to set but no document.
        errors: Could not be written.
    """

    missing: set[str] = field(default_factory=set[str])
    errors: dict[str, Retryable | Poison] = field(default_factory=dict[str, Retryable | Poison])


@dataclass(frozen=True, slots=True)
class _Seen:
    """A document as it was read: the version is None if it was removed."""

    version: int | None
    seq_no: int
    primary_term: int


@dataclass(frozen=True, slots=True)
class _Item:
    document_id: str
    line: bytes  # action and body, as the bulk request wants them


@dataclass(frozen=True, slots=True)
class Target:
    """Where to write.

    Attributes:
        refresh: ``false``, ``wait_for`` or ``true``: whether an answer waits until found.
        is_alias: It must be one, so that no index is made by writing to it.
    """

    cluster: Cluster
    index: str
    refresh: str
    is_alias: bool


async def write(target: Target, changes: Iterable[Change], removals: Iterable[Removal]) -> Written:
    """Write a batch. Order within it does not matter, as versions decide; removals win.

    Raises:
        Retryable: Some or all may be unwritten. Writing all again is harmless.
    """
    written = Written()
    gone = {removal.document_id: removal for removal in removals}
    pending: dict[str, list[Change]] = {}
    # Documents come before states, which lack them else.
    for change in sorted(changes, key=lambda change: not change.is_whole):
        if change.document_id not in gone:
            pending.setdefault(change.document_id, []).append(change)
    items: list[_Item] = [_creation(changes) for changes in pending.values() if changes[0].is_whole]
    await _send(target, [*items, *map(_removal, gone.values())], pending, written)
    for _ in range(ROUNDS):
        if not pending:
            return written
        seen = await _read(target, pending)
        items = []
        for document_id, changes in list(pending.items()):
            item = _next(changes, seen.get(document_id))
            if item is not None:
                items.append(item)
                continue
            if document_id not in seen:
                written.missing.add(document_id)
            del pending[document_id]
        await _send(target, items, pending, written)
    raise Retryable("elasticsearch: others keep changing the same mails")


def _next(changes: Sequence[Change], seen: _Seen | None) -> _Item | None:
    """Return what is to be written where *seen* is; None if nothing is."""
    if seen is None:
        return _creation(changes) if changes[0].is_whole else None
    if seen.version is None:
        return None
    body = _newer(changes, seen.version)
    return _update(changes[0], body, seen) if body is not None else None


def _newer(changes: Sequence[Change], version: int) -> bytes | None:
    """Return the fields to be changed in a document of *version*; None if there are none."""
    newer: list[Change] = []
    for change in changes:
        if change.version >= version:
            newer.append(change)
            version = change.version
    if len(newer) < 2:
        return newer[0].body if newer else None
    fields: dict[str, Any] = {}
    for change in newer:
        fields |= change.fields
    return msgspec.json.encode(fields)


def _creation(changes: Sequence[Change]) -> _Item:
    first = changes[0]
    return _item("create", first, {}, _newer(changes, first.version) or first.body)


def _removal(removal: Removal) -> _Item:
    return _item("index", removal, {}, msgspec.json.encode(removal.tombstone))


def _update(change: Change, body: bytes, seen: _Seen) -> _Item:
    condition = {"if_seq_no": seen.seq_no, "if_primary_term": seen.primary_term}
    return _item("update", change, condition, b'{"doc":' + body + b"}")


def _item(action: str, what: Change | Removal, condition: Mapping[str, int], body: bytes) -> _Item:
    head = {action: {"_id": what.document_id, "routing": what.user_id, **condition}}
    return _Item(what.document_id, b"%b\n%b\n" % (msgspec.json.encode(head), body))


async def _send(
    target: Target, items: Iterable[_Item], pending: dict[str, list[Change]], written: Written
) -> None:
    """Send *items*; what is done, or can't be, is pending no more."""
    options = {
        "refresh": target.refresh,
        "require_alias": "true" if target.is_alias else "false",
        "filter_path": _ANSWERED,
    }

    async def send(batch: Sequence[_Item]) -> None:
        body = b"".join(item.line for item in batch)
        _, answer = await target.cluster.ask(
            "POST", f"/{target.index}/_bulk", body, options=options
        )
        answers: Sequence[Mapping[str, Any]] = answer["items"]
        for item, by_action in zip(batch, answers, strict=True):
            [told] = by_action.values()
            error = told.get("error")
            if error is not None:
                if error.get("type") in _OVERTAKEN:
                    continue
                written.errors[item.document_id] = error_of(told["status"], error)
            pending.pop(item.document_id, None)

    await _in_batches(items, send)


async def _in_batches(
    items: Iterable[_Item], send: Callable[[Sequence[_Item]], Awaitable[None]]
) -> None:
    batch: list[_Item] = []
    size_bytes = 0
    for item in items:
        if batch and (
            len(batch) == MOST_ITEMS or size_bytes + len(item.line) > LARGEST_REQUEST_BYTES
        ):
            await send(batch)
            batch, size_bytes = [], 0
        batch.append(item)
        size_bytes += len(item.line)
    if batch:
        await send(batch)


async def _read(target: Target, pending: Mapping[str, Sequence[Change]]) -> dict[str, _Seen]:
    """Return those of *pending* that the index has, or had."""
    seen: dict[str, _Seen] = {}
    rest = iter(pending.items())
    while some := list(islice(rest, MOST_ITEMS)):
        wanted = [
            {"_id": document_id, "routing": changes[0].user_id, "_source": ["version"]}
            for document_id, changes in some
        ]
        _, answer = await target.cluster.ask(
            "POST", f"/{target.index}/_mget", msgspec.json.encode({"docs": wanted})
        )
        found: Sequence[Mapping[str, Any]] = answer["docs"]
        for document in found:
            if "error" in document:  # its shard is not there
                raise error_of(503, document["error"])
            if document["found"]:
                version = document["_source"].get("version")
                seen[document["_id"]] = _Seen(
                    version, document["_seq_no"], document["_primary_term"]
                )
    return seen
