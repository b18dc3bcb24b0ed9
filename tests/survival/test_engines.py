"""Engines are stopped, killed and hang with mail flowing: who sends waits, and nothing is lost."""

import time

import pytest

from connectors.scanner.rules import EICAR
from tests.process import eventually
from tests.survival import engines
from tests.survival.house import IS_FULL, House
from tests.survival.sender import Mail, raw_of

pytestmark = [pytest.mark.live, pytest.mark.survival]

HANGS_S = 15.0
S3_HANGS_S = 28.0  # a request to it is given up after 20, and one has to begin early enough
EVERYBODY = ("smtp", "api", "inbound", "mailbox", "outbound", "feedback")


def test_kafka_is_stopped_for_a_while_and_who_is_told_to_end_meanwhile_ends(house: House) -> None:
    leaving = house.join("mailbox")
    leaving.await_ready()
    with house.load() as load:
        with load.disturbance("Kafka stopped"), engines.away("kafka"):
            gone_at = time.monotonic()
            house.check_red(EVERYBODY, gone_at, "Kafka")
            assert house.leave(leaving) == 0
            time.sleep(max(0, 20 - (time.monotonic() - gone_at)))
        house.settle(load)


def test_kafka_is_killed_and_later_hangs(house: House) -> None:
    with house.load() as load:
        with load.disturbance("Kafka killed"), engines.away("kafka", how="kill"):
            pass
        with load.disturbance("Kafka hangs"), engines.hanging("kafka"):
            time.sleep(HANGS_S)
        assert load.report["met"]["smtp"]["451"] > 0  # and it has some of those mails
        house.settle(load)


def test_cassandra_is_stopped_and_who_is_told_to_end_meanwhile_ends_and_later_it_hangs(
    house: House,
) -> None:
    leaving = house.join("mailbox")
    leaving.await_ready()
    with house.load() as load:
        with load.disturbance("Cassandra stopped"), engines.away("cassandra"):
            gone_at = time.monotonic()
            house.check_red(EVERYBODY, gone_at, "Cassandra")
            assert house.leave(leaving) == 0
            time.sleep(max(0, (60 if IS_FULL else 15) - (time.monotonic() - gone_at)))
        with load.disturbance("Cassandra hangs"), engines.hanging("cassandra"):
            time.sleep(HANGS_S)
        house.settle(load)


def test_elasticsearch_is_stopped_for_a_while_and_later_hangs(house: House) -> None:
    with house.load() as load:
        for what, gone in (
            ("Elasticsearch stopped", engines.away("elasticsearch")),
            ("Elasticsearch hangs", engines.hanging("elasticsearch")),
        ):
            with load.disturbance(what), gone:
                time.sleep(HANGS_S)
            assert set(load.report["met"]["smtp"]) == {"250"}
            assert set(load.report["met"]["reading"]) == {"200"}
            assert set(load.report["met"]["search"]) <= {"200", "503"}
        house.settle(load)


def test_redis_loses_all_and_is_stopped_for_a_while_and_later_hangs(house: House) -> None:
    with house.load() as load:
        with load.disturbance("Redis emptied"):
            engines.empty_redis()
        for what, gone in (
            ("Redis stopped", engines.away("redis")),
            ("Redis hangs", engines.hanging("redis")),
        ):
            with load.disturbance(what), gone:
                time.sleep(HANGS_S)
            assert set(load.report["met"]["smtp"]) == {"250"}
            assert set(load.report["met"]["reading"]) == {"200"}
        house.settle(load)


def test_s3_is_stopped_for_a_while_and_later_hangs(house: House) -> None:
    with house.load() as load:
        with load.disturbance("S3 stopped"), engines.away("s3"):
            gone_at = time.monotonic()
            house.check_red(("smtp", "api", "inbound"), gone_at, "S3")
            time.sleep(max(0, 15 - (time.monotonic() - gone_at)))
        assert set(load.report["met"]["reading"]) == {"200"}
        with load.disturbance("S3 hangs"), engines.hanging("s3"):
            time.sleep(S3_HANGS_S)
        assert set(load.report["met"]["smtp"]) == {"250", "451"}  # by size
        assert set(load.report["met"]["reading"]) == {"200"}
        house.settle(load)


def test_while_clamd_is_away_mail_waits_and_none_goes_by_unscanned(house: House) -> None:
    infected = raw_of("infected", ["alice@demo.test"], EICAR)
    with house.load() as load:
        before = house.command("audit")["quarantined"]
        with load.disturbance("clamd stopped"), engines.away("clamd"):
            gone_at = time.monotonic()
            load.sender.push(Mail("infected", ["alice@demo.test"], infected, is_infected=True))
            house.check_red(["inbound"], gone_at, "clamd")
            time.sleep(max(0, 15 - (time.monotonic() - gone_at)))
        assert set(load.report["met"]["smtp"]) == {"250"}
        with load.disturbance("clamd hangs"), engines.hanging("clamd"):
            time.sleep(HANGS_S)
        assert set(load.report["met"]["smtp"]) == {"250"}
        house.settle(load)
        after = house.command("audit")["quarantined"]
        assert eventually(lambda: after - before, lambda n: n == 1) == 1
