"""The list of figures: it is the page, it is what is told, and its labels have few values."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from connectors.metric_families import counter, gauges
from connectors.metric_list import (
    FIGURES,
    HTTP_SECONDS,
    MOST_PEERS,
    OTHER,
    Figure,
    code_class,
    reason_of,
)
from connectors.metrics import Metrics
from connectors.metrics_page import page
from connectors.peer_names import PeerNames

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
ROOT = PAGE.parents[1]
UNITS = {"seconds": "_seconds", "bytes": "_bytes"}


def test_the_page_is_made_of_the_list() -> None:
    assert PAGE.read_text() == page(), (
        "write it anew: .venv/bin/python -m connectors.metrics_page > docs/metrics.md"
    )


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_name_says_type_and_unit_as_prometheus_has_it(figure: Figure) -> None:
    assert re.fullmatch(r"rillmail_[a-z_]+", figure.name)
    assert figure.name.endswith("_total") == (figure.kind == "counter")
    assert not set(figure.labels) & {"le", "job", "instance"}
    assert figure.help
    if (end := UNITS.get(figure.unit)) is not None:
        assert figure.name.removesuffix("_total").endswith(end)


def test_no_figure_is_there_twice() -> None:
    assert len({figure.name for figure in FIGURES}) == len(FIGURES)


def test_all_that_is_told_is_on_the_list() -> None:
    told = re.findall(r"^# TYPE (rillmail\S+) ", Metrics().exposition()[0].decode(), re.MULTILINE)
    names = {figure.name for figure in FIGURES}
    assert [name for name in told if name not in names and not name.endswith("_created")] == []


def test_every_figure_is_told_by_somebody() -> None:
    files = [*ROOT.glob("connectors/**/*.py"), *ROOT.glob("api/**/*.py")]
    code = "".join(path.read_text() for path in files if path.name != "metric_list.py")
    listed = (ROOT / "connectors" / "metric_list.py").read_text()
    names = dict(re.findall(r'^([A-Z_]+) = Figure\(\n    name="(\S+)",', listed, re.MULTILINE))
    assert set(names.values()) == {figure.name for figure in FIGURES}
    assert [name for name in names if f"listed.{name}" not in code] == []


def test_a_figure_that_is_not_on_the_list_can_not_be_told() -> None:
    unlisted = Figure(name="rillmail_other_total", kind="counter", unit="others", help="Others")
    with pytest.raises(ValueError, match="is no counter of the list"):
        counter(unlisted, CollectorRegistry())
    with pytest.raises(ValueError, match="is no gauge of the list"):
        gauges(HTTP_SECONDS)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("250 2.1.5 Ok", "none"),
        ("550 5.1.1", "no such mailbox"),
        ("550 5.1.2 No such domain", "address"),
        ("452 4.2.2", "mailbox full"),
        ("452 4.5.3 Too many", "too many recipients"),
        ("451 4.7.1 Greylisted", "policy"),
        ("535 5.7.8", "sign-in"),
        ("500 Error", "none"),
        ("421", "none"),
    ],
)
def test_a_reply_is_about_what_its_enhanced_code_says(reply: str, reason: str) -> None:
    assert reason_of(reply[:9]) == reason


def test_a_code_is_told_by_its_class() -> None:
    assert [code_class(code) for code in (200, 354, 451, 599, 0, 999)] == [
        *("2xx", "3xx", "4xx", "5xx", "5xx", "5xx"),
    ]


def test_a_domain_gets_a_name_once_it_is_tried_often_and_keeps_it() -> None:
    names = PeerNames(most=1, named_from=3)
    assert [names.name_of("a.example") for _ in range(4)] == [OTHER, OTHER, *["a.example"] * 2]
    assert {names.name_of("b.example") for _ in range(9)} == {OTHER}  # all names are given


def test_however_many_domains_there_are_few_are_named_and_few_remembered() -> None:
    names = PeerNames()
    for number in range(20_000):
        names.name_of(f"{number}.example")
        names.name_of("often.example")
    named = {names.name_of(f"{number}.example") for number in range(20_000)}
    assert len(named) <= MOST_PEERS
    assert names.name_of("often.example") == "often.example"
