"""Commands: what changes a mailbox is written to the log, and answered when the view shows it.

Nothing here writes a mailbox: the stage ``store`` does, and tells ``CommandAnswered``.
"""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.responses import Response

from api.context import Context
from api.endpoint import json_answer
from api.problems import Problem, not_found
from api.shapes import FieldProblem, Pending
from topologies.events import Command, CommandAnswered
from topologies.ports.notices import Notice

_STATUSES = {
    "not-found": 404,
    "name-taken": 409,
    "invalid": 422,
    "system-folder": 409,
    "changed": 412,
}
_KINDS = {
    "name-taken": "name-taken",
    "invalid": "invalid-body",
    "system-folder": "system-folder",
    "changed": "draft-changed",
}


def stamp(context: Context, user_id: str) -> dict[str, Any]:
    """Return the fields that a fresh command for *user_id* begins with."""
    return {
        "user_id": user_id,
        "command_id": str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)),
        "issued_at": context.clock.now(),
        "answer": True,
    }


async def carry_out(context: Context, commands: Sequence[Command]) -> Response | None:
    """Have *commands* of one user applied in order; return None once the view shows them all.

    Returns:
        The answer 202 if that takes too long: the commands are safe and will be applied.

    Raises:
        Problem: One was refused; those before it were applied.
        Retryable: The log is out of reach; nothing was written.
    """
    wanted = [command.command_id for command in commands]
    async with context.notices.listen(commands[0].user_id) as notices:
        await context.log.append(commands)
        try:
            async with asyncio.timeout(context.patience_s):
                answered = await _answers(notices, set(wanted))
        except TimeoutError:
            answered = {}
    for command_id in wanted:
        if (told := answered.get(command_id)) is not None and told.status == "refused":
            raise _refused(told)
    if len(answered) == len(wanted):
        return None
    return json_answer(Pending(command_ids=tuple(wanted), status="queued"), 202)


async def _answers(notices: AsyncIterator[Notice], wanted: set[str]) -> dict[str, CommandAnswered]:
    answered: dict[str, CommandAnswered] = {}
    async for notice in notices:
        if isinstance(notice, CommandAnswered) and notice.command_id in wanted:
            answered[notice.command_id] = notice
            if len(answered) == len(wanted):
                break
    return answered


def _refused(told: CommandAnswered) -> Problem:
    status = _STATUSES.get(told.problem, 422)
    if status == 404:
        return not_found(told.detail or "there is no such thing in your mailbox")
    errors = [FieldProblem(detail=told.detail)] if status == 422 else []
    return Problem(
        status, told.detail, kind=_KINDS.get(told.problem, "invalid-body"), errors=errors
    )
