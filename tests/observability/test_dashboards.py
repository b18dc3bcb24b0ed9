"""The dashboards: made of their description, and of metrics that there are."""

import json
from pathlib import Path
from typing import Any

import pytest

from helm.observability.dashboards import DASHBOARDS, FOLDER, Dashboard, as_json
from tests.observability.promql import KNOWN, named, problems


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)
def test_a_file_is_made_of_its_description(dashboard: Dashboard) -> None:
    assert (FOLDER / f"{dashboard.uid}.json").read_text() == as_json(dashboard) + "\n", (
        "write it anew: .venv/bin/python -m helm.observability.dashboards"
    )


def test_there_is_no_other_file() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {each.uid for each in DASHBOARDS}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_panels_ask_for_metrics_that_there_are_with_labels_that_they_have(path: Path) -> None:
    told = [
        f"{panel['title']}: {each}"
        for panel in panels(path)
        for target in panel["targets"]
        for each in problems(target["expr"])
    ]
    assert told == []


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_panels_lie_beside_each_other_and_name_what_they_show(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels(path):
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
        for target in panel["targets"]:
            shown = set(named("m{" + "=,".join(braces(target["legendFormat"])) + "=}").metrics["m"])
            assert shown <= named(target["expr"]).grouped, panel["title"]


def test_each_metric_of_ours_is_shown_somewhere() -> None:
    queries = [
        target["expr"]
        for path in FOLDER.glob("*.json")
        for panel in panels(path)
        for target in panel["targets"]
    ]
    shown = {name for query in queries for name in named(query).metrics}
    whole = {name.removesuffix(end) for name in shown for end in ("_bucket", "_count", "")}
    ours = {name for name in KNOWN if name.startswith("rillmail_")}
    ends = ("_bucket", "_sum", "_count")
    assert {name for name in ours if not name.endswith(ends)} - whole == set()


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("rate(rillmail_other_total[5m])", ["there is no metric rillmail_other_total"]),
        ('rillmail_dead_letters{stage="parse"}', ["rillmail_dead_letters has no label stage"]),
        ("sum by (peer) (rillmail_dead_letters)", ["nothing has the label peer"]),
        ("vector(0)", ["it names no metric"]),
        ('sum by (instance, le) (rate(rillmail_http_seconds_bucket{job="x"}[5m])) > 1', []),
    ],
)
def test_what_nobody_tells_is_found(query: str, told: list[str]) -> None:
    assert list(problems(query)) == told


def panels(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text())["panels"]


def braces(legend: str) -> list[str]:
    return [part.partition("}}")[0] for part in legend.split("{{")[1:]]
