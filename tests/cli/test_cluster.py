"""rillmail cluster: what is wrong is told in one sentence, before anything is started."""

import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from tests.cli.test_worker import CLUSTER, NOWHERE, told


def test_on_one_process_there_is_no_cluster() -> None:
    result = cluster(RILLMAIL_PROFILE="embedded")
    assert told(result) == "set RILLMAIL_PROFILE=cluster, or use `rillmail run`"


def test_one_process_is_not_run_as_a_cluster() -> None:
    result = CliRunner(env=CLUSTER).invoke(main, ["run"])
    assert told(result).startswith("RILLMAIL_PROFILE=cluster: run each role by `rillmail worker")


@pytest.mark.parametrize("roles", [["nothing"], ["smtp", "nothing"]])
def test_a_role_that_there_is_not_is_told_and_nothing_is_started(roles: list[str]) -> None:
    assert told(cluster(*roles, **CLUSTER)).startswith("no role 'nothing': there are smtp, api")


def test_an_engine_that_does_not_answer_is_told_where_users_are_to_be_made() -> None:
    words = told(cluster("--demo", **CLUSTER, **NOWHERE))
    assert NOWHERE["RILLMAIL_CASSANDRA_HOSTS"] in words


def cluster(*arguments: str, **settings: str) -> Result:
    return CliRunner(env=settings).invoke(main, ["cluster", *arguments])
