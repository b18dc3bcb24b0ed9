"""What the chart has to repeat of the program: its settings, and who reads which topic.

.venv/bin/python -m tests.helm.mirror      # writes the settings in values.schema.json anew
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from connectors.settings import SECRETS, Settings
from topologies.topology import build

CHART = Path(__file__).parents[2] / "helm" / "rillmail"
SCHEMA = CHART / "values.schema.json"

# Nobody may write these into values: the chart takes a reference to a Secret alone.
SECRET = tuple(sorted(SECRETS))
# These may hold a password or not.
EITHER = ("elasticsearch_urls", "redis_url")
# The chart mounts a Secret of certificates and names its files by itself.
MOUNTED = {
    "tls_certificate": "tls",
    "tls_key": "tls",
    "submission_certificate": "submissionTls",
    "submission_key": "submissionTls",
} | {
    f"{engine}_{file}": "engineTls"
    for engine, files in {
        "kafka": ("ca_file", "certificate", "key"),
        "cassandra": ("ca_file", "certificate", "key"),
        "elasticsearch": ("ca_file",),
        "redis": ("ca_file", "certificate", "key"),
        "s3": ("ca_file",),
    }.items()
    for file in files
}
# What pods need otherwise than a program that somebody starts by hand, and why.
OTHERWISE: Mapping[str, Any] = {
    "profile": "cluster",  # the chart is of nothing else
    "data_dir": "/var/lib/rillmail",  # an empty folder of the pod's; all else is read-only
    "host": "0.0.0.0",  # a pod is reached from outside
    "health_port": 8026,  # probes have to know it
    "partitions": 16,  # so many workers of a role can share the work
    "kafka_replication": 3,
    "cassandra_replication": 3,
    "elasticsearch_replication": 2,
}
_LEAST_PORT = 1024  # nobody but root may listen below; and no port can be any that is free
_NO_PASSWORD = "^[^@]*$"
_NO_COMMA, _NEITHER = "^[^,]+$", "^[^,@]+$"


def values(*names: str) -> dict[str, Any]:
    """Return the chart's own values, and over them those of the files *names*, as Helm does."""
    merged = _read("values.yaml")
    for name in names:
        _merge(merged, _read(name))
    return merged


def schema() -> dict[str, Any]:
    """Return the schema of the chart's values, as it is committed."""
    return json.loads(SCHEMA.read_text(encoding="utf-8"))


def mirrored(committed: dict[str, Any]) -> dict[str, Any]:
    """Return *committed* with what it repeats of the settings made anew."""
    properties = committed["properties"]
    told = json.loads(json.dumps(msgspec.json.schema(Settings)))  # lists, where it has tuples
    of_settings = told["$defs"]["Settings"]["properties"]
    properties["settings"]["properties"] = {
        name: _as_value(name, told)
        for name, told in of_settings.items()
        if name not in SECRET and name not in MOUNTED
    }
    properties["secretSettings"]["properties"] = {
        name: {"$ref": "#/$defs/secret", "description": of_settings[name]["description"]}
        for name in (*SECRET, *EITHER)
    }
    return committed


def reads() -> dict[str, list[dict[str, str]]]:
    """Return what each path of stages reads: its consumer groups and their topics."""
    found: dict[str, list[dict[str, str]]] = {}
    for topic, stage in build().heads():
        found.setdefault(stage.path, []).append({"group": stage.name, "topic": topic.name})
    return found


def ordered(groups: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    """Return *groups* as pairs, in an order that does not depend on how they were found."""
    return sorted((each["group"], each["topic"]) for each in groups)


def _read(name: str) -> dict[str, Any]:
    read = yaml.safe_load((CHART / name).read_text(encoding="utf-8"))
    return json.loads(json.dumps(read))  # so that what is told once by an anchor is not shared


def _as_value(name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    described = dict(told)
    if "pattern" in described:  # the end of all is `$` in JSON Schema (ECMA-262 §22.2.1)
        described["pattern"] = described["pattern"].replace(r"\Z", "$")
    if described.get("type") == "array" and described["items"] == {"type": "string"}:
        # They are joined by commas.
        pattern = _NEITHER if name in EITHER else _NO_COMMA
        described["items"] = {"type": "string", "pattern": pattern}
    elif name in EITHER:
        described["pattern"] = _NO_PASSWORD
    if name.endswith("_port") and name != "delivery_port":
        described["minimum"] = _LEAST_PORT
        if name == "smtps_port":  # 0: it is not opened
            del described["minimum"]
            described["anyOf"] = [{"const": 0}, {"minimum": _LEAST_PORT}]
    if name == "profile":
        described = {k: v for k, v in described.items() if k != "enum"} | {"const": "cluster"}
    return described


def _merge(into: dict[str, Any], over: Mapping[str, Any]) -> None:
    for name, value in over.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


def main() -> None:
    """Write the schema anew."""
    text = json.dumps(mirrored(schema()), indent=2, ensure_ascii=False)
    SCHEMA.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
