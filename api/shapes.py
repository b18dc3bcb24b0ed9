"""What the HTTP API takes and gives, as JSON: the source of its OpenAPI description.

Times are RFC 3339 in UTC, sizes are bytes. Input refuses unknown fields, so that a
misspelt one is told; output may gain fields at any time.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from topologies.ports.mailboxes import MAX_PAGE

MAX_OFFSET = 10_000  # deeper pages by cursor, which costs the same however deep
Limit = Annotated[int, Meta(ge=1, le=MAX_PAGE, description="how many at most")]
Cursor = Annotated[str, Meta(max_length=512, description="`next_cursor` of the page before")]


class Out(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered."""


class In(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is taken, in a body or a query."""


class ListOut(Out, frozen=True, kw_only=True):
    """A stretch of a list."""

    total_count: int  # of the whole list
    has_more: bool
    next_cursor: str | None


class FieldProblem(Out, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong with one field or parameter."""

    detail: str
    pointer: str = ""  # JSON Pointer (RFC 6901) into the body
    parameter: str = ""  # of the path or the query, or a header


class ProblemBody(Out, frozen=True, kw_only=True, omit_defaults=True):
    """A problem (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: tuple[FieldProblem, ...] = ()
    position: int | None = None  # in the search text, in characters from 0
    advice: str | None = None  # what to type instead
    line: int | None = None  # in the script, from 1
    column: int | None = None  # in that line, in characters from 1
    error: str | None = None  # RFC 6749 §5.2, of sign-in
    error_description: str | None = None


class ListQuery(In, frozen=True, kw_only=True):
    """Which stretch of a list."""

    limit: Limit = 50
    cursor: Cursor | None = None


class StretchQuery(ListQuery, frozen=True, kw_only=True):
    """The same of a list in which one may leap; a cursor takes precedence."""

    offset: Annotated[int, Meta(ge=0, le=MAX_OFFSET)] = 0


class PageQuery(StretchQuery, frozen=True, kw_only=True):
    """Which stretch of a folder."""

    is_read: bool | None = None


class Alive(Out, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["ok"]


class NoQuery(In, frozen=True, kw_only=True):
    """No parameters."""
