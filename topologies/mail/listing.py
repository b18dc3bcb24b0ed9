"""A folder from its newest mail to its oldest, page by page."""

from collections.abc import AsyncGenerator, Sequence

from topologies.ports.mailboxes import MAX_PAGE, Mailboxes, Summary


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
