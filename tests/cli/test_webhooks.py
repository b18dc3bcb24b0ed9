"""`rillmail webhooks`: whose they are, how they fare, and switched off by an administrator."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from api.cli.user import user
from api.cli.webhooks import webhooks
from tests.cli.stores_in_memory import MemoryStores, in_json
from tests.feedback.hooks import SECRET, a_webhook
from tests.services import AT
from topologies.ports.webhooks import WebhookAttempt


def test_webhooks_are_listed_with_why_they_are_told_nothing() -> None:
    stores = shop()
    [ann] = {asyncio.run(add(stores, name)) for name in ("a", "b", "c")}
    failing = replace(a_webhook(ann, "b"), failing_since=AT, failures=3)
    asyncio.run(stores.webhooks.put(failing))
    asyncio.run(stores.webhooks.disable(ann, "c", AT, "it answered 410 Gone"))
    lines = stores.run(webhooks, "list", "--of", "ann@shop.example").output.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["a", "b", "c"]
    assert lines[1].endswith("well")
    assert lines[2].endswith("failing since 2026-03-01 12:00, 3 times")
    assert lines[3].endswith("disabled since 2026-03-01 12:00: it answered 410 Gone")
    told = stores.run(webhooks, "list", "--of", "ann@shop.example", "--json")
    assert [each["failures"] for each in in_json(told)] == [0, 3, 0]
    assert SECRET not in told.output


def test_attempts_are_shown_the_newest_first() -> None:
    stores = shop()
    asyncio.run(add(stores, "a"))
    for number in range(3):
        asyncio.run(note(stores, number))
    found = stores.run(webhooks, "attempts", "a", "--of", "ann@shop.example", "--limit", "2")
    assert [line.split()[2] for line in found.output.splitlines()[1:]] == ["m2", "m1"]
    assert "\x1b" not in found.output
    as_json = stores.run(webhooks, "attempts", "a", "--of", "ann@shop.example", "--json")
    assert [each["status"] for each in in_json(as_json)] == [500, 500, 500]


def test_an_administrator_switches_one_off() -> None:
    stores = shop()
    owner = asyncio.run(add(stores, "a"))
    assert stores.run(webhooks, "disable", "a", "--of", "ann@shop.example").exit_code == 0
    kept = asyncio.run(stores.webhooks.find(owner, "a"))
    assert kept is not None
    assert (kept.is_enabled, kept.disabled_why) == (False, "an administrator switched it off")


def test_those_of_a_domain_are_named_by_it() -> None:
    stores = shop()
    asyncio.run(stores.webhooks.add(a_webhook("@shop.example", "d")))
    found = in_json(stores.run(webhooks, "list", "--of", "@Shop.example", "--json"))
    assert [each["webhook_id"] for each in found] == ["d"]


def test_whoever_is_not_there_is_told_in_one_sentence() -> None:
    stores = shop()
    for words, why in (
        (("list", "--of", "zoe@shop.example"), "no user zoe@shop.example"),
        (("list", "--of", "@"), "domain"),
        (("attempts", "x", "--of", "ann@shop.example"), "no such webhook"),
        (("disable", "x", "--of", "@shop.example"), "no such webhook"),
    ):
        done = stores.run(webhooks, *words)
        assert (done.exit_code, why in done.output) == (1, True), done.output


def test_they_go_with_their_user() -> None:
    stores = shop()
    owner = asyncio.run(add(stores, "a"))
    done = stores.run(user, "delete", "ann@shop.example", "--now", "--yes")
    assert done.exit_code == 0, done.output
    assert asyncio.run(stores.webhooks.of(owner)) == []


def shop() -> MemoryStores:
    stores = MemoryStores()

    async def settle() -> None:
        await stores.directory.add_domain("shop.example")
        await stores.directory.add_user("ann@shop.example", "a password")

    asyncio.run(settle())
    return stores


async def add(stores: MemoryStores, webhook_id: str) -> str:
    """Give ann a webhook; return her id."""
    ann = await stores.directory.user_by_address("ann@shop.example")
    assert ann is not None
    await stores.webhooks.add(a_webhook(ann.user_id, webhook_id))
    return ann.user_id


async def note(stores: MemoryStores, number: int) -> None:
    attempt = WebhookAttempt(
        webhook_id="a",
        message_id=f"m{number}",
        type="email.bounced",
        attempt=1,
        attempted_at=AT + timedelta(seconds=number),
        status=500,
        text="\x1b[31mdown",
    )
    await stores.webhooks.note(a_webhook("ann", "a"), attempt)
