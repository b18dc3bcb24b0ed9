"""What a query of PromQL names: metrics and labels. No parser: names, braces and `by`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors.metric_list import FIGURES, OF_THE_PROCESS

# Whoever scrapes adds these; `up` is of Prometheus itself, and a histogram has `le`.
ADDED = {"instance", "job"}
KNOWN = {figure.name: set(figure.labels) for figure in FIGURES}
KNOWN |= {name: set() for name in OF_THE_PROCESS} | {"up": set()}
for _figure in FIGURES:
    if _figure.kind == "histogram":
        KNOWN[f"{_figure.name}_bucket"] = {*_figure.labels, "le"}
        KNOWN[f"{_figure.name}_sum"] = KNOWN[f"{_figure.name}_count"] = set(_figure.labels)

_WORDS = {"by", "on", "or", "and", "unless", "without", "ignoring", "bool", "offset"}
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_SELECTOR = re.compile(r"\b([a-z_][a-z0-9_]*)\b(?!\s*\()\s*(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")
_RANGE = re.compile(r"\[[^\]]*\]")


@dataclass
class Named:
    """What a query names: each metric with the labels it is chosen by; labels grouped by."""

    metrics: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    grouped: set[str] = field(default_factory=set[str])


def named(query: str) -> Named:
    """Return what *query* names."""
    found = Named()
    rest = _RANGE.sub("", query)
    for grouping in _GROUPING.findall(rest):
        found.grouped |= set(_NAME.findall(grouping))
    rest = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", "", rest)
    rest = re.sub(r"\b\d[\d.e]*", "", rest)  # numbers are no names
    for name, matchers in _SELECTOR.findall(rest):
        if name not in _WORDS:
            labels = set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", matchers))
            found.metrics.setdefault(name, set()).update(labels)
    return found


def problems(query: str) -> Iterator[str]:
    """Yield what *query* names and nobody tells."""
    what = named(query)
    if not what.metrics:
        yield "it names no metric"
    known: set[str] = set()
    for name, labels in what.metrics.items():
        if name not in KNOWN:
            yield f"there is no metric {name}"
            continue
        known |= KNOWN[name]
        yield from (f"{name} has no label {each}" for each in sorted(labels - KNOWN[name] - ADDED))
    yield from (f"nothing has the label {each}" for each in sorted(what.grouped - known - ADDED))
