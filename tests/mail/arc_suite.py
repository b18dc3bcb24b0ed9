"""How the public ARC suites are written: messages, keys and answers in YAML."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from connectors.memory.dns import MemoryDns


@dataclass(frozen=True)
class ArcTest:
    """A message, and what its chain is worth."""

    name: str
    raw: bytes
    keys: Mapping[str, str]
    results: tuple[str, ...]  # each is right


@dataclass(frozen=True)
class SealTest:
    """A message, and the set of fields that a sealer is to add, without white space."""

    name: str
    raw: bytes
    keys: Mapping[str, str]
    domain: str
    selector: str
    private_key: str
    names: tuple[str, ...]  # of the fields to sign
    authserv_id: str
    at_s: int
    fields: tuple[str, str, str]  # ARC-Seal, ARC-Message-Signature, ARC-Authentication-Results


def read_suite(path: Path) -> Iterator[ArcTest]:
    for scenario in _scenarios(path):
        for name, test in scenario["tests"].items():
            result = (test["cv"] or "").strip().lower()
            yield ArcTest(
                name=f"{scenario['description']}: {name}",
                raw=_with_crlf(test["message"]),
                keys=scenario.get("txt-records") or scenario.get("txt_records") or {},
                results=(result,) if result else ("fail",),  # a chain that was broken before
            )


def read_seals(path: Path) -> Iterator[SealTest]:
    for scenario in _scenarios(path):
        for name, test in scenario["tests"].items():
            yield SealTest(
                name=f"{scenario['description']}: {name}",
                raw=_with_crlf(test["message"]),
                keys=scenario.get("txt-records") or {},
                domain=scenario["domain"],
                selector=scenario["sel"],
                private_key=scenario["privatekey"],
                names=tuple(test["sig-headers"].split(":")),
                authserv_id=test["srv-id"],
                at_s=int(test["t"]),
                fields=tuple("".join((test[key] or "").split()) for key in ("AS", "AMS", "AAR")),  # type: ignore[arg-type]
            )


def dns_of(keys: Mapping[str, str]) -> MemoryDns:
    return MemoryDns({name: {"TXT": [record.replace("\n", "")]} for name, record in keys.items()})


def _scenarios(path: Path) -> Iterator[Any]:
    return yaml.safe_load_all(path.read_text(encoding="utf-8"))


def _with_crlf(text: str | None) -> bytes:
    return (text or "").encode().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
