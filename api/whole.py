"""A mail as it is shown whole: text, HTML made safe, attachments, what is known of its sender."""

import asyncio

from api import blobs, html, views
from api.context import Context
from api.shapes_emails import AddressOut, EmailOut, EmailQuery, HeaderOut
from topologies.errors import BlobMissing
from topologies.events import BlobId
from topologies.mail import dkim_canonical, header_words
from topologies.mail.raw import header_of, stream_raw
from topologies.ports.mailboxes import Email

LONGEST_BODY_BYTES = 1024 * 1024  # of the plain text; more is told by `is_truncated`
LONGEST_HTML_BYTES = 8 * 1024 * 1024
CLEANED_IN_A_THREAD_CHARACTERS = 64 * 1024


async def mail(
    context: Context, email: Email, asked: EmailQuery, *, under: str = "/emails"
) -> EmailOut:
    """Return *email* as it is answered.

    Args:
        context: Where bodies are read from.
        email: What is kept.
        asked: What to show of it.
        under: The path that its attachments' URLs begin with.
    """
    message, summary = email.message, email.summary
    body, is_cut = message.text, False
    if message.text_blob is not None:
        body, is_cut = await _start_of(context, message.text_blob, LONGEST_BODY_BYTES, body)
    safe = await _safe_html(context, email, with_images=asked.images)
    return EmailOut(
        email_id=summary.email_id,
        mail_id=email.mail_id,
        thread_id=summary.thread_id,
        folder_id=summary.folder_id,
        from_=AddressOut(address=summary.from_address, name=summary.from_name),
        to=views.addresses(message.to),
        cc=views.addresses(message.cc),
        bcc=views.addresses(message.bcc),
        reply_to=views.addresses(message.reply_to),
        subject=message.subject,
        snippet=summary.snippet,
        body=body,
        html=safe.html,
        blocked_images=safe.blocked_images,
        is_read=summary.is_read,
        is_starred=summary.is_starred,
        is_spam=views.line(summary).is_spam,
        has_attachments=summary.has_attachments,
        attachments=tuple(
            views.attachment(summary.email_id, kept, under) for kept in message.attachments
        ),
        size=summary.size_bytes,
        created_at=summary.created_at,
        date=message.date,
        message_id=message.message_id,
        in_reply_to=message.in_reply_to,
        references=message.references,
        list_id=message.list_id,
        recipient=email.recipient,
        authentication=views.authentication(email.authentication),
        spam_probability=email.spam.probability if email.spam is not None else None,
        spam_reasons=email.spam.reasons if email.spam is not None else (),
        note=email.note,
        findings=views.findings(email.virus),
        is_truncated=message.truncated or is_cut,
        headers=await _headers(context, email) if asked.headers else None,
        is_draft=email.draft is not None,
        labels=summary.labels,
        removed_at=views.line(summary).removed_at,
    )


async def _safe_html(context: Context, email: Email, *, with_images: bool) -> html.Safe:
    message = email.message
    source = message.html
    if message.html_blob is not None:
        source, is_cut = await _start_of(context, message.html_blob, LONGEST_HTML_BYTES, "")
        source = None if is_cut else source  # half of it may show what the whole would not
    if not source:
        return html.Safe(None, 0)
    pictures = [kept for kept in message.attachments if kept.content_id]
    urls = await blobs.urls_here(context, pictures) if pictures else []
    inline = {kept.content_id: url for kept, url in zip(pictures, urls, strict=True)}
    if len(source) <= CLEANED_IN_A_THREAD_CHARACTERS:
        return html.sanitise(source, inline, with_images=with_images)
    return await asyncio.to_thread(html.sanitise, source, inline, with_images=with_images)


async def _start_of(
    context: Context, blob: BlobId, longest_bytes: int, otherwise: str
) -> tuple[str, bool]:
    """Return the beginning of the text in *blob*, and whether there is more."""
    try:
        size = await context.blobs.size(blob)
        stream = context.blobs.stream(blob, 0, min(size, longest_bytes))
        text = b"".join([chunk async for chunk in stream]).decode("utf-8", "ignore")
    except BlobMissing:
        return otherwise, True
    return text, size > longest_bytes


async def _headers(context: Context, email: Email) -> tuple[HeaderOut, ...]:
    header = await header_of(stream_raw(context.blobs, email.raw_ref))
    found: list[HeaderOut] = []
    for _, field in dkim_canonical.fields(header):
        name, colon, value = field.partition(b":")
        if colon:
            shown = header_words.text_of(name)
            found.append(HeaderOut(name=shown, value=header_words.text_of(value)))
    return tuple(found)
