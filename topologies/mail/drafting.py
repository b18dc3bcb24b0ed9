"""A draft as a message: made of what was typed, as far as it can be, and kept like any other.

Reads a draft and where its files lie; writes blobs. Addresses that can't be written are left out
of the raw message, and stand in what is shown as they were typed. The same draft makes the same
message. Its files are neither read nor written: so it costs little to save a draft again and
again, whatever is attached to it.
"""

import asyncio
import base64
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from topologies.errors import BlobMissing
from topologies.events import (
    DRAFT_INLINE_BYTES,
    Address,
    Attachment,
    BlobId,
    Draft,
    DraftTexts,
    Message,
    RawRef,
)
from topologies.mail import compose, file_names, mailbox_address, skeleton
from topologies.mail.message import parse_message
from topologies.ports.blobs import Blobs

COMPOSED_IN_A_THREAD_BYTES = 64 * 1024
MARK_BYTES = 48  # in base64 one line
UNNAMED = "unnamed"

_texts = msgspec.json.Decoder(DraftTexts).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftFile:
    """A file that lies with a draft, in the blob store.

    Attributes:
        attachment_id: Stays while it lies there, whatever else is taken away.
    """

    attachment_id: str
    name: str
    content_type: str  # type/subtype
    blob: BlobId
    size_bytes: int


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
        files: What is attached; each lies in the blob store.
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
    marks = [secrets.token_bytes(MARK_BYTES) if each.size_bytes else b"" for each in files]
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
        files=[
            compose.File(name=each.name, content_type=each.content_type, content=mark)
            for each, mark in zip(files, marks, strict=True)
        ],
        in_reply_to=in_reply_to,
        references=references,
    )
    if len(texts.text) + len(texts.html or "") > COMPOSED_IN_A_THREAD_BYTES:
        raw, message, contents = await asyncio.to_thread(_made, made)
    else:
        raw, message, contents = _made(made)
    kept, size_bytes = raw, len(raw)
    if places := _places(raw, files, marks):
        kept, size_bytes = skeleton.spliced(raw, places)
    [blob, *_] = await blobs.put([kept, *contents])
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
            attachments=tuple(map(_attachment, files)),
        ),
        raw_ref=RawRef(blob=blob, kind="skeleton" if places else "whole", size_bytes=size_bytes),
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


def _made(draft: compose.Draft) -> tuple[bytes, Message, list[bytes]]:
    """Return the message, what it says, and the texts of it that are too long to be inline."""
    raw = compose.compose(draft)
    parsed = parse_message(raw)
    message = parsed.message
    texts = [each for each in (message.text_blob, message.html_blob) if each is not None]
    return raw, message, [parsed.contents[each] for each in texts]


def _places(raw: bytes, files: Sequence[DraftFile], marks: Sequence[bytes]) -> list[skeleton.Place]:
    """Return where in *raw* the contents of *files* belong, for which *marks* stand."""
    places: list[skeleton.Place] = []
    for file, mark in zip(files, marks, strict=True):
        if mark:
            letters = base64.b64encode(mark)
            start = raw.index(letters)  # once: nobody could have guessed it
            end = start + len(letters)
            places.append(skeleton.Place(start, end, file.blob, file.size_bytes))
    return places


def _attachment(file: DraftFile) -> Attachment:
    return Attachment(
        attachment_id=file.attachment_id,
        file_name=file_names.clean(file.name) or UNNAMED,
        content_type=file.content_type.lower(),
        size_bytes=file.size_bytes,
        blob=file.blob,
    )
