"""How engines are reached that ask who comes, and what is told when they don't let us in."""

import asyncio
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from connectors.access import Access, access_of
from connectors.cassandra.session import open_session
from connectors.kafka.admin import KafkaAdmin
from connectors.settings import Settings, load
from tests.authority import Authority, strict_door, tls_door
from topologies.errors import Misconfigured


async def test_an_engine_whose_name_and_authority_fit_is_let_pass(ours: Authority) -> None:
    async with tls_door(ours.issue("127.0.0.1")) as port:
        await kafka(ours).check([("127.0.0.1", port)])


async def test_a_host_of_another_name_is_told(ours: Authority) -> None:
    async with tls_door(ours.issue("kafka.example")) as port:
        words = await objection(kafka(ours), port)
    assert words.startswith(f"Kafka at 127.0.0.1:{port} proves another name: IP address mismatch")
    assert words.endswith("look at its certificate, and kafka_servers")


async def test_a_host_of_another_authority_is_told(ours: Authority, others: Authority) -> None:
    async with tls_door(others.issue("127.0.0.1")) as port:
        words = await objection(kafka(ours), port)
    assert words == (
        f"Kafka at 127.0.0.1:{port} has a certificate of no authority that we believe"
        " (unable to get local issuer certificate): look at kafka_ca_file"
    )


async def test_the_machines_authorities_are_not_believed_besides_ours(ours: Authority) -> None:
    context = kafka(ours).tls()
    assert context is not None
    assert len(context.get_ca_certs()) == 1


async def test_a_certificate_that_has_expired_is_told(ours: Authority) -> None:
    async with tls_door(ours.issue("127.0.0.1", days=-1)) as port:
        words = await objection(kafka(ours), port)
    assert "certificate has expired: renew it" in words


async def test_a_host_that_asks_for_a_certificate_of_ours_is_told(ours: Authority) -> None:
    with strict_door(ours.issue("127.0.0.1"), ours.ca_file) as port:
        words = await objection(kafka(ours), port)
        assert words.endswith("look at kafka_certificate")
        mine = ours.issue("rillmail")
        shown = kafka(ours, certificate=str(mine.certificate), key=str(mine.key))
        await shown.check([("127.0.0.1", port)])


async def test_a_certificate_of_ours_that_the_host_does_not_believe_is_told(
    ours: Authority, others: Authority
) -> None:
    mine = others.issue("rillmail")
    shown = kafka(ours, certificate=str(mine.certificate), key=str(mine.key))
    with strict_door(ours.issue("127.0.0.1"), ours.ca_file) as port:
        assert (await objection(shown, port)).endswith("look at kafka_certificate")


async def test_a_port_without_tls_is_told(ours: Authority) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        words = await objection(kafka(ours), port)
    assert words == f"Kafka at 127.0.0.1:{port} speaks no TLS: look at kafka_servers"


async def test_a_port_that_speaks_tls_to_who_does_not_is_told(ours: Authority) -> None:
    async with tls_door(ours.issue("127.0.0.1")) as port:
        place = ("127.0.0.1", port)
        told = await Access(engine="cassandra").wants_tls([("127.0.0.1", 1), place])
        words = f"Cassandra at 127.0.0.1:{port} speaks TLS alone: let cassandra_tls be true"
        assert str(told) == words
        with pytest.raises(Misconfigured, match=words):
            async with open_session([f"127.0.0.1:{port}"], "rillmail"):
                pass
        with pytest.raises(Misconfigured, match="speaks TLS alone: let kafka_tls be true"):
            await KafkaAdmin([f"127.0.0.1:{port}"], answer_within_s=0.5).partitions()
        assert await kafka(ours).wants_tls([place]) is None


async def test_one_that_is_away_may_come_yet(ours: Authority) -> None:
    with socket.socket() as taken:  # and not listened on
        taken.bind(("127.0.0.1", 0))
        await kafka(ours).check([taken.getsockname()])


async def test_one_node_that_is_amiss_keeps_nobody_from_starting(
    ours: Authority, others: Authority
) -> None:
    good, bad = tls_door(ours.issue("127.0.0.1")), tls_door(others.issue("127.0.0.1"))
    async with good as good_port, bad as bad_port:
        await kafka(ours).check([("127.0.0.1", bad_port), ("127.0.0.1", good_port)])
        await objection(kafka(ours), bad_port)


@pytest.mark.parametrize("setting", ["ca_file", "certificate", "key"])
def test_a_file_that_is_not_there_is_told(ours: Authority, setting: str) -> None:
    mine = ours.issue("rillmail")
    files = {"certificate": str(mine.certificate), "key": str(mine.key)}
    access = kafka(ours, **(files | {setting: "/nowhere.pem"}))
    words = f"kafka_{setting}: /nowhere.pem can't be read: No such file or directory"
    with pytest.raises(Misconfigured, match=words):
        access.tls()


def test_a_file_that_is_no_certificate_is_told(ours: Authority, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(Misconfigured, match=r"kafka_ca_file: .*/ca\.pem does not fit"):
        kafka(ours, ca_file=str(tmp_path / "ca.pem")).tls()
    with pytest.raises(Misconfigured, match=r"kafka_certificate: .* does not fit"):
        kafka(ours, certificate=str(ours.ca_file), key=str(ours.issue("a").key)).tls()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kafka_user": "a", "kafka_password": "b"}, "kafka_user is of use within TLS alone"),
        ({"kafka_ca_file": "/ca.pem"}, "let kafka_tls be true"),
        ({"cassandra_user": "a", "cassandra_password": "b"}, "let cassandra_tls be true"),
        ({"redis_password": "b"}, "see redis_url"),
        ({"elasticsearch_api_key": "b"}, "see elasticsearch_urls"),
        (
            {"elasticsearch_urls": ("https://a:1", "http://b:1"), "elasticsearch_api_key": "b"},
            "see elasticsearch_urls",
        ),
        ({"s3_ca_file": "/ca.pem"}, "see s3_url"),
        ({"kafka_tls": True, "kafka_user": "a"}, "kafka_user needs kafka_password"),
        ({"kafka_tls": True, "kafka_password": "a"}, "kafka_password needs kafka_user"),
        ({"kafka_tls": True, "kafka_key": "/key.pem"}, "kafka_certificate and kafka_key belong"),
        (
            {
                "elasticsearch_urls": ("https://a:1",),
                "elasticsearch_user": "a",
                "elasticsearch_password": "b",
                "elasticsearch_api_key": "c",
            },
            "one of them is too many",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_told(settings: dict[str, Any], words: str) -> None:
    engine = next(iter(settings)).partition("_")[0]
    with pytest.raises(Misconfigured, match=words):
        access_of(Settings(**settings), engine)  # pyright: ignore[reportArgumentType]


def test_what_the_settings_say_is_how_an_engine_is_reached() -> None:
    settings = load(
        {
            "RILLMAIL_KAFKA_TLS": "true",
            "RILLMAIL_KAFKA_CA_FILE": "/ca.pem",
            "RILLMAIL_KAFKA_USER": "rillmail",
            "RILLMAIL_KAFKA_PASSWORD": "secret",
            "RILLMAIL_REDIS_URL": "rediss://redis:6380/0",
            "RILLMAIL_S3_URL": "",
        }
    )
    assert access_of(settings, "kafka") == Access(
        engine="kafka",
        is_tls=True,
        ca_file="/ca.pem",
        user="rillmail",
        password="secret",
        mechanism="SCRAM-SHA-512",
    )
    assert access_of(settings, "redis").is_tls
    assert access_of(settings, "s3").is_tls  # Amazon's
    assert not access_of(settings, "cassandra").is_tls


def test_no_secret_is_in_what_is_printed_of_it() -> None:
    access = Access(engine="kafka", user="ann", password="hidden", api_key="hidden")
    assert "hidden" not in repr(access)


def kafka(authority: Authority, **more: str) -> Access:
    return Access(**{"engine": "kafka", "is_tls": True, "ca_file": str(authority.ca_file)} | more)


async def objection(access: Access, port: int) -> str:
    with pytest.raises(Misconfigured) as raised:
        await access.check([("127.0.0.1", port)])
    return str(raised.value)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("others"))
