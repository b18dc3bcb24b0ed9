"""The chart as it would be installed: rendered by Helm's own packages, and read."""

import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.helm.mirror import CHART
from tests.lacking import brought_by

BUILD_TIMEOUT_S = 1_500  # the first time, on two cores that do other work as well


@cache
def _folder() -> Path:
    return brought_by(CHART.parent / "check" / "build", BUILD_TIMEOUT_S)


def checked(*arguments: str | Path, given: str = "") -> "subprocess.CompletedProcess[str]":
    """Run `check`, see helm/check/main.go, with *given* at its standard input."""
    return subprocess.run(
        [_folder() / "check", *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
    )


def rendered(*files: str | Path, release: str = "rillmail") -> str:
    """Return all manifests of a release with the values of *files*, paths beside the chart's."""
    done = checked("template", CHART, release, *(CHART / file for file in files))
    assert done.returncode == 0, done.stderr
    return done.stdout


def fitting(manifests: str) -> "subprocess.CompletedProcess[str]":
    """Hold *manifests* against the schemas of Kubernetes, of KEDA and of Prometheus's operator."""
    return checked("validate", _folder() / "schemas", given=manifests)


class Objects:
    """The objects of a release, by kind and name."""

    def __init__(self, manifests: str) -> None:
        self.all = [each for each in yaml.safe_load_all(manifests) if each]

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return all of one kind, by their names."""
        return {e["metadata"]["name"]: e for e in self.all if e["kind"] == kind}

    def pods(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Return the component and template of each pod that is ours or an engine's."""
        for each in self.all:
            spec = each.get("spec", {})
            if each["kind"] == "CronJob":
                spec = spec["jobTemplate"]["spec"]
            if "template" in spec:
                template = spec["template"]
                yield template["metadata"]["labels"]["app.kubernetes.io/component"], template


def environment(container: Mapping[str, Any]) -> dict[str, str]:
    """Return what a container finds in its environment; of a secret, where it lies."""
    found: dict[str, str] = {}
    for each in container.get("env", ()):
        at = each.get("valueFrom", {}).get("secretKeyRef")
        found[each["name"]] = f"{at['name']}/{at['key']}" if at else each["value"]
    assert len(found) == len(container.get("env", ())), "a variable is there twice"
    return found
