"""What tests of every folder share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process import RunningService


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    """The real service on a fresh data folder, with its two demo users."""
    with RunningService(tmp_path / "data") as running:
        yield running
