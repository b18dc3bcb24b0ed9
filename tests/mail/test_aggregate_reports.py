"""Reports on our domains are read: DMARC in XML, TLS in JSON.

`tests/corpus/aggregate/NAME.xml` or `.json` is read to `NAME.rows.json`. When reading is changed on
purpose, RILLMAIL_WRITE_GOLDENS=1 writes those anew, to be looked at as any other change.
"""

import json
import os
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.reports import FOLDER
from topologies.mail import dmarc_report, tls_report

REPORTS = sorted(path for path in FOLDER.iterdir() if not path.name.endswith(".rows.json"))
DMARC = (FOLDER / "dmarc-rfc7489.xml").read_bytes()
TLS = (FOLDER / "tls-rfc8460.json").read_bytes()


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_a_report_is_read_as_its_golden_file_says(path: Path) -> None:
    golden = path.with_suffix(".rows.json")
    read = dmarc_report.read if path.suffix == ".xml" else tls_report.read
    found = msgspec.json.encode(read(path.read_bytes()))
    if os.environ.get("RILLMAIL_WRITE_GOLDENS"):
        golden.write_bytes(msgspec.json.format(found, indent=2) + b"\n")
    assert json.loads(golden.read_bytes()) == json.loads(found)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("feedback>", "summary>", "its root is not feedback"),
        ("<org_name>bigmail.example</org_name>", "", "it has no org_name"),
        ("17301882945012345678", " ", "it has no report_id"),
        ("<domain>shop.example</domain>\n    <adkim>", "<adkim>", "it has no domain"),
        ("<begin>1772236800", "<begin>yesterday", "begin: 'yesterday' is no number"),
        ("<begin>1772236800", "<begin>-1", "begin: '-1' is no number"),
        ("<begin>1772236800", "<begin>" + "9" * 19, "is no number"),
        ("<end>1772323199", "<end>1772150400", "begins after its end"),
        ("<end>1772323199", "<end>1804323199", "is too long"),
        ("192.0.2.1<", "192.0.2.1000<", "record 1: '192.0.2.1000' does not appear"),
        ("198.51.100.77", "", "record 3: '' does not appear"),
        ("<count>6<", "<count>six<", "record 3: count: 'six' is no number"),
        ("<count>6<", "<count>²<", "record 3: count"),
        (">quarantine</disp", ">burnt</disp", "record 3: disposition: 'burnt' is none"),
        ("record>", "rekord>", "it has no record"),
    ],
)
def test_a_dmarc_report_that_makes_no_sense_is_refused(old: str, new: str, reason: str) -> None:
    assert old in DMARC.decode()
    with pytest.raises(ValueError, match=reason):
        dmarc_report.read(DMARC.decode().replace(old, new).encode())


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("organization-name", "organisation-name", "missing required field"),
        ("Bigmail Inc.", " ", "no organization-name"),
        ("2026-02-28T00:00:00Z_shop.example", "", "no report-id"),
        ('"policies"', '"rules"', "missing required field"),
        ('"sts"', '"stars"', "Invalid enum value"),
        ("5326", "-5326", "Expected `int` >= 0"),
        ("5326", '"many"', "Expected `int`"),
        ("2026-02-28T00:00:00Z", "yesterday", "Invalid RFC3339"),
        ("2026-02-28T23:59:59Z", "2026-02-27T00:00:00Z", "begins after its end"),
        ("certificate-expired", "<script>", "is none"),
        ("{", "", "it is no TLS report"),
    ],
)
def test_a_tls_report_that_makes_no_sense_is_refused(old: str, new: str, reason: str) -> None:
    assert old in TLS.decode()
    with pytest.raises(ValueError, match=reason):
        tls_report.read(TLS.decode().replace(old, new).encode())


def test_text_of_a_report_is_one_short_line_that_can_be_seen() -> None:
    told = DMARC.replace(
        b"bigmail.example<", "big\nmail\u202e\u2066 {}<".format("x" * 400).encode()
    )
    reporter = dmarc_report.read(told).reporter
    assert reporter.startswith("big mail xxx")
    assert len(reporter) == 255
    changed: Any = json.loads(TLS)
    changed["organization-name"] = "\u0000big\u0007\r\nmail"
    assert tls_report.read(json.dumps(changed).encode()).reporter == "big mail"


def test_a_report_of_too_many_records_is_refused() -> None:
    head = DMARC.partition(b"<record>")[0]
    record = b"<record><row><source_ip>192.0.2.1</source_ip><count>1</count></row></record>"
    many = record * (dmarc_report.MOST_RECORDS + 1)
    with pytest.raises(ValueError, match="more than 10000 records"):
        dmarc_report.read(head + many + b"</feedback>")


def test_of_very_many_kinds_of_failure_those_with_most_are_kept() -> None:
    changed: Any = json.loads(TLS)
    changed["policies"][0]["failure-details"] = [
        {
            "result-type": "starttls-not-supported",
            "receiving-mx-hostname": f"mx{number}.shop.example",
            "failed-session-count": number,
        }
        for number in range(500)
    ]
    [row] = tls_report.read(json.dumps(changed).encode()).rows
    assert len(row.details) == tls_report.MOST_DETAILS
    assert [each.failures for each in row.details][:3] == [499, 498, 497]


def test_no_damage_of_a_report_is_more_than_a_refusal() -> None:
    chance = random.Random(4711)
    for content, read in ((DMARC, dmarc_report.read), (TLS, tls_report.read)):
        for _ in range(300):
            damaged = bytearray(content)
            for _ in range(chance.randint(1, 6)):
                at = chance.randrange(len(damaged))
                if chance.random() < 0.5:
                    damaged[at] = chance.randrange(256)
                else:
                    del damaged[at : at + chance.randint(1, 80)]
            try:
                read(bytes(damaged))
            except ValueError:
                continue
