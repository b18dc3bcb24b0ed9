"""Where owners of domains want reports: read as they are written, and no further than is safe."""

import pytest

from topologies.mail.report_uris import (
    ReportUri,
    consent_name,
    is_consent,
    is_external,
    of_dmarc,
    of_tls,
)


@pytest.mark.parametrize(
    ("records", "wanted"),
    [
        (["v=TLSRPTv1; rua=mailto:tls@far.example"], [ReportUri(address="tls@far.example")]),
        (
            [
                "v=TLSRPTv1;rua=mailto:a@far.example,https://far.example/tls!x,mailto:%61@far.example"
            ],
            [ReportUri(address="a@far.example"), ReportUri(url="https://far.example/tls!x")],
        ),
        (["spf", "v=TLSRPTv1 ; RUA=MAILTO:a@far.example?subject=x"], ["a@far.example"]),
        (["v=TLSRPTv1; rua=mailto:a@b.example"] * 2, []),  # RFC 8460 §3: as if there was none
        (["v=TLSRPTv2; rua=mailto:a@b.example"], []),
        (["v=TLSRPTv1"], []),
        (["v=TLSRPTv1; rua=http://far.example/, ftp://x, mailto:nobody, mailto:a@[192.0.2.1]"], []),
        (["v=TLSRPTv1; rua=mailto:a%0d%0aBcc:b@far.example"], []),
        ([], []),
    ],
)
def test_records_of_tls(records: list[str], wanted: list[ReportUri | str]) -> None:
    expected = [ReportUri(address=each) if isinstance(each, str) else each for each in wanted]
    assert list(of_tls(records)) == expected


def test_addresses_of_dmarc_and_how_much_they_take() -> None:
    rua = "mailto:a@x.example!10m, mailto:b@x.example!50k,mailto:c@x.example!7 ,https://x.example/"
    assert list(of_dmarc(rua)) == [
        ReportUri(address="a@x.example", most_bytes=10 * 2**20),
        ReportUri(address="b@x.example", most_bytes=50 * 2**10),
        ReportUri(address="c@x.example", most_bytes=7),
    ]


def test_a_record_has_few_addresses_however_many_it_names() -> None:
    assert len(of_dmarc(",".join(f"mailto:{n}@x.example" for n in range(1_000)))) == 5


def test_who_is_not_the_owner_has_to_consent() -> None:
    theirs, other = ReportUri(address="a@mail.shop.example"), ReportUri(address="a@third.example")
    assert not is_external(theirs, "news.shop.example")
    assert is_external(other, "shop.example")
    assert consent_name(other, "shop.example") == "shop.example._report._dmarc.third.example"
    assert is_consent(["v=DMARC1"])
    assert is_consent(["x", "v = DMARC1; rua=mailto:x@third.example"])
    assert not is_consent(["v=DMARC2", ""])
