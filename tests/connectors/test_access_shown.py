"""What each engine's client shows of who we are, and to whom."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from confluent_kafka.admin import AdminClient

from connectors.access import Access
from connectors.elasticsearch.search import ElasticSearch
from connectors.kafka.admin import KafkaAdmin
from connectors.kafka.client import connected, places_of
from tests.authority import Authority, tls_door
from tests.connectors.test_elasticsearch_answers import EMPTY, Answering
from topologies.errors import Misconfigured

REFUSED = {"error": {"type": "security_exception", "reason": "no such user"}}


async def test_elasticsearch_is_shown_a_password_or_a_key_within_tls(ours: Authority) -> None:
    shown: list[bytes] = []
    async with Answering() as server:
        at = urlsplit(server.url)
        door = tls_door(
            ours.issue("127.0.0.1"),
            (str(at.hostname), at.port or 0),
            admits=lambda first: shown.append(first),
        )
        async with door as port:
            await checked(port, ours, user="ann", password="secret")
            await checked(port, ours, api_key="aWQ6a2V5")
    heads = [each.decode().lower() for each in shown]
    assert "authorization: basic yw5uonnly3jlda==" in heads[0]
    assert "authorization: apikey awq6a2v5" in heads[-1]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, r"Elasticsearch does not let our user ann in \(401 security_exception: no such user"),
        (
            403,
            r"\): look at elasticsearch_user and elasticsearch_password, or elasticsearch_api_ke",
        ),
    ],
)
async def test_an_elasticsearch_that_does_not_know_us_is_told(
    ours: Authority, status: int, words: str
) -> None:
    async with Answering() as server:
        server.answers = [(status, REFUSED)]
        at = urlsplit(server.url)
        door = tls_door(ours.issue("127.0.0.1"), (str(at.hostname), at.port or 0))
        async with door as port:
            with pytest.raises(Misconfigured, match=words):
                await checked(port, ours, user="ann", password="secret")


async def test_an_index_that_is_blocked_is_no_refusal(ours: Authority) -> None:
    blocked = {"error": {"type": "cluster_block_exception", "reason": "disk is full"}}
    async with Answering() as server:
        server.answers = [(403, blocked), (404, EMPTY)]
        at = urlsplit(server.url)
        door = tls_door(ours.issue("127.0.0.1"), (str(at.hostname), at.port or 0))
        async with door as port:
            await checked(port, ours, user="ann", password="secret")
            await checked(port, ours, user="ann", password="secret")


def test_kafka_is_shown_a_password_within_tls(ours: Authority) -> None:
    access = kafka(ours, user="ann", password="secret", mechanism="SCRAM-SHA-512")
    config = connected(["one:9093"], "rillmail", access, acks="all")
    assert (
        config.items()
        >= {
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(ours.ca_file),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "ann",
            "sasl.password": "secret",
            "acks": "all",
        }.items()
    )
    AdminClient(config)  # the library knows all of them


def test_kafka_is_shown_a_certificate_alone_if_there_is_no_user(ours: Authority) -> None:
    mine = ours.issue("rillmail")
    access = kafka(
        ours,
        certificate=str(mine.certificate),
        key=str(mine.key),
        mechanism="SCRAM-SHA-512",
    )
    config = connected(["one:9093"], "rillmail", access)
    assert config["security.protocol"] == "SSL"
    assert not any(name.startswith("sasl.") for name in config)
    AdminClient(config)


def test_in_clear_kafka_is_shown_nothing() -> None:
    config = connected(["one:9092"], "rillmail", Access(engine="kafka"))
    assert not any(name.startswith(("sasl.", "ssl.", "security.")) for name in config)


@pytest.mark.parametrize("server", ["", ":9092", "one:many"])
def test_a_broker_that_is_no_address_is_told(server: str) -> None:
    with pytest.raises(Misconfigured, match="kafka_servers"):
        places_of([server])


def test_a_broker_may_leave_out_its_port() -> None:
    assert places_of(["one", "two:9093", "[::1]:9094"]) == [
        ("one", 9092),
        ("two", 9093),
        ("::1", 9094),
    ]


async def test_a_kafka_whose_authority_we_do_not_believe_is_told_at_once(
    ours: Authority, tmp_path: Path
) -> None:
    async with tls_door(Authority(tmp_path / "others").issue("127.0.0.1")) as port:
        with pytest.raises(Misconfigured, match="look at kafka_ca_file"):
            await KafkaAdmin([f"127.0.0.1:{port}"], access=kafka(ours)).check()


def kafka(authority: Authority, **more: str) -> Access:
    return Access(engine="kafka", is_tls=True, ca_file=str(authority.ca_file), **more)


async def checked(port: int, authority: Authority, **shown: Any) -> None:
    access = Access(engine="elasticsearch", is_tls=True, ca_file=str(authority.ca_file), **shown)
    search = ElasticSearch([f"https://127.0.0.1:{port}"], "mails", access=access)
    try:
        await search.check()
    finally:
        await search.close()


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"))
