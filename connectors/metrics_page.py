"""`python -m connectors.metrics_page > docs/metrics.md`: the page of all figures, of their list."""

import sys

from connectors.metric_list import FIGURES, OF_THE_PROCESS, Figure, Teller

TELLERS: dict[Teller, str] = {
    "stages": "who runs stages",
    "smtp": "who takes mail",
    "http": "every process",
    "deliveries": "who attempts deliveries",
    "embedded": "the embedded service",
    "cluster": "every worker of a cluster",
    "all": "every process",
}
PAGE = """\
# Metrics

`GET /metrics` tells these, in the text format of Prometheus: each process its own. The embedded
service is all of them in one. In a cluster each worker has the port `RILLMAIL_HEALTH_PORT`, or
`RILLMAIL_HTTP_PORT` where it serves the API. Counts begin at 0 with the process. This page is made
of the list `connectors/metric_list.py` by `python -m connectors.metrics_page > docs/metrics.md`.

What is of the whole deployment (lag by group, dead letters, what waits for its time, the queue) is
told by several processes alike: take `max by (group)`, not the sum. All else is a process's own:
take the sum.

[`helm/observability`](../helm/observability) has dashboards and alerts made of these, and
[the runbook](runbook.md) says what to do about each alert.

| metric | type | unit | labels | means | told by |
| --- | --- | --- | --- | --- | --- |
"""
AFTER = """
Buckets of the histograms, in seconds:
"""
OF_PROCESS = """
Besides, the client library tells of each process: """


def page() -> str:
    """Return the page."""
    rows = [_row(figure) for figure in FIGURES]
    buckets = [
        f"- `{figure.name}`: {', '.join(f'{end:g}' for end in figure.buckets)}"
        for figure in FIGURES
        if figure.kind == "histogram"
    ]
    names = ", ".join(f"`{name}`" for name in OF_THE_PROCESS)
    return "\n".join([PAGE + "\n".join(rows), AFTER, *buckets, f"{OF_PROCESS}{names}.\n"])


def _row(figure: Figure) -> str:
    labels = "<br>".join(f"`{name}`: {_values(of)}" for name, of in figure.labels.items())
    return (
        f"| `{figure.name}` | {figure.kind} | {figure.unit} | {labels} | {figure.help} |"
        f" {TELLERS[figure.told_by]} |"
    )


def _values(values: tuple[str, ...] | str) -> str:
    return values if isinstance(values, str) else ", ".join(values)


if __name__ == "__main__":
    sys.stdout.write(page())
