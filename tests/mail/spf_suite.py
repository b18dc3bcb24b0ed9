"""How the public SPF suites are written: zones and tests in YAML."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from connectors.memory.dns import MemoryDns
from topologies.errors import Retryable


@dataclass(frozen=True)
class SuiteTest:
    """One question and the answers that are right."""

    name: str
    zones: Mapping[str, Any]
    client_ip: str
    mail_from: str
    helo: str
    results: tuple[str, ...]


def read_suite(path: Path) -> Iterator[SuiteTest]:
    for scenario in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        for name, test in scenario["tests"].items():
            results = test["result"]
            yield SuiteTest(
                name=f"{scenario.get('description', '')}: {name}",
                zones=scenario["zonedata"],
                client_ip=str(test["host"]),
                mail_from=str(test["mailfrom"] or ""),
                helo=str(test["helo"]),
                results=tuple(results) if isinstance(results, list) else (str(results),),
            )


class SuiteDns(MemoryDns):
    """A suite's zones. Its names may answer one record type and time out for the others."""

    def __init__(self, zones: Mapping[str, Any]) -> None:
        self._lazy = {
            name.lower()
            for name, entries in zones.items()
            if any(entry == "TIMEOUT" or "TIMEOUT" in _values(entry) for entry in entries)
        }
        super().__init__({name: _records(entries) for name, entries in zones.items()})

    def _find(self, name: str, kind: str) -> Any:
        if len(name) > 253 or any(len(label) > 63 for label in name.rstrip(".").split(".")):
            return ()
        found = super()._find(name, kind)
        if not found and name.lower().rstrip(".") in self._lazy:
            raise Retryable("no answer")
        return found


def _records(entries: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for entry in entries:
        if not isinstance(entry, dict):
            continue
        for kind, value in entry.items():
            found.setdefault(kind, []).extend([value] if value != "TIMEOUT" else [])
    # The suite is of the time when SPF had a record type of its own; it means TXT by it
    # where a name says nothing about TXT.
    texts = found.setdefault("TXT", found.get("SPF", []))
    read: dict[str, list[Any]] = {k: v for k, v in found.items() if k not in ("SPF", "MX", "TXT")}
    read["TXT"] = ["".join(t) if isinstance(t, list) else str(t) for t in texts if t != "NONE"]
    read["MX"] = [(preference, host.rstrip(".")) for preference, host in found.get("MX", [])]
    return {kind: records for kind, records in read.items() if records}


def _values(entry: Any) -> list[Any]:
    return list(entry.values()) if isinstance(entry, dict) else []
