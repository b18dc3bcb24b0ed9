"""Index: keep the search index in step with the mailboxes.

Reads `mailbox.changes`, writes nothing but the index. A change says which mail it
was; what is indexed is the mail as it is now, so replays and changes that overtake
each other end the same. The text of a mail never changes under one ``email_id``, but of
a draft's: for flags and moves only its state is written. What is written in attachments is
text of the mail as well. The quarantine is not searched, and what lies there is not taken apart.
"""

from collections.abc import Sequence
from datetime import timedelta

from topologies.errors import BlobMissing
from topologies.events import (
    DELETED,
    QUARANTINE_USER,
    Address,
    Event,
    MailboxChanged,
    Message,
)
from topologies.ports.blobs import Blobs
from topologies.ports.mailboxes import Email, Mailboxes, Summary
from topologies.ports.search import Search, SearchDocument, SearchState
from topologies.ports.texts import Texts
from topologies.stage import stage

INDEXED_TEXT_BYTES = 256 * 1024  # of one mail; its end is not searched
INDEXED_SUBJECT_CHARACTERS = 2_000
INDEXED_ADDRESSES = 500  # of one mail, senders and recipients each
INDEXED_FILE_NAMES = 500

_CONCERNED = ("email.added", "email.updated", "email.moved", "email.removed")


@stage(
    reads=MailboxChanged,
    writes=[],
    timeout=timedelta(minutes=2),  # documents may take a minute and more
)
async def index(
    change: MailboxChanged, *, mailboxes: Mailboxes, search: Search, blobs: Blobs, texts: Texts
) -> Sequence[Event]:
    """Bring what the index holds of one mail up to date; folders are not indexed."""
    if change.kind == "mailbox.erased":
        await search.erase(change.user_id)
        return []
    if change.kind not in _CONCERNED or change.user_id == QUARANTINE_USER:
        return []
    user_id, email_id = change.user_id, change.email_id
    if change.kind == "email.removed" and change.is_restorable:
        # Hidden, not taken out: what was taken out never comes back.
        await search.set_state(user_id, [_hidden(change)])
        return []
    if change.kind == "email.removed":
        await search.remove(user_id, [email_id])
        return []
    if change.kind in ("email.updated", "email.moved") and not change.is_rewritten:
        found = await mailboxes.summaries(user_id, [email_id])
        if found and not await search.set_state(user_id, [_state_of(found[0])]):
            return []
    email = await mailboxes.email(user_id, email_id)
    if email is not None:  # else it is gone since, and its removal follows in this topic
        await search.index([await read_document(user_id, email, blobs, texts)])
    return []


async def read_document(user_id: str, email: Email, blobs: Blobs, texts: Texts) -> SearchDocument:
    """Return what the index holds of *email*, with what lies in *blobs*.

    Raises:
        Retryable: *blobs* is out of reach.
    """
    text = await text_of(email.message, blobs)
    attached = await texts.texts_of(email.message.attachments, blobs)
    return document_of(user_id, email, text, attached)


def document_of(
    user_id: str, email: Email, text: str, attached: Sequence[str] = ()
) -> SearchDocument:
    """Return what the index holds of *email*, whose text is *text*, and *attached* its files'."""
    message, summary = email.message, email.summary
    recipients = _texts_of((*message.to, *message.cc, *message.bcc))
    # Who was written to by an alias or a list finds the mail by that address too.
    envelope = (email.recipient,) if email.recipient else ()
    return SearchDocument(
        user_id=user_id,
        email_id=summary.email_id,
        folder_id=summary.folder_id,
        version=summary.changed_seq,
        subject=message.subject[:INDEXED_SUBJECT_CHARACTERS],
        text=text,
        attached=tuple(attached),
        senders=_texts_of(message.from_),
        recipients=recipients + envelope,
        file_names=tuple(a.file_name for a in message.attachments[:INDEXED_FILE_NAMES]),
        received_at=summary.created_at,
        is_read=summary.is_read,
        is_starred=summary.is_starred,
        has_attachments=summary.has_attachments,
        size_bytes=summary.size_bytes,
        labels=summary.labels,
    )


def _texts_of(addresses: Sequence[Address]) -> tuple[str, ...]:
    return tuple(f"{a.name} <{a.address}>".strip() for a in addresses[:INDEXED_ADDRESSES])


def _state_of(summary: Summary) -> SearchState:
    return SearchState(
        email_id=summary.email_id,
        folder_id=summary.folder_id,
        version=summary.changed_seq,
        is_read=summary.is_read,
        is_starred=summary.is_starred,
        labels=summary.labels,
    )


def _hidden(change: MailboxChanged) -> SearchState:
    return SearchState(
        email_id=change.email_id,
        folder_id=DELETED,
        version=change.seq,
        is_read=change.is_read,
        is_starred=change.is_starred,
    )


async def text_of(message: Message, blobs: Blobs) -> str:
    """Return the text to index: from the blob store if the mail holds only its start."""
    if message.text_blob is None:
        return message.text
    stream = blobs.stream(message.text_blob, 0, INDEXED_TEXT_BYTES)
    try:
        return b"".join([chunk async for chunk in stream]).decode("utf-8", "ignore")
    except BlobMissing:
        return message.text  # its start is findable at least
