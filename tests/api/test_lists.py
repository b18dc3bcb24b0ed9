"""Each list of the API is read stretch by stretch, in the same way; what is told whole is little.

The description is what is gone over, so that a list that is added is seen.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from api.openapi import described
from api.routes import ENDPOINTS
from tests.api.desk import Desk, Desks, memory_alone
from tests.api.test_mailbox import got
from topologies.events import Address, Message
from topologies.mail import contact_book
from topologies.ports.rules import BlockedSender, UserRules
from topologies.ports.suppressions import Suppression

DESCRIBED: dict[str, Any] = described(ENDPOINTS)

# What is told whole, since it can't be much.
WHOLE = {
    "/app-passwords": "50 of a user",
    "/auth/sessions": "500 of a user; those over are ended",
    "/folders": "500 of a mailbox, wanted as one tree",
    "/labels": "500 of a mailbox",
    "/push/subscriptions": "20 of a user",
    "/rules/scripts": "10 of a user",
    "/settings/identities": "20 of a user, and their own address",
    "/webhooks": "20 of an owner",
    "/webhooks/event-types": "written in the source",
    "/admin/queue/counts": "a line a destination, to be shown beside each other",
    # Not lists, but one thing with its parts.
    "/admin/topology": "the stages",
    "/admin/trace/{mail_id}": "all that is known of a mail",
    "/admin/queue/{delivery_id}": "a delivery",
    "/emails/{email_id}/delivery": "a mail's deliveries",
    "/threads/{thread_id}": "a conversation",
}
# What goes on in another way.
OTHERWISE = {
    "/changes": "by the number of the last change that was seen",
    "/admin/top-senders": "a ranking, which is cut off",
    "/webhooks/{webhook_id}/attempts": "the last ones alone",
}
# Whose parts are lists, and nothing but.
OF_LISTS = {"/emails/{email_id}", "/admin/quarantine/{email_id}", "/emails/{email_id}/verdict"} | {
    "/drafts/{draft_id}",
}


@dataclass(frozen=True)
class Lister:
    """An operation that answers a list."""

    path: str
    operation: dict[str, Any]
    fields: dict[str, Any]  # of what is answered; none if that is the list itself

    def parameter(self, name: str) -> dict[str, Any]:
        found = [each["schema"] for each in self.operation["parameters"] if each["name"] == name]
        assert len(found) == 1, f"{self.path} has no {name}"
        return plain(found[0])


def plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference leads to."""
    while "$ref" in schema:
        schema = DESCRIBED["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def is_list_of_things(schema: dict[str, Any]) -> bool:
    inner = plain(plain(schema).get("items", {}))
    return plain(schema).get("type") == "array" and inner.get("type") == "object"


def listers() -> Iterator[Lister]:
    for path, operations in DESCRIBED["paths"].items():
        operation = operations.get("get", {})
        answer = operation.get("responses", {}).get("200", {}).get("content", {})
        schema = plain(answer.get("application/json", {}).get("schema", {}))
        fields = schema.get("properties", {})
        lists = [plain(each) for each in fields.values() if is_list_of_things(each)]
        if is_list_of_things(schema) or lists:
            yield Lister(path, operation, fields)


LISTS = [
    each for each in listers() if each.path not in WHOLE | OTHERWISE and each.path not in OF_LISTS
]


@pytest.mark.parametrize("lister", LISTS, ids=lambda each: each.path)
def test_each_list_has_a_cursor_and_a_limit_of_50_and_at_most_500(lister: Lister) -> None:
    limit = lister.parameter("limit")
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 500, 50)
    cursor = lister.parameter("cursor")
    assert "string" in str(cursor)
    assert lister.fields["has_more"] == {"type": "boolean"}
    assert "string" in str(lister.fields["next_cursor"])
    assert "400" in lister.operation["responses"]


def test_nothing_is_an_exception_that_is_not_there() -> None:
    known = WHOLE.keys() | OTHERWISE.keys() | OF_LISTS
    assert known <= {each.path for each in listers()}
    paged = {"/contacts", "/settings/blocked", "/snoozed", "/scheduled", "/suppressions"}
    assert paged | {"/admin/dead-letters"} <= {each.path for each in LISTS}


Filling = Callable[[Desk], Awaitable[None]]


async def contacts(desk: Desk) -> None:
    user_id = (await desk.user("ann")).user_id
    for number in range(7):
        to = Address(address=f"p{number}@far.example", name=f"Person {number}")
        at = desk.clock.now() + timedelta(days=number // 2)  # some at the same moment
        written = contact_book.written_to(Message(subject="", to=(to,)), at)
        await desk.contacts.learn(user_id, number + 1, written)


async def blocked(desk: Desk) -> None:
    user_id = (await desk.user("ann")).user_id
    senders = tuple(
        BlockedSender(target=f"p{7 - number}@far.example", since=desk.clock.now())
        for number in range(7)
    )
    assert await desk.rules.write(user_id, UserRules(blocked=senders))


async def snoozed(desk: Desk) -> None:
    ann = await desk.signed_in("ann")
    for number in range(7):
        email_id = await desk.receive(f"Mail {number}")
        until = (desk.clock.now() + timedelta(days=1 + number % 3)).isoformat()
        answer = await ann.post(f"/emails/{email_id}/snooze", json={"until": until})
        assert answer.status_code == 200, answer.text


async def scheduled(desk: Desk) -> None:
    ann = await desk.signed_in("ann")
    for number in range(7):
        send_at = (desk.clock.now() + timedelta(days=1 + number % 3)).isoformat()
        body = {"to": [f"p{number}@far.example"], "send_at": send_at}
        answer = await ann.post("/emails/send", json=body)
        assert answer.status_code == 202, answer.text


FILLED: dict[str, tuple[Filling, str, str]] = {
    "/contacts": (contacts, "address", "DELETE /contacts/{}"),
    "/settings/blocked": (blocked, "target", "DELETE /settings/blocked/{}"),
    "/snoozed": (snoozed, "email_id", "DELETE /emails/{}/snooze"),
    "/scheduled": (scheduled, "email_id", "DELETE /emails/{}/send"),
}


@memory_alone
@pytest.mark.parametrize("path", FILLED)
async def test_a_list_goes_on_where_it_was_though_its_last_is_gone(
    a_desk: Desks, path: str
) -> None:
    fill, name, removal = FILLED[path]
    async with a_desk() as desk:
        await fill(desk)
        ann = await desk.signed_in("ann")
        whole = [each[name] for each in await listed(ann, path)]
        assert len(set(whole)) == 7
        first = await got(ann, f"{path}?limit=3")
        assert (first["total_count"], first["has_more"]) == (7, True)
        method, gone = removal.format(whole[2]).split()
        assert (await ann.request(method, gone)).status_code == 204
        rest = await listed(ann, f"{path}?limit=2", first["next_cursor"])
        assert [each[name] for each in rest] == whole[3:]
        leapt = await got(ann, f"{path}?offset=5&limit=500")
        assert [each[name] for each in items(leapt)] == whole[6:]
        assert (leapt["has_more"], leapt["next_cursor"]) == (False, None)


@memory_alone
@pytest.mark.parametrize("path", [each.path for each in LISTS if "{" not in each.path])
async def test_a_cursor_that_is_none_of_the_list_is_told(a_desk: Desks, path: str) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        needed = "&domain=shop.example" if "/reports/" in path else ""
        answer = await root.get(f"{path}?cursor=!nonsense!{needed}")
        assert answer.status_code == 400, answer.text
        assert answer.json()["errors"][0]["parameter"] == "cursor"


@memory_alone
async def test_what_an_owner_suppressed_is_read_stretch_by_stretch(a_desk: Desks) -> None:
    async with a_desk() as desk:
        owner = (await desk.user("ann")).user_id
        for number in range(5):
            target = f"{number}@far.example"
            await desk.suppressions.add(
                Suppression(owner=owner, target=target, reason="manual", since=desk.clock.now())
            )
        found = await listed(await desk.signed_in("ann"), "/suppressions?limit=2")
        assert sorted(each["target"] for each in found) == [f"{n}@far.example" for n in range(5)]


async def listed(client: httpx.AsyncClient, path: str, cursor: str | None = None) -> list[Any]:
    """Return all of a list, read to its end."""
    found: list[Any] = []
    while True:
        joint = "&" if "?" in path else "?"
        page = await got(client, path + (f"{joint}cursor={cursor}" if cursor else ""))
        found += items(page)
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)
        if cursor is None:
            return found


def items(page: dict[str, Any]) -> list[Any]:
    [found] = set(page) - {"total_count", "has_more", "next_cursor"}
    return page[found]
