"""Bodies that are forms, as OAuth has them; what is wrong is told as RFC 6749 §5.2 asks."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from api.endpoint import MOST_PARAMETERS, Call, told_and_path
from api.problems import Problem

FORM = "application/x-www-form-urlencoded"


async def form(call: Call, kind: type[Any]) -> Any:
    """Return the form as *kind*.

    Raises:
        Problem: It is no form (415), too large (413), or does not fit (400).
    """
    media = call.request.headers.get("content-type", FORM).partition(";")[0].strip().lower()
    if media != FORM:
        raise Problem(415, f"send a form, with Content-Type: {FORM}")
    raw = await call.raw_body()
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except ValueError:
        raise refused("invalid_request", "the form can't be read") from None
    given = dict(pairs)
    if len(given) != len(pairs):  # RFC 6749 §3.2
        raise refused("invalid_request", "a parameter is given twice")
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        detail, path = told_and_path(str(error))
        if path == ".grant_type":
            raise refused(
                "unsupported_grant_type", "the grant_type is password or refresh_token"
            ) from None
        raise refused("invalid_request", detail) from None


def refused(error: str, detail: str, *, kind: str = "") -> Problem:
    """Return the answer to what is asked in vain.

    RFC 6749 §5.2 asks for 400 and these two members; the rest is as in every problem.
    """
    return Problem(400, detail, kind=kind, error=error, error_description=detail)
