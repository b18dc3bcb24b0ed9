"""Made-up mail that looks like mail: the same at every run, whatever the machine.

Words have the frequencies of a language (Zipf), so that an index has as much to do as with
real text. Six of ten mails are plain text, three text and HTML, one has a scan as PDF; a
third answers an earlier one, a fifth comes from a list, every second is signed (DKIM). Each
holds a word that is in no other, and one that is in all.
"""

import base64
import binascii
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.utils import format_datetime
from functools import cache

from bench.signing import signed
from tests.contracts.documents import file_of

DOMAIN = "bench.example"  # of the recipients
SENDING_DOMAIN = "news.example"
MARK = "everymailholds"  # a word of every mail
SOME = "quarterly"  # a word of every tenth mail
BEGIN = datetime(2026, 1, 5, 8, tzinfo=UTC)

VOCABULARY = 40_000
_COMMON = """
the of and to in a is that it was for on are as with they be at one have this from or had by but
what some we can out other were all there when up use your how said an each she which do their
time if will way about many then them would like so these her long make thing see him two has look
more day could go come did number sound no most people my over know water than call first who may
down side been now find any new work part take get place made live where after back little only
round man year came show every good me give our under name very meeting invoice report order
account update project team customer office question answer contract
"""
_SYLLABLES = """
an ber con del er fin ga hol in jo ker lin mar nor ol per qua ris sen tor um ver wil xen yor zan
sta tri plo cra ble mon dra ski tem vor
"""
_NAMES = """
Ada Ben Cleo Dora Émile Finn Grażyna Hana Ivo Jürgen Kay Lea Mira Nils Oda Pia
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail as it is handed over."""

    number: int
    sender: str  # envelope, as the recipient
    recipient: str
    rare_word: str
    raw: bytes  # with CRLF


def addresses(count: int) -> list[str]:
    """Return the addresses of *count* users."""
    return [f"user{number}@{DOMAIN}" for number in range(count)]


def rare_word(number: int) -> str:
    """Return the word that only mail *number* holds."""
    return f"zq{number:x}rare"


def message_id(number: int) -> str:
    """Return the message-id of mail *number*, without <>."""
    return f"{number * 2654435761 % 2**64:016x}.{number}@{SENDING_DOMAIN}"


def mails(
    count: int, recipients: Sequence[str], size_bytes: int, *, first: int = 0
) -> Iterator[Mail]:
    """Yield *count* mails of about *size_bytes*, to the *recipients* in turn."""
    for number in range(first, first + count):
        recipient = recipients[number % len(recipients)]
        yield _mail(number, recipient, size_bytes)


def huge(number: int, recipient: str, size_bytes: int) -> Mail:
    """Return a mail with an attachment of random bytes, *size_bytes* or little less in all."""
    content = random.Random(number).randbytes(max(1, int((size_bytes - 2_000) * 57 / 78)))
    parts = [_text_part("Here it is.\r\n"), _attachment(content, "film.bin")]
    raw = _head(number, recipient) + _multipart("mixed", parts)
    return Mail(
        number=number,
        sender=_sender(number),
        recipient=recipient,
        rare_word=rare_word(number),
        raw=raw,
    )


def paragraphs(draw: random.Random, number: int, characters: int) -> list[str]:
    """Return text of about *characters*, with the marks of mail *number*."""
    first = [MARK, rare_word(number)] + ([SOME] if number % 10 == 0 else [])
    lines = [" ".join(first) + "."]
    left = characters - len(lines[0])
    while left > 0:
        words = _words(draw, draw.randint(8, 60))
        line = " ".join(words).capitalize() + "."
        lines.append(line[: max(left, 2)])
        left -= len(line) + 2
    return lines


def subject(draw: random.Random, number: int) -> str:
    """Return a subject; some hold what is not ASCII."""
    words = " ".join(_words(draw, draw.randint(2, 7)))
    return f"{'Résumé: ' if number % 7 == 0 else ''}{words} {number}"


def person(number: int) -> tuple[str, str]:
    """Return (display name, address) of who wrote mail *number*."""
    who = number * 7919 % 500
    names, syllables = _NAMES.split(), _SYLLABLES.split()
    return f"{names[who % len(names)]} {syllables[who % 35].title()}", _sender(number)


def _mail(number: int, recipient: str, size_bytes: int) -> Mail:
    draw = random.Random(number)
    head = _head(number, recipient)
    room = max(size_bytes - len(head), 200)
    match number % 10:
        case 0 | 1 | 2:  # text and HTML
            text = paragraphs(draw, number, int(room * 0.36))
            parts = [_text_part("\r\n\r\n".join(text)), _html_part(text)]
            body = _multipart("alternative", parts)
        case 3:
            content = a_scan(draw.randbytes(max(100, int(room * 0.4) - 500)))
            text = paragraphs(draw, number, int(room * 0.3))
            parts = [_text_part("\r\n\r\n".join(text)), _attachment(content, f"scan{number}.pdf")]
            body = _multipart("mixed", parts)
        case 4 | 5:  # not ASCII
            text = paragraphs(draw, number, int(room * 0.9))
            body = _text_part("\r\n\r\n".join([*text, "Mit freundlichen Grüßen, à bientôt"]))
        case _:
            text = paragraphs(draw, number, room - 100)
            body = _text_part("\r\n\r\n".join(text))
    return Mail(
        number=number,
        sender=_sender(number),
        recipient=recipient,
        rare_word=rare_word(number),
        raw=signed(head + body, SENDING_DOMAIN) if number % 2 == 0 else head + body,
    )


def _sender(number: int) -> str:
    return f"person{number * 7919 % 500}@{SENDING_DOMAIN}"


def _head(number: int, recipient: str) -> bytes:
    draw = random.Random(-number)
    date = format_datetime(BEGIN + timedelta(seconds=number))
    name, address = person(number)
    relay, desk = f"out{number % 9}.{SENDING_DOMAIN}", f"desk.{SENDING_DOMAIN}"
    first_hop = f"{draw.getrandbits(48):x}; {date}"
    second_hop = f"{draw.getrandbits(48):x}\r\n\tfor <{recipient}>; {date}"
    fields = [
        f"Received: from {relay} ({relay} [192.0.2.{number % 250 + 1}])",
        f"\tby relay.{SENDING_DOMAIN} with ESMTPS id {second_hop}",
        f"Received: from {desk} ({desk} [198.51.100.7])",
        f"\tby {relay} with ESMTPSA id {first_hop}",
        f"Date: {date}",
        f"From: {_encoded(name)} <{address}>",
        f"To: <{recipient}>",
        f"Subject: {_encoded(subject(draw, number))}",
        f"Message-ID: <{message_id(number)}>",
    ]
    if number % 3 == 0 and number >= 10:
        earlier = f"<{message_id(number - 10)}>"
        fields += [f"In-Reply-To: {earlier}", f"References: {earlier}"]
    if number % 5 == 0:
        fields += [
            f"List-Id: What is new <list{number % 40}.{SENDING_DOMAIN}>",
            f"List-Unsubscribe: <https://{SENDING_DOMAIN}/leave/{draw.getrandbits(64):x}>",
        ]
    fields += ["User-Agent: Made-up Mail 1.0", "MIME-Version: 1.0"]
    return "".join(f"{field}\r\n" for field in fields).encode()


def _encoded(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=60).encode(linesep="\r\n")


def _text_part(text: str, kind: str = "plain") -> bytes:
    encoded = binascii.b2a_qp(text.encode(), istext=True)
    body = b"\r\n".join(encoded.splitlines())
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\n'
    return head.encode() + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + body + b"\r\n"


def _html_part(text: Sequence[str]) -> bytes:
    head = "<head><style>p { margin: 0 0 1em; color: #222 }</style></head>"
    inner = "\r\n".join(f'<p class="t">{line}</p>' for line in text)
    link = f'<a href="https://{SENDING_DOMAIN}/read">Read it online</a>'
    page = f"<html>{head}\r\n<body>\r\n{inner}\r\n{link}\r\n</body></html>"
    return _text_part(page, "html")


def a_scan(picture: bytes) -> bytes:
    """Return a PDF of one page with that picture and a line of text, as a scanner makes it."""
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources"
        b" << /XObject << /I 5 0 R >> /Font << /F << /Type /Font /Subtype /Type1"
        b" /BaseFont /Helvetica >> >> >> >>"
    )
    shown = b"q 612 0 0 792 0 0 cm /I Do Q BT /F 9 Tf 36 36 Td (Scanned on paper) Tj ET"
    drawn = b"<< /Type /XObject /Subtype /Image /Filter /DCTDecode /Length %d >>" % len(picture)
    return file_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            page,
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(shown), shown),
            b"%s\nstream\n%s\nendstream" % (drawn, picture),
        ]
    )


def _attachment(content: bytes, name: str) -> bytes:
    head = (
        f'Content-Type: application/octet-stream; name="{name}"\r\n'
        f'Content-Disposition: attachment; filename="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + base64.encodebytes(content).replace(b"\n", b"\r\n")


def _multipart(kind: str, parts: Sequence[bytes]) -> bytes:
    boundary = b"=_a_boundary_of_no_text"
    head = b"Content-Type: multipart/" + kind.encode() + b'; boundary="' + boundary + b'"\r\n\r\n'
    inner = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return head + inner + b"--" + boundary + b"--\r\n"


def _words(draw: random.Random, count: int) -> list[str]:
    words, weights = _vocabulary()
    return draw.choices(words, cum_weights=weights, k=count)


@cache
def _vocabulary() -> tuple[list[str], list[float]]:
    """Return words, and the sums of the weights up to each."""
    draw = random.Random(3)
    made: dict[str, None] = dict.fromkeys(_COMMON.split())
    syllables = _SYLLABLES.split()
    while len(made) < VOCABULARY:
        made["".join(draw.choices(syllables, k=draw.randint(1, 4)))] = None
    return list(made), list(itertools.accumulate(1 / rank for rank in range(1, len(made) + 1)))
