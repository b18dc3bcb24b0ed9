"""Labels: list, make, change, delete; the mails that carry one; putting them on mails."""

from collections.abc import Sequence

from msgspec import UNSET
from starlette.responses import Response

from api import views
from api.commands import carry_out, stamp
from api.endpoint import Call, json_answer
from api.folders import answer_page
from api.problems import invalid, not_found
from api.shapes import FieldProblem
from api.shapes_folders import LabelIn, LabelledIn, LabelOut, LabelPatch
from topologies.events import ChangeLabel, CreateLabel, DeleteLabel, LabelEmails
from topologies.mail import ids

GONE = "there is no such label in your mailbox"


async def list_labels(call: Call) -> Response:
    """Answer all labels by name."""
    labels = await call.context.mailboxes.labels(call.user_id)
    return json_answer([views.label(label) for label in labels if not label.is_deleting])


async def create_label(call: Call) -> Response:
    """Make a label."""
    given: LabelIn = await call.body(LabelIn)
    label_id = ids.new_id(call.context.clock.now())
    command = CreateLabel(
        **stamp(call.context, call.user_id),
        label_id=label_id,
        name=given.name,
        colour=given.colour,
    )
    pending = await carry_out(call.context, [command])
    where = {"Location": f"/labels/{label_id}/emails"}
    return pending or json_answer(await _label(call, label_id), 201, headers=where)


async def change_label(call: Call) -> Response:
    """Give a label another name or colour."""
    given: LabelPatch = await call.body(LabelPatch)
    label_id = call.path["label_id"]
    await _label(call, label_id)
    command = ChangeLabel(
        **stamp(call.context, call.user_id),
        label_id=label_id,
        name=None if given.name is UNSET else given.name,
        colour=None if given.colour is UNSET else given.colour,
    )
    pending = await carry_out(call.context, [command])
    return pending or json_answer(await _label(call, label_id))


async def delete_label(call: Call) -> Response:
    """Delete a label; the mails that carry it stay where they are."""
    label_id = call.path["label_id"]
    await _label(call, label_id)
    command = DeleteLabel(**stamp(call.context, call.user_id), label_id=label_id)
    return await carry_out(call.context, [command]) or Response(status_code=204)


async def list_emails(call: Call) -> Response:
    """Answer a page of the mails that carry a label, newest first."""
    mailboxes = call.context.mailboxes
    return await answer_page(call, mailboxes.labelled, call.path["label_id"], GONE)


async def put_on(call: Call) -> Response:
    """Put labels on many mails at once, and take others off them."""
    given: LabelledIn = await call.body(LabelledIn)
    await must_be_there(call, given.add, "/add")
    command = LabelEmails(
        **stamp(call.context, call.user_id),
        email_ids=given.email_ids,
        added=given.add,
        removed=given.remove,
    )
    if (pending := await carry_out(call.context, [command])) is not None:
        return pending
    return json_answer(await views.lines_of(call.context, call.user_id, given.email_ids))


async def must_be_there(call: Call, label_ids: Sequence[str], pointer: str) -> None:
    """Make sure that the mailbox has these labels.

    Raises:
        Problem: One is not there; *pointer* leads to where they stand in the body.
    """
    if not label_ids:
        return
    known = await seen(call)
    unknown = [place for place, label_id in enumerate(label_ids) if label_id not in known]
    if unknown:
        raise invalid(
            *(FieldProblem(pointer=f"{pointer}/{place}", detail=GONE) for place in unknown)
        )


async def seen(call: Call) -> set[str]:
    """Return the ids of the labels that the user sees."""
    labels = await call.context.mailboxes.labels(call.user_id)
    return {label.label_id for label in labels if not label.is_deleting}


async def _label(call: Call, label_id: str) -> LabelOut:
    for kept in await call.context.mailboxes.labels(call.user_id):
        if kept.label_id == label_id and not kept.is_deleting:
            return views.label(kept)
    raise not_found(GONE)
