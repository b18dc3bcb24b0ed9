"""Many mails at once: what is to become of each, and what became of it.

What is asked alike of several mails is one command, and all commands are written together. What
makes no sense is refused before anything is done; what can't be done with one mail does not keep
the others from it. Nothing asked here does more when it is asked again.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, structs
from starlette.responses import Response

from api import draft_sending, folders, labels
from api.batch_snoozing import AT_ONCE, put_off
from api.coming_back import Found, forget_moved, found
from api.commands import answers_to, deletion, refused, stamp
from api.emails import GONE, commands_of
from api.endpoint import Call, json_answer, pointer_of, told_and_path
from api.problems import Problem, invalid, not_found
from api.shapes import FieldProblem, In
from api.shapes_batch import MOST_ITEMS, BatchItem, BatchOut, BatchResult
from api.snoozing import why_not_until
from topologies.events import TRASH, Command, MoveEmails
from topologies.ports.mailboxes import Summary

LARGEST_BODY_BYTES = 1024 * 1024
MOST_ERRORS = 100  # that are told of one body
HALF = MOST_ITEMS // 2
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

Undone = Mapping[int, tuple[str, Problem]]  # items that can't be done: for which field, and why


class _RawBatch(In, frozen=True, kw_only=True):
    """As ``BatchIn``, with items that are read one by one, so that an error says of which."""

    items: Annotated[tuple[msgspec.Raw, ...], Meta(min_length=1, max_length=MOST_ITEMS)]


async def change_many(call: Call) -> Response:
    """Change many mails, and answer what became of each."""
    items = _items(await call.body(_RawBatch), call.context.clock.now())
    there = await found(call, [item.email_id for item in items])
    undone = {**await _astray(call, items, there), **await _to_be_sent(call, items, there)}
    off = await put_off(call, _snoozed(items, there, undone))
    left_out = {*off.refused, *undone}
    plan = {**off.commands, **_plan(call, items, there, left_out)}
    results = [BatchResult(email_id=item.email_id, status=200) for item in items]
    if plan:
        await _carry_out(call, plan, results)
        # Whoever deleted one of them meanwhile was faster.
        before = there
        there = await found(call, [each.email_id for each in items if not each.delete]) | {
            each.email_id: there[each.email_id]
            for each in items
            if each.delete and each.email_id in there
        }
        await forget_moved(call, before, there)
    for place, problem in off.refused.items():
        pointer = f"/items/{place}/snooze_until"
        results[place] = _failed(items[place].email_id, problem, pointer, problem.body.detail)
    for place, (field, problem) in undone.items():
        pointer = f"/items/{place}/{field}"
        results[place] = _failed(items[place].email_id, problem, pointer, problem.body.detail)
    for place, item in enumerate(items):
        if item.email_id not in there:
            results[place] = _failed(item.email_id, not_found(), f"/items/{place}/email_id", GONE)
    return json_answer(BatchOut(results=tuple(results)))


async def _carry_out(
    call: Call, plan: Mapping[Command, Sequence[int]], results: list[BatchResult]
) -> None:
    answered = await answers_to(call.context, list(plan))
    for command, places in plan.items():
        told = answered.get(command.command_id)
        for place in places:
            email_id = results[place].email_id
            if told is None:
                results[place] = BatchResult(email_id=email_id, status=202)
            elif told.status == "refused":
                problem = refused(told)
                is_folder = isinstance(command, MoveEmails) and problem.status == 404
                pointer = f"/items/{place}{'/folder_id' if is_folder else ''}"
                results[place] = _failed(email_id, problem, pointer, told.detail)


def _snoozed(
    items: Sequence[BatchItem], there: Mapping[str, Found], left_out: Collection[int]
) -> Mapping[int, tuple[Summary, datetime]]:
    return {
        place: (there[item.email_id].summary, item.snooze_until)
        for place, item in enumerate(items)
        if item.snooze_until is not UNSET and item.email_id in there and place not in left_out
    }


def _items(given: _RawBatch, now: datetime) -> Sequence[BatchItem]:
    """Return what is asked.

    Raises:
        Problem: Some of it makes no sense.
    """
    items: list[BatchItem] = []
    errors: list[FieldProblem] = []
    first: dict[str, int] = {}
    for place, raw in enumerate(given.items):
        try:
            item = msgspec.json.decode(raw, type=BatchItem)
        except msgspec.ValidationError as error:
            detail, path = told_and_path(str(error))
            pointer = f"/items/{place}{pointer_of(path)}"
        else:
            items.append(item)
            before = first.setdefault(item.email_id, place)
            pointer, detail = _nonsense(item, place, before, now)
        if detail:
            errors.append(FieldProblem(pointer=pointer, detail=detail))
    if errors:
        raise invalid(*errors[:MOST_ERRORS])
    return items


def _nonsense(item: BatchItem, place: int, before: int, now: datetime) -> tuple[str, str]:
    """Return where *item* makes no sense and why; empty if it does."""
    changes = _changes(item)
    if before != place:
        return f"/items/{place}/email_id", f"the mail is named before, by item {before}"
    if item.delete and changes:
        return f"/items/{place}/delete", "what is deleted for good can't be changed besides"
    if not item.delete and not changes:
        return f"/items/{place}", "say what is to be changed"
    if item.is_spam is not UNSET and item.folder_id is not UNSET:
        return f"/items/{place}/is_spam", "say is_spam or folder_id, as both move the mail"
    if item.snooze_until is UNSET:
        return "", ""
    is_moved = item.folder_id is not UNSET or item.is_spam is not UNSET
    detail = why_not_until(item.snooze_until, now)
    if is_moved:
        detail = "what is put off is not moved elsewhere besides"
    return f"/items/{place}/snooze_until", detail


async def _astray(call: Call, items: Sequence[BatchItem], there: Mapping[str, Found]) -> Undone:
    """Return which items ask for more than a folder or labels that are not there.

    Nothing of these is done. Of what asks for that alone the command tells.
    """
    several = {
        place: item
        for place, item in enumerate(items)
        if len(_changes(item)) > 1 and item.email_id in there
    }
    is_moved = any(item.folder_id is not UNSET for item in several.values())
    is_labelled = any(item.labels is not UNSET for item in several.values())
    known_folders = await folders.seen(call) if is_moved else set[str]()
    known_labels = await labels.seen(call) if is_labelled else set[str]()
    found: dict[int, tuple[str, Problem]] = {}
    for place, item in several.items():
        known = known_labels.union(there[item.email_id].summary.labels)
        if item.folder_id is not UNSET and item.folder_id not in known_folders:
            found[place] = "folder_id", not_found(folders.GONE)
        elif item.labels is not UNSET and not known.issuperset(item.labels):
            found[place] = "labels", not_found(labels.GONE)
    return found


async def _to_be_sent(call: Call, items: Sequence[BatchItem], there: Mapping[str, Found]) -> Undone:
    """Return which items delete a draft that is to be sent later."""
    found: dict[int, tuple[str, Problem]] = {}
    turn = asyncio.Semaphore(AT_ONCE)

    async def check(place: int, item: BatchItem) -> None:
        async with turn:
            try:
                await draft_sending.check_may_go(call, there[item.email_id].summary)
            except Problem as problem:
                found[place] = "delete" if item.delete else "folder_id", problem

    await asyncio.gather(
        *(
            check(place, item)
            for place, item in enumerate(items)
            if (item.delete or item.folder_id == TRASH) and item.email_id in there
        )
    )
    return found


def _changes(item: BatchItem) -> Sequence[str]:
    """Return what *item* changes."""
    names = set(structs.asdict(item)) - {"email_id", "delete"}
    return [name for name in names if getattr(item, name) is not UNSET]


def _plan(
    call: Call, items: Sequence[BatchItem], there: Mapping[str, Found], left_out: Collection[int]
) -> Mapping[Command, Sequence[int]]:
    """Return the commands that do it, and which items each is for; some are *left_out*."""
    alike: dict[Command, list[int]] = {}
    for place, item in enumerate(items):
        if item.email_id not in there or place in left_out:
            continue
        for command in _commands(call, there[item.email_id], item):
            kind = structs.replace(command, email_ids=(), command_id="", issued_at=_NEVER)
            alike.setdefault(kind, []).append(place)
    plan: dict[Command, Sequence[int]] = {}
    for kind, all_places in alike.items():
        # A mail may be named twice, as it comes back at this moment: see `found`.
        for places in (all_places[:HALF], all_places[HALF:]):
            named = [name for place in places for name in there[items[place].email_id].names]
            if named:
                given = stamp(call.context, call.user_id) | {"email_ids": tuple(named)}
                plan[structs.replace(kind, **given)] = places
    return plan


def _commands(call: Call, email: Found, item: BatchItem) -> Sequence[Command]:
    if not item.delete:
        return commands_of(call, email, item)
    return [deletion(call.context, call.user_id, email.names, permanent=True)]


def _failed(email_id: str, problem: Problem, pointer: str, why: str) -> BatchResult:
    errors = (FieldProblem(pointer=pointer, detail=why),)
    body = structs.replace(problem.body, detail=why, errors=errors)
    return BatchResult(email_id=email_id, status=problem.status, problem=body)
