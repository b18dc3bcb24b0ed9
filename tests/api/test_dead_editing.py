"""Dead letters put right by the API."""

from typing import Any

import msgspec
import pytest

from tests.api.desk import Desk, Desks, memory_alone
from tests.api.test_admin import letter
from tests.examples import example

PATH = "/admin/dead-letters/a/edit"
EVENT: dict[str, Any] = msgspec.json.decode(example("mail.received-1").raw)


@memory_alone
async def test_an_event_is_changed_at_some_places_or_given_whole(a_desk: Desks) -> None:
    async with a_desk() as desk:
        for given in ({"put": {"/size_bytes": 7}}, {"value": EVENT | {"size_bytes": 7}}):
            buried(desk)
            root = await desk.signed_in("root")
            answer = await root.post(PATH, json=given)
            assert answer.json() == {
                "letter_id": "a",
                "state": "replayed",
                "changed": ["/size_bytes"],
            }
            edited = desk.dead_letters.edited["a"]
            assert msgspec.json.decode(edited.value)["size_bytes"] == 7
            assert edited.by == "root@shop.example"
            assert (await root.post(PATH, json=given)).status_code == 404


@memory_alone
@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"put": {"/size_bytes": "many"}}, "/value/size_bytes"),
        ({"put": {"/sise_bytes": 7}}, "/value/sise_bytes"),
        ({"put": {"/recipients/9": "x"}}, "/put/~1recipients~19"),
        ({"remove": ["/nothing"]}, "/remove"),
        ({"remove": ["/mail_from"]}, "/value"),
        ({"value": 7}, "/value"),
        ({"value": EVENT, "put": {"/size_bytes": 7}}, "/value"),
        ({}, "/value"),
        ({"put": 7}, "/put"),
        ({"set": {}}, ""),
    ],
)
async def test_what_does_not_fit_is_refused_by_its_place_and_nothing_is_handed_on(
    a_desk: Desks, given: dict[str, Any], pointer: str
) -> None:
    async with a_desk() as desk:
        buried(desk)
        answer = await (await desk.signed_in("root")).post(PATH, json=given)
        assert answer.status_code == 422, answer.text
        [error] = answer.json()["errors"]
        assert error.get("pointer", "") == pointer
        assert desk.dead_letters.kept[0].state == "dead"


def buried(desk: Desk) -> None:
    desk.dead_letters.kept = [letter("a", msgspec.json.encode(EVENT))]
