"""What of a message a server can take, by what it offers."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.events import BodyType
from topologies.mail.mx import Refusal
from topologies.mail.outgoing import Fitted, fit, stuffed

PLAIN = b"From: ann@shop.example\r\nSubject: x\r\n\r\nHello.\r\n"
HEADER = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
EIGHT_BIT = HEADER + b"Content-Transfer-Encoding: 8bit\r\n\r\n" + "Grüße\r\n".encode()
PARTS = (
    b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
    + EIGHT_BIT
    + b"--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\n<p>Gr\xfc\xdfe</p>\r\n--b--\r\n"
)
LINES = st.lists(st.sampled_from([b"", b".", b"..", b".x", b"x", b"x."]), max_size=12)


@given(LINES)
def test_dots_are_stuffed_so_that_the_end_is_told_from_the_text(lines: list[bytes]) -> None:
    raw = b"".join(line + b"\r\n" for line in lines)
    wire = stuffed(raw)
    assert wire.endswith(b".\r\n")
    found: list[bytes] = []
    for line in wire.split(b"\r\n")[:-1]:
        if line == b".":
            break
        found.append(line.removeprefix(b"."))
    assert found == lines
    assert len(wire) == len(raw) + sum(line.startswith(b".") for line in lines) + 3


def test_a_last_line_without_an_end_gets_one() -> None:
    assert stuffed(b"x") == b"x\r\n.\r\n"


def test_a_message_goes_as_it_is_where_all_of_it_is_taken() -> None:
    features = {"SIZE": "", "8BITMIME": "", "SMTPUTF8": "", "DSN": ""}
    fitted = fitting(EIGHT_BIT, features)
    assert fitted.raw is EIGHT_BIT
    assert fitted.mail == f"MAIL FROM:<ann@shop.example> SIZE={len(EIGHT_BIT)} BODY=8BITMIME"


def test_texts_are_encoded_for_who_takes_seven_bits() -> None:
    for raw in (EIGHT_BIT, PARTS):
        fitted = fitting(raw, {})
        assert fitted.raw.isascii()
        assert fitted.mail == "MAIL FROM:<ann@shop.example>"
        assert texts(fitted.raw) == texts(raw)


@pytest.mark.parametrize(
    ("header", "charset"),
    [
        (b"Subject: x\r\n", "utf-8"),
        (b"Subject: x\r\nContent-Type: text/plain\r\n", "latin-1"),
        (b"Content-Type: text/plain; charset=x-klingon\r\nSubject: x\r\n", "utf-8"),
        (b"Content-Type: text/plain; charset=us-ascii\r\nSubject: x\r\n", "utf-8"),
        (b"Content-Type: text/html\r\nContent-Transfer-Encoding: 8BIT\r\n", "utf-8"),
        (b"Content-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n", "utf-8"),
    ],
)
def test_a_text_is_encoded_whatever_charset_it_names(header: bytes, charset: str) -> None:
    text = "Grüße,  \r\n.\r\nFrom Zoë = alle\r\n".encode(charset)
    fitted = fitting(header + b"\r\n" + text, {})
    message = email.message_from_bytes(fitted.raw)
    assert fitted.raw.isascii()
    assert message["Content-Transfer-Encoding"] == "quoted-printable"
    assert message.get_payload(decode=True) == text
    assert max(map(len, fitted.raw.split(b"\r\n"))) <= 76


def test_a_text_that_would_be_three_times_as_long_is_written_in_base64() -> None:
    text = ("日本語のメール" * 20 + "\r\n").encode()
    message = email.message_from_bytes(fitting(b"Subject: x\r\n\r\n" + text, {}).raw)
    assert message["Content-Transfer-Encoding"] == "base64"
    assert message.get_payload(decode=True) == text


def test_what_is_no_text_is_encoded_too_and_what_holds_it_says_so_no_more() -> None:
    inner = b"Subject: y\r\n\r\n" + "Grüße\r\n".encode()
    raw = (
        b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n'
        b"Content-Transfer-Encoding: 8bit\r\n\r\n--b\r\n"
        b"Content-Type: image/png\r\n\r\n\xff\xd8 \r\n\xfe\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        + inner
        + b"\r\n--b--\r\n"
    )
    message = email.message_from_bytes(fitting(raw, {}).raw)
    encodings = [part["Content-Transfer-Encoding"] for part in message.walk()]
    assert encodings == ["7bit", "base64", "7bit", "quoted-printable"]
    contents = [part.get_payload(decode=True) for part in message.walk()]
    assert contents[1] == b"\xff\xd8 \r\n\xfe"
    assert contents[3] == "Grüße\r\n".encode()


def test_the_name_of_a_file_in_eight_bits_does_not_cost_its_type() -> None:
    raw = (
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
        'Content-Type: application/pdf; name="Zoës Kuß.pdf"; x=y\r\n'
        'Content-Disposition: attachment;\r\n filename="Zoës Kuß.pdf"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--b--\r\n"
    )
    for charset in ("utf-8", "latin-1"):
        fitted = fitting(raw.encode(charset), {})
        assert fitted.raw.isascii()
        [_, part] = email.message_from_bytes(fitted.raw, policy=email.policy.default).walk()
        assert part.get_content_type() == "application/pdf"
        assert part.get_filename() == "Zoës Kuß.pdf"
        assert part.get_content() == b"%PDF-"


def test_what_can_not_be_encoded_is_told() -> None:
    refusals = [
        fit_for(b"Subject: x\r\n\r\na\nb\r\n", {"8BITMIME": ""}, body_type="BINARYMIME"),
        fit_for("Subject: Grüße\r\n\r\nGrüße\r\n".encode(), {}),
    ]
    assert [each.enhanced for each in refusals if isinstance(each, Refusal)] == ["5.6.3"] * 2


def test_a_size_that_says_nothing_limits_nothing() -> None:
    for size in ("", "0", "many", "99999999999999999999999"):
        assert isinstance(fit_for(PLAIN, {"SIZE": size}), Fitted)
    refusal = fit_for(PLAIN, {"SIZE": "10"})
    assert isinstance(refusal, Refusal)
    assert refusal.enhanced == "5.3.4"


def test_a_header_in_utf8_needs_who_takes_it() -> None:
    raw = "Subject: Grüße\r\n\r\nHello.\r\n".encode()
    for features in ({"8BITMIME": ""}, {}):
        refusal = fit_for(raw, features, smtputf8=True)
        assert isinstance(refusal, Refusal)
        assert refusal.enhanced == "5.6.7"
    fitted = fitting(raw, {"8BITMIME": "", "SMTPUTF8": ""}, smtputf8=True)
    assert fitted.mail == "MAIL FROM:<ann@shop.example> BODY=8BITMIME SMTPUTF8"


def test_no_address_is_ever_two_commands() -> None:
    fitted = fitting(PLAIN, {}, recipients=("bo@far.example>\r\nRSET",))
    assert fitted.recipients == ()
    assert len(fitted.refused) == 1


def fitting(
    raw: bytes,
    features: dict[str, str],
    *,
    smtputf8: bool = False,
    recipients: tuple[str, ...] = ("bo@far.example",),
) -> Fitted:
    fitted = fit_for(raw, features, smtputf8=smtputf8, recipients=recipients)
    assert isinstance(fitted, Fitted)
    return fitted


def fit_for(
    raw: bytes,
    features: dict[str, str],
    *,
    smtputf8: bool = False,
    body_type: BodyType = "8BITMIME",
    recipients: tuple[str, ...] = ("bo@far.example",),
) -> Fitted | Refusal:
    return fit(
        "ann@shop.example",
        recipients,
        raw,
        features=features,
        smtputf8=smtputf8,
        body_type=body_type,
        wishes=None,
    )


def texts(raw: bytes) -> list[str]:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    parts = [part for part in message.walk() if not part.is_multipart()]
    return [part.get_content() for part in parts]
