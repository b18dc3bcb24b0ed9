"""The MTA-STS policies of our domains, as other systems fetch them."""

import secrets

from tests.api.desk import Desk, Desks, memory_alone
from tests.services import DOMAIN
from topologies.mail.mta_sts import Policy, parse, written

POLICY = Policy("enforce", ("mx.shop.example",), 604_800)
PATH = "/.well-known/mta-sts.txt"


async def test_the_policy_of_the_domain_whose_host_is_asked_is_served(a_desk: Desks) -> None:
    async with a_desk() as desk:
        shop = f"{secrets.token_hex(6)}.example"
        await desk.directory.add_domain(shop)
        await desk.sts_policies.put(shop, written(POLICY))
        for host in (f"mta-sts.{shop}", f"MTA-STS.{shop.upper()}.:443"):
            answer = await desk.stranger().get(PATH, headers={"Host": host})
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/plain")
            assert parse(answer.text) == POLICY
        head = await desk.stranger().head(PATH, headers={"Host": f"mta-sts.{shop}"})
        assert (head.status_code, head.content) == (200, b"")
        await desk.sts_policies.put(shop, written(Policy("none", (), 86_400)))
        answer = await desk.stranger().get(PATH, headers={"Host": f"mta-sts.{shop}"})
        assert answer.text == "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n"


async def test_a_domain_without_a_policy_and_one_of_others_have_none(a_desk: Desks) -> None:
    async with a_desk() as desk:
        gone = f"{secrets.token_hex(6)}.example"
        await desk.sts_policies.put(gone, written(POLICY))
        for host in (f"mta-sts.{gone}", f"mta-sts.{secrets.token_hex(6)}.example"):
            assert await status(desk, host) == 404


@memory_alone
async def test_at_other_hosts_there_is_nothing(a_desk: Desks) -> None:
    async with a_desk() as desk:
        await desk.sts_policies.put(DOMAIN, written(POLICY))
        assert await status(desk, f"mta-sts.{DOMAIN}") == 200
        for host in (
            DOMAIN,
            f"mail.{DOMAIN}",
            f"mta-sts.mail.{DOMAIN}",
            "mta-sts.",
            "mta-sts..",
            "mta-sts.-",
            "mta-sts." + "x" * 300,
            "127.0.0.1:8025",
            "[::1]:8025",
            "",
        ):
            assert await status(desk, host) == 404, host


async def status(desk: Desk, host: str) -> int:
    return (await desk.stranger().get(PATH, headers={"Host": host})).status_code
