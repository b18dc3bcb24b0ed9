"""What tests of every folder share."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from tests.process import RunningService

if TYPE_CHECKING:
    from connectors.cassandra.driver import Connected


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
def cassandra() -> Iterator["Connected"]:
    """A keyspace of this run in the real Cassandra, for tests marked live."""
    # Imported here, so that tests without an engine load no driver.
    from tests.live.engines import cassandra as engine

    with engine() as connected:
        yield connected
