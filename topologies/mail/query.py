"""What a person types into the search field, read as a ``SearchQuery``.

Decides the grammar (docs/search.md): words, "phrases", -negation, OR, and filters
such as ``from:ada`` or ``after:7d``. Any text is either read or refused with a
``QueryError`` that says where and what to do; nothing is guessed in silence.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from topologies.mail.folding import words
from topologies.mail.query_filters import FILTERS, GATHERED
from topologies.ports.search import SearchQuery, Term

LONGEST_QUERY = 1_000  # characters
MOST_TERMS = 20
MOST_WORDS = 100  # in one term: a phrase, or a text without spaces

_TEXT_FIELDS = {
    "from": "from",
    "to": "to",
    "cc": "to",
    "bcc": "to",
    "subject": "subject",
    "body": "text",
    "filename": "filename",
}
_QUOTES = '"“”„‟＂'  # phones type curly ones

# One item: -field:"phrase", -field:word, and each of the three without what goes before.
_ITEM = re.compile(
    rf"""\s*(?P<item>(?P<minus>-)?
    (?:(?P<field>{"|".join([*_TEXT_FIELDS, *FILTERS])}):)?
    (?:(?P<quote>[{_QUOTES}])(?P<phrase>[^{_QUOTES}]*)(?P<end>[{_QUOTES}])?|(?P<word>[^\s{_QUOTES}]*))
    )""",
    re.VERBOSE | re.IGNORECASE,
)


class QueryError(ValueError):
    """The text can't be read as a query.

    Attributes:
        position: Where, in characters from 0.
        advice: What to type instead, for people.
    """

    def __init__(self, problem: str, *, position: int, advice: str) -> None:
        super().__init__(f"{problem} (at character {position + 1}): {advice}")
        self.problem = problem
        self.position = position
        self.advice = advice


@dataclass(frozen=True, slots=True)
class _Item:
    position: int
    is_negated: bool
    field: str  # lower case, empty for a bare word
    value: str
    is_quoted: bool


# Where something stood and what it was, in the order typed.
_Read = tuple[int, Term | Literal["or", "filter"]]


def parse(text: str, *, now: datetime) -> SearchQuery:
    """Return what *text* asks for.

    ``in:`` and ``label:`` are returned as typed, for the caller to find the folder and the
    labels of these names; only system folders are put into lower case.

    Args:
        text: As typed; empty or blank asks for everything.
        now: The time that ``7d`` counts from; dates are days in its time zone.

    Raises:
        QueryError: It can't be read.
    """
    if len(text) > LONGEST_QUERY:
        raise QueryError(
            "the query is too long",
            position=LONGEST_QUERY,
            advice=f"use at most {LONGEST_QUERY} characters",
        )
    query = SearchQuery()
    read: list[_Read] = []
    items = _items(text)
    for item in items:
        if item.field in FILTERS:
            query = _filtered(query, item, now)
            read.append((item.position, "filter"))
        elif item == _Item(item.position, is_negated=False, field="", value="OR", is_quoted=False):
            read.append((item.position, "or"))
        elif term := _term(item):
            read.append((item.position, term))
        if sum(isinstance(what, Term) for _, what in read) > MOST_TERMS:
            raise QueryError(
                "there are too many words",
                position=item.position,
                advice=f"use at most {MOST_TERMS}",
            )
    groups = _groups(read, items)
    query = replace(
        query,
        terms=tuple(group[0] for group in groups if len(group) == 1),
        either=tuple(tuple(group) for group in groups if len(group) > 1),
    )
    if items and query == SearchQuery():
        raise QueryError(
            "there is nothing to look for",
            position=items[0].position,
            advice="type a word; signs alone are not searched",
        )
    return query


def _items(text: str) -> list[_Item]:
    items: list[_Item] = []
    at = 0
    while at < len(text):
        match = _ITEM.match(text, at)
        if match is None or match.end() == at:
            break  # nothing but space is left
        at = match.end()
        position = match.start("item")
        if match["quote"] and not match["end"]:
            raise QueryError(
                "a quotation mark is not closed",
                position=match.start("quote"),
                advice='close it, as in "annual report"',
            )
        if match["item"]:
            items.append(
                _Item(
                    position,
                    bool(match["minus"]),
                    (match["field"] or "").lower(),
                    match["phrase"] if match["quote"] else match["word"],
                    bool(match["quote"]),
                )
            )
    return items


def _term(item: _Item) -> Term | None:
    """Return the condition on text, or None if it is signs alone."""
    if item.field and not item.value.strip():
        raise QueryError(
            f"{item.field}: lacks a value",
            position=item.position,
            advice=f"write what to look for right after it, as in {item.field}:ada",
        )
    if item.field and not item.is_quoted and item.value.startswith("("):
        raise QueryError(
            f"{item.field}: can't be followed by a bracket",
            position=item.position,
            advice=f'write several words as {item.field}:"annual report", or repeat {item.field}:',
        )
    found = words(item.value)
    if not found:
        if item.field:
            raise QueryError(
                f"{item.field}: has nothing to look for",
                position=item.position,
                advice="signs alone are not searched",
            )
        return None
    if len(found) > MOST_WORDS:
        raise QueryError(
            "the phrase is too long",
            position=item.position,
            advice=f"use at most {MOST_WORDS} words in one phrase",
        )
    return Term(
        field=_TEXT_FIELDS[item.field] if item.field else "any",
        words=item.value,
        # A single letter begins half of all words: it stands for itself.
        is_prefix=not item.is_quoted and len(found[-1]) > 1,
        is_negated=item.is_negated,
    )


def _groups(read: Sequence[_Read], items: Sequence[_Item]) -> list[list[Term]]:
    """Return the terms, those that OR joins together: of each group one must hold."""
    groups: list[list[Term]] = []
    last: Term | str = "filter"
    either_at = 0
    for position, what in [*read, (0, "filter")]:
        if (what == "or" and not isinstance(last, Term)) or (
            last == "or" and not isinstance(what, Term)
        ):
            raise QueryError(
                "OR lacks a word on one side",
                position=either_at if last == "or" else position,
                advice='put it between two words, or in quotes to find the word "or"',
            )
        if what == "or":
            _refuse_brackets(items)
            either_at = position
        elif isinstance(what, Term) and last == "or":
            groups[-1].append(what)
        elif isinstance(what, Term):
            groups.append([what])
        last = what
    return groups


def _refuse_brackets(items: Sequence[_Item]) -> None:
    for item in items:
        if not item.is_quoted and item.value.startswith("("):
            raise QueryError(
                "brackets don't group words",
                position=item.position,
                advice="leave them out: OR joins the two words beside it",
            )


def _filtered(query: SearchQuery, item: _Item, now: datetime) -> SearchQuery:
    """Return *query* with the filter that *item* is."""
    kind = FILTERS[item.field]
    value = (item.value if item.is_quoted else item.value.rstrip(",;")).strip()
    if item.is_negated and kind.instead_of_minus:
        raise QueryError(
            f"-{item.field}: is not supported",
            position=item.position,
            advice=kind.instead_of_minus,
        )
    try:
        if not value:
            raise ValueError
        name, wanted = kind.read(value, item.is_negated, now)
    except (ValueError, OverflowError):
        raise QueryError(
            f"{item.field}: can't be followed by that" if value else f"{item.field}: lacks a value",
            position=item.position,
            advice=kind.advice,
        ) from None
    earlier = getattr(query, name)
    if name in GATHERED:
        wanted = tuple(dict.fromkeys((*earlier, *wanted)))
    elif earlier is not None and earlier != wanted:
        # All must hold, so of two bounds the narrower one does.
        if name in ("after", "larger_bytes"):
            wanted = max(earlier, wanted)
        elif name == "before":
            wanted = min(earlier, wanted)
        else:
            raise QueryError(
                f"{item.field}: contradicts an earlier one",
                position=item.position,
                advice="leave one of the two out",
            )
    changed: dict[str, Any] = {name: wanted}
    return replace(query, **changed)
