"""`python -m helm.observability.dashboards`: write the dashboards for Grafana.

What they show is told here, in lines that can be read; `dashboards/*.json` is made of it, and a
test holds the one against the other, and both against the list of metrics.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).parent / "dashboards"
WIDTH, HEIGHT, COLUMNS = 8, 7, 3  # Grafana's grid is 24 wide
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
Unit = Literal["short", "s", "ops", "bytes", "percentunit", "bool", "dateTimeFromNow"]


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture.

    Attributes:
        asks: What is drawn: a query of PromQL, by its legend.
        kind: ``stat`` shows the value of now alone.
    """

    title: str
    asks: Mapping[str, str]
    unit: Unit = "short"
    kind: Literal["timeseries", "stat"] = "timeseries"


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page of pictures."""

    uid: str
    title: str
    panels: Sequence[Panel]


def quantile(share: float, histogram: str, by: str, where: str = "") -> str:
    """Return the query for the time that a *share* of what *histogram* counts stays below."""
    rate = f"rate({histogram}_bucket{where}[$__rate_interval])"
    return f"histogram_quantile({share:g}, sum by (le, {by}) ({rate}))"


def each_second(counter: str, by: str, where: str = "") -> str:
    """Return the query for how often a second *counter* grows."""
    return f"sum by ({by}) (rate({counter}{where}[$__rate_interval]))"


def each_hour(counter: str, by: str) -> str:
    """Return the query for by how much *counter* grew in the hour before."""
    return f"sum by ({by}) (increase({counter}[1h]))"


OVERVIEW = Dashboard(
    "rillmail-overview",
    "Rillmail: how mail flows",
    (
        Panel(
            "Ready",
            {"{{instance}}": "min by (instance) (rillmail_ready)"},
            "bool",
            "stat",
        ),
        Panel(
            "Oldest record that waits, by group",
            {"{{group}}": "max by (group) (rillmail_lag_seconds)"},
            "s",
        ),
        Panel(
            "Records before each group",
            {"{{group}}": "max by (group) (rillmail_lag_records)"},
        ),
        Panel(
            "From 250 to the mailbox, and to listeners",
            {
                "half, {{until}}": quantile(0.5, "rillmail_end_to_end_seconds", "until"),
                "95 %, {{until}}": quantile(0.95, "rillmail_end_to_end_seconds", "until"),
            },
            "s",
        ),
        Panel(
            "Received mails by verdict",
            {"{{verdict}}": each_second("rillmail_mails_total", "verdict")},
            "ops",
        ),
        Panel(
            "Share of spam",
            {
                "spam": 'sum(rate(rillmail_mails_total{verdict="spam"}[30m]))'
                " / sum(rate(rillmail_mails_total[30m]))"
            },
            "percentunit",
        ),
        Panel(
            "Dead letters that wait for a decision",
            {"{{path}}": "max by (path) (rillmail_dead_letters)"},
            kind="stat",
        ),
        Panel(
            "Records that became dead letters",
            {"{{stage}}, {{kind}}": each_hour("rillmail_buried_total", "stage, kind")},
        ),
        Panel(
            "Recipients here who could not be reached",
            {"recipients": "sum(increase(rillmail_undeliverable_total[1h]))"},
        ),
        Panel(
            "SMTP replies",
            {"{{code}}": each_second("rillmail_smtp_replies_total", "code")},
            "ops",
        ),
        Panel(
            "What SMTP refuses, and puts off",
            {
                "{{code}}, {{reason}}": each_second(
                    "rillmail_smtp_replies_total", "code, reason", '{code=~"4xx|5xx"}'
                )
            },
            "ops",
        ),
        Panel(
            "SMTP sessions",
            {"{{instance}}": "sum by (instance) (rillmail_smtp_sessions)"},
        ),
    ),
)

STAGES = Dashboard(
    "rillmail-stages",
    "Rillmail: stages and engines",
    (
        Panel(
            "Records by stage",
            {"{{stage}}": each_second("rillmail_stage_records_total", "stage", '{result="done"}')},
            "ops",
        ),
        Panel(
            "Tries that have to be made again",
            {"{{stage}}": each_second("rillmail_stage_records_total", "stage", '{result="again"}')},
            "ops",
        ),
        Panel(
            "95 % of tries take less than",
            {"{{stage}}": quantile(0.95, "rillmail_stage_seconds", "stage")},
            "s",
        ),
        Panel(
            "The record that is tried for longest, by stage",
            {"{{stage}}": "max by (stage) (rillmail_oldest_seconds)"},
            "s",
        ),
        Panel(
            "Records that are tried again",
            {"{{instance}}": "sum by (instance) (rillmail_waiting_records)"},
        ),
        Panel(
            "Engines that answer",
            {"{{dependency}}": "min by (dependency) (rillmail_dependency_up)"},
            "bool",
            "stat",
        ),
        Panel(
            "90 % of looks for an engine take less than",
            {"{{dependency}}": quantile(0.9, "rillmail_dependency_seconds", "dependency")},
            "s",
        ),
        Panel(
            "CPU",
            {
                "{{instance}}": each_second("process_cpu_seconds_total", "instance"),
                "{{instance}}, SMTP": each_second(
                    "rillmail_smtp_process_cpu_seconds_total", "instance"
                ),
            },
        ),
        Panel(
            "Memory",
            {
                "{{instance}}": "sum by (instance) (process_resident_memory_bytes)",
                "{{instance}}, SMTP": "sum by (instance)"
                " (rillmail_smtp_process_resident_memory_bytes)",
            },
            "bytes",
        ),
        Panel(
            "The log, and what it may hold",
            {
                "holds": "max(rillmail_log_bytes)",
                "may hold": "max(rillmail_log_limit_bytes)",
            },
            "bytes",
        ),
        Panel(
            "Room on disk, and what is kept free",
            {
                "{{instance}}": "min by (instance) (rillmail_disk_free_bytes)",
                "kept free": "max(rillmail_disk_reserve_bytes)",
            },
            "bytes",
        ),
        Panel(
            "SMTP processes started again",
            {"{{instance}}": each_hour("rillmail_smtp_process_restarts_total", "instance")},
        ),
    ),
)

DELIVERY = Dashboard(
    "rillmail-delivery",
    "Rillmail: mail that goes out, and the API",
    (
        Panel(
            "Recipients by what came of it",
            {"{{status}}": each_second("rillmail_deliveries_total", "status")},
            "ops",
        ),
        Panel(
            "Other systems that put off, or do not answer",
            {
                "{{peer}}": each_second(
                    "rillmail_peer_answers_total", "peer", '{answer=~"4xx|none"}'
                )
            },
            "ops",
        ),
        Panel(
            "Other systems that refuse",
            {"{{peer}}": each_second("rillmail_peer_answers_total", "peer", '{answer="5xx"}')},
            "ops",
        ),
        Panel(
            "The queue by destination",
            {"{{destination}}": "max by (destination) (rillmail_queue_deliveries)"},
        ),
        Panel(
            "The queue by how long it waits",
            {"{{topic}}": "max by (topic) (rillmail_later_records)"},
        ),
        Panel(
            "Certificates expire",
            {
                "{{certificate}}": "1000 * min by (certificate)"
                " (rillmail_certificate_expiry_timestamp_seconds)"
            },
            "dateTimeFromNow",
            "stat",
        ),
        Panel(
            "Requests",
            {"{{status}}": each_second("rillmail_http_seconds_count", "status")},
            "ops",
        ),
        Panel(
            "95 % of answers take less than",
            {"{{method}} {{route}}": quantile(0.95, "rillmail_http_seconds", "method, route")},
            "s",
        ),
        Panel(
            "Answers that fail on our side",
            {
                "{{method}} {{route}}": each_second(
                    "rillmail_http_seconds_count", "method, route", '{status="5xx"}'
                )
            },
            "ops",
        ),
    ),
)

DASHBOARDS = (OVERVIEW, STAGES, DELIVERY)


def as_json(dashboard: Dashboard) -> str:
    """Return *dashboard* as Grafana imports it."""
    panels = [_panel(number, panel) for number, panel in enumerate(dashboard.panels)]
    return json.dumps(
        {
            "uid": dashboard.uid,
            "title": dashboard.title,
            "tags": ["rillmail"],
            "schemaVersion": 39,
            "version": 1,
            "editable": True,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "templating": {
                "list": [
                    {
                        "name": "datasource",
                        "type": "datasource",
                        "query": "prometheus",
                        "label": "Prometheus",
                    }
                ]
            },
            "panels": panels,
        },
        indent=1,
    )


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, COLUMNS)
    return {
        "id": number + 1,
        "title": panel.title,
        "type": panel.kind,
        "datasource": DATASOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": ask, "legendFormat": legend}
            for index, (legend, ask) in enumerate(panel.asks.items())
        ],
    }


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.uid}.json").write_text(as_json(dashboard) + "\n")


if __name__ == "__main__":
    main()
