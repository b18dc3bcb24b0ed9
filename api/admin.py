"""For administrators: dead letters."""

import base64
from typing import Any

import msgspec
from starlette.responses import Response

from api.endpoint import Call, json_answer
from api.problems import not_found
from api.shapes import (
    DeadLetterLine,
    DeadLetterOut,
    DeadLettersOut,
    DeadLettersQuery,
    Settled,
)
from topologies.ports.dead_letters import DeadLetter

NO_LETTER = "there is no such dead letter, or it is settled"


async def list_dead_letters(call: Call) -> Response:
    """Answer dead letters, newest first."""
    asked: DeadLettersQuery = call.query(DeadLettersQuery)
    letters = call.context.dead_letters
    found = await letters.list(path=asked.path, include_settled=asked.settled, limit=asked.limit)
    return json_answer(
        DeadLettersOut(
            dead_letters=tuple(DeadLetterLine(**_told(letter)) for letter in found),
            counts=await letters.count(),
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
