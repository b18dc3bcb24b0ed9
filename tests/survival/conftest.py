"""One cluster for all tests that leave it sound; a fresh one after a test that did not."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.survival import engines
from tests.survival.house import House, opened


@pytest.fixture(scope="session")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], House]]:
    engines.check()
    with ExitStack() as held:
        kept: list[House] = []

        def sound() -> House:
            if not kept or not kept[-1].is_sound:
                held.close()
                kept.append(held.enter_context(opened(tmp_path_factory.mktemp("house"))))
            return kept[-1]

        yield sound


@pytest.fixture
def house(houses: Callable[[], House]) -> House:
    return houses()
