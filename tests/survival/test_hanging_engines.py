"""Engines hang with mail flowing: who waits for one is told so in bounded time."""

import time

import pytest

from tests.survival import engines
from tests.survival.house import House

pytestmark = [pytest.mark.live, pytest.mark.survival]

HANGS_S = 25.0  # longer than anything of ours waits for an answer


def test_engines_hang_one_after_the_other(house: House) -> None:
    met: dict[str, dict[str, dict[str, int]]] = {}
    with house.load() as load:
        for names in (("clamd", "elasticsearch", "redis"), ("s3",), ("cassandra",), ("kafka",)):
            with load.disturbance(f"{', '.join(names)} hang"), engines.hanging(*names):
                time.sleep(HANGS_S)
            met[names[0]] = load.report["met"]
        house.settle(load)
    for name in ("clamd", "s3"):
        assert set(met[name]["reading"]) == {"200"}
    assert set(met["clamd"]["smtp"]) == {"250"}
    assert met["kafka"]["smtp"]["451"] > 0
    assert not {"timeout", "broken"} & {how for flows in met.values() for how in flows["smtp"]}
