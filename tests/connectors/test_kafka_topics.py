"""Which topics a deployment needs, how Kafka's differ, and what is made of that."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from api.cli.topics import topics as command
from connectors.kafka.admin import KafkaAdmin
from connectors.kafka.topics import Difference, WantedTopic, apply, diff, wanted
from tests.live.engines import kafka
from topologies.errors import MailError
from topologies.topics import TOPICS, dead_topic, replay_topic
from topologies.topology import build

DAY_MS = 24 * 60 * 60 * 1000


def test_every_topic_that_the_topology_may_write_or_read_is_wanted() -> None:
    paths = {stage.path for stage in build().stages}
    assert set(of_a_deployment()) == {
        *(topic.name for topic in TOPICS),
        *(dead_topic(path) for path in paths),
        *(replay_topic(path) for path in paths),
        "dead.settled",
        "remember-senders-changelog",
        "tally_senders-windows-changelog",
    }


def test_dead_letters_are_kept_for_good_and_what_became_of_them_by_letter() -> None:
    topics = of_a_deployment()
    assert topics["inbound.dead"].configs["retention.ms"] == "-1"
    assert topics["inbound.dead"].configs["cleanup.policy"] == "delete"
    assert topics["dead.settled"].configs["cleanup.policy"] == "compact"
    assert topics["dead.settled"].partitions == 1


def test_a_topic_is_kept_as_long_as_it_asks_and_no_shorter_than_the_setting() -> None:
    kept = {name: topic.configs.get("retention.ms") for name, topic in of_a_deployment().items()}
    assert kept["mail.received"] == str(7 * DAY_MS)
    assert kept["mail.exceptions"] == str(30 * DAY_MS)


def test_with_three_copies_two_must_have_what_is_acknowledged() -> None:
    by_copies = {
        copies: of_a_deployment(replication=copies)["mail.received"].configs["min.insync.replicas"]
        for copies in (1, 2, 3)
    }
    assert by_copies == {1: "1", 2: "1", 3: "2"}


@pytest.mark.live
async def test_a_request_that_fails_takes_no_other_s_answer_along() -> None:
    async with kafka(partitions=1) as (servers, prefix), asyncio.timeout(60):
        admin = KafkaAdmin(servers)
        await admin.create(f"{prefix}there", 1, 1, {})
        for turn in range(5):
            names = [f"{prefix}there", *(f"{prefix}{turn}-{number}" for number in range(10))]
            made = [admin.create(name, 1, 1, {}) for name in names]
            ended = await asyncio.gather(*made, return_exceptions=True)
            assert [isinstance(each, MailError) for each in ended] == [True] + [False] * 10


@pytest.mark.live
async def test_what_was_applied_differs_no_more() -> None:
    async with kafka_of_one(one()) as (admin, topic):
        [missing] = await diff(admin, [topic])
        assert (missing.what, missing.is_applicable) == ("missing", True)
        assert [each.state for each in await apply(admin, [topic], [missing])] == ["done"]
        assert await diff(admin, [topic]) == []


@pytest.mark.live
async def test_a_topic_grows_and_keeps_longer_but_never_the_other_way_round() -> None:
    async with kafka_of_one(one()) as (admin, topic):
        await apply(admin, [topic], await diff(admin, [topic]))
        larger = replace(topic, partitions=3, configs={"retention.ms": str(9 * DAY_MS)})
        await apply(admin, [larger], await diff(admin, [larger]))
        assert await diff(admin, [larger]) == []
        differences = await diff(admin, [topic])
        assert {each.what: (each.have, each.want) for each in differences} == {
            "partitions": ("3", "2"),
            "retention.ms": (str(9 * DAY_MS), str(7 * DAY_MS)),
        }
        assert {each.state for each in await apply(admin, [topic], differences)} == {"left"}
        assert await diff(admin, [topic]) == differences


@pytest.mark.live
async def test_what_kafka_refuses_is_told_and_stops_nothing_else() -> None:
    async with kafka_of_one(replace(one(), replication=99)) as (admin, topic):
        good = replace(topic, name=f"{topic.name}-good", replication=1)
        differences = await diff(admin, [topic, good])
        failed, done = await apply(admin, [topic, good], differences)
        assert (failed.state, done.state) == ("failed", "done")
        assert "replica" in failed.reason


@pytest.mark.live
async def test_copies_are_left_to_people() -> None:
    async with kafka_of_one(one()) as (admin, topic):
        await apply(admin, [topic], await diff(admin, [topic]))
        [found] = await diff(admin, [replace(topic, replication=3)])
        assert found == Difference(
            topic=topic.name,
            what="replication",
            have="1",
            want="3",
            is_applicable=False,
            hint=found.hint,
        )


@pytest.mark.live
async def test_the_command_shows_and_makes_what_is_missing() -> None:
    async with kafka(partitions=1) as (_, prefix):
        asked = {"topic_prefix": prefix + "b.", "partitions": "2"}
        differences = in_json(await run("diff", "--json", **asked))
        assert {each["what"] for each in differences} == {"missing"}
        assert f"{prefix}b.mail.received" in {each["topic"] for each in differences}
        applied = in_json(await run("apply", "--json", **asked))
        assert {each["state"] for each in applied} == {"done"}
        nothing = "Kafka has every topic as it should be.\n"
        assert (await run("diff", **asked)).output == nothing
        assert (await run("apply", **asked)).output == nothing
        smaller = await run("diff", **asked | {"partitions": "1"})
        assert "Kafka can't take partitions away" in smaller.output


@pytest.mark.live
async def test_the_command_fails_when_something_could_not_be_made() -> None:
    async with kafka(partitions=1) as (_, prefix):
        result = await run("apply", topic_prefix=prefix + "b.", kafka_replication="99")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: not done: {prefix}b.mail.held")


async def test_the_command_says_when_no_kafka_answers() -> None:
    result = await run("diff", "--within", "0.2", kafka_servers="127.0.0.1:1")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Kafka: can't list topics")


async def run(*arguments: str, **settings: str) -> Result:
    # In a thread, since a command has an event loop of its own.
    settings["profile"] = "cluster"
    env = {f"RILLMAIL_{name.upper()}": value for name, value in settings.items()}
    return await asyncio.to_thread(CliRunner().invoke, command, arguments, env=env)


def in_json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def of_a_deployment(replication: int = 1) -> Mapping[str, WantedTopic]:
    topics = wanted(prefix="", partitions=4, replication=replication, retention=timedelta(days=7))
    return {topic.name: topic for topic in topics}


def one() -> WantedTopic:
    return WantedTopic(
        name="one", partitions=2, replication=1, configs={"retention.ms": str(7 * DAY_MS)}
    )


@asynccontextmanager
async def kafka_of_one(topic: WantedTopic) -> AsyncGenerator[tuple[KafkaAdmin, WantedTopic]]:
    """The real Kafka, and *topic* under a prefix of this test, made by nobody yet."""
    async with kafka(partitions=1) as (servers, prefix):
        yield KafkaAdmin(servers), replace(topic, name=prefix + topic.name)
