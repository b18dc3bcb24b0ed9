"""docs/conformance.md: the places that it names are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "conformance.md"


def test_each_file_that_is_named_is_there() -> None:
    named = set(re.findall(r"`([a-z]+/[a-z_/.]+\.(?:py|md))`", PAGE.read_text(encoding="utf-8")))
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []
