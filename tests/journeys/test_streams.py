"""A stream of events on the real service: broken off by a kill, it goes on from its last id."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.journeys.place import PATIENCE_S, Person, Place, mail

pytestmark = pytest.mark.process


def test_a_stream_that_a_kill_broke_off_goes_on_from_its_last_id(place: Place) -> None:
    bo = place.person("bo")
    with stream(bo, last="0") as changes:
        place.send(mail("one"), bo)
        assert next(changes)["cursor"] == 1
        place.restart_api()
        with pytest.raises((httpx.TransportError, StopIteration)):
            next(changes)
    place.send(mail("two"), bo)
    place.send(mail("three"), bo)
    with stream(bo, last="1") as changes:
        told = [next(changes) for _ in range(2)]
    assert [(each["type"], each["cursor"]) for each in told] == [
        ("email.added", 2),
        ("email.added", 3),
    ]


@contextmanager
def stream(person: Person, *, last: str) -> Generator[Iterator[dict[str, Any]]]:
    """Open a stream of events; give what it tells."""
    with person.client.stream(
        "GET", "/events/stream", headers={"Last-Event-ID": last}, timeout=PATIENCE_S
    ) as response:
        assert response.status_code == 200
        lines = response.iter_lines()
        yield (json.loads(line[6:]) for line in lines if line.startswith("data: "))
