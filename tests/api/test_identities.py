"""The addresses that one writes as, by the API."""

from urllib.parse import quote

import pytest

from tests.api.desk import Desks, memory_alone
from tests.api.test_mailbox import got
from tests.services import DOMAIN

OWN = f"ann@{DOMAIN}"
TAGGED = f"ann+shop@{DOMAIN}"


async def test_a_name_and_a_signature_are_kept_for_each_address_of_ones_own(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        [own] = await got(ann, "/settings/identities")
        assert (own["address"], own["signature"], own["is_primary"]) == (OWN, "", True)

        told = {"name": "Ann's shop", "signature": "Ann\nfar away"}
        for address in (TAGGED, f"Ann+Shop@{DOMAIN.upper()}"):
            answer = await ann.put(f"/settings/identities/{address}", json=told)
            assert answer.status_code == 200, answer.text
            assert answer.json() == answer.json() | told | {"is_primary": False}
        mine = {"name": "Ann", "signature": "A."}
        assert (await ann.put(f"/settings/identities/{OWN}", json=mine)).status_code == 200

        first, second = await got(ann, "/settings/identities")
        assert first == {"address": OWN, "is_primary": True, **mine}
        assert second["name"] == told["name"]
        assert len(await got(bo, "/settings/identities")) == 1

        for status in (204, 404):
            assert (await ann.delete(f"/settings/identities/{OWN}")).status_code == status
        assert (await got(ann, "/settings/identities"))[0] == own


async def test_a_mail_carries_the_name_that_its_sender_has_at_the_address(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann, bo = await desk.signed_in("ann"), await desk.signed_in("bo")
        for address, name in ((OWN, "Ann"), (TAGGED, "Ann's shop")):
            path = f"/settings/identities/{address}"
            assert (await ann.put(path, json={"name": name})).status_code == 200
        mail = {"to": [f"bo@{DOMAIN}"], "body": "Hello", "undo_s": 0}
        for number, sender in enumerate(
            (None, TAGGED, {"address": TAGGED, "name": "Another"}, {"address": OWN, "name": ""})
        ):
            given = mail | {"subject": str(number)} | ({"from": sender} if sender else {})
            answer = await ann.post("/emails/send", json=given)
            assert answer.status_code in (200, 201, 202), answer.text
        emails = (await got(bo, "/folders/inbox/emails"))["emails"]
        names = {each["subject"]: each["from"]["name"] for each in emails}
        assert names == {"0": "Ann", "1": "Ann's shop", "2": "Another", "3": "Ann"}


@memory_alone
@pytest.mark.parametrize(
    ("address", "given", "place"),
    [
        (f"bo@{DOMAIN}", {}, {"parameter": "address"}),
        ("ann@far.example", {}, {"parameter": "address"}),
        ("nobody", {}, {"parameter": "address"}),
        (OWN, {"name": "a\nb"}, {"pointer": "/name"}),
        (OWN, {"name": "a" * 201}, {"pointer": "/name"}),
        (OWN, {"signature": "a" * 8_001}, {"pointer": "/signature"}),
    ],
)
async def test_what_one_can_t_write_as_is_told(
    a_desk: Desks, address: str, given: dict[str, str], place: dict[str, str]
) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        path = f"/settings/identities/{quote(address, safe='')}"
        answer = await ann.put(path, json=given)
        assert answer.status_code == 422
        [error] = answer.json()["errors"]
        assert error == error | place
        assert len(await got(ann, "/settings/identities")) == 1
        assert (await ann.delete("/settings/identities/nobody")).status_code == 404


@memory_alone
async def test_there_are_twenty_at_most(a_desk: Desks) -> None:
    async with a_desk() as desk:
        ann = await desk.signed_in("ann")
        paths = [f"/settings/identities/ann+{number}@{DOMAIN}" for number in range(21)]
        answers = [await ann.put(path, json={"name": "Ann"}) for path in paths]
        assert [each.status_code for each in answers] == [200] * 20 + [422]
        assert (await ann.put(paths[3], json={"name": "Other"})).status_code == 200
