"""Search by looking at every mail: slow, plain, and what the other indexes are held against."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from topologies.events.mailbox import DELETED
from topologies.mail.folding import words
from topologies.ports.search import Hits, SearchDocument, SearchQuery, SearchState, Term

_SEVERAL = {
    "any": ("subject", "text", "from", "to", "filename"),
    "head": ("subject", "from"),
}


@dataclass(frozen=True, slots=True)
class _Entry:
    document: SearchDocument
    texts: dict[str, list[list[str]]]  # folded words by field; a phrase stays within one list


class MemorySearch:
    """All documents in a dict."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._gone: set[tuple[str, str]] = set()

    async def index(self, documents: Sequence[SearchDocument]) -> None:
        for document in documents:
            key = (document.user_id, document.email_id)
            known = self._entries.get(key)
            if key in self._gone or (known and known.document.version > document.version):
                continue
            self._entries[key] = _Entry(document, _texts(document))

    async def set_state(self, user_id: str, states: Sequence[SearchState]) -> Sequence[str]:
        missing: list[str] = []
        for state in states:
            key = (user_id, state.email_id)
            known = self._entries.get(key)
            if known is None:
                missing += [state.email_id] if key not in self._gone else []
            elif known.document.version <= state.version:
                document = replace(
                    known.document,
                    folder_id=state.folder_id,
                    version=state.version,
                    is_read=state.is_read,
                    is_starred=state.is_starred,
                    labels=state.labels,
                )
                self._entries[key] = _Entry(document, known.texts)
        return missing

    async def remove(self, user_id: str, email_ids: Sequence[str]) -> None:
        for email_id in email_ids:
            self._entries.pop((user_id, email_id), None)
            self._gone.add((user_id, email_id))

    async def erase(self, user_id: str) -> None:
        self._entries = {k: v for k, v in self._entries.items() if k[0] != user_id}
        self._gone = {k for k in self._gone if k[0] != user_id}

    async def versions_of(self, user_id: str, email_ids: Sequence[str]) -> Mapping[str, int]:
        found = {each: self._entries.get((user_id, each)) for each in email_ids}
        return {each: entry.document.version for each, entry in found.items() if entry}

    async def search(
        self, user_id: str, query: SearchQuery, *, limit: int = 50, cursor: str | None = None
    ) -> Hits:
        before = str(uuid.UUID(cursor)) if cursor is not None else None
        found = sorted(
            (
                email_id
                for (owner, email_id), entry in self._entries.items()
                if owner == user_id and _holds(query, entry)
            ),
            reverse=True,
        )
        rest = [email_id for email_id in found if before is None or email_id < before]
        page = tuple(rest[:limit])
        return Hits(
            email_ids=page,
            total_count=len(found),
            next_cursor=page[-1] if page and len(rest) > limit else None,
        )


def _texts(document: SearchDocument) -> dict[str, list[list[str]]]:
    return {
        "subject": [words(document.subject)],
        "text": [words(text) for text in (document.text, *document.attached)],
        "from": [words(sender) for sender in document.senders],
        "to": [words(recipient) for recipient in document.recipients],
        "filename": [words(name) for name in document.file_names],
    }


def _holds(query: SearchQuery, entry: _Entry) -> bool:
    mail = entry.document
    return (
        all(_has(term, entry) != term.is_negated for term in query.terms)
        and all(any(_has(t, entry) != t.is_negated for t in group) for group in query.either)
        and mail.folder_id != DELETED
        and query.folder_id in (None, mail.folder_id)
        and set(query.labels) <= set(mail.labels)
        and not set(query.without_labels) & set(mail.labels)
        and query.is_read in (None, mail.is_read)
        and query.is_starred in (None, mail.is_starred)
        and query.has_attachment in (None, mail.has_attachments)
        and (query.after is None or mail.received_at >= query.after)
        and (query.before is None or mail.received_at < query.before)
        and (query.larger_bytes is None or mail.size_bytes > query.larger_bytes)
    )


def _has(term: Term, entry: _Entry) -> bool:
    wanted = words(term.words)
    fields = _SEVERAL.get(term.field, (term.field,))
    return bool(wanted) and any(
        _follows(wanted, text[at : at + len(wanted)], is_prefix=term.is_prefix)
        for field in fields
        for text in entry.texts[field]
        for at in range(len(text))
    )


def _follows(wanted: list[str], text: list[str], *, is_prefix: bool) -> bool:
    if len(text) < len(wanted) or text[:-1] != wanted[:-1]:
        return False
    return text[-1].startswith(wanted[-1]) if is_prefix else text[-1] == wanted[-1]
