"""What tests of every folder share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.process import RunningService


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
