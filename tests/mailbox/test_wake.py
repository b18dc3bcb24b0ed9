"""Wake: which changes a browser is told of while the page is closed."""

from typing import Any

import pytest

from connectors.memory.notices import MemoryNotices
from connectors.memory.push_subscriptions import MemoryPushSubscriptions
from tests.push import AT, Browser
from topologies.events import MailboxChanged, PushDue
from topologies.mailbox.wake import wake


async def test_each_browser_of_a_user_is_told_of_a_new_mail() -> None:
    subscriptions = await subscribed(*(Browser(f"https://push.example/{n}") for n in range(2)))
    due = await wake(changed(), subscriptions=subscriptions, notices=MemoryNotices())
    assert due == [
        PushDue(
            subscription_id=each.subscription_id,
            user_id="ann",
            email_id="e",
            folder_id="inbox",
            thread_id="t",
            seq=7,
            made_at=AT,
        )
        for each in await subscriptions.of("ann")
    ]


async def test_mail_in_a_folder_of_their_own_is_told_of() -> None:
    due = await wake(
        changed(folder_id="boats"),
        subscriptions=await subscribed(Browser()),
        notices=MemoryNotices(),
    )
    assert len(due) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "email.updated"},
        {"kind": "email.moved", "from_folder_id": "spam"},
        {"kind": "folder.added"},
        {"is_read": True},
        {"folder_id": "spam"},
        {"folder_id": "trash"},
        {"folder_id": "sent"},
        {"folder_id": "drafts"},
        {"user_id": "bo"},
    ],
)
async def test_of_nothing_else_anybody_is_told(given: dict[str, Any]) -> None:
    subscriptions = await subscribed(Browser())
    assert await wake(changed(**given), subscriptions=subscriptions, notices=MemoryNotices()) == []


async def test_who_has_a_page_open_is_told_by_it_alone() -> None:
    subscriptions, notices = await subscribed(Browser()), MemoryNotices()
    async with notices.listen("ann"):
        assert await wake(changed(), subscriptions=subscriptions, notices=notices) == []
    assert await wake(changed(), subscriptions=subscriptions, notices=notices) != []


async def subscribed(*browsers: Browser) -> MemoryPushSubscriptions:
    subscriptions = MemoryPushSubscriptions()
    for browser in browsers:
        await subscriptions.put(browser.subscription("ann"))
    return subscriptions


def changed(**given: Any) -> MailboxChanged:
    known: dict[str, Any] = {
        "user_id": "ann",
        "seq": 7,
        "command_id": "c",
        "changed_at": AT,
        "kind": "email.added",
        "email_id": "e",
        "folder_id": "inbox",
        "thread_id": "t",
    }
    return MailboxChanged(**(known | given))
