"""A ``SearchQuery`` in Elasticsearch's words.

Every question names its user, as a condition of its own besides the mark on each word.
Nothing is cut off where it would make an answer wrong: the beginning of a word stands for
all words of the user that begin so, within phrases too.
"""

from collections.abc import Mapping
from typing import Any

from connectors.elasticsearch.documents import mark_of, marked, microseconds
from topologies.events.mailbox import DELETED
from topologies.mail.folding import words
from topologies.ports.search import SearchQuery, Term

_FIELDS = {
    "subject": ("subject",),
    "text": ("text",),
    "from": ("senders",),
    "to": ("recipients",),
    "filename": ("file_names",),
    "head": ("subject", "senders"),
    "any": ("subject", "text", "senders", "recipients", "file_names"),
}
_ALL_ENDINGS = 2**31 - 1  # of a phrase whose last word may go on; the default is 50
_Clause = dict[str, Any]
_NOTHING: _Clause = {"match_none": {}}


def asked(
    user_id: str, query: SearchQuery, *, size: int, below: str | None, within_s: float
) -> dict[str, Any]:
    """Return the body of a search for the newest *size* mails whose id is less than *below*."""
    mark = mark_of(user_id)
    must = [_is("user_id", user_id), *_state(query)]
    must_not: list[_Clause] = [_is("folder_id", DELETED)]
    for term in query.terms:
        clause = _term(term, mark)
        if not term.is_negated:
            must.append(clause or _NOTHING)
        elif clause is not None:
            must_not.append(clause)
    must += [_either(group, mark) for group in query.either]
    must += [_is("labels", label_id) for label_id in query.labels]
    must_not += [_is("labels", label_id) for label_id in query.without_labels]
    body: dict[str, Any] = {
        "query": {"bool": {"filter": must, "must_not": must_not}},
        "sort": [{"email_id": "desc"}],
        "size": size,
        "stored_fields": "_none_",  # the ids are what is sorted by
        "track_total_hits": True,
        "timeout": f"{int(within_s * 1000)}ms",
    }
    if below is not None:
        body["search_after"] = [below]
    return body


def asked_of(user_id: str, ids: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of a search for the versions of mails; *ids* are those of the documents."""
    wanted = [{"ids": {"values": list(ids)}}, _is("user_id", user_id)]
    return {
        "query": {"bool": {"filter": wanted}},
        "size": len(ids),
        "_source": ["email_id", "version"],
    }


def _state(query: SearchQuery) -> list[_Clause]:
    flags = {
        "folder_id": query.folder_id,
        "is_read": query.is_read,
        "is_starred": query.is_starred,
        "has_attachments": query.has_attachment,
    }
    clauses = [_is(name, value) for name, value in flags.items() if value is not None]
    received: dict[str, int] = {}
    if query.after is not None:
        received["gte"] = microseconds(query.after)
    if query.before is not None:
        received["lt"] = microseconds(query.before)
    if received:
        clauses.append({"range": {"received_us": received}})
    if query.larger_bytes is not None:
        clauses.append({"range": {"size_bytes": {"gt": query.larger_bytes}}})
    return clauses


def _either(group: tuple[Term, ...], mark: str) -> _Clause:
    choices: list[_Clause] = []
    for term in group:
        clause = _term(term, mark) or _NOTHING
        choices.append({"bool": {"must_not": [clause]}} if term.is_negated else clause)
    return _any_of(choices)


def _term(term: Term, mark: str) -> _Clause | None:
    """Return the condition that *term* is, not negated; None if it is signs alone."""
    found = words(term.words)
    if not found:
        return None
    text = marked(found, mark)
    is_phrase = len(found) > 1
    return _any_of([_text(field, text, is_phrase, term.is_prefix) for field in _FIELDS[term.field]])


def _text(field: str, text: str, is_phrase: bool, is_prefix: bool) -> _Clause:
    if is_phrase and is_prefix:
        return {"match_phrase_prefix": {field: {"query": text, "max_expansions": _ALL_ENDINGS}}}
    if is_phrase:
        return {"match_phrase": {field: {"query": text}}}
    return {"prefix": {field: {"value": text}}} if is_prefix else _is(field, text)


def _any_of(clauses: list[_Clause]) -> _Clause:
    if len(clauses) == 1:
        return clauses[0]
    return {"bool": {"should": clauses, "minimum_should_match": 1}}


def _is(field: str, value: str | bool) -> _Clause:
    return {"term": {field: {"value": value}}}
