"""What other systems reported of a domain, by the API."""

import secrets

import httpx

from tests.api.desk import Desk, Desks, memory_alone
from tests.api.test_mailbox import got
from tests.reports import DAY, as_sent, dmarc, tls
from tests.services import DOMAIN
from topologies.events import MailReceived
from topologies.mail import ids


async def test_a_report_on_mail_that_came_is_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        shop = await own_domain(desk)
        for _ in range(2):  # some send a report again
            await comes(desk, as_sent(dmarc(shop), f"postmaster@{shop}"), shop)
        root = await desk.signed_in("root")
        told = await got(root, f"/admin/reports/dmarc?domain={shop}&from={DAY}&to={DAY}")
        assert (told["has_more"], told["next_cursor"]) == (False, None)
        assert [row["count"] for row in told["rows"]] == [42, 6, 2]
        assert told["rows"][1] == {
            "domain": shop,
            "policy_domain": shop,
            "day": "2026-02-28",
            "reporter": "bigmail.example",
            "report_id": "17301882945012345678",
            "submitter": "bigmail.example",
            "is_proved": False,
            "source": "198.51.100.77",
            "header_from": shop,
            "count": 6,
            "disposition": "quarantine",
            "is_aligned": False,
            "spf": "pass",
            "spf_domain": "bulk.other.example",
            "is_spf_aligned": False,
            "dkim": "none",
            "dkim_domain": "",
            "dkim_selector": "",
            "is_dkim_aligned": False,
        }
        mails = (await got(root, "/folders/inbox/emails"))["emails"]
        assert [mail["subject"] for mail in mails] == [f"Report Domain: {shop}"] * 2


async def test_a_report_on_tls_that_came_is_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        shop = await own_domain(desk)
        await comes(desk, as_sent(tls(shop), f"postmaster@{shop}", kind="tlsrpt"), shop)
        root = await desk.signed_in("root")
        [row] = (await got(root, f"/admin/reports/tls?domain={shop.upper()}"))["rows"]
        assert (row["policy_type"], row["successes"], row["failures"]) == ("sts", 5326, 303)
        assert row["details"][0] == {
            "result_type": "starttls-not-supported",
            "receiving_mx": f"mx2.{shop}",
            "failures": 200,
        }
        assert (await got(root, f"/admin/reports/dmarc?domain={shop}"))["rows"] == []


async def test_pages_go_on_by_their_cursor(a_desk: Desks) -> None:
    async with a_desk() as desk:
        shop = await own_domain(desk)
        await comes(desk, as_sent(dmarc(shop), f"postmaster@{shop}"), shop)
        root = await desk.signed_in("root")
        found: list[int] = []
        cursor = ""
        while True:
            place = f"/admin/reports/dmarc?domain={shop}&limit=2&cursor={cursor}"
            page = await got(root, place)
            found += [row["count"] for row in page["rows"]]
            if not page["has_more"]:
                break
            cursor = page["next_cursor"]
        assert found == [42, 6, 2]


@memory_alone
async def test_what_can_not_be_asked_is_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        root = await desk.signed_in("root")
        for query, expected, parameter in (
            ("", 400, "domain"),
            ("domain=", 400, "domain"),
            ("domain=no domain", 400, "domain"),
            ("domain=far.example", 404, ""),
            (f"domain=news.{DOMAIN}", 404, ""),
            (f"domain={DOMAIN}&from=yesterday", 400, "from"),
            (f"domain={DOMAIN}&from=2026-02-30", 400, "from"),
            (f"domain={DOMAIN}&from=2026-02-02&to=2026-02-01", 400, "from"),
            (f"domain={DOMAIN}&from=2020-01-01", 400, "from"),
            (f"domain={DOMAIN}&from=0001-01-01&to=0001-01-01", 200, ""),
            (f"domain={DOMAIN}&to=0001-01-01", 200, ""),
            (f"domain={DOMAIN}&to=9999-12-31", 200, ""),
            (f"domain={DOMAIN}&cursor=nonsense", 400, "cursor"),
            (f"domain={DOMAIN}&limit=0", 400, "limit"),
            (f"domain={DOMAIN}&day=1", 400, "day"),
        ):
            for kind in ("dmarc", "tls"):
                answer = await root.get(f"/admin/reports/{kind}?{query}")
                assert answer.status_code == expected, (query, answer.text)
                wrong = [error["parameter"] for error in answer.json().get("errors", ())]
                assert wrong == ([parameter] if parameter else []), query


@memory_alone
async def test_administrators_alone_are_told(a_desk: Desks) -> None:
    async with a_desk() as desk:
        asked = [f"/admin/reports/{kind}?domain={DOMAIN}" for kind in ("dmarc", "tls")]
        ann = await desk.signed_in("ann")
        assert [await status(ann, place) for place in asked] == [403, 403]
        assert [await status(desk.stranger(), place) for place in asked] == [401, 401]


async def own_domain(desk: Desk) -> str:
    """Return a domain of this test's own, whose postmaster is the administrator."""
    domain = f"{secrets.token_hex(6)}.example"
    await desk.directory.add_domain(domain)
    return domain


async def comes(desk: Desk, raw: bytes, domain: str) -> None:
    """Let a mail come in for the postmaster of *domain*, all the way."""
    await desk.log.append(
        [
            MailReceived(
                mail_id=ids.new_id(desk.clock.now()),
                received_at=desk.clock.now(),
                origin="smtp",
                mail_from="reports@bigmail.example",
                recipients=(f"postmaster@{domain}",),
                size_bytes=len(raw),
                raw=raw,
            )
        ]
    )


async def status(client: httpx.AsyncClient, place: str) -> int:
    return (await client.get(place)).status_code
