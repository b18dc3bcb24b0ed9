"""A folder as conversations: each thread once, where its newest mail in the folder stands.

Reads mailboxes page by page. Nothing is kept for it, so there is nothing that could drift: a mail
that is not the newest of its thread in the folder is stepped over. So threads that become one, or
a mail that moves away, show at once. A cursor is that of the folder's mails, and tells which was
the newest when the listing was begun: a thread that is answered while somebody pages stays where
it stood for them. What a page costs is bounded: a folder full of one thread gives short pages,
with more to come.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from topologies.events.mailbox import SPAM, TRASH
from topologies.mail.page_cursor import cursor_of, email_id_of
from topologies.ports.mailboxes import Mailboxes, Summary

LINES_AT_ONCE = 50
MOST_LINES = 1_000  # that are looked at for one page
ASIDE = (TRASH, SPAM)  # whose mails belong to a conversation in these folders alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A thread as a line of a listing.

    Attributes:
        newest: Of its mails in the folder; stands for its place.
        here: Its mails in the folder, newest first.
        emails: All its mails that are shown with it, oldest first.
    """

    thread_id: str
    newest: Summary
    here: tuple[Summary, ...]
    emails: tuple[Summary, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationPage:
    """A stretch of a folder, newest first.

    Attributes:
        email_count: Mails in the folder, exact; conversations are not counted.
    """

    conversations: tuple[Conversation, ...]
    email_count: int
    next_cursor: str | None


async def conversations(
    mailboxes: Mailboxes,
    user_id: str,
    folder_id: str,
    *,
    limit: int,
    cursor: str | None = None,
    is_read: bool | None = None,
    most_lines: int = MOST_LINES,
) -> ConversationPage | None:
    """Return up to *limit* conversations of a folder; None if there is no such folder.

    Args:
        mailboxes: Where they are read.
        user_id: Whose.
        folder_id: Which folder.
        limit: Fewer may come although there are more.
        cursor: Of the page before.
        is_read: Only mails that are read, or are not, make a conversation stand here.
        most_lines: That are looked at, about.

    Raises:
        ValueError: The cursor is not one of ours.
    """
    found: list[Conversation] = []
    threads: dict[str, Sequence[Summary]] = {}
    looked_at = 0
    cursor, top = _begun(cursor)
    while True:
        page = await mailboxes.page(
            user_id, folder_id, limit=LINES_AT_ONCE, cursor=cursor, is_read=is_read
        )
        if page is None:
            return None
        if cursor is None and page.emails:
            top = page.emails[0].email_id
        ids = list(dict.fromkeys(line.thread_id for line in page.emails))
        new = [each for each in ids if each not in threads]
        threads |= dict(zip(new, await mailboxes.threads(user_id, new), strict=True))
        cursor = page.next_cursor
        for line in page.emails:
            looked_at += 1
            emails = threads[line.thread_id]
            here = [mail for mail in emails if mail.folder_id == folder_id]
            if _stands_at(line, here, is_read, top):
                found.append(_conversation(line, here, emails, folder_id))
            if len(found) == limit and line is not page.emails[-1]:
                cursor = cursor_of(line.email_id)
            if len(found) == limit:
                break
        if len(found) == limit or looked_at >= most_lines or cursor is None:
            return ConversationPage(
                conversations=tuple(found),
                email_count=page.total_count,
                next_cursor=f"{cursor}.{cursor_of(top)}" if cursor and top else cursor,
            )


def _begun(cursor: str | None) -> tuple[str | None, str]:
    """Return the cursor of the folder's mails, and which was the newest; empty: it is not told.

    Raises:
        ValueError: The cursor is not one of ours.
    """
    if cursor is None:
        return None, ""
    of_mails, told, top = cursor.partition(".")
    return of_mails, email_id_of(top) if told else ""


def _stands_at(line: Summary, here: Sequence[Summary], is_read: bool | None, top: str) -> bool:
    """Return whether *line* is the newest of its thread's mails in the folder, *here*.

    Mails newer than *top* came since the listing was begun; they are told by a change.
    """
    standing = [mail.email_id for mail in here if is_read in (None, mail.is_read)]
    return line.email_id == max((i for i in standing if not top or i <= top), default="")


def _conversation(
    line: Summary, here: Sequence[Summary], emails: Sequence[Summary], folder_id: str
) -> Conversation:
    return Conversation(
        thread_id=line.thread_id,
        newest=line,
        here=tuple(reversed(here)),
        emails=tuple(
            mail for mail in emails if mail.folder_id == folder_id or mail.folder_id not in ASIDE
        ),
    )
