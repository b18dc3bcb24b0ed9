"""A draft as a message: made of what was typed, as far as it can be, and kept like any other.

Reads a draft and its files; writes blobs. Addresses that can't be written are left out of the raw
message, and stand in what is shown as they were typed. The same draft makes the same message.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from topologies.errors import BlobMissing
from topologies.events import (
    DRAFT_INLINE_BYTES,
    Address,
    Attachment,
    Draft,
    DraftTexts,
    Message,
    RawRef,
)
from topologies.mail import compose, file_names, mailbox_address
from topologies.mail.stored import store_message
from topologies.ports.blobs import Blobs

COMPOSED_IN_A_THREAD_BYTES = 64 * 1024
UNNAMED = "unnamed"

_texts = msgspec.json.Decoder(DraftTexts).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftFile:
    """A file that lies with a draft; its id stays while it does, whatever else is taken away."""

    attachment_id: str
    file: compose.File


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDraft:
    """What is kept of a draft, once all that it refers to is durable."""

    draft: Draft
    message: Message
    raw_ref: RawRef


async def store_draft(
    draft: Draft,
    texts: DraftTexts,
    files: Sequence[DraftFile],
    *,
    draft_id: str,
    sender: Address,
    in_reply_to: str,
    references: Sequence[str],
    blobs: Blobs,
) -> StoredDraft:
    """Return *draft* as it is kept, and the message that it makes.

    Args:
        draft: What was typed; its texts are taken from *texts*.
        texts: The body.
        files: What is attached.
        draft_id: Its id, for the Message-ID of the raw message.
        sender: Who stands in From if *draft* names nobody, or nobody who can be written.
        in_reply_to: The Message-ID of the mail that is answered, without <>; empty: none.
        references: Of that mail, oldest first.
        blobs: Where contents go.

    Raises:
        NoSpace: The blob store is full.
        Retryable: The blob store is out of reach.
    """
    [author] = writable([draft.sender] if draft.sender is not None else []) or [sender]
    made = compose.Draft(
        message_id=f"{draft_id}@{sender.address.rpartition('@')[2]}",
        date=draft.saved_at.replace(microsecond=0),
        sender=author,
        to=writable(draft.to),
        cc=writable(draft.cc),
        reply_to=writable(draft.reply_to),
        subject=draft.subject,
        text=texts.text,
        html=texts.html,
        files=[each.file for each in files],
        in_reply_to=in_reply_to,
        references=references,
    )
    size = len(texts.text) + len(texts.html or "") + sum(len(f.file.content) for f in files)
    is_large = size > COMPOSED_IN_A_THREAD_BYTES
    raw = await asyncio.to_thread(compose.compose, made) if is_large else compose.compose(made)
    message, raw_ref = await store_message(raw, blobs)
    return StoredDraft(
        draft=await _with_texts(draft, texts, blobs),
        message=msgspec.structs.replace(
            message,
            # A draft is no mail that anybody refers to: the one that is sent has its own id.
            message_id="",
            subject=draft.subject,
            from_=(draft.sender or sender,),
            to=draft.to,
            cc=draft.cc,
            bcc=draft.bcc,
            reply_to=draft.reply_to,
            attachments=await _attachments(files, blobs),
        ),
        raw_ref=raw_ref,
    )


async def texts_of(draft: Draft, message: Message, blobs: Blobs) -> DraftTexts:
    """Return the body of *draft* as it was typed; that of *message*, if it is lost.

    Raises:
        Retryable: The blob store is out of reach.
    """
    if draft.texts is not None:
        return draft.texts
    try:
        return _texts(await blobs.get(draft.texts_blob or ""))
    except (BlobMissing, msgspec.DecodeError):
        return DraftTexts(text=message.text, html=message.html)


def writable(addresses: Iterable[Address]) -> list[Address]:
    """Return those of *addresses* that a header can carry."""
    found: list[Address] = []
    for each in addresses:
        try:
            mailbox_address.parse(each.address.strip())
        except ValueError:
            continue
        found.append(Address(address=each.address.strip(), name=each.name.strip()))
    return found


async def _with_texts(draft: Draft, texts: DraftTexts, blobs: Blobs) -> Draft:
    encoded = msgspec.json.encode(texts)
    if len(encoded) <= DRAFT_INLINE_BYTES:
        return msgspec.structs.replace(draft, texts=texts, texts_blob=None)
    [blob] = await blobs.put([encoded])
    return msgspec.structs.replace(draft, texts=None, texts_blob=blob)


async def _attachments(files: Sequence[DraftFile], blobs: Blobs) -> tuple[Attachment, ...]:
    # That they are there already costs nothing; what the message holds otherwise is found, too.
    stored = await blobs.put([each.file.content for each in files]) if files else []
    return tuple(
        Attachment(
            attachment_id=each.attachment_id,
            file_name=file_names.clean(each.file.name) or UNNAMED,
            content_type=each.file.content_type.lower(),
            size_bytes=len(each.file.content),
            blob=blob,
        )
        for each, blob in zip(files, stored, strict=True)
    )
