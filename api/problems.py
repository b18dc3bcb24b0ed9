"""Problems as answers (RFC 9457): every error of the API has this one shape."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from api.shapes import FieldProblem, ProblemBody

MEDIA_TYPE = "application/problem+json"
PREFIX = "urn:rillmail:problem:"

# What clients may want to tell apart beyond the status.
TYPES = {
    "answered": "somebody has answered the mail already",
    "cursor-too-old": "the changes since then are not kept any more: read everything anew",
    "domain-in-use": "the domain holds users or aliases still, or another stands for it",
    "draft-changed": "the draft was saved again since the version that If-Match names",
    "draft-scheduled": "the draft is to be sent later: take that back before it is changed",
    "if-match-missing": "say with If-Match which version it was written on",
    "in-progress": "a request with this Idempotency-Key is under way; see Retry-After",
    "invalid-body": "the body does not fit; each error has a pointer into it",
    "invalid-parameter": "a parameter of the path or the query, or a header, does not fit",
    "invalid-script": "the Sieve script can't be run; see `line` and `column`",
    "invalid-search": "the search text can't be read; see `position` and `advice`",
    "key-reused": "the Idempotency-Key was used for another mail before",
    "name-taken": "there is a folder of that name",
    "no-offer": "the mail offers no way to unsubscribe that can be trusted",
    "no-space": "the service takes nothing more at the moment",
    "not-received": "that can be done with mail alone that was received",
    "not-sent": "that can be done with mail alone that was sent",
    "otp-required": "the password is right, and a code of the second factor is needed besides",
    "otp-wrong": "the code of the second factor is wrong, or was used before",
    "quota-exceeded": "the mailbox is full",
    "script-active": "the script is run on each mail, so it can't be deleted",
    "search-unavailable": "search is out of reach; everything else works",
    "second-factor-on": "a second factor is asked for already",
    "sending-suspended": "the account may send nothing; an administrator can change that",
    "sent": "the mail is sent, and can't be taken back",
    "sign-in-failed": "address or password is wrong",
    "system-folder": "that can't be done with a folder that every mailbox has",
    "too-many-snoozed": "so many mails are put off, or wait for an answer, that no more can",
    "too-much-mail": "the account may send no more for now; see RateLimit and Retry-After",
    "too-many-failures": "too many sign-ins failed; wait",
    "wrong-password": "that is not the password of who is signed in",
    "unavailable": "something that is needed is out of reach; try again",
}


class Problem(Exception):
    """Ends a request with a problem."""

    def __init__(
        self,
        status: int,
        detail: str = "",
        *,
        kind: str = "",
        errors: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        """Say what is wrong.

        Args:
            status: HTTP status.
            detail: For people, about this occurrence; never more than they may know.
            kind: A key of ``TYPES``; empty where the status says it all.
            errors: What is wrong with which field.
            headers: Of the answer.
            members: Further fields of ``ProblemBody``.
        """
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})
        self.body = ProblemBody(
            type=PREFIX + kind if kind else "about:blank",
            title=TYPES[kind] if kind else HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            errors=tuple(errors),
            **members,
        )


def answer(problem: Problem) -> Response:
    """Return the response that tells *problem*."""
    return Response(
        msgspec.json.encode(problem.body),
        problem.status,
        {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} | problem.headers,
        MEDIA_TYPE,
    )


def not_found(what: str = "there is no such thing in your mailbox") -> Problem:
    """Return the answer to whatever is not there or is another's: nobody can tell which."""
    return Problem(404, what)


def invalid(*errors: FieldProblem, detail: str = "", kind: str = "invalid-body") -> Problem:
    """Return the answer to a body that can be read and makes no sense."""
    told = detail or "; ".join(f"{e.pointer or '/'}: {e.detail}" for e in errors[:5])
    return Problem(422, told, kind=kind, errors=errors)


def invalid_parameter(name: str, detail: str) -> Problem:
    """Return the answer to a parameter or header that does not fit."""
    error = FieldProblem(parameter=name, detail=detail)
    return Problem(400, f"{name}: {detail}", kind="invalid-parameter", errors=[error])
