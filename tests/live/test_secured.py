"""A cluster on engines that demand TLS and a password; and what is told when one lets nobody in."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import aclosing, suppress
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from connectors.assembly.cluster_stores import open_stores
from connectors.settings import load
from tests.authority import Authority
from tests.live.own_engine import own_cassandra
from tests.live.secured import (
    API_KEY,
    PASSWORD,
    PLAIN_PASSWORD,
    PLAIN_USER,
    Secured,
    secured_engines,
)
from tests.process import RunningCluster, emails_of, eventually
from topologies.errors import Misconfigured
from topologies.ports.log import Entry
from topologies.ports.search import SearchQuery

pytestmark = pytest.mark.live

NAMES = {
    "kafka": "Kafka",
    "cassandra": "Cassandra",
    "elasticsearch": "Elasticsearch",
    "redis": "Redis",
    "s3": "S3",
}
PLACES = {
    "kafka": "KAFKA_SERVERS",
    "cassandra": "CASSANDRA_HOSTS",
    "elasticsearch": "ELASTICSEARCH_URLS",
    "redis": "REDIS_URL",
    "s3": "S3_URL",
}


ESTABLISHED = "01"  # state of a socket in /proc/net/tcp (proc(5))
BY_KEY = {
    "ELASTICSEARCH_USER": "",
    "ELASTICSEARCH_PASSWORD": "",
    "ELASTICSEARCH_API_KEY": API_KEY,
}
WRONG = [
    ("kafka", {"KAFKA_PASSWORD": "wrong"}),
    ("kafka", {"KAFKA_USER": "nobody"}),
    ("kafka", {"KAFKA_USER": PLAIN_USER, "KAFKA_MECHANISM": "PLAIN"}),
    ("cassandra", {"CASSANDRA_PASSWORD": "wrong"}),
    ("cassandra", {"CASSANDRA_USER": "nobody"}),
    ("elasticsearch", {"ELASTICSEARCH_PASSWORD": "wrong"}),
    ("elasticsearch", BY_KEY | {"ELASTICSEARCH_API_KEY": "wrong"}),
    ("redis", {"REDIS_PASSWORD": "wrong"}),
    ("s3", {"S3_SECRET_KEY": "wrong"}),
]


def test_a_mail_is_taken_and_shown_by_secured_doors_alone(secured: Secured, tmp_path: Path) -> None:
    with RunningCluster(tmp_path / "data", secured.settings) as cluster:
        client = cluster.signed_in()
        cluster.send(mail("Lunch"), [cluster.users[0][0]])
        [line] = eventually(lambda: emails_of(client), len)
        assert client.get(f"/emails/{line['email_id']}").json()["body"].strip() == "At one?"
        assert eventually(lambda: found(client, "lunch"), len) == ["Lunch"]
        used = eventually(
            lambda: set().union(*map(ports_of, cluster.workers())),
            lambda ports: set(secured.ports.values()) <= ports,
        )
        assert used & secured.plain_ports == set()


async def test_who_shows_a_password_as_it_is_or_a_key_is_let_in(secured: Secured) -> None:
    by_plain = {"KAFKA_USER": PLAIN_USER, "KAFKA_PASSWORD": PLAIN_PASSWORD}
    settings = load(changed(secured, by_plain | {"KAFKA_MECHANISM": "PLAIN"} | BY_KEY))
    async with open_stores(settings) as stores:
        event_id = str(uuid4())
        entry = Entry(topic="mail.parsed", key="k", value=b"{}", event_id=event_id)
        await stores.log.write([entry])
        async with aclosing(stores.reader.read("mail.parsed")) as records:
            assert [record.event_id async for record in records] == [event_id]
        assert (await stores.search.search("ann", SearchQuery())).total_count == 0


@pytest.mark.parametrize("engine", NAMES)
async def test_an_engine_of_another_authority_is_told(
    secured: Secured, tmp_path: Path, engine: str
) -> None:
    other = {f"{engine.upper()}_CA_FILE": str(Authority(tmp_path / "other").ca_file)}
    words = await refusal(secured, other)
    assert words.startswith(f"{NAMES[engine]} at 127.0.0.1:{secured.ports[engine]} has a certifi")
    assert words.endswith(f"look at {engine}_ca_file")


@pytest.mark.parametrize("engine", NAMES)
async def test_an_engine_of_another_name_is_told(secured: Secured, engine: str) -> None:
    setting = PLACES[engine]
    there = secured.settings[f"RILLMAIL_{setting}"].replace("127.0.0.1", "localhost")
    words = await refusal(secured, {setting: there})
    assert words.startswith(f"{NAMES[engine]} at localhost:{secured.ports[engine]} proves another")
    assert words.endswith(f"look at its certificate, and {setting.lower()}")


@pytest.mark.parametrize(("engine", "change"), WRONG)
async def test_an_engine_that_does_not_know_us_is_told(
    secured: Secured, engine: str, change: Mapping[str, str]
) -> None:
    words = await refusal(secured, change)
    assert re.match(f"{NAMES[engine]} does not let (us|our user \\S+) in \\(", words), words
    assert f"look at {engine}_" in words
    assert PASSWORD not in words


async def test_an_engine_that_asks_for_a_certificate_is_told(secured: Secured) -> None:
    words = await refusal(secured, {"CASSANDRA_CERTIFICATE": "", "CASSANDRA_KEY": ""})
    assert words.startswith("Cassandra at 127.0.0.1:")
    assert words.endswith("look at cassandra_certificate")


def test_a_worker_ends_with_one_sentence_and_so_do_commands(secured: Secured) -> None:
    settings = changed(secured, {"KAFKA_PASSWORD": "wrong"})
    for command in (("worker", "api"), ("prepare",), ("topics", "diff"), ("user", "list")):
        done = subprocess.run(
            [sys.executable, "-m", "api.cli.main", *command],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        [line] = done.stderr.splitlines()
        assert (done.returncode, line.startswith("Error: Kafka does not let our user")) == (1, True)
        assert line.endswith("look at kafka_user and kafka_password")


def found(client: httpx.Client, words: str) -> list[str]:
    answer = client.get("/emails/search", params={"query": words})
    answer.raise_for_status()
    return [hit["subject"] for hit in answer.json()["emails"]]


def ports_of(pid: int) -> set[int]:
    """Return the ports that a process is connected to."""
    sockets = set[str]()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            sockets.add(str(entry.readlink()))
    return {
        int(fields[2].rpartition(":")[2], 16)
        for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
        if f"socket:[{(fields := line.split())[9]}]" in sockets and fields[3] == ESTABLISHED
    }


async def refusal(secured: Secured, change: Mapping[str, str]) -> str:
    with pytest.raises(Misconfigured) as raised:
        async with open_stores(load(changed(secured, change))):
            pass
    return str(raised.value)


def changed(secured: Secured, change: Mapping[str, str]) -> dict[str, str]:
    """Return the settings with *change*; what is empty there is left out."""
    settings = dict(secured.settings) | {f"RILLMAIL_{k}": v for k, v in change.items()}
    return {name: value for name, value in settings.items() if value}


def mail(subject: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "ann@far.example", "bo@here.example"
    message["Subject"] = subject
    message.set_content("At one?")
    return message.as_bytes(policy=SMTP)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    with own_cassandra(folder / "cassandra") as node, secured_engines(folder, node) as engines:
        yield engines
