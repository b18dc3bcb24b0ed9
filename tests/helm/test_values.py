"""The chart's values: they repeat what the program says of its settings, roles and topics."""

import re
from pathlib import Path
from typing import Any, get_type_hints

import jsonschema_rs
import msgspec
import pytest
from click.testing import CliRunner

from api.cli.cluster import ROLES
from api.cli.main import main
from connectors.settings import Settings, load
from tests.helm.mirror import (
    CHART,
    EITHER,
    MOUNTED,
    OTHERWISE,
    SECRET,
    mirrored,
    ordered,
    reads,
    schema,
    values,
)
from topologies.topics import BY_NAME

SETS = ["ci/minimal-values.yaml", "ci/production-values.yaml", "ci/trial-values.yaml"]
DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(Settings)}
ANEW = "write it anew: .venv/bin/python -m tests.helm.mirror"


def test_the_schema_repeats_what_the_program_says_of_its_settings() -> None:
    assert mirrored(schema()) == schema(), ANEW


def test_each_setting_has_one_place_in_the_chart_and_none_is_unknown() -> None:
    told = schema()["properties"]
    plain = set(told["settings"]["properties"])
    secret = set(told["secretSettings"]["properties"])
    assert plain | secret | set(MOUNTED) == set(DEFAULTS)
    assert plain & secret == set(EITHER)
    for setting, place in MOUNTED.items():
        assert setting in told[place]["description"]


def test_the_chart_sets_only_what_pods_need_otherwise_and_ports() -> None:
    for setting, value in values()["settings"].items():
        assert value == OTHERWISE.get(setting, DEFAULTS[setting]), setting


def test_no_setting_that_sounds_like_a_secret_is_a_value() -> None:
    sounding = {
        name for name in get_type_hints(Settings) if re.search("secret|password|_key$", name)
    }
    assert sounding - set(MOUNTED) <= set(SECRET)
    errors = problems({"settings": {"s3_secret_key": "in sight"}})
    assert any("s3_secret_key" in error for error in errors)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("redis_url", "redis://:password@redis:6379/0"),
        ("elasticsearch_urls", ["https://elastic:password@search:9200"]),
        ("kafka_servers", ["one:9092,two:9092"]),
        ("partitions", 0),
        ("partitions", "many"),
        ("profile", "embedded"),
        ("smtp_port", 25),
        ("smtp_prot", 2525),
        ("log_level", "loud"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(setting: str, value: Any) -> None:
    assert problems({"settings": {setting: value}}) != []


@pytest.mark.parametrize("file", SETS)
def test_each_set_of_values_fits_the_schema_and_the_program(file: str) -> None:
    chosen = values(file)
    assert problems(chosen) == []
    environment = {
        f"RILLMAIL_{name.upper()}": ",".join(value) if isinstance(value, list) else str(value)
        for name, value in chosen["settings"].items()
    }
    assert load(environment).profile == "cluster"


def test_there_is_a_deployment_for_each_role() -> None:
    assert set(values()["roles"]) == set(ROLES)


def test_workers_are_scaled_by_all_that_their_role_reads() -> None:
    roles = values()["roles"]
    told = {name: ordered(role["autoscaling"]["reads"]) for name, role in roles.items()}
    read = {name: ordered(groups) for name, groups in reads().items()}
    assert told == {"smtp": [], "api": []} | read, (
        "let autoscaling.reads of the role in helm/rillmail/values.yaml say so"
    )


@pytest.mark.parametrize("job", values()["jobs"]["cron"])
def test_what_runs_by_the_clock_is_a_command(job: str) -> None:
    args: list[str] = values()["jobs"]["cron"][job]["args"]
    result = CliRunner().invoke(main, [*args, "--help"])
    assert (result.exit_code, result.stdout.splitlines()[0]) == (
        0,
        f"Usage: main {' '.join(word for word in args if word.isalpha())} [OPTIONS]",
    )


def test_a_step_that_a_set_of_values_cuts_is_read_by_a_role_of_its_own() -> None:
    chosen = values("ci/production-values.yaml")
    [cut] = chosen["settings"]["cuts"]
    [read] = chosen["roles"]["scan"]["autoscaling"]["reads"]
    assert (BY_NAME[cut].is_step, read) == (True, {"group": "scan", "topic": cut})


def test_what_a_worker_has_to_end_in_is_longer_than_it_takes() -> None:
    serving = Path(__file__).parents[2] / "api" / "cli" / "serving.py"  # it loads every engine
    [ends_s] = re.findall(r"(?m)^ENDS_WITHIN_S = ([\d.]+)", serving.read_text(encoding="utf-8"))
    pod = (CHART / "templates" / "_pod.tpl").read_text(encoding="utf-8")
    [spare] = re.findall(r"terminationGracePeriodSeconds: \{\{ add (\d+) \$root", pod)
    assert float(spare) >= float(ends_s) + 5


def problems(chosen: dict[str, Any]) -> list[str]:
    """Return what the schema says against *chosen*, each with its place."""
    whole = values() if set(chosen) == {"settings"} else {}
    merged = whole | chosen
    merged["settings"] = whole.get("settings", {}) | chosen["settings"]
    validator = jsonschema_rs.validator_for(schema())
    return [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(merged)]
