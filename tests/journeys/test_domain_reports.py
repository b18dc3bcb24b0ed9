"""Other systems report on a domain of ours, and are told what it asks of them."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.journeys.place import PATIENCE_S, Place
from tests.process import eventually
from tests.reports import as_sent, dmarc, tls

pytestmark = pytest.mark.process


def test_a_report_that_comes_by_mail_is_seen_by_the_administrator(place: Place) -> None:
    root = place.person("postmaster", "--admin")
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    to = f"postmaster@{place.domain}"
    reports = [
        as_sent(dmarc(place.domain, day=yesterday), to, kind="alone"),
        as_sent(dmarc(place.domain, day=yesterday), to),  # the same once more
        as_sent(tls(place.domain, day=yesterday), to, kind="tlsrpt"),
        as_sent(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", to),
    ]
    for raw in reports:
        assert place.refusals(raw, [to], "reports@bigmail.example") == {}
    asked = {"domain": place.domain, "limit": 500}

    def rows(kind: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = root.get(f"/admin/reports/{kind}", **asked)["rows"]
        return found

    [seen] = eventually(lambda: rows("tls"), bool, PATIENCE_S)
    assert (seen["successes"], seen["failures"]) == (5326, 303)
    mails = eventually(lambda: rows("dmarc"), lambda found: len(found) == 3, PATIENCE_S)
    assert [(row["source"], row["count"]) for row in mails] == [
        ("192.0.2.1", 42),
        ("198.51.100.77", 6),
        ("2001:db8::25", 2),
    ]
    # All of them came to whoever is the postmaster, the wrong one as well.
    title = f"Report Domain: {place.domain}"
    in_all = eventually(
        lambda: [mail for mail in root.emails() + root.emails("spam") if mail["subject"] == title],
        lambda found: len(found) == len(reports),
        PATIENCE_S,
    )
    assert len(in_all) == len(reports)
    assert rows("dmarc") == mails
    told = place.told("domain", "reports", place.domain)
    assert [row["count"] for row in told] == [42, 6, 2]


def test_the_policy_of_a_domain_is_served_at_its_host(place: Place) -> None:
    host = f"mx.{place.domain}"
    place.rillmail("domain", "mta-sts", place.domain, "--mode", "testing", "--mx", host)
    answer = httpx.get(
        f"{place.service.http_url}/.well-known/mta-sts.txt",
        headers={"Host": f"mta-sts.{place.domain}"},
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.split() == (
        f"version: STSv1 mode: testing mx: {host} max_age: 604800".split()
    )
    records = place.told("domain", "dns", place.domain)
    [record] = [each for each in records if each["what"] == "mta-sts"]
    assert record["value"].startswith("v=STSv1; id=")
    place.rillmail("domain", "mta-sts", place.domain, "--remove")
    again = httpx.get(str(answer.url), headers={"Host": f"mta-sts.{place.domain}"})
    assert again.status_code == 404
