"""What the model takes a mail to cost is what docs/performance.md says."""

import re
from pathlib import Path

import pytest

from api.capacity.measured import MEASURED, Figure

PAGE = (Path(__file__).parents[2] / "docs" / "performance.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MEASURED)
def test_a_figure_is_that_of_its_line(name: str) -> None:
    figure = MEASURED[name]
    told = cell(figure).split(";")[figure.part]
    [number, *_] = re.findall(r"\d+(?:\.\d+)?", told)
    assert float(number) == figure.value, (
        f"docs/performance.md says {number} now: take it over in api/capacity/measured.py, and"
        " write the page anew: .venv/bin/rillmail capacity --markdown > docs/capacity.md"
    )


def cell(figure: Figure) -> str:
    """Return the cell that *figure* names, of the first such row below its heading."""
    section = re.split(rf"(?m)^#+ {re.escape(figure.section)}$", PAGE)[1]
    section = re.split(r"(?m)^#+ ", section)[0]
    for line in section.splitlines():
        cells = [part.strip() for part in line.strip("|").split("|")]
        if line.startswith("|") and cells[0].startswith(figure.row):
            return cells[figure.column]
    raise AssertionError(f"no line of {figure.section!r} begins with {figure.row!r}")
