"""What administrators do with domains, users and aliases."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from tests.api.desk import DOMAIN, PASSWORD, Desks, memory_alone
from tests.api.test_mailbox import got

# --- domains ------------------------------------------------------------------------


async def test_domains_are_added_listed_and_removed(a_desk: Desks) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        added = await root.post("/admin/domains", json={"domain": "Bücher.example"})
        assert (added.status_code, added.json()) == (201, {"domain": "xn--bcher-kva.example"})
        again = await root.post("/admin/domains", json={"domain": "bücher.example"})
        assert again.status_code == 200
        page = await got(root, "/admin/domains?limit=1")
        assert page["domains"] == [{"domain": DOMAIN}]
        assert page["has_more"]
        rest = await got(root, f"/admin/domains?limit=1&cursor={page['next_cursor']}")
        assert rest == {
            "domains": [{"domain": "xn--bcher-kva.example"}],
            "has_more": False,
            "next_cursor": None,
        }
        path = "/admin/domains/bücher.example"
        assert (await root.delete(path)).status_code == 204
        assert (await root.delete(path)).status_code == 404
        used = await root.delete(f"/admin/domains/{DOMAIN}")
        assert (used.status_code, kind_of(used)) == (409, "domain-in-use")
        assert [d["domain"] for d in (await got(root, "/admin/domains"))["domains"]] == [DOMAIN]


async def test_a_domain_with_aliases_alone_is_in_use(a_desk: Desks) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        await root.post("/admin/domains", json={"domain": "club.example"})
        body = {"targets": [f"ann@{DOMAIN}"]}
        assert (await root.put("/admin/aliases/all@club.example", json=body)).status_code == 200
        assert (await root.delete("/admin/domains/club.example")).status_code == 409
        assert (await root.delete("/admin/aliases/all@club.example")).status_code == 204
        assert (await root.delete("/admin/domains/club.example")).status_code == 204
        lost = await root.put("/admin/aliases/all@club.example", json=body)
        assert (lost.status_code, lost.json()["errors"][0]["parameter"]) == (400, "alias")


# --- users --------------------------------------------------------------------------


async def test_a_user_is_added_and_signs_in(a_desk: Desks) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        body = {"address": f"Eve@{DOMAIN}", "password": PASSWORD, "name": "Eve", "quota_bytes": 9}
        added = await root.post("/admin/users", json=body)
        assert added.status_code == 201, added.text
        eve = added.json()
        assert eve == {
            "user_id": eve["user_id"],
            "address": f"eve@{DOMAIN}",
            "name": "Eve",
            "quota_bytes": 9,
            "is_admin": False,
            "is_suspended": False,
            "created_at": eve["created_at"],
            "deletes_at": None,
        }
        assert (await (await desk.signed_in("eve")).get("/me")).json()["name"] == "Eve"
        assert await got(root, f"/admin/users/{eve['user_id']}") == eve
        assert await got(root, f"/admin/users/eve@{DOMAIN}") == eve


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"address": f"ann@{DOMAIN}"}, "/address"),
        ({"address": "eve@other.example"}, "/address"),
        ({"address": "eve"}, "/address"),
        ({"password": ""}, "/password"),
        ({"password": "seven77"}, "/password"),
        ({"password": "ü" * 1_000}, "/password"),
        ({"quota_bytes": -1}, "/quota_bytes"),
        ({"is_root": True}, ""),
    ],
)
@memory_alone
async def test_what_is_wrong_with_a_new_user_is_told(
    a_desk: Desks, changed: dict[str, Any], pointer: str
) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        body = {"address": f"eve@{DOMAIN}", "password": PASSWORD} | changed
        answer = await root.post("/admin/users", json=body)
        assert answer.status_code == 422
        assert [error.get("pointer", "") for error in answer.json()["errors"]] == [pointer]


async def test_users_are_listed_page_by_page_each_once(a_desk: Desks) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        await root.post("/admin/domains", json={"domain": "club.example"})
        for name in ("cy", "dan", "eve"):
            body = {"address": f"{name}@club.example", "password": PASSWORD}
            assert (await root.post("/admin/users", json=body)).status_code == 201
        found = await addresses(root, "/admin/users", limit=2)
        assert sorted(found) == sorted(
            [f"{name}@{DOMAIN}" for name in ("ann", "bo", "root")]
            + [f"{name}@club.example" for name in ("cy", "dan", "eve")]
        )
        of_club = await addresses(root, "/admin/users", limit=1, domain="CLUB.example")
        assert sorted(of_club) == [f"{name}@club.example" for name in ("cy", "dan", "eve")]
        assert await addresses(root, "/admin/users", limit=5, domain="far.example") == []


@pytest.mark.parametrize(
    "query", ["cursor=%00", "cursor=!!!", "limit=0", "limit=501", "domain=no%20domain", "x=1"]
)
@memory_alone
async def test_a_question_that_makes_no_sense_is_told(a_desk: Desks, query: str) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        for path in ("/admin/users", "/admin/usage", "/admin/aliases"):
            answer = await root.get(f"{path}?{query}")
            assert answer.status_code == 400, (path, answer.text)


async def test_a_user_is_suspended_resumed_and_given_a_quota(a_desk: Desks) -> None:
    async with a_desk() as desk:
        root, ann = await desk.signed_in("root"), await desk.signed_in("ann")
        path = f"/admin/users/{(await desk.user('ann')).user_id}"
        changed = await root.patch(path, json={"is_suspended": True, "quota_bytes": 7})
        assert changed.status_code == 200
        assert (changed.json()["is_suspended"], changed.json()["quota_bytes"]) == (True, 7)
        assert (await ann.get("/me")).status_code == 401
        changed = await root.patch(path, json={"is_suspended": False, "quota_bytes": 0})
        assert (changed.json()["is_suspended"], changed.json()["quota_bytes"]) == (False, None)
        again = await desk.signed_in("ann")
        changed = await root.patch(path, json={"password": "another password"})
        assert changed.status_code == 200
        assert (await again.get("/me")).status_code == 401
        assert (await root.patch("/admin/users/nobody", json={})).status_code == 404


async def test_a_user_is_deleted_in_two_steps_and_may_be_kept_between(a_desk: Desks) -> None:
    async with a_desk(delete_grace_days=7) as desk:
        root, bo = await desk.signed_in("root"), await desk.signed_in("bo")
        path = f"/admin/users/bo@{DOMAIN}"
        leaving = await root.delete(path)
        assert leaving.status_code == 200
        wanted = (desk.clock.now() + timedelta(days=7)).isoformat().replace("+00:00", "Z")
        assert (leaving.json()["is_suspended"], leaving.json()["deletes_at"]) == (True, wanted)
        assert (await bo.get("/me")).status_code == 401
        assert await desk.receive("Still there", to="bo")
        assert await desk.directory.due(desk.clock.now()) == []
        stays = await root.post(f"{path}/restore")
        assert (stays.json()["is_suspended"], stays.json()["deletes_at"]) == (False, None)
        assert (await root.post(f"{path}/restore")).status_code == 409
        again = await desk.signed_in("bo")
        assert (await got(again, "/folders/inbox/emails"))["total_count"] == 1
        desk.clock.move(timedelta(days=8))
        assert await desk.directory.due(desk.clock.now()) == []


async def test_a_user_may_go_at_once(a_desk: Desks) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        path = f"/admin/users/bo@{DOMAIN}"
        assert (await root.delete(f"{path}?grace_days=0")).status_code == 204
        assert (await root.delete(path)).status_code == 404
        assert (await root.get(path)).status_code == 404


async def test_administrators_can_not_shut_themselves_out(a_desk: Desks) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        path = f"/admin/users/root@{DOMAIN}"
        assert (await root.delete(path)).status_code == 409
        assert (await root.patch(path, json={"is_suspended": True})).status_code == 409
        assert (await root.get("/me")).status_code == 200


async def test_usage_is_told_user_by_user(a_desk: Desks) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        await desk.receive("One", to="ann")
        await desk.receive("Two", to="ann")
        lines: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = await got(root, f"/admin/usage?limit=2{cursor}")
            lines += page["users"]
            if not page["has_more"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
        by_name = {line["address"].partition("@")[0]: line for line in lines}
        assert sorted(by_name) == ["ann", "bo", "root"]
        assert (by_name["ann"]["mails"], by_name["ann"]["unread"]) == (2, 2)
        assert by_name["ann"]["used_bytes"] > 0
        assert (by_name["bo"]["mails"], by_name["bo"]["used_bytes"]) == (0, 0)


# --- aliases ------------------------------------------------------------------------


async def test_aliases_are_set_listed_and_removed(a_desk: Desks) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        body = {"targets": [f"bo@{DOMAIN}", "zoe@far.example"], "members_only": True}
        put = await root.put(f"/admin/aliases/Team@{DOMAIN}", json=body)
        assert put.json() == {
            "alias": f"team@{DOMAIN}",
            "targets": [f"bo@{DOMAIN}", "zoe@far.example"],
            "members_only": True,
        }
        page = await got(root, f"/admin/aliases?limit=1&domain={DOMAIN}")
        assert [each["alias"] for each in page["aliases"]] == [f"all@{DOMAIN}"]
        rest = await got(root, f"/admin/aliases?cursor={page['next_cursor']}")
        assert (rest["aliases"], rest["has_more"]) == ([put.json()], False)
        path = f"/admin/aliases/team@{DOMAIN}"
        assert (await root.delete(path)).status_code == 204
        assert (await root.delete(path)).status_code == 404
        assert (await root.delete("/admin/aliases/nonsense")).status_code == 404
        slashed = f"/admin/aliases/a%2Fb@{DOMAIN}"
        assert (await root.put(slashed, json=body)).json().get("alias") == f"a/b@{DOMAIN}"
        assert (await root.delete(slashed)).status_code == 204


@pytest.mark.parametrize(
    ("alias", "targets", "place"),
    [
        ("nonsense", ["bo@{}"], {"parameter": "alias"}),
        ("sales@other.example", ["bo@{}"], {"parameter": "alias"}),
        ("ann@{}", ["bo@{}"], {"parameter": "alias"}),
        ("sales@{}", ["bo@{}", "nonsense"], {"pointer": "/targets/1"}),
        ("sales@{}", ["bo@[192.0.2.1]"], {"pointer": "/targets/0"}),
        ("sales@{}", [], {"pointer": "/targets"}),
    ],
)
@memory_alone
async def test_what_is_wrong_with_an_alias_is_told_by_its_place(
    a_desk: Desks, alias: str, targets: list[str], place: dict[str, str]
) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        body = {"targets": [target.format(DOMAIN) for target in targets]}
        answer = await root.put(f"/admin/aliases/{alias.format(DOMAIN)}", json=body)
        assert answer.status_code == (400 if "parameter" in place else 422)
        [error] = answer.json()["errors"]
        assert {name: text for name, text in error.items() if name != "detail"} == place


# --- what is told of it -------------------------------------------------------------


@memory_alone
async def test_each_deed_is_told_with_who_did_it_and_without_addresses(a_desk: Desks) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        ann, by = await desk.user("ann"), await desk.user("root")
        path = f"/admin/users/{ann.user_id}"
        with capture_logs() as logs:
            await root.post("/admin/domains", json={"domain": "club.example"})
            await root.patch(path, json={"quota_bytes": 9})
            await root.delete(path)
            await root.post(f"{path}/restore")
            await root.put(f"/admin/aliases/x@{DOMAIN}", json={"targets": [f"ann@{DOMAIN}"]})
            await root.delete(f"{path}?grace_days=0")
            await root.delete("/admin/domains/club.example")
        told = [line for line in logs if line["event"] == "admin"]
        assert [(line["action"], line["on"]) for line in told] == [
            ("domain.added", "club.example"),
            ("user.quota-set", ann.user_id),
            ("user.to-be-deleted", ann.user_id),
            ("user.resumed", ann.user_id),
            ("alias.set", DOMAIN),
            ("user.deleted", ann.user_id),
            ("domain.removed", "club.example"),
        ]
        assert {line["by"] for line in told} == {by.user_id}
        assert "ann@" not in str(told)


# --- builders -----------------------------------------------------------------------


async def addresses(client: httpx.AsyncClient, path: str, *, limit: int, domain: str = "") -> Any:
    found: list[str] = []
    query = f"limit={limit}" + (f"&domain={domain}" if domain else "")
    cursor = ""
    while True:
        page = await got(client, f"{path}?{query}{cursor}")
        assert len(page["users"]) <= limit
        found += [user["address"] for user in page["users"]]
        if not page["has_more"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def kind_of(answer: httpx.Response) -> str:
    return answer.json()["type"].rpartition(":")[2]


def pointers(answer: httpx.Response) -> list[str]:
    return [error["pointer"] for error in answer.json()["errors"]]
