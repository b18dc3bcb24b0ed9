"""Many mails put off at once: what is kept and written before they are moved.

As of one mail (``api.snoozing``): first the wishes, then what brings the mails back, then they are
moved; so whatever moment this process ends at, no mail is put away that nothing brings back.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from api import snoozing as one
from api.commands import stamp
from api.endpoint import Call
from api.problems import Problem
from topologies.events import Command, MoveEmails, SnoozeDue
from topologies.mail import snoozing
from topologies.ports.mailboxes import Summary

AT_ONCE = 20  # mails that are read beside each other


@dataclass(frozen=True, slots=True)
class PutOff:
    """What came of it until now.

    Attributes:
        refused: Why a mail is not put off, by its place.
        commands: What puts the others away, and the places that each is for.
    """

    refused: Mapping[int, Problem]
    commands: Mapping[Command, Sequence[int]]


async def put_off(call: Call, wanted: Mapping[int, tuple[Summary, datetime]]) -> PutOff:
    """Keep what is *wanted* of mails, by their places, and have them brought back at their time.

    Raises:
        Retryable: A store is out of reach; any of the wishes may be kept.
    """
    refused: dict[int, Problem] = {}
    kept: dict[int, Summary] = {}
    due: list[SnoozeDue] = []
    turn = asyncio.Semaphore(AT_ONCE)

    async def keep(place: int, summary: Summary, until: datetime) -> None:
        async with turn:
            try:
                due.append(await one.keep(call, summary, until))
            except Problem as problem:
                refused[place] = problem
            else:
                kept[place] = summary

    await asyncio.gather(*(keep(place, *asked) for place, asked in wanted.items()))
    if not due:
        return PutOff(refused, {})
    await call.context.log.append(due)
    away = sorted(place for place, each in kept.items() if each.folder_id != snoozing.SNOOZED)
    if not away:
        return PutOff(refused, {})
    commands: dict[Command, Sequence[int]] = dict.fromkeys(await one.folder_first(call), ())
    move = MoveEmails(
        **stamp(call.context, call.user_id),
        email_ids=tuple(kept[place].email_id for place in away),
        folder_id=snoozing.SNOOZED,
    )
    return PutOff(refused, commands | {move: away})
