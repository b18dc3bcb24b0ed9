"""Drafts as they are taken, kept and shown: from the body of a request to what lies in a mailbox.

What is unfinished is no error: an address is kept as it was typed. What could not be kept, or
written into any message, is told field by field (JSON Pointer, RFC 6901).
"""

from api import views
from api.draft_files import files_of
from api.draft_versions import etag
from api.endpoint import Call
from api.problems import invalid
from api.sending import Errors, answered
from api.shapes_drafts import DraftIn, DraftOut, UnsubscribeOut
from api.shapes_emails import AddressOut
from api.shapes_sending import AddressIn, Recipient, Sending, Sent, UnsubscribeIn
from topologies.events import Address, Draft, DraftTexts
from topologies.mail import compose, own_fields
from topologies.mail.drafting import StoredDraft, store_draft, texts_of
from topologies.ports.mailboxes import Email


async def stored(
    call: Call, given: DraftIn, *, draft_id: str, version: str, before: Email | None
) -> StoredDraft:
    """Keep the contents of a draft, and return what is to be said of it in the mailbox.

    Args:
        call: Whose draft.
        given: What was typed.
        draft_id: Its id.
        version: That it gets.
        before: The draft that it replaces, whose files may be kept; None: it is new.

    Raises:
        Problem: What can't be kept, field by field.
    """
    errors = Errors()
    _check(call, given, errors)
    files = await files_of(call, given.attachments, before, errors)
    in_reply_to, references = await _answered(call, given, before)
    if errors:
        raise invalid(*errors)
    return await store_draft(
        _draft(given, version, call),
        DraftTexts(text=given.body, html=given.html),
        files,
        draft_id=draft_id,
        sender=_own(call),
        in_reply_to=in_reply_to,
        references=references,
        blobs=call.context.blobs,
    )


async def shown(call: Call, email: Email, draft: Draft, sending: Sent | None) -> DraftOut:
    """Return *draft*, which lies in the mailbox as *email*, as it is answered."""
    texts = await texts_of(draft, email.message, call.context.blobs)
    summary = email.summary
    return DraftOut(
        draft_id=summary.email_id,
        email_id=summary.email_id,
        etag=etag(draft),
        thread_id=summary.thread_id,
        folder_id=summary.folder_id,
        from_=_shown(draft.sender) if draft.sender is not None else None,
        to=views.addresses(draft.to),
        cc=views.addresses(draft.cc),
        bcc=views.addresses(draft.bcc),
        reply_to=views.addresses(draft.reply_to),
        subject=draft.subject,
        body=texts.text,
        html=texts.html,
        attachments=tuple(
            views.attachment(summary.email_id, each) for each in email.message.attachments
        ),
        in_reply_to=draft.in_reply_to or None,
        headers=dict(draft.fields),
        stream=draft.stream,
        unsubscribe=(
            UnsubscribeOut(url=draft.unsubscribe_url, mailto=draft.unsubscribe_mailto)
            if draft.unsubscribe_url is not None
            else None
        ),
        send_at=draft.send_at,
        remind_at=draft.remind_at,
        undo_s=draft.undo_s,
        require_tls=draft.require_tls,
        size=summary.size_bytes,
        created_at=summary.created_at,
        saved_at=draft.saved_at,
        sending=sending,
    )


async def sending_of(call: Call, email: Email, draft: Draft) -> Sending:
    """Return what a request to send *draft* would say, but for its files and what it answers."""
    texts = await texts_of(draft, email.message, call.context.blobs)
    return Sending(
        from_=_given(draft.sender) if draft.sender is not None else None,
        to=tuple(map(_given, draft.to)),
        cc=tuple(map(_given, draft.cc)),
        bcc=tuple(map(_given, draft.bcc)),
        reply_to=tuple(map(_given, draft.reply_to)),
        subject=draft.subject,
        body=texts.text,
        html=texts.html,
        headers=dict(draft.fields),
        stream=draft.stream,
        unsubscribe=(
            UnsubscribeIn(url=draft.unsubscribe_url, mailto=draft.unsubscribe_mailto)
            if draft.unsubscribe_url is not None
            else None
        ),
        send_at=draft.send_at,
        remind_at=draft.remind_at,
        undo_s=draft.undo_s,
        require_tls=draft.require_tls,
    )


def _check(call: Call, given: DraftIn, errors: Errors) -> None:
    most = call.context.settings.max_recipients
    people = {"to": given.to, "cc": given.cc, "bcc": given.bcc, "reply_to": given.reply_to}
    if len(given.to) + len(given.cc) + len(given.bcc) > most:
        errors.add("/to", f"a mail has at most {most} recipients")
    if len(given.reply_to) > most:
        errors.add("/reply_to", f"at most {most} addresses")
    for name, addresses in people.items():
        for index, each in enumerate(addresses[:most]):
            _check_line(f"/{name}/{index}", each, errors)
    if given.from_ is not None:
        _check_line("/from", given.from_, errors)
    if compose.has_controls(given.subject):
        errors.add("/subject", "a subject is one line without control characters")
    if given.send_at is not None and given.send_at.tzinfo is None:
        errors.add("/send_at", "say of which zone it is, such as 2026-03-14T09:00:00Z")
    for name, text in given.headers.items():
        if problem := own_fields.problem_with(name, text):
            errors.add(f"/headers/{name.replace('~', '~0').replace('/', '~1')}", problem)


def _check_line(pointer: str, given: Recipient, errors: Errors) -> None:
    address = _typed(given)
    if compose.has_controls(address.address) or compose.has_controls(address.name):
        errors.add(pointer, "it is one line without control characters")


async def _answered(
    call: Call, given: DraftIn, before: Email | None
) -> tuple[str, tuple[str, ...]]:
    """Return the Message-ID of the mail that is answered, and its references, if it is known."""
    if before is not None and before.draft is not None:
        answers = before.message.in_reply_to
        # That mail may be gone since: what it was is known from the version before.
        if answers and before.draft.in_reply_to == (given.in_reply_to or ""):
            return answers[0], before.message.references
    return await answered(call, given.in_reply_to, Errors())


def _draft(given: DraftIn, version: str, call: Call) -> Draft:
    wish = given.unsubscribe
    return Draft(
        version=version,
        saved_at=call.context.clock.now(),
        sender=_typed(given.from_) if given.from_ is not None else None,
        to=tuple(map(_typed, given.to)),
        cc=tuple(map(_typed, given.cc)),
        bcc=tuple(map(_typed, given.bcc)),
        reply_to=tuple(map(_typed, given.reply_to)),
        subject=given.subject,
        in_reply_to=given.in_reply_to or "",
        fields=tuple(given.headers.items()),
        stream=given.stream,
        unsubscribe_url=wish.url if wish is not None else None,
        unsubscribe_mailto=wish.mailto if wish is not None else None,
        send_at=given.send_at,
        remind_at=given.remind_at,
        undo_s=given.undo_s,
        require_tls=given.require_tls,
    )


def _own(call: Call) -> Address:
    name = "" if compose.has_controls(call.user.name) else call.user.name
    return Address(address=call.user.address, name=name)


def _typed(given: Recipient) -> Address:
    if isinstance(given, AddressIn):
        return Address(address=given.address, name=given.name)
    return Address(address=given)


def _given(address: Address) -> AddressIn:
    return AddressIn(address=address.address, name=address.name)


def _shown(address: Address) -> AddressOut:
    return AddressOut(address=address.address, name=address.name)
