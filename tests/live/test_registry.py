"""The schemas of events in a real schema registry with Confluent's API (Apicurio's)."""

import json
from collections.abc import Generator
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from api.cli.schema_publish import publish
from tests.live.own_engine import own_registry
from topologies.schemas import schemas
from topologies.topics import OWN_TOPICS

pytestmark = pytest.mark.live

HOW_MANY = sum(len(topic.events) for topic in OWN_TOPICS)
SUBJECT = "mail.received-mail.received-v1"


def test_a_real_registry_takes_every_schema_once_and_gives_it_back(registry: str) -> None:
    missing = CliRunner().invoke(publish, [registry, "--check"])
    first = CliRunner().invoke(publish, [registry, "--json"])
    again = CliRunner().invoke(publish, [registry, "--json"])

    assert missing.exit_code == 1
    assert len(missing.stdout.splitlines()) == HOW_MANY
    assert len(json.loads(first.stdout)["registered"]) == HOW_MANY
    assert json.loads(again.stdout) == json.loads(first.stdout)
    assert CliRunner().invoke(publish, [registry, "--check"]).exit_code == 0
    with urlopen(f"{registry}/subjects/{SUBJECT}/versions") as answer:
        assert json.load(answer) == [1]
    with urlopen(f"{registry}/subjects/{SUBJECT}/versions/1") as answer:
        kept = json.load(answer)
    assert kept["schemaType"] == "JSON"
    assert json.loads(kept["schema"]) == json.loads(dict(schemas())["mail.received-1.json"])


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with own_registry(tmp_path_factory.mktemp("registry")) as engine:
        yield engine.call("status").split()[1]
