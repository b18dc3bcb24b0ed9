"""Where journeys go: the embedded service, and the same on the cluster."""

from collections.abc import Iterator

import pytest

from tests.journeys.place import Place
from tests.process import RunningService


@pytest.fixture(params=["embedded", pytest.param("cluster", marks=pytest.mark.live)])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A running service, and a domain on it that is this test's own."""
    service: RunningService = request.getfixturevalue(f"{request.param}_service")
    with Place(service) as opened:
        yield opened
