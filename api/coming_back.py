"""Mails by the ids that somebody knows, one that comes back at this moment included.

A mail that was put off has another id when it is back. Who moves or deletes it in that instant
means the mail, not the id. So a command names both, and the one writer of the mailbox applies it to
the one that is there, whichever of the two came first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from api.endpoint import Call
from topologies.mail import snoozing
from topologies.ports.mailboxes import MAX_PAGE, Summary
from topologies.ports.snoozes import Snooze


@dataclass(frozen=True, slots=True)
class Found:
    """A mail that is there.

    Attributes:
        summary: As it is now; of one that has come back, under its new id.
        names: What a command names to reach it.
    """

    summary: Summary
    names: tuple[str, ...]


async def found(call: Call, email_ids: Sequence[str]) -> dict[str, Found]:
    """Return those of the user's mails that are there, by the id that they are asked for with."""
    there = await summaries_of(call, email_ids)
    doubtful = [
        each for each in email_ids if each not in there or there[each].folder_id == snoozing.SNOOZED
    ]
    later = {kept.email_id: snoozing.id_when_back(kept) for kept in await _wishes(call, doubtful)}
    back = await summaries_of(call, [later[each] for each in doubtful if each in later])
    result: dict[str, Found] = {}
    for each in email_ids:
        names = (each, later[each]) if each in later else (each,)
        summary = next((back[name] for name in names if name in back), there.get(each))
        if summary is not None:
            result[each] = Found(summary, names)
    return result


async def summaries_of(call: Call, email_ids: Sequence[str]) -> dict[str, Summary]:
    """Return the lines of those of the user's mails that have these ids, however many, by id."""
    lines: dict[str, Summary] = {}
    for at in range(0, len(email_ids), MAX_PAGE):
        some = email_ids[at : at + MAX_PAGE]
        for line in await call.context.mailboxes.summaries(call.user_id, some):
            lines[line.email_id] = line
    return lines


async def _wishes(call: Call, email_ids: Sequence[str]) -> Sequence[Snooze]:
    """Return what is kept for these mails."""
    if not email_ids:
        return []
    snoozes = call.context.snoozes
    if len(email_ids) == 1:
        kept = await snoozes.find(call.user_id, email_ids[0])
        return [kept] if kept is not None else []
    wanted = set(email_ids)
    return [each for each in await snoozes.of(call.user_id) if each.email_id in wanted]
