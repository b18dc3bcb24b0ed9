"""What the real processes tell Prometheus, alike on both profiles."""

import re

import pytest

from connectors.metric_list import FIGURES
from tests.journeys.place import PATIENCE_S, Place, mail
from tests.process import eventually

pytestmark = pytest.mark.process

# By the process that serves the API; embedded, it is all of them.
EVERYWHERE = {"rillmail_ready", "rillmail_disk_free_bytes", "rillmail_disk_reserve_bytes"}
EMBEDDED = {
    *("rillmail_lag_records", "rillmail_lag_seconds", "rillmail_later_records"),
    *("rillmail_log_bytes", "rillmail_log_limit_bytes", "rillmail_smtp_sessions"),
    *("rillmail_smtp_replies_total", "rillmail_mails_total", "rillmail_stage_records_total"),
}
ENGINES = ("Kafka", "Cassandra", "S3", "Redis", "Elasticsearch")


def test_what_is_told_is_on_the_list_and_all_that_matters_is_told(place: Place) -> None:
    bo = place.person("bo")
    place.send(mail("counted"), bo)
    bo.awaited()
    wanted = EVERYWHERE if place.is_cluster else EVERYWHERE | EMBEDDED
    samples = eventually(
        lambda: told(bo.client.get("/metrics").text), lambda it: wanted <= it.keys(), PATIENCE_S
    )
    whole = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name in samples}
    names = {figure.name for figure in FIGURES} | {
        figure.name.removesuffix("_total") for figure in FIGURES
    }
    assert {name for name in whole if name.startswith("rillmail_")} <= names
    assert any(
        'route="/folders/{folder_id}/emails"' in each
        for each in samples["rillmail_http_seconds_count"]
    )
    if place.is_cluster:
        up = eventually(
            lambda: told(bo.client.get("/metrics").text).get("rillmail_dependency_up", []),
            lambda found: len(found) == len(ENGINES),
            PATIENCE_S,
        )
        assert sorted(up) == sorted(f'{{dependency="{name}"}} 1.0' for name in ENGINES)
    else:
        stored = 'rillmail_end_to_end_seconds_count{until="stored"}'
        assert stored in bo.client.get("/metrics").text


def told(text: str) -> dict[str, list[str]]:
    """Return the samples of a Prometheus text by name: labels and value."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if (match := re.match(r"([a-z_]+)(.*)", line)) and not line.startswith("#"):
            found.setdefault(match[1], []).append(match[2].strip())
    return found
