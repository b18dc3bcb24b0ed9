"""rillmail prepare: an engine that is away, or settings that do not fit, are told by name."""

import json

import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from tests.cli.test_worker import told
from tests.live.engines import cluster_settings
from tests.process import free_port

KAFKA = f"127.0.0.1:{free_port()}"


@pytest.mark.process  # it is waited for
def test_a_kafka_that_does_not_answer_is_told() -> None:
    words = told(prepare(RILLMAIL_KAFKA_SERVERS=KAFKA))
    assert words.startswith("Kafka")
    assert words.endswith("try again in a moment")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("RILLMAIL_KAFKA_SERVERS", "", "kafka_servers names no server"),
        ("RILLMAIL_KAFKA_REPLICATION", "0", "RILLMAIL_KAFKA_REPLICATION: Expected `int` >= 1"),
        ("RILLMAIL_PARTITIONS", "many", "RILLMAIL_PARTITIONS: Expected `int`"),
    ],
)
def test_a_setting_that_does_not_fit_is_told(name: str, value: str, words: str) -> None:
    assert words in told(prepare(**{name: value}))


@pytest.mark.parametrize(
    "words", ["prepare", "topics diff", "topics apply", "schema apply", "schema status"]
)
def test_the_embedded_profile_asks_and_changes_no_engine_that_happens_to_listen(words: str) -> None:
    result = CliRunner(env={"RILLMAIL_KAFKA_SERVERS": KAFKA}).invoke(main, words.split())
    assert told(result).startswith("that is of the cluster: set RILLMAIL_PROFILE=cluster;")


@pytest.mark.live
def test_what_is_there_is_left_and_told_again() -> None:
    with cluster_settings() as settings:  # which has prepared it once
        result = CliRunner(env=settings).invoke(main, ["prepare", "--json"])
        assert result.exit_code == 0, result.output
        assert list(json.loads(result.stdout)) == ["Kafka", "Cassandra", "Elasticsearch", "S3"]
        assert "0 migrations applied" in json.loads(result.stdout)["Cassandra"]
        wrong = settings | {"RILLMAIL_CASSANDRA_KEYSPACE": "not a name"}
        assert "not a name" in told(CliRunner(env=wrong).invoke(main, ["prepare"]))


def prepare(**settings: str) -> Result:
    return CliRunner(env={"RILLMAIL_PROFILE": "cluster"} | settings).invoke(main, ["prepare"])
