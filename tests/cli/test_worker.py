"""rillmail worker: what is wrong with its settings or roles is told in one sentence."""

import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from tests.process import free_port

CLUSTER = {"RILLMAIL_PROFILE": "cluster"}


def test_on_one_process_there_are_no_workers() -> None:
    result = worker("inbound", RILLMAIL_PROFILE="embedded")
    assert told(result) == (
        "workers are of the cluster: set RILLMAIL_PROFILE=cluster, or use `rillmail run`"
    )


def test_a_worker_without_a_role_is_refused() -> None:
    result = worker(**CLUSTER)
    assert (result.exit_code, "Missing argument 'ROLE...'" in result.stderr) == (2, True)


def test_a_role_that_there_is_not_is_told_with_those_that_there_are() -> None:
    words = told(worker("inbund", **CLUSTER))
    assert words.startswith("no role 'inbund': there are smtp, api, inbound, mailbox, outbound")


def test_a_stage_that_another_runs_by_the_way_is_no_role_unless_it_is_cut_off() -> None:
    words = told(worker("scan", **CLUSTER))
    assert "scan" in words
    # Cut off, it is one: what is missed then is the first engine that is asked.
    cut = worker("scan", **CLUSTER, **NOWHERE, RILLMAIL_CUTS="mail.authenticated")
    assert "Cassandra" in told(cut)


def test_one_wrong_role_among_right_ones_is_told() -> None:
    assert told(worker("smtp", "api", "nothing", **CLUSTER)).startswith("no role 'nothing'")


def test_a_cassandra_that_does_not_answer_is_named_with_its_address() -> None:
    words = told(worker("api", **CLUSTER, **NOWHERE))
    assert NOWHERE["RILLMAIL_CASSANDRA_HOSTS"] in words
    assert words.endswith("try again in a moment")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("RILLMAIL_PROFILE", "clutser", "RILLMAIL_PROFILE: Invalid enum value 'clutser'"),
        ("RILLMAIL_PARTITIONS", "0", "RILLMAIL_PARTITIONS: Expected `int` >= 1"),
        ("RILLMAIL_KAFKA_SERVER", "a:1", "RILLMAIL_KAFKA_SERVER is no setting"),
        ("RILLMAIL_CUTS", "mail.nothing", "mail.nothing"),
        ("RILLMAIL_CASSANDRA_HOSTS", "not a host", "not a host"),
    ],
)
def test_a_setting_that_does_not_fit_is_told(name: str, value: str, words: str) -> None:
    assert words in told(worker("mailbox", **CLUSTER | {name: value}))


NOWHERE = {"RILLMAIL_CASSANDRA_HOSTS": f"127.0.0.1:{free_port()}"}


def worker(*roles: str, **settings: str) -> Result:
    return CliRunner(env=settings).invoke(main, ["worker", *roles])


def told(result: Result) -> str:
    """Return the one sentence that a command ends with."""
    assert result.exit_code == 1, result.output
    [line] = result.stderr.splitlines()
    return line.removeprefix("Error: ")
