"""The alert rules: of metrics that there are, each with its entry in the runbook, and tested."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lacking import brought_by
from tests.observability.promql import problems

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "helm" / "observability"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
FETCH_TIMEOUT_S = 300

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


@each_rule
def test_a_rule_asks_for_metrics_that_there_are_with_labels_that_they_have(
    rule: dict[str, Any],
) -> None:
    assert list(problems(rule["expr"])) == []


@each_rule
def test_a_rule_says_how_urgent_it_is_and_what_is_the_matter(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert all(name in rule["expr"] or name == "instance" for name in named)


@each_rule
def test_a_rule_leads_to_its_entry_in_the_runbook(rule: dict[str, Any]) -> None:
    assert f"\n## {rule['alert']}\n" in RUNBOOK
    assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_the_runbook_has_no_entry_for_what_there_is_not() -> None:
    entries = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
    assert sorted(entries) == sorted({rule["alert"] for rule in RULES})


@each_rule
def test_each_alert_fires_in_a_test(rule: dict[str, Any]) -> None:
    assert f'alertname="{rule["alert"]}"' in (FOLDER / "alerts_test.yml").read_text()


def test_commands_that_the_runbook_names_are_there() -> None:
    from api.cli.main import main

    for line in re.findall(r"`rillmail ([a-z ]+)", RUNBOOK):
        command: Any = main
        for word in line.split():
            if not hasattr(command, "get_command"):
                break
            found = command.get_command(None, word)
            assert found is not None, f"rillmail {line}"
            command = found


def test_settings_that_the_runbook_names_are_there() -> None:
    settings = (ROOT / "docs" / "settings.md").read_text()
    for name in re.findall(r"`(RILLMAIL_[A-Z_]+)`", RUNBOOK):
        assert f"`{name}`" in settings


@pytest.mark.live
def test_promtool_finds_nothing_to_complain_of_and_rules_fire_when_they_should() -> None:
    promtool = found()
    for words in (("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")):
        done = subprocess.run(
            [promtool, *words], cwd=FOLDER, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.live
def test_promtool_finds_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "wrong.yml").write_text(
        "groups: [{name: a, rules: [{alert: A, expr: 'sum(rate(x[5m])'}]}]"
    )
    done = subprocess.run(
        [found(), "check", "rules", "wrong.yml"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode != 0


def found() -> Path:
    return brought_by(FOLDER / "promtool", FETCH_TIMEOUT_S)
