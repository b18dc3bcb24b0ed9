"""Engines are stopped and killed with mail flowing: who sends waits, and nothing is lost."""

import time

import pytest

from connectors.scanner.rules import EICAR
from tests.process import eventually
from tests.survival import engines
from tests.survival.house import IS_FULL, House
from tests.survival.sender import Mail, raw_of

pytestmark = [pytest.mark.live, pytest.mark.survival]

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


def test_kafka_is_killed(house: House) -> None:
    with house.load() as load:
        with load.disturbance("Kafka killed"), engines.away("kafka", how="kill"):
            pass
        house.settle(load)


def test_cassandra_is_stopped_for_a_while_and_who_is_told_to_end_meanwhile_ends(
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
        house.settle(load)


def test_elasticsearch_is_stopped_for_a_while(house: House) -> None:
    with house.load() as load:
        with load.disturbance("Elasticsearch stopped"), engines.away("elasticsearch"):
            time.sleep(15)
        assert set(load.report["met"]["smtp"]) == {"250"}
        assert set(load.report["met"]["reading"]) == {"200"}
        assert set(load.report["met"]["search"]) <= {"200", "503"}
        house.settle(load)


def test_redis_loses_all_and_is_stopped_for_a_while(house: House) -> None:
    with house.load() as load:
        with load.disturbance("Redis emptied"):
            engines.empty_redis()
        with load.disturbance("Redis stopped"), engines.away("redis"):
            time.sleep(15)
        assert set(load.report["met"]["smtp"]) == {"250"}
        assert set(load.report["met"]["reading"]) == {"200"}
        house.settle(load)


def test_s3_is_stopped_for_a_while(house: House) -> None:
    with house.load() as load:
        with load.disturbance("S3 stopped"), engines.away("s3"):
            gone_at = time.monotonic()
            house.check_red(("smtp", "api", "inbound"), gone_at, "S3")
            time.sleep(max(0, 15 - (time.monotonic() - gone_at)))
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
        house.settle(load)
        after = house.command("audit")["quarantined"]
        assert eventually(lambda: after - before, lambda n: n == 1) == 1
