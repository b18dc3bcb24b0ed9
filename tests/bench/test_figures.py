"""Figures, their aims, and the report in both its forms."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bench import machine
from bench.figures import Figure, Section, latencies, percentile
from bench.report import Report, number, show

VALUES = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (1, 1), (50, 50), (50.1, 51), (99, 99), (100, 100)]
)
def test_a_percentile_is_one_of_the_values(percent: float, expected: int) -> None:
    assert expected == percentile(range(100, 0, -1), percent)


@given(VALUES, st.floats(0.1, 100))
def test_that_many_values_do_not_exceed_a_percentile(values: list[float], percent: float) -> None:
    at = percentile(values, percent)

    assert sum(1 for value in values if value <= at) * 100 >= percent * len(values) - 1e-6
    assert at in values


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


@pytest.mark.parametrize(("value", "is_met"), [(2.9, True), (3.0, True), (3.1, False)])
def test_an_aim_is_met_or_not(value: float, is_met: bool) -> None:
    assert is_met == Figure(key="a", value=value, unit="ms", meaning="", at_most=3.0).is_met


def test_latencies_are_told_in_milliseconds() -> None:
    p50, p99 = latencies("open", [0.001, 0.002, 0.003], "a mail", p50_at_most=3)

    assert (p50.key, p50.value, p50.at_most) == ("open_p50", 2.0, 3)
    assert (p99.key, p99.value, p99.at_most) == ("open_p99", 3.0, None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0"), (0.01234, "0.0123"), (4.567, "4.57"), (45.67, "45.7"), (12_345.6, "12,346")],
)
def test_a_number_has_the_digits_that_mean_something(value: float, expected: str) -> None:
    assert expected == number(value)


def test_the_report_says_the_same_to_people_and_to_programs(tmp_path: Path) -> None:
    figure = Figure(key="speed_p50", value=2.5, unit="ms", meaning="how fast", at_most=3)
    section = Section(name="speed", title="Speed", figures=(figure,), notes=("as [it] is",))
    report = Report(machine=machine.describe(tmp_path), settings={"mails": 3}, sections=[section])
    report.write(tmp_path / "made" / "bench.json")
    told = io.StringIO()
    report.show_conditions(Console(file=told, width=120))
    show(section, Console(file=told, width=120))

    written = json.loads((tmp_path / "made" / "bench.json").read_text())
    assert written["sections"]["speed"] == {
        "title": "Speed",
        "notes": ["as [it] is"],
        "figures": {"speed_p50": {"value": 2.5, "unit": "ms", "meaning": "how fast", "at_most": 3}},
    }
    assert {"cores", "cpu", "python", "fsync_ms"} <= written["machine"].keys()
    assert written["settings"]["mails"] == 3
    for text in ("Speed", "speed_p50", "2.50", "≤ 3 ✓", "how fast", "as [it] is", "fsync"):
        assert text in told.getvalue()
