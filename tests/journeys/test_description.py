"""The API does what its description says, whatever it is asked."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks

from tests.journeys.place import PASSWORD, Place, mail

pytestmark = pytest.mark.process

schemathesis.serializer.alias("application/mbox", "application/octet-stream")  # as it is

EXAMPLES, EXAMPLES_ON_THE_CLUSTER = 25, 8  # of each operation
ENDLESS = ("/events/stream",)  # answers for as long as somebody listens
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


def test_every_operation_answers_as_it_is_described(place: Place) -> None:
    root = place.person("root", "--admin")
    place.send(mail("Lunch"), root)
    [line] = root.awaited()
    known = {"email_id": line["email_id"], "thread_id": line["thread_id"], "folder_id": "inbox"}
    known["draft_id"] = root.client.post("/drafts", json={"to": ["bo@"]}).json()["draft_id"]
    asked = 0
    for operation in operations(place.service.http_url):

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES_ON_THE_CLUSTER if place.is_cluster else EXAMPLES,
            phases=[Phase.explicit, Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: Any) -> None:
            nonlocal asked
            # Every second time of what is there, else hardly anything is ever found.
            if asked % 2:
                case.path_parameters |= {n: known[n] for n in case.path_parameters if n in known}
            token = token_of(place, root.address) if case.path == "/auth/token" else None
            case.headers["Authorization"] = token or root.client.headers["Authorization"]
            case.call_and_validate(checks=CHECKS, timeout=60)
            asked += 1

        ask()
    assert asked > 100
    root.get("/me")


def operations(url: str) -> Iterator[Any]:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    for found in schema.get_all_operations():
        if (operation := found.ok()).path not in ENDLESS:
            yield operation


def token_of(place: Place, address: str) -> str:
    """Return another token, which may be signed out."""
    form = {"grant_type": "password", "username": address, "password": PASSWORD}
    answer = httpx.post(f"{place.service.http_url}/auth/token", data=form)
    return f"Bearer {answer.json()['access_token']}"
