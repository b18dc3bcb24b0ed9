"""Mails by the ids that somebody knows, one that comes back at this moment included.

A mail that was put off has another id when it is back. Who moves or deletes it in that instant
means the mail, not the id. So a command names both, and the one writer of the mailbox applies it to
the one that is there, whichever of the two came first.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from api.endpoint import Call
from topologies.errors import Retryable
from topologies.mail import snoozing
from topologies.ports.mailboxes import MAX_PAGE, Summary
from topologies.ports.snoozes import Snooze

AT_ONCE = 20  # wishes that are forgotten beside each other


@dataclass(frozen=True, slots=True)
class Found:
    """A mail that is there.

    Attributes:
        summary: As it is now; of one that has come back, under its new id.
        names: What a command names to reach it.
        wish: Why it may have two names: it is put off, or was.
    """

    summary: Summary
    names: tuple[str, ...]
    wish: Snooze | None = None


async def found(call: Call, email_ids: Sequence[str]) -> dict[str, Found]:
    """Return those of the user's mails that are there, by the id that they are asked for with."""
    there = await summaries_of(call, email_ids)
    doubtful = [
        each for each in email_ids if each not in there or there[each].folder_id == snoozing.SNOOZED
    ]
    wishes = {kept.email_id: kept for kept in await _wishes(call, doubtful)}
    later = {each: snoozing.id_when_back(kept) for each, kept in wishes.items()}
    back = await summaries_of(call, [later[each] for each in doubtful if each in later])
    result: dict[str, Found] = {}
    for each in email_ids:
        names = (each, later[each]) if each in later else (each,)
        summary = next((back[name] for name in names if name in back), there.get(each))
        if summary is not None:
            result[each] = Found(summary, names, wishes.get(each))
    return result


async def forget_moved(call: Call, before: Mapping[str, Found], after: Mapping[str, Found]) -> None:
    """Forget why mails were put off that were moved elsewhere, so that nothing looks at them again.

    Of one that has come back meanwhile it is kept: it leads from the id that it had to the mail.

    Args:
        call: Whose mails.
        before: As they were found, by the id that they are asked for with.
        after: As they are now.
    """
    turn = asyncio.Semaphore(AT_ONCE)

    async def forget(wish: Snooze) -> None:
        # It would do no harm, and go by itself some days after its time.
        async with turn:
            with suppress(Retryable):
                await call.context.snoozes.remove(call.user_id, wish.email_id, wish.snooze_id)

    await asyncio.gather(
        *(
            forget(was.wish)
            for email_id, was in before.items()
            if was.wish is not None
            and (now := after.get(email_id)) is not None
            and now.summary.email_id == email_id
            and now.summary.folder_id != snoozing.SNOOZED
        )
    )


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
        return [kept] if kept is not None and not kept.is_reminder else []
    wanted = set(email_ids)
    mine = await snoozes.of(call.user_id)
    return [each for each in mine if each.email_id in wanted and not each.is_reminder]
