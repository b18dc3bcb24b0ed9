"""The files of a draft: given with their content, uploaded before, or there already.

Nothing of them is read. Each has the id of an upload, signed: so a file that was left out of one
version can be put into another as long as an upload is there to be used, and nobody can name
another's content.
"""

from collections.abc import Collection, Sequence

from api import uploads
from api.endpoint import Call
from api.sending import DEFAULT_TYPE, NO_UPLOAD, Errors, is_named_well
from api.shapes_sending import AttachmentIn
from topologies.events import Attachment
from topologies.mail.drafting import DraftFile
from topologies.ports.mailboxes import Email


async def files_of(
    call: Call, given: Sequence[AttachmentIn], before: Email | None, errors: Errors
) -> Sequence[DraftFile]:
    """Return the files that are given; what is wrong with them is added to *errors*.

    Args:
        call: Who gives them.
        given: Each with its content, or with an id.
        before: The draft that is replaced, whose files may be kept; None: it is new.
        errors: What is wrong.

    Raises:
        NoSpace: The blob store is full.
        Retryable: The blob store is out of reach.
    """
    kept = {a.attachment_id: a for a in before.message.attachments} if before is not None else {}
    found: list[DraftFile] = []
    taken: set[str] = set()
    for index, file in enumerate(given):
        if not is_named_well(index, file, errors):
            continue
        known = await _known(call, file, kept.get(file.attachment_id or ""))
        if known is None:
            errors.add(f"/attachments/{index}/attachment_id", NO_UPLOAD)
            continue
        found.append(_named(file, known, taken, kept.keys()))
    return found


async def _known(
    call: Call, given: AttachmentIn, kept: Attachment | None
) -> tuple[str, Attachment | uploads.Upload] | None:
    """Return the id of a file and what is known of it; None if there is none such."""
    if given.data is not None:
        return await _put(call, given, given.data)
    attachment_id = given.attachment_id or ""
    if kept is not None:
        return attachment_id, kept
    uploaded = await uploads.known(call.context, call.user_id, attachment_id)
    return (attachment_id, uploaded) if uploaded is not None else None


async def _put(call: Call, given: AttachmentIn, content: bytes) -> tuple[str, uploads.Upload]:
    context = call.context
    [blob] = await context.blobs.put([content])
    uploaded = uploads.Upload(
        blob,
        call.user_id,
        given.file_name,
        given.content_type or DEFAULT_TYPE,
        len(content),
        int((context.clock.now() + uploads.LIVES).timestamp()),
    )
    return await uploads.id_of(context, uploaded), uploaded


def _named(
    given: AttachmentIn,
    known: tuple[str, Attachment | uploads.Upload],
    taken: set[str],
    kept: Collection[str],
) -> DraftFile:
    """Return a file with an id that no other of *taken* has."""
    first, found = known
    name, number = first, 1
    while name in taken or (number > 1 and name in kept):
        number += 1
        name = f"{first}-{number}"
    taken.add(name)
    return DraftFile(
        attachment_id=name,
        name=given.file_name or found.file_name,
        content_type=given.content_type or found.content_type,
        blob=found.blob,
        size_bytes=found.size if isinstance(found, uploads.Upload) else found.size_bytes,
    )
