"""Search by HTTP: what is typed, what a form adds, and what can't be read."""

from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from types import SimpleNamespace
from typing import Any

import pytest

from api.search_hits import lag
from connectors.memory.clock import ManualClock
from tests.api.desk import Desks, memory_alone
from tests.api.test_mailbox import got
from tests.contracts.documents import a_pdf
from tests.mailbox.commands import AT, carry_out, delete, deliver, email_id, set_flags
from tests.services import in_memory
from topologies.events import DeleteFolder
from topologies.mail import mailbox
from topologies.mailbox.index import document_of
from topologies.ports.mailboxes import Mailboxes
from topologies.ports.search import Search


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("query=lunch", ["lunch"]),
        ("query=from:zoe", ["dinner", "lunch"]),
        ("from=zoe", ["dinner", "lunch"]),
        ("from=nobody", []),
        ("query=lunch&from=zoe", ["lunch"]),
        ("query=in:trash", ["dinner"]),
        ("folder=Trash", ["dinner"]),
        ("folder=inbox&query=in:trash", []),
        ("query=is:read&is_read=false", []),
        ("is_read=false", ["dinner", "lunch"]),
        ("has_attachment=true", []),
        ("after=2026-03-01", ["dinner", "lunch"]),
        ("after=2026-03-01T13:00:00Z", []),
        ("before=2026-03-01T13:00:00Z&after=1d", ["dinner", "lunch"]),
        ("", ["dinner", "lunch"]),
    ],
)
async def test_what_is_asked_for_is_found(a_desk: Desks, query: str, found: list[str]) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        await desk.receive("lunch")
        dinner = await desk.receive("dinner")
        await client.delete(f"/emails/{dinner}")
        page = await got(client, f"/emails/search?{query}")
        assert sorted(line["subject"] for line in page["emails"]) == found
        assert page["total_count"] == len(found)


@memory_alone
async def test_a_folder_and_a_label_are_found_however_their_accents_are_written(
    a_desk: Desks,
) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        folder = (await client.post("/folders", json={"name": "Caf\u00e9"})).json()["folder_id"]
        label = (await client.post("/labels", json={"name": "\u00dcber"})).json()["label_id"]
        mail = await desk.receive("lunch")
        await client.patch(f"/emails/{mail}", json={"folder_id": folder, "labels": [label]})
        for asked in (
            {"query": "in:cafe\u0301"},
            {"folder": "Cafe\u0301"},
            {"query": "label:u\u0308ber"},
            {"label": "U\u0308ber"},
        ):
            answer = await client.get("/emails/search", params=asked)
            assert (answer.status_code, answer.json().get("total_count")) == (200, 1), asked


@memory_alone
async def test_a_folder_that_is_being_deleted_does_not_stand_for_a_new_one_of_its_name(
    a_desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "STEP", 1)
    async with a_desk() as desk:
        client = await desk.signed_in()
        old = (await client.post("/folders", json={"name": "Work"})).json()["folder_id"]
        for subject in ("one", "two"):
            mail = await desk.receive(subject)
            await client.patch(f"/emails/{mail}", json={"folder_id": old})
        desk.log.is_slow_for = DeleteFolder
        assert (await client.delete(f"/folders/{old}")).status_code == 204
        assert (await client.get("/emails/search?query=in:work")).status_code == 400
        new = (await client.post("/folders", json={"name": "Work"})).json()["folder_id"]
        assert (await got(client, "/emails/search?query=in:work"))["total_count"] == 0
        mail = await desk.receive("three")
        await client.patch(f"/emails/{mail}", json={"folder_id": new})
        [line] = (await got(client, "/emails/search?query=in:work"))["emails"]
        assert line["subject"] == "three"


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("query=%22open", "invalid-search"),
        ("query=after:tomorrow", "invalid-search"),
        ("query=in:nowhere", "invalid-parameter"),
        ("folder=nowhere", "invalid-parameter"),
        ("after=tomorrow", "invalid-parameter"),
        ("cursor=junk&query=a", "invalid-parameter"),
        ("surprise=1", "invalid-parameter"),
    ],
)
@memory_alone
async def test_what_can_t_be_read_is_told(a_desk: Desks, query: str, kind: str) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        answer = await client.get(f"/emails/search?{query}")
        assert (answer.status_code, answer.json()["type"]) == (400, f"urn:rillmail:problem:{kind}")
        if kind == "invalid-search":
            assert isinstance(answer.json()["position"], int)
            assert answer.json()["advice"]


async def test_hits_are_paged(a_desk: Desks) -> None:
    async with a_desk() as desk:
        for number in range(5):
            await desk.receive(f"mail {number}")
        client = await desk.signed_in()
        first = await got(client, "/emails/search?query=mail&limit=3")
        assert (len(first["emails"]), first["total_count"], first["has_more"]) == (3, 5, True)
        rest = await got(client, f"/emails/search?query=mail&limit=3&cursor={first['next_cursor']}")
        assert (len(rest["emails"]), rest["has_more"], rest["next_cursor"]) == (2, False, None)


@pytest.mark.parametrize("query", ["turbine", "body:turbine", "filename:offer turbine"])
async def test_what_is_written_in_an_attached_file_is_found(a_desk: Desks, query: str) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        await desk.receive("lunch")
        await desk.receive("offer", raw=with_file(a_pdf("Turbine blades"), "offer.pdf"))
        page = await got(client, f"/emails/search?query={query}")
        assert [line["subject"] for line in page["emails"]] == ["see attached"]


async def test_by_relevance_subjects_come_first_and_pages_go_on(a_desk: Desks) -> None:
    async with a_desk() as desk:
        for subject, body in (("Boats", "a"), ("News", "of boats"), ("More boats", "b")):
            desk.clock.move(timedelta(minutes=1))
            await desk.receive(subject, body)
        client = await desk.signed_in()
        first = await got(client, "/emails/search?query=boats&sort=relevance&limit=2")
        rest = await got(
            client,
            f"/emails/search?query=boats&sort=relevance&limit=2&cursor={first['next_cursor']}",
        )
        found = [line["subject"] for page in (first, rest) for line in page["emails"]]
        assert found == ["More boats", "Boats", "News"]
        assert (first["total_count"], rest["total_count"], rest["has_more"]) == (3, 3, False)
        by_date = await got(client, "/emails/search?query=boats")
        assert [line["subject"] for line in by_date["emails"]] == ["More boats", "News", "Boats"]


async def test_where_the_words_stand_is_told_if_asked_for(a_desk: Desks) -> None:
    async with a_desk() as desk:
        await desk.receive("Boats again", "We sail with two boats.")
        client = await desk.signed_in()
        page = await got(client, "/emails/search?query=boat&highlight=true")
        [told] = page["highlights"]
        assert told["email_id"] == page["emails"][0]["email_id"]
        assert told["subject"] == [
            {"text": "Boats", "is_hit": True},
            {"text": " again", "is_hit": False},
        ]
        assert [piece["text"] for piece in told["text"] if piece["is_hit"]] == ["boats"]
        assert (await got(client, "/emails/search?query=boat"))["highlights"] is None


async def test_how_far_the_index_is_behind_is_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        client = await desk.signed_in()
        await desk.receive("lunch")
        up_to_date = await got(client, "/emails/search?query=lunch")
        assert up_to_date["lag"] == {"changes": 0, "seconds": 0.0}


async def test_a_change_that_the_index_has_yet_to_hear_of_counts(clock: ManualClock) -> None:
    services = await in_memory()
    mailboxes: Mailboxes = services[Mailboxes]
    search: Search = services[Search]
    await carry_out(mailboxes, deliver(1), deliver(2), delete(2, permanent=True))
    context: Any = SimpleNamespace(mailboxes=mailboxes, search=search, clock=clock)

    behind = await lag(context, "ann")
    assert (behind.changes, behind.seconds) == (1, 60.0)  # a mail that is gone lacks nothing

    email = await mailboxes.email("ann", email_id(1))
    assert email is not None
    await search.index([document_of("ann", email, "")])
    assert (await lag(context, "ann")).changes == 0
    await carry_out(mailboxes, set_flags(1, is_read=True))
    assert (await lag(context, "ann")).changes == 1
    await carry_out(mailboxes, delete(1, permanent=True))
    assert (await lag(context, "ann")).changes == 1  # it is found though it is gone
    await search.remove("ann", [email_id(1)])
    assert (await lag(context, "ann")).changes == 0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(AT + timedelta(minutes=2))


# --- builders -----------------------------------------------------------------------


def with_file(content: bytes, name: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "zoe@far.example", "see attached"
    mail.set_content("Dear Ann")
    mail.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    return mail.as_bytes(policy=SMTP)
