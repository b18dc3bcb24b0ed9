"""For administrators: dead letters."""

import base64
from typing import Any

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from api.dead_editing import Unfit, edited, event_of, hand_on
from api.endpoint import Call, json_answer
from api.problems import invalid, invalid_parameter, not_found
from api.shapes import FieldProblem
from api.shapes_dead_letters import (
    DeadLetterEdit,
    DeadLetterLine,
    DeadLetterOut,
    DeadLettersOut,
    DeadLettersQuery,
    Edited,
    Settled,
)
from topologies.json_pointer import put, remove
from topologies.ports.dead_letters import DeadLetter

MOST_LOOKED_AT = 10_000  # for those of one stage
NO_LETTER = "there is no such dead letter, or it is settled"


async def list_dead_letters(call: Call) -> Response:
    """Answer dead letters, newest first."""
    asked: DeadLettersQuery = call.query(DeadLettersQuery)
    letters = call.context.dead_letters
    if asked.cursor is not None and await letters.get(asked.cursor) is None:
        raise invalid_parameter("cursor", "it is no next_cursor of this listing, or kept no more")
    found = await letters.list(
        path=asked.path,
        include_settled=asked.settled,
        limit=asked.limit + 1 if asked.stage is None else MOST_LOOKED_AT,
        after=asked.cursor or "",
    )
    found = [each for each in found if asked.stage in (None, each.stage)]
    has_more, found = len(found) > asked.limit, found[: asked.limit]
    return json_answer(
        DeadLettersOut(
            dead_letters=tuple(DeadLetterLine(**_told(letter)) for letter in found),
            counts=await letters.count(),
            has_more=has_more,
            next_cursor=found[-1].letter_id if has_more else None,
        )
    )


async def read_dead_letter(call: Call) -> Response:
    """Answer one dead letter with its record."""
    letter = await call.context.dead_letters.get(call.path["letter_id"])
    if letter is None:
        raise not_found(NO_LETTER)
    value, is_json = _event(letter.value)
    return json_answer(
        DeadLetterOut(
            **_told(letter),
            traceback=letter.traceback,
            value=value,
            value_base64=None if is_json else base64.b64encode(letter.value).decode(),
        )
    )


async def replay_dead_letter(call: Call) -> Response:
    """Hand the record to its stage again."""
    letter_id = call.path["letter_id"]
    if not await call.context.dead_letters.replay(letter_id):
        raise not_found(NO_LETTER)
    return json_answer(Settled(letter_id=letter_id, state="replayed"))


async def edit_dead_letter(call: Call) -> Response:
    """Put its event right and hand that to its stage; what died stays on record."""
    given: DeadLetterEdit = await call.body(DeadLetterEdit)
    letters = call.context.dead_letters
    letter = await letters.get(call.path["letter_id"])
    if letter is None or letter.state != "dead":
        raise not_found(NO_LETTER)
    try:
        value = _edited(letter, given)
        new, places = edited(letter, value, call.context.topology, call.user.address)
    except Unfit as error:
        raise invalid(FieldProblem(pointer=f"/value{error.pointer}", detail=error.detail)) from None
    if not await hand_on(letters, letter, new, places):
        raise not_found(NO_LETTER)
    return json_answer(Edited(letter_id=letter.letter_id, state="replayed", changed=tuple(places)))


def _edited(letter: DeadLetter, given: DeadLetterEdit) -> Any:
    """Return the event as it is asked for: given whole, or what died with some places changed."""
    if given.value is not UNSET:
        if given.put or given.remove:
            detail = "the whole event goes with neither put nor remove"
            raise invalid(FieldProblem(pointer="/value", detail=detail))
        return given.value
    value = event_of(letter)
    for field, pointers in (("put", given.put), ("remove", given.remove)):
        for pointer in pointers:
            try:
                if field == "put":
                    value = put(value, pointer, given.put[pointer])
                else:
                    value = remove(value, pointer)
            except ValueError as error:
                step = pointer.replace("~", "~0").replace("/", "~1")
                name = f"/put/{step}" if field == "put" else "/remove"
                raise invalid(FieldProblem(pointer=name, detail=str(error))) from None
    return value


async def drop_dead_letter(call: Call) -> Response:
    """Settle a dead letter without a replay; it stays on record."""
    letter_id = call.path["letter_id"]
    if not await call.context.dead_letters.drop(letter_id):
        raise not_found(NO_LETTER)
    return json_answer(Settled(letter_id=letter_id, state="dropped"))


def _told(letter: DeadLetter) -> dict[str, Any]:
    return {name: getattr(letter, name) for name in DeadLetterLine.__struct_fields__}


def _event(value: bytes) -> tuple[Any, bool]:
    try:
        return msgspec.json.decode(value), True
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, False
