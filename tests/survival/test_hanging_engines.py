"""Engines hang with mail flowing: what they are asked is answered in bounded time, by us."""

import time

import pytest

from tests.survival import engines
from tests.survival.house import House

pytestmark = [pytest.mark.live, pytest.mark.survival]

HANGS_S = 40.0


@pytest.mark.parametrize("engine", engines.NAMES)
def test_an_engine_hangs_for_a_while(house: House, engine: str) -> None:
    with house.load() as load:
        with load.disturbance(f"{engine} hangs"), engines.hanging(engine):
            time.sleep(HANGS_S)
        house.settle(load)
