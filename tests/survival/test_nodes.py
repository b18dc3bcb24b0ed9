"""Three nodes of Cassandra with a copy of each row: one at a time is killed, and nobody waits."""

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from tests.live.own_engine import OwnEngine, three_cassandras
from tests.survival import engines
from tests.survival.house import opened

pytestmark = [pytest.mark.live, pytest.mark.nodes]

MAILS = 60  # that are taken while a node is away


def test_each_of_two_nodes_is_killed_with_mail_flowing_and_what_was_kept_is_there(
    nodes: Sequence[OwnEngine], tmp_path: Path
) -> None:
    _, second, third = nodes
    with opened(tmp_path) as house, house.load() as load:
        with load.disturbance("one of three Cassandra nodes killed"):
            second.call("kill")
            load.await_mails(MAILS)
        assert set(load.report["met"]["smtp"]) == {"250"}
        second.call("up")
        # It missed what was written meanwhile, and must not be believed alone.
        with load.disturbance("another killed, as that one is back"):
            third.call("kill")
            load.await_mails(MAILS)
        assert set(load.report["met"]["smtp"]) == {"250"}
        house.settle(load)


@pytest.fixture
def nodes(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Generator[Sequence[OwnEngine]]:
    engines.check()
    with three_cassandras(tmp_path_factory.mktemp("nodes")) as started:
        hosts = ",".join(f"{each.host}:{each.port}" for each in started)
        monkeypatch.setenv("RILLMAIL_CASSANDRA_HOSTS", hosts)
        monkeypatch.setenv("RILLMAIL_CASSANDRA_REPLICATION", "3")
        yield started
