"""Where the API is tested: in memory, and the same tests on the cluster's engines."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.api.desk import Desks, a_desk


@pytest.fixture(name="a_desk", params=["memory", pytest.param("cluster", marks=pytest.mark.live)])
def desks(request: pytest.FixtureRequest) -> Desks:
    """Open a desk, as ``tests.api.desk.a_desk``."""
    if request.param == "memory":
        return a_desk
    return partial(a_desk, request.getfixturevalue("engines").place)


@pytest.fixture(scope="session")
def engines() -> Iterator[Any]:
    """The cluster's engines, each with a place of this run."""
    # Imported here, so that tests without an engine load no driver.
    from tests.api.engines import shared_engines

    with shared_engines() as shared:
        yield shared
