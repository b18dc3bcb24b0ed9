"""For administrators: domains, aliases, and what all three lists have in common.

What is done, is done by ``topologies.administration``, as for the command line.
"""

import base64
import binascii
import bisect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
import structlog
from starlette.responses import Response

from api.endpoint import Call, json_answer
from api.problems import Problem, invalid, invalid_parameter, not_found
from api.shapes import FieldProblem, ListQuery
from api.shapes_admin import (
    AliasIn,
    AliasOut,
    AliasPage,
    DomainIn,
    DomainOut,
    DomainPage,
    DomainQuery,
)
from topologies.administration import Administration
from topologies.mail.local_names import TooLarge, WrongTarget
from topologies.mail.mailbox_address import domain_in_ascii, parse

T = TypeVar("T")

_logger = structlog.get_logger("audit")


def administration(call: Call) -> Administration:
    """Return the signed-in administrator at work."""
    context, by = call.context, call.user_id

    def note(action: str, on: str) -> None:
        _logger.info("admin", action=action, on=on, by=by, session=call.session.session_id)

    return Administration(
        directory=context.directory,
        dkim_keys=context.dkim_keys,
        restraints=context.restraints,
        app_passwords=context.app_passwords,
        second_factors=context.second_factors,
        webhooks=context.webhooks,
        log=context.log,
        clock=context.clock,
        note=note,
    )


async def list_domains(call: Call) -> Response:
    """Answer our domains, sorted."""
    asked: ListQuery = call.query(ListQuery)
    domains = await call.context.directory.domains()
    page, following = stretch(domains, asked, lambda domain: domain)
    return json_answer(
        DomainPage(
            domains=tuple(DomainOut(domain=domain) for domain in page),
            has_more=following is not None,
            next_cursor=following,
        )
    )


async def add_domain(call: Call) -> Response:
    """Take mail for a domain from now on; again, it changes nothing."""
    given: DomainIn = await call.body(DomainIn)
    try:
        is_new = await administration(call).add_domain(given.domain)
    except ValueError as error:
        raise invalid(FieldProblem(pointer="/domain", detail=str(error))) from error
    return json_answer(DomainOut(domain=domain_in_ascii(given.domain)), 201 if is_new else 200)


async def remove_domain(call: Call) -> Response:
    """Take no more mail for a domain that holds nothing."""
    name = call.path["domain"]
    try:
        domain_in_ascii(name)
    except ValueError:
        raise not_found("there is no such domain") from None
    try:
        was_there = await administration(call).remove_domain(name)
    except ValueError as error:
        raise Problem(409, str(error), kind="domain-in-use") from error
    if not was_there:
        raise not_found("there is no such domain")
    return Response(status_code=204)


async def list_aliases(call: Call) -> Response:
    """Answer aliases and where they lead, by address."""
    asked: DomainQuery = call.query(DomainQuery)
    directory = call.context.directory
    with_domain(asked.domain)
    page, following = stretch(await directory.aliases(asked.domain), asked, lambda alias: alias[0])
    return json_answer(
        AliasPage(
            aliases=tuple([await _alias(call, alias, targets) for alias, targets in page]),
            has_more=following is not None,
            next_cursor=following,
        )
    )


async def put_alias(call: Call) -> Response:
    """Let an address lead to others, and no longer to where it led before."""
    given: AliasIn = await call.body(AliasIn)
    alias = call.path["alias"]
    try:
        await administration(call).add_alias(alias, given.targets, members_only=given.members_only)
    except WrongTarget as error:
        pointer = f"/targets/{error.number}"
        raise invalid(FieldProblem(pointer=pointer, detail=str(error))) from error
    except TooLarge as error:
        raise invalid(FieldProblem(pointer="/targets", detail=str(error))) from error
    except ValueError as error:
        raise invalid_parameter("alias", str(error)) from error
    return json_answer(await _alias(call, parse(alias).key, given.targets))


async def remove_alias(call: Call) -> Response:
    """Let an address lead nowhere."""
    try:
        was_there = await administration(call).remove_alias(call.path["alias"])
    except ValueError:
        was_there = False
    if not was_there:
        raise not_found("there is no such alias")
    return Response(status_code=204)


async def _alias(call: Call, alias: str, targets: Sequence[str]) -> AliasOut:
    resolved = await call.context.directory.resolve(alias)
    return AliasOut(alias=alias, targets=tuple(targets), members_only=resolved.members_only)


def with_domain(domain: str | None) -> None:
    """Make sure that a filter is a domain name.

    Raises:
        Problem: It is none.
    """
    try:
        if domain is not None:
            domain_in_ascii(domain)
    except ValueError as error:
        raise invalid_parameter("domain", str(error)) from error


def stretch(
    found: Sequence[T], asked: ListQuery, key: Callable[[T], str]
) -> tuple[Sequence[T], str | None]:
    """Return the page of a sorted list that is asked for, and the cursor of the next one."""
    after = place_of(asked.cursor)
    begin = bisect.bisect_right(found, after, key=key) if after else 0
    page = found[begin : begin + asked.limit]
    has_more = begin + asked.limit < len(found)
    return page, cursor_of(key(page[-1])) if has_more else None


def cursor_of(place: str) -> str:
    """Return the cursor of a page that ends at *place*."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(cursor: str | None) -> str:
    """Return the place that a page begins after; empty: from the beginning.

    Raises:
        Problem: The cursor is none of ours.
    """
    if not cursor:
        return ""
    try:
        return base64.b64decode(
            cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True
        ).decode()
    except (binascii.Error, ValueError):
        raise invalid_parameter("cursor", "it is no next_cursor of this listing") from None


def told(kind: type[Any], value: Any, **more: Any) -> Any:
    """Return *value* as a *kind* of answer, which has fields of the same names."""
    names = [field.name for field in msgspec.structs.fields(kind) if field.name not in more]
    return kind(**{name: getattr(value, name) for name in names}, **more)
