"""Texts that are sealed tell nothing without the secret."""

import pytest

from connectors.sealed_text import Seal
from topologies.errors import Misconfigured


def test_what_is_sealed_is_opened_by_the_same_secret_alone() -> None:
    kept = Seal("one", "SECRET").sealed("a key")
    assert "a key" not in kept
    assert Seal("one", "SECRET").opened(kept) == "a key"
    for other in ("two", ""):
        with pytest.raises(Misconfigured, match="SECRET is not the secret"):
            Seal(other, "SECRET").opened(kept)
    with pytest.raises(Misconfigured):
        Seal("one", "SECRET").opened(kept[:-8])


def test_what_was_kept_before_there_was_a_secret_is_still_read() -> None:
    kept = Seal("", "SECRET").sealed("a key")
    assert Seal("one", "SECRET").opened(kept) == "a key"


def test_the_same_text_is_sealed_to_another_each_time() -> None:
    seal = Seal("one", "SECRET")
    assert seal.sealed("a key") != seal.sealed("a key")
