"""A user's own rules: Sieve scripts, and what can be set without one."""

from collections.abc import Callable

from starlette.responses import Response

from api.endpoint import Call, json_answer
from api.problems import Problem, invalid, not_found
from api.shapes import FieldProblem
from api.shapes_rules import (
    ActiveScript,
    Away,
    Checked,
    Forwards,
    ScriptIn,
    ScriptLine,
    ScriptOut,
)
from topologies.mail import rule_book
from topologies.mail.sieve import SieveError, compiled
from topologies.ports.rules import AwayNotice, Forwarding, SieveScript, UserRules

Change = Callable[[UserRules], UserRules]


async def list_scripts(call: Call) -> Response:
    """Answer all scripts, by name."""
    rules = await call.context.rules.read(call.user_id)
    return json_answer([_line(each, rules) for each in rules.scripts])


async def read_script(call: Call) -> Response:
    """Answer one script."""
    rules = await call.context.rules.read(call.user_id)
    script = rules.script(call.path["name"])
    if script is None:
        raise not_found("there is no such script")
    return _whole(script, rules)


async def put_script(call: Call) -> Response:
    """Keep a script, or another in place of one of the same name."""
    given: ScriptIn = await call.body(ScriptIn)
    is_new = False
    try:
        name = rule_book.name_of(call.path["name"])
    except ValueError as error:
        raise invalid(FieldProblem(parameter="name", detail=str(error))) from error

    def change(rules: UserRules) -> UserRules:
        nonlocal is_new
        is_new = rules.script(name) is None
        _check_condition(call, rules.script(name))
        return rule_book.with_script(rules, name, given.source, call.context.clock.now())

    rules = await _changed(call, change)
    script = rules.script(name)
    if script is None:  # it was just put there
        raise not_found("there is no such script")
    return _whole(script, rules, 201 if is_new else 200)


async def delete_script(call: Call) -> Response:
    """Delete a script that is not active."""
    name = call.path["name"]

    def change(rules: UserRules) -> UserRules:
        _check_condition(call, rules.script(name))
        return rule_book.without_script(rules, name)

    await _changed(call, change)
    return Response(status_code=204)


async def check_script(call: Call) -> Response:
    """Tell whether a script could be run; nothing is kept."""
    given: ScriptIn = await call.body(ScriptIn)
    try:
        script = compiled(given.source)
    except SieveError as error:
        raise _wrong(error) from error
    return json_answer(Checked(extensions=tuple(sorted(script.extensions))))


async def activate(call: Call) -> Response:
    """Let a script be run on each mail that comes, or none."""
    given: ActiveScript = await call.body(ActiveScript)
    rules = await _changed(call, lambda rules: rule_book.activated(rules, given.name or ""))
    return json_answer([_line(each, rules) for each in rules.scripts])


async def read_away(call: Call) -> Response:
    """Answer what is said while the user is away."""
    return json_answer(_away(await call.context.rules.read(call.user_id)))


async def put_away(call: Call) -> Response:
    """Set what is said while the user is away."""
    given: Away = await call.body(Away)
    away = AwayNotice(
        is_on=given.is_on,
        subject=given.subject,
        text=given.text,
        days=given.days,
        starts_at=given.starts_at,
        ends_at=given.ends_at,
    )
    return json_answer(_away(await _changed(call, lambda r: rule_book.with_away(r, away))))


async def read_forwarding(call: Call) -> Response:
    """Answer where mail goes on to."""
    return json_answer(_forwards(await call.context.rules.read(call.user_id)))


async def put_forwarding(call: Call) -> Response:
    """Set where mail goes on to."""
    given: Forwards = await call.body(Forwards)
    wanted = Forwarding(is_on=given.is_on, addresses=given.addresses, keeps_copy=given.keeps_copy)
    own = [call.user.address]
    rules = await _changed(call, lambda r: rule_book.with_forwarding(r, wanted, own))
    return json_answer(_forwards(rules))


async def _changed(call: Call, change: Change) -> UserRules:
    try:
        return await rule_book.changed(call.context.rules, call.user_id, change)
    except SieveError as error:
        raise _wrong(error) from error
    except rule_book.Missing as error:
        raise not_found("there is no such script") from error
    except rule_book.InUse as error:
        raise Problem(409, str(error), kind="script-active") from error
    except ValueError as error:
        where, _, detail = str(error).partition(": ")
        pointer = "/" + where.replace("[", "/").rstrip("]") if detail else ""
        raise invalid(FieldProblem(pointer=pointer, detail=detail or where)) from error


def _check_condition(call: Call, script: SieveScript | None) -> None:
    """Check what the request wants the script to be before it changes it (RFC 9110 §13.1).

    Raises:
        Problem: It is not so.
    """
    wanted = call.request.headers.get("if-match")
    unwanted = call.request.headers.get("if-none-match")
    tag = f'"{rule_book.tag_of(script)}"' if script is not None else None
    if wanted is not None and not _names(wanted, tag):
        raise Problem(412, "the script was changed meanwhile: read it again")
    if unwanted is not None and _names(unwanted, tag):
        raise Problem(412, "there is a script of that name already")


def _names(tags: str, tag: str | None) -> bool:
    if tag is None:
        return False
    return tags.strip() == "*" or tag in (each.strip() for each in tags.split(","))


def _wrong(error: SieveError) -> Problem:
    told = FieldProblem(pointer="/source", detail=str(error))
    return Problem(
        422,
        str(error),
        kind="invalid-script",
        errors=[told],
        line=error.line,
        column=error.column,
    )


def _line(script: SieveScript, rules: UserRules) -> ScriptLine:
    return ScriptLine(
        name=script.name,
        is_active=script.name == rules.active,
        size=len(script.source.encode()),
        etag=f'"{rule_book.tag_of(script)}"',
        changed_at=script.changed_at,
    )


def _whole(script: SieveScript, rules: UserRules, status: int = 200) -> Response:
    line = _line(script, rules)
    told = ScriptOut(
        name=line.name,
        is_active=line.is_active,
        size=line.size,
        etag=line.etag,
        changed_at=line.changed_at,
        source=script.source,
    )
    return json_answer(told, status, headers={"ETag": line.etag})


def _away(rules: UserRules) -> Away:
    away = rules.away
    return Away(
        is_on=away.is_on,
        text=away.text,
        subject=away.subject,
        days=away.days,
        starts_at=away.starts_at,
        ends_at=away.ends_at,
    )


def _forwards(rules: UserRules) -> Forwards:
    kept = rules.forwarding
    return Forwards(is_on=kept.is_on, addresses=kept.addresses, keeps_copy=kept.keeps_copy)
