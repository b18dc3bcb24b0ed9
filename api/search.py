"""Search: what a person typed, and what a form asks for besides."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from starlette.responses import Response

from api import views
from api.endpoint import Call, json_answer
from api.problems import Problem, invalid_parameter
from api.search_hits import by_date, by_relevance, highlights, lag
from api.shapes_emails import SearchParameters
from api.shapes_search import LagOut, SearchPage
from topologies.errors import NoSpace, Retryable
from topologies.mail import folder_names
from topologies.mail.query import QueryError, parse
from topologies.mail.query_filters import moment
from topologies.ports.search import SearchQuery, Term

NOTHING = SearchPage(
    emails=(),
    total_count=0,
    has_more=False,
    next_cursor=None,
    lag=LagOut(changes=0, seconds=0.0),
)


async def search(call: Call) -> Response:
    """Answer the mails that all conditions hold for, and how far the index is behind."""
    asked: SearchParameters = call.query(SearchParameters)
    query = await _with_folder(call, _query(asked, call.context.clock.now()), asked)
    query = await _with_labels(call, query)
    if query is None:
        return json_answer(NOTHING)
    try:
        searching = by_relevance if asked.sort == "relevance" else by_date
        hits, behind = await asyncio.gather(
            searching(
                call.context.search, call.user_id, query, limit=asked.limit, cursor=asked.cursor
            ),
            lag(call.context, call.user_id),
        )
    except ValueError:
        raise invalid_parameter("cursor", "it is no next_cursor of this search") from None
    except NoSpace:
        raise
    except Retryable as error:
        raise Problem(
            503,
            "search is out of reach: everything else works, try again in a moment",
            kind="search-unavailable",
            headers={"Retry-After": "5"},
        ) from error
    # What the index has and the mailbox has not any more is left out: it is gone in a moment.
    found = await call.context.mailboxes.summaries(call.user_id, hits.email_ids)
    told = await highlights(call.context, call.user_id, query, found) if asked.highlight else None
    return json_answer(
        SearchPage(
            emails=views.lines(found),
            total_count=hits.total_count,
            has_more=hits.next_cursor is not None,
            next_cursor=hits.next_cursor,
            lag=behind,
            highlights=told,
        )
    )


def _query(asked: SearchParameters, now: datetime) -> SearchQuery | None:
    """Return what is asked for; None if two conditions exclude each other.

    Raises:
        Problem: The text, or a time, can't be read.
    """
    try:
        query = parse(asked.query, now=now)
    except QueryError as error:
        raise Problem(
            400,
            error.problem,
            kind="invalid-search",
            position=error.position,
            advice=error.advice,
        ) from None
    terms = list(query.terms)
    for field, words in (("from", asked.from_), ("to", asked.to)):
        if words and words.strip():
            terms.append(Term(field=field, words=words))
    either: dict[str, Any] = {
        "is_read": (query.is_read, asked.is_read),
        "has_attachment": (query.has_attachment, asked.has_attachment),
    }
    joined: dict[str, Any] = {}
    for name, (typed, chosen) in either.items():
        if typed is not None and chosen is not None and typed != chosen:
            return None
        joined[name] = typed if chosen is None else chosen
    after = _moment("after", asked.after, now)
    before = _moment("before", asked.before, now)
    return SearchQuery(
        terms=tuple(terms),
        either=query.either,
        folder_id=query.folder_id,
        is_starred=query.is_starred,
        larger_bytes=query.larger_bytes,
        labels=query.labels + ((asked.label,) if asked.label else ()),
        without_labels=query.without_labels,
        after=_of_both(max, query.after, after),
        before=_of_both(min, query.before, before),
        **joined,
    )


async def _with_folder(
    call: Call, query: SearchQuery | None, asked: SearchParameters
) -> SearchQuery | None:
    """Return *query* with the id of the folder that was named in it or beside it."""
    if query is None or not (query.folder_id or asked.folder):
        return query
    all_folders = await call.context.mailboxes.folders(call.user_id)
    folders = [folder for folder in all_folders if not folder.is_deleting]
    paths = folder_names.paths(folders)

    def find(name: str, parameter: str) -> str:
        wanted = folder_names.folded(name)
        for folder in folders:
            path = folder_names.folded(paths[folder.folder_id])
            if folder.folder_id == name or path == wanted:
                return folder.folder_id
        for folder in folders:
            if folder_names.folded(folder.name) == wanted:
                return folder.folder_id
        raise invalid_parameter(parameter, f"there is no folder {name!r}")

    typed = find(query.folder_id, "query") if query.folder_id else None
    chosen = find(asked.folder, "folder") if asked.folder else None
    if typed and chosen and typed != chosen:
        return None
    return replace(query, folder_id=typed or chosen)


async def _with_labels(call: Call, query: SearchQuery | None) -> SearchQuery | None:
    """Return *query* with the ids of the labels that were named in it."""
    if query is None or not (query.labels or query.without_labels):
        return query
    labels = await call.context.mailboxes.labels(call.user_id)

    def find(name: str) -> str:
        wanted = folder_names.folded(name)
        for label in labels:
            is_meant = label.label_id == name or folder_names.folded(label.name) == wanted
            if is_meant and not label.is_deleting:
                return label.label_id
        raise invalid_parameter("query", f"there is no label {name!r}")

    return replace(
        query,
        labels=tuple([find(name) for name in query.labels]),
        without_labels=tuple([find(name) for name in query.without_labels]),
    )


def _moment(parameter: str, text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        return moment(text, now)
    except (ValueError, OverflowError):
        pass
    try:
        found = msgspec.convert(text, datetime)
        return found if found.tzinfo is not None else found.replace(tzinfo=now.tzinfo)
    except msgspec.ValidationError:
        raise invalid_parameter(
            parameter, "write RFC 3339, a date as 2026-03-14, or an age as 7d"
        ) from None


def _of_both(
    choose: Callable[[datetime, datetime], datetime], one: datetime | None, other: datetime | None
) -> datetime | None:
    return choose(one, other) if one is not None and other is not None else one or other
