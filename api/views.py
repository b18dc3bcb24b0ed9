"""How what the ports give is shown: one function for each shape."""

from collections.abc import Iterable, Sequence

from api.context import Context
from api.shapes_changes import ChangeOut
from api.shapes_emails import (
    AddressOut,
    AttachmentOut,
    AuthenticationOut,
    DkimOut,
    EmailLine,
    EmailLines,
    FindingOut,
)
from api.shapes_folders import FolderOut, LabelOut
from topologies.events import (
    SPAM,
    Address,
    Attachment,
    Authentication,
    MailboxChanged,
    VirusVerdict,
)
from topologies.mail import malware
from topologies.ports.mailboxes import MAX_PAGE, Folder, Label, Summary


def line(summary: Summary) -> EmailLine:
    """Return a mail as a line of a listing."""
    return EmailLine(
        email_id=summary.email_id,
        thread_id=summary.thread_id,
        folder_id=summary.folder_id,
        from_=AddressOut(address=summary.from_address, name=summary.from_name),
        to=tuple([AddressOut(address=address) for address in summary.to]),
        subject=summary.subject,
        snippet=summary.snippet,
        is_read=summary.is_read,
        is_starred=summary.is_starred,
        is_spam=summary.folder_id == SPAM,
        has_attachments=summary.has_attachments,
        size=summary.size_bytes,
        created_at=summary.created_at,
        labels=summary.labels,
        removed_at=summary.before.at if summary.before is not None else None,
    )


def lines(summaries: Iterable[Summary]) -> tuple[EmailLine, ...]:
    """Return mails as lines."""
    return tuple([line(summary) for summary in summaries])


async def lines_of(context: Context, user_id: str, email_ids: Sequence[str]) -> EmailLines:
    """Return the mails that are there of those named, as they are now."""
    named = list(dict.fromkeys(email_ids))
    found: list[Summary] = []
    for at in range(0, len(named), MAX_PAGE):
        found += await context.mailboxes.summaries(user_id, named[at : at + MAX_PAGE])
    return EmailLines(emails=lines(found))


def folder(kept: Folder, path: str) -> FolderOut:
    """Return a folder with its counts; *path* is its name with those that it lies in."""
    return FolderOut(
        folder_id=kept.folder_id,
        name=kept.name,
        is_system=kept.is_system,
        total_count=kept.total_count,
        unread_count=kept.unread_count,
        parent_id=kept.parent_id or None,
        path=path,
    )


def label(kept: Label) -> LabelOut:
    """Return a label with its counts."""
    return LabelOut(
        label_id=kept.label_id,
        name=kept.name,
        colour=kept.colour,
        total_count=kept.total_count,
        unread_count=kept.unread_count,
    )


def addresses(given: Iterable[Address]) -> tuple[AddressOut, ...]:
    """Return the addresses of a header field."""
    return tuple(AddressOut(address=a.address, name=a.name) for a in given)


def attachment(email_id: str, kept: Attachment, under: str = "/emails") -> AttachmentOut:
    """Return what is told of an attachment."""
    return AttachmentOut(
        attachment_id=kept.attachment_id,
        file_name=kept.file_name,
        content_type=kept.content_type,
        size=kept.size_bytes,
        is_inline=kept.is_inline,
        url=f"{under}/{email_id}/attachments/{kept.attachment_id}",
    )


def authentication(known: Authentication | None) -> AuthenticationOut | None:
    """Return what is known about who sent it."""
    if known is None:
        return None
    return AuthenticationOut(
        spf=known.spf,
        dkim=tuple(DkimOut(result=d.result, domain=d.domain) for d in known.dkim),
        dmarc=known.dmarc,
        arc=known.arc.result if known.arc is not None else "none",
        from_domain=known.from_domain,
        is_signed_in=known.signed_in,
    )


def change(changed: MailboxChanged) -> ChangeOut:
    """Return a change as it is listed and pushed."""
    has_flags = changed.kind in ("email.added", "email.updated", "email.moved")
    return ChangeOut(
        type=changed.kind,
        cursor=changed.seq,
        changed_at=changed.changed_at,
        email_id=changed.email_id,
        folder_id=changed.folder_id,
        from_folder_id=changed.from_folder_id,
        thread_id=changed.thread_id,
        merged_thread_id=changed.merged_thread_id,
        is_read=changed.is_read if has_flags else None,
        is_starred=changed.is_starred if has_flags else None,
        is_rewritten=changed.is_rewritten,
        label_id=changed.label_id,
        labels=changed.labels if has_flags else None,
        is_restorable=changed.is_restorable,
    )


def findings(verdict: VirusVerdict | None) -> tuple[FindingOut, ...]:
    """Return what scanners found."""
    found = malware.findings_of(verdict) if verdict is not None else ()
    return tuple(FindingOut(kind=f.kind, name=f.name, part=f.part) for f in found)
