"""What tests of every folder share."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import settings

from connectors.settings import load
from tests.process import RunningCluster, RunningService

if TYPE_CHECKING:
    from connectors.cassandra.driver import Connected

# How fast a machine is decides no test. The gate tries what it tried before; whoever works on
# the code tries something new each time.
settings.register_profile("ours", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("ours")


# What takes seconds by itself, and is told by `make test-more`: `make test` is run all the time.
LONG = frozenset(
    {
        "api/test_draft_histories.py",
        "bench/test_load.py",
        "cli/test_audit.py",
        "cli/test_capacity.py",
        "cli/test_export.py",
        "cli/test_quarantine.py",
        "cli/test_queue.py",
        "cli/test_replay.py",
        "cli/test_schema_publish.py",
        "cli/test_serving.py",
        "connectors/test_document_process.py",
        "connectors/test_http_out.py",
        "connectors/test_kafka_dead_letters.py",
        "connectors/test_kafka_log.py",
        "connectors/test_kafka_reader.py",
        "contracts/test_blobs.py",
        "contracts/test_mailbox_histories.py",
        "contracts/test_texts.py",
        "engines/test_embedded.py",
        "feedback/test_webhook_chain.py",
        "outbound/test_delivery.py",
        "outbound/test_delivery_any.py",
        "pipelines/test_command.py",
        "pipelines/test_export.py",
        "pipelines/test_generate.py",
        "pipelines/test_reconcile.py",
        "pipelines/test_reports.py",
        "pipelines/test_synthetic.py",
        "pipelines/test_train_spam.py",
        "smtp/test_places.py",
        "smtp/test_processes.py",
        "smtp/test_reader.py",
        "test_rebuild_mailboxes.py",
        "test_trail.py",
    }
)


@pytest.hookimpl(tryfirst=True)  # before it is chosen by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is long."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.path.relative_to(here).as_posix() in LONG:
            item.add_marker("long")


# What tests listen on is on loopback.
WEBHOOKS_HERE = {"RILLMAIL_WEBHOOKS_TO_PRIVATE": "true"}


@pytest.fixture(autouse=True)
def _logs_as_by_default() -> Iterator[None]:
    """Undo what a command that ran in this process set."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    """The real service on a fresh data folder, with its two demo users."""
    with RunningService(tmp_path / "data") as running:
        yield running


@pytest.fixture(scope="session")
def embedded_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """One real service for all tests that share it, each with people of its own."""
    with RunningService(tmp_path_factory.mktemp("embedded") / "data", WEBHOOKS_HERE) as running:
        yield running


@pytest.fixture(scope="session")
def cluster_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """One real cluster for all tests that share it, each with people of its own."""
    from tests.live.engines import cluster_settings

    folder = tmp_path_factory.mktemp("cluster") / "data"
    with cluster_settings() as own:
        # As where clients reach the store of blobs.
        own.setdefault("RILLMAIL_S3_PUBLIC_URL", load().s3_url)
        own |= WEBHOOKS_HERE
        with RunningCluster(folder, own | {"RILLMAIL_DATA_DIR": str(folder)}) as running:
            yield running


@pytest.fixture(scope="session")
def cassandra() -> Iterator["Connected"]:
    """A keyspace of this run in the real Cassandra, for tests marked live."""
    # Imported here, so that tests without an engine load no driver.
    from tests.live.engines import cassandra as engine

    with engine() as connected:
        yield connected
