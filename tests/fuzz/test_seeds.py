"""Each seed, and whatever once broke something, is read as it should be."""

from collections.abc import Callable

import pytest

from tests.fuzz.__main__ import MESSAGES, SEEDS
from tests.fuzz.targets import TARGETS, message, session


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_kept_of_a_target_breaks_nothing(name: str) -> None:
    seeds = sorted((SEEDS / name).iterdir())
    assert seeds
    for seed in seeds:
        TARGETS[name](seed.read_bytes())


@pytest.mark.parametrize("target", [message, session])
def test_messages_at_hand_break_nothing(target: Callable[[bytes], None]) -> None:
    messages = sorted(MESSAGES.glob("*.eml"))
    assert messages
    for each in messages:
        target(each.read_bytes())
