"""What administrators see of the stages, and of the way of one mail."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

from tests.api.desk import Desk, Desks, memory_alone
from tests.api.test_admin import letter
from tests.api.test_mailbox import got
from topologies.events import SenderJudged
from topologies.mail import ids
from topologies.ports.figures import StageFigures
from topologies.topology import build

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@memory_alone
async def test_every_stage_is_told_with_what_it_reads_and_how_it_does(a_desk: Desks) -> None:
    async with a_desk() as desk:
        parse = StageFigures(done_per_s=4.5, again_per_s=0.5, waiting=2, oldest_s=7.04)
        desk.flows[-1] = replace(
            desk.flows[-1],
            stages={"parse": parse},
            lag={"parse": 12, "store": 0, "inbound-replay": 3},
            lag_s={"parse": 2.5},
            dead={"scan": 2},
            later={"mail.held.5s": 1},
        )
        told = await got(await desk.signed_in("root"), "/admin/topology")
    stages = {stage["name"]: stage for stage in told["stages"]}
    assert list(stages) == [stage.name for stage in build().stages]
    first = stages["parse"]
    assert (first["reads_topic"], first["writes"]) == ("mail.received", ["mail.parsed/1"])
    assert (first["heads_chain"], first["lag_records"], first["lag_s"]) == (True, 12, 2.5)
    assert (first["done_per_s"], first["waiting"], first["oldest_s"]) == (4.5, 2, 7.0)
    assert (stages["store"]["lag_records"], stages["store"]["lag_s"]) == (0, 0.0)
    second = stages["scan"]
    assert (second["heads_chain"], second["lag_records"], second["lag_s"]) == (False, None, None)
    assert second["dead_letters"] == 2
    assert (told["replay_lag"], told["later"]) == ({"inbound": 3}, {"mail.held.5s": 1})


@memory_alone
async def test_what_is_not_known_is_told_and_not_made_up(a_desk: Desks) -> None:
    async with a_desk() as desk:
        desk.flows[-1] = replace(desk.flows[-1], unknown=("lag: Kafka is out of reach",))
        told = await got(await desk.signed_in("root"), "/admin/topology")
    assert told["unknown"] == ["lag: Kafka is out of reach"]
    assert told["stages"][0]["lag_records"] is None


@memory_alone
async def test_the_picture_has_a_place_for_each_stage(a_desk: Desks) -> None:
    async with a_desk() as desk:
        answer = await (await desk.signed_in("root")).get("/admin/topology/picture")
    assert answer.headers["content-type"] == "image/svg+xml"
    found = {each.get("id"): each for each in ElementTree.fromstring(answer.text).iter()}
    for stage in build().stages:
        place = found[f"stage-{stage.name}"]
        assert float(place.get("data-x", "")) > 0
        assert float(place.get("data-y", "")) > 0


async def test_where_a_mail_is_and_how_it_came_there_is_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        email_id = await desk.receive("where is it")
        mail_id = await mail_id_of(desk)
        told = await got(await desk.signed_in("root"), f"/admin/trace/{mail_id}")
    way = [(event["tag"], event["written_by"]) for event in told["events"]]
    assert way == [
        ("mail.received/1", ""),
        ("mailbox.deliver/1", "route"),
        ("mailbox.changed/1", "store"),
    ]
    first, second, _ = told["events"]
    assert second["came_of"] == first["event_id"]
    assert first["said"].startswith("zoe@far.example → ann@")
    assert "raw" not in first["fields"]
    [copy] = told["copies"]
    assert (copy["email_id"], copy["folder_id"]) == (email_id, "inbox")
    assert told["mail_ids"] == [mail_id]


@memory_alone
async def test_a_mail_that_died_is_told_with_its_letter(a_desk: Desks) -> None:
    async with a_desk() as desk:
        mail_id = ids.new_id(AT)
        desk.dead_letters.kept.append(letter("a", f'{{"mail_id": "{mail_id}"}}'.encode()))
        told = await got(await desk.signed_in("root"), f"/admin/trace/{mail_id}")
    [dead] = told["dead_letters"]
    assert (dead["letter_id"], dead["stage"], dead["state"]) == ("a", "parse", "dead")


@memory_alone
async def test_a_mail_that_nobody_knows_and_what_is_no_id_are_not_found(a_desk: Desks) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        for mail_id in (ids.new_id(AT), "1", "%00", "x" * 2_000):
            answer = await root.get(f"/admin/trace/{mail_id}")
            assert answer.status_code == 404, mail_id
            assert answer.json()["title"]


@memory_alone
async def test_dead_letters_of_one_stage_are_asked_for(a_desk: Desks) -> None:
    async with a_desk() as desk:
        desk.dead_letters.kept += [
            letter("a", b"{}"),
            replace(letter("b", b"{}"), stage="scan"),
            letter("c", b"{}"),
        ]
        root = await desk.signed_in("root")
        assert await of(root, "stage=parse") == ["c", "a"]
        assert await of(root, "stage=parse&limit=1") == ["c"]
        assert await of(root, "stage=nobody") == []


@memory_alone
async def test_who_sent_most_in_an_hour_is_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        for mail_id, sender in (("1", "big.example"), ("2", "big.example"), ("3", "a.example")):
            judged = SenderJudged(sender=sender, mail_id=mail_id, judged_at=AT, is_bad=False)
            await desk.log.append([judged, judged])
        root = await desk.signed_in("root")
        told = await got(root, "/admin/top-senders?hour=2026-03-01T12:40:00Z&limit=1")
        assert told == {
            "hour": "2026-03-01T12:00:00Z",
            "senders": [{"sender": "big.example", "mails": 2, "bad": 0}],
        }
        assert len((await got(root, "/admin/top-senders"))["senders"]) == 2  # of this hour
        other = await got(root, "/admin/top-senders?hour=2026-03-01T11:00:00Z")
        assert other["senders"] == []
        for hour in ("x", "2026-03-01T12:00:00", "0001-01-01T00:00:00%2B23:59", ""):
            answer = await root.get(f"/admin/top-senders?hour={hour}")
            assert answer.status_code == (400 if hour else 200), hour


async def mail_id_of(desk: Desk) -> str:
    [record] = [record for record in desk.log.records if record.topic == "mail.received"]
    return record.key


async def of(client: Any, query: str) -> list[str]:
    told = await got(client, f"/admin/dead-letters?{query}")
    return [each["letter_id"] for each in told["dead_letters"]]
