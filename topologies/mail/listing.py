"""A folder from its newest mail to its oldest, page by page, and how many mails that are."""

from collections.abc import AsyncGenerator, Sequence

from topologies.ports.mailboxes import MAX_PAGE, Folder, Label, Mailboxes, Summary


async def pages(
    mailboxes: Mailboxes, user_id: str, folder_id: str
) -> AsyncGenerator[Sequence[Summary]]:
    """Yield the lines of a folder, a page's at once; nothing if there is no such folder.

    What is moved into or out of it meanwhile may be told or not.
    """
    cursor: str | None = None
    while (
        page := await mailboxes.page(user_id, folder_id, limit=MAX_PAGE, cursor=cursor)
    ) is not None:
        yield page.emails
        cursor = page.next_cursor
        if cursor is None:
            return


def total_of(counts: Folder | Label, *, is_read: bool | None) -> int:
    """Return how many mails are in a folder, or carry a label; None: whether read or not."""
    if is_read is None:
        return counts.total_count
    return counts.total_count - counts.unread_count if is_read else counts.unread_count
