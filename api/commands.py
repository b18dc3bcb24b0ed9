"""Commands: what changes a mailbox is written to the log, and answered when the view shows it.

Nothing here writes a mailbox: the stage ``store`` does, and tells ``CommandAnswered``.
"""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from starlette.responses import Response

from api.context import Context
from api.endpoint import json_answer
from api.problems import Problem, not_found
from api.shapes import FieldProblem
from api.shapes_sending import Pending
from topologies.errors import Retryable
from topologies.events import Command, CommandAnswered, DeleteEmails
from topologies.ports.mailboxes import Mailboxes, Needs
from topologies.ports.notices import Missed, Notice

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


def deletion(
    context: Context, user_id: str, email_ids: Sequence[str], *, permanent: bool
) -> DeleteEmails:
    """Return the command that deletes mails as their user does: what goes can be restored."""
    return DeleteEmails(
        **stamp(context, user_id),
        email_ids=tuple(email_ids),
        permanent=permanent,
        is_restorable=context.settings.restorable_days > 0,
    )


async def carry_out(context: Context, commands: Sequence[Command]) -> Response | None:
    """Have *commands* of one user applied in order; return None once the view shows them all.

    Returns:
        The answer 202 if that takes too long: the commands are safe and will be applied.

    Raises:
        Problem: One was refused; those before it were applied.
        Retryable: The log is out of reach; nothing was written.
    """
    answered = await answers_to(context, commands)
    wanted = [command.command_id for command in commands]
    for command_id in wanted:
        if (told := answered.get(command_id)) is not None and told.status == "refused":
            raise refused(told)
    return None if len(answered) == len(wanted) else not_seen_yet(commands)


def not_seen_yet(commands: Sequence[Command]) -> Response:
    """Return the answer of which *commands* are safe, and what they do is not seen."""
    wanted = tuple(command.command_id for command in commands)
    return json_answer(Pending(command_ids=wanted, status="queued"), 202)


async def answers_to(
    context: Context, commands: Sequence[Command]
) -> Mapping[str, CommandAnswered]:
    """Have *commands* of one user applied in order; return what is answered, by ``command_id``.

    What is missing in it is not seen in time, or before a server that stops cancels this: it is
    safe and will be applied.

    Raises:
        Retryable: The log is out of reach; nothing was written.
    """
    user_id = commands[0].user_id
    answered: dict[str, CommandAnswered] = {}
    async with context.notices.listen(user_id) as notices:
        await context.log.append(commands)
        with suppress(asyncio.CancelledError):
            await _await_answers(context, user_id, commands, notices, answered)
    return answered


async def _await_answers(
    context: Context,
    user_id: str,
    commands: Sequence[Command],
    notices: AsyncIterator[Notice],
    answered: dict[str, CommandAnswered],
) -> None:
    """Fill *answered* until it has all of *commands*, or they took too long."""
    wanted = {command.command_id for command in commands}
    ends_at = asyncio.get_running_loop().time() + context.patience_s
    with suppress(TimeoutError):
        async with asyncio.timeout_at(ends_at):
            await _hear(notices, wanted, answered)
    while len(answered) < len(wanted) and asyncio.get_running_loop().time() < ends_at:
        # More changed at once than is kept for a listener, or notices were lost: what was
        # missed stands in the mailbox.
        with suppress(TimeoutError):
            async with asyncio.timeout_at(ends_at), context.notices.listen(user_id) as again:
                answered |= await _found(context.mailboxes, user_id, wanted - answered.keys())
                await _hear(again, wanted, answered)


async def _hear(
    notices: AsyncIterator[Notice], wanted: set[str], answered: dict[str, CommandAnswered]
) -> None:
    """Listen for what is *answered* until that is all, or some of it may have been missed."""
    if len(answered) == len(wanted):
        return
    async for notice in notices:
        if isinstance(notice, Missed):
            return
        if isinstance(notice, CommandAnswered) and notice.command_id in wanted:
            answered[notice.command_id] = notice
            if len(answered) == len(wanted):
                return


async def _found(
    mailboxes: Mailboxes, user_id: str, command_ids: Iterable[str]
) -> dict[str, CommandAnswered]:
    """Return what the mailbox itself says to commands."""
    needs = [Needs(command_id=command_id) for command_id in command_ids]
    try:
        loaded = await mailboxes.load_for_several(user_id, needs)
    except Retryable:
        return {}
    return {
        event.command_id: event
        for events in loaded.answers.values()
        for event in events
        if isinstance(event, CommandAnswered)
    }


def refused(told: CommandAnswered) -> Problem:
    """Return what a command that was refused is answered with."""
    status = _STATUSES.get(told.problem, 422)
    if status == 404:
        return not_found(told.detail or "there is no such thing in your mailbox")
    errors = [FieldProblem(detail=told.detail)] if status == 422 else []
    return Problem(
        status, told.detail, kind=_KINDS.get(told.problem, "invalid-body"), errors=errors
    )
