"""The simulation that holds the model up: it agrees with the formula, and with itself."""

import pytest

from api.capacity.queueing import Outage, expected_drain_s, expected_wait_s, simulated

SERVICE_S = 0.005


@pytest.mark.parametrize("utilisation", [0.3, 0.6, 0.8])
@pytest.mark.parametrize("spread", [0.5, 1.0])
def test_mails_wait_as_long_as_the_formula_says(utilisation: float, spread: float) -> None:
    waiting, _ = simulated(utilisation, SERVICE_S, mails=20_000, spread=spread)
    expected = expected_wait_s(utilisation, SERVICE_S, spread)
    assert waiting.mean_s == pytest.approx(expected, rel=0.2)


def test_every_mail_is_worked_off_once() -> None:
    for outage in (None, Outage(begins_s=1.0, lasts_s=5.0)):
        waiting, _ = simulated(0.6, SERVICE_S, mails=10_000, outage=outage)
        assert waiting.mails == 10_000


def test_the_fuller_a_core_the_longer_mail_waits() -> None:
    waits = [simulated(each, SERVICE_S, mails=10_000)[0].mean_s for each in (0.3, 0.6, 0.9)]
    assert waits == sorted(waits)


@pytest.mark.parametrize("utilisation", [0.3, 0.6, 0.8])
def test_after_an_outage_a_queue_is_worked_off_as_fast_as_computed(utilisation: float) -> None:
    outage = Outage(begins_s=5.0, lasts_s=10.0)
    mails = int((20 + 10 / (1 - utilisation)) * utilisation / SERVICE_S)
    waiting, drained_s = simulated(utilisation, SERVICE_S, mails=mails, workers=1, outage=outage)
    assert drained_s == pytest.approx(expected_drain_s(utilisation, 10.0), rel=0.25)
    assert waiting.most_s == pytest.approx(10.0, rel=0.05)


def test_the_same_seed_gives_the_same_figures() -> None:
    assert simulated(0.6, SERVICE_S, mails=1_000) == simulated(0.6, SERVICE_S, mails=1_000)
    assert simulated(0.6, SERVICE_S, mails=1_000) != simulated(0.6, SERVICE_S, mails=1_000, seed=2)
