"""Made-up mail as mail is: sizes, attachments, threads, recipients and scripts as measured.

Pure: the same seed and part give the same bytes on every machine, so what was cut off can be
made again. A part is a stretch of conversations; each mail of one answers an earlier one, quotes
it, and refers to it (RFC 5322 §3.6.4). Nobody's words are in it: words are drawn from the letters
of a script, with the frequencies of a language (Zipf).
"""

import base64
import itertools
import random
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.utils import format_datetime
from functools import cache
from pathlib import Path

import msgspec

POINTS = (0.01, 0.05, *(p / 10 for p in range(1, 10)), 0.95, 0.99, 0.999)
BEGIN = datetime(2026, 1, 5, 8, tzinfo=UTC)
DOMAIN = "made-up.example"  # of whoever writes
VOCABULARY = 4_000  # words of a script
WORDS_OF_A_LINE = 12
LARGEST_ATTACHMENT = 10 * 1024**2  # bytes; so that no mail is refused for its size
# Letters from which words are made; what is written without spaces has longer "words".
SCRIPTS = {
    "latin": "e t a o i n s h r d l u c m f w y g p b v k ä é ö ü ñ ç",
    "cyrillic": "о е а и н т с р в л к м д п у я ы ь г з б ч й х ж ш ю ц щ э ф",
    "greek": "α ο ι ε τ σ ν η υ ρ π κ μ λ ω δ γ χ θ φ β ξ ζ ψ",
    "hebrew": "י ו ה ל א ר מ ת ב ש נ כ ע ד ח פ ק ג צ ט ז ס",
    "arabic": "ا ل ي م و ن ر ت ب ع د ه س ف ك ق ح ج ش ص ط خ ز",
    "devanagari": "क र न स त म ह ल प य व द ग ब ज च श थ ा ि ी े ो",
    "thai": "น ร า อ ก ง ม ย ล ว ด ท ส ต บ ป ค จ พ ห",
    "hangul": "이 다 는 을 의 가 고 에 하 지 로 한 은 사 기 도 를 자 리 나",
    "cjk": "的 一 是 不 了 人 我 在 有 他 这 中 大 来 上 国 个 到 说 们 为 子 和 你 地 出",
    "hiragana": "の に は を た が で て と し れ さ い る か な ら も 日 本 人 年 大 会 事",
}
_SPACELESS = ("cjk", "hiragana", "thai")
_CHARSETS = {"latin": "utf-8", "cyrillic": "koi8-r", "hiragana": "iso-2022-jp", "cjk": "gb18030"}
_TYPES = {
    "image": ("image/jpeg", "jpg"),
    "text": ("text/plain", "txt"),
    "audio": ("audio/mpeg", "mp3"),
    "video": ("video/mp4", "mp4"),
}
_NAMES = "Ada Ben Cleo Dora Émile Finn Grażyna Hana Ivo Jürgen Kay Лев Mira Нина Oda 美咲".split()


class MailProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What mail is like.

    Attributes:
        measured: Messages.
        text_characters: Of a mail's text, at ``POINTS``.
        attachment_bytes: Of one attachment, at ``POINTS``.
        attachments: Share of mails by how many they have; the same of the others.
    """

    measured: int
    text_characters: tuple[int, ...]
    attachment_bytes: tuple[int, ...]
    html_share: float
    attachments: dict[str, float]
    attachment_types: dict[str, float]
    recipients: dict[str, float]
    thread_mails: dict[str, float]
    scripts: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUp:
    """One mail.

    Attributes:
        mail_from: Envelope sender.
        recipients: Envelope recipients.
        raw: With CRLF.
    """

    mail_from: str
    recipients: tuple[str, ...]
    sent_at: datetime
    message_id: str
    script: str
    raw: bytes


@cache
def measured() -> MailProfile:
    """Return what was measured of the corpora."""
    data = Path(__file__).with_name("mail_profile.json").read_bytes()
    return msgspec.json.decode(data, type=MailProfile)


def mails(
    profile: MailProfile, *, seed: int, part: int, count: int, recipients: Sequence[str]
) -> Iterator[MadeUp]:
    """Yield the *count* mails of one part.

    Args:
        profile: What they are like.
        seed: Another one makes other mail.
        part: Which stretch of all the mail.
        count: How many; the last conversation may be cut off.
        recipients: Addresses, to whom it goes; at least one.
    """
    made = 0
    for number in itertools.count():
        draw = random.Random(f"{seed}/{part}/{number}")  # noqa: S311  no secret
        for mail in _conversation(profile, draw, recipients):
            if made == count:
                return
            made += 1
            yield mail


def at_point(points: Sequence[int], share: float) -> int:
    """Return the amount that *share* of all lie below, where *points* are those at ``POINTS``.

    Between two points the amounts are evenly spread by their logarithm, as sizes are.
    """
    for (low, first), (high, last) in itertools.pairwise(zip(POINTS, points, strict=True)):
        if share <= high:
            within = max(0.0, (share - low) / (high - low))
            return round(max(first, 1) * (max(last, 1) / max(first, 1)) ** within)
    return points[-1]


def _conversation(
    profile: MailProfile, draw: random.Random, recipients: Sequence[str]
) -> Iterator[MadeUp]:
    script = _drawn(draw, profile.scripts)
    subject = " ".join(_words(draw, script, draw.randint(2, 7)))
    at = BEGIN + timedelta(seconds=draw.randrange(90 * 86_400))
    earlier: list[str] = []
    text = ""
    for number in range(int(_drawn(draw, profile.thread_mails))):
        message_id = f"{uuid.UUID(int=draw.getrandbits(128))}@{DOMAIN}"
        count = min(int(_drawn(draw, profile.recipients)), len(recipients))
        to = tuple(draw.sample(recipients, count))
        writer = draw.randrange(5_000)
        head = [
            f"Date: {format_datetime(at)}",
            f"From: {_encoded(_NAMES[writer % len(_NAMES)])} <writer{writer}@{DOMAIN}>",
            f"To: <{to[0]}>",
            *([_folded("Cc", [f"<{address}>" for address in to[1:]])] if to[1:] else []),
            f"Subject: {_encoded('Re: ' * bool(earlier) + subject)}",
            f"Message-ID: <{message_id}>",
        ]
        if earlier:
            head += [
                f"In-Reply-To: <{earlier[-1]}>",
                _folded("References", [f"<{each}>" for each in earlier[-20:]]),
            ]
        characters = at_point(profile.text_characters, draw.random())
        quote = _quote(text, characters // 2)
        text = _text(draw, script, characters - len(quote))
        body = _body(draw, profile, script, text + quote)
        yield MadeUp(
            mail_from=f"writer{writer}@{DOMAIN}",
            recipients=to,
            sent_at=at,
            message_id=message_id,
            script=script,
            raw="".join(f"{line}\r\n" for line in [*head, "MIME-Version: 1.0"]).encode() + body,
        )
        earlier.append(message_id)
        at += timedelta(seconds=round(draw.expovariate(1 / 14_400)) + 30)
        if number == 0 and draw.random() < 0.5:
            recipients = to if len(to) > 1 else recipients  # the rest of it is among them


def _quote(text: str, most: int) -> str:
    """Return the first lines of *text*, quoted, in at most so many characters."""
    lines = itertools.accumulate((f"> {line}\r\n" for line in text.splitlines()), initial="\r\n")
    fitting = [quoted for quoted in itertools.islice(lines, 41) if len(quoted) <= most]
    return fitting[-1] if text and fitting else ""


def _body(draw: random.Random, profile: MailProfile, script: str, text: str) -> bytes:
    shown = _part(text, "plain", _CHARSETS.get(script, "utf-8"))
    if draw.random() < profile.html_share:
        lines = "".join(f"<p>{line}</p>\r\n" for line in text.splitlines())
        page = f"<html><body>\r\n{lines}</body></html>\r\n"
        shown = _multipart(draw, "alternative", [shown, _part(page, "html", "utf-8")])
    count = int(_drawn(draw, profile.attachments))
    if not count:
        return shown
    files = [_attachment(draw, profile) for _ in range(count)]
    return _multipart(draw, "mixed", [shown, *files])


def _attachment(draw: random.Random, profile: MailProfile) -> bytes:
    kind = _drawn(draw, profile.attachment_types)
    size = min(at_point(profile.attachment_bytes, draw.random()), LARGEST_ATTACHMENT)
    is_text = kind == "text"  # which compresses
    content = _text(draw, "latin", size).encode()[:size] if is_text else draw.randbytes(size)
    content_type, suffix = _TYPES.get(kind, ("application/pdf", "pdf"))
    name = f"file{draw.randrange(10_000)}.{suffix}"
    head = (
        f'Content-Type: {content_type}; name="{name}"\r\n'
        f'Content-Disposition: attachment; filename="{name}"\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + _base64(content)


def _part(text: str, kind: str, charset: str) -> bytes:
    head = f"Content-Type: text/{kind}; charset={charset}\r\nContent-Transfer-Encoding: base64\r\n"
    return head.encode() + b"\r\n" + _base64(text.encode(charset, "replace"))


def _multipart(draw: random.Random, kind: str, parts: Sequence[bytes]) -> bytes:
    boundary = f"=_{draw.getrandbits(64):016x}".encode()
    head = b"Content-Type: multipart/" + kind.encode() + b'; boundary="' + boundary + b'"\r\n\r\n'
    inner = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return head + inner + b"--" + boundary + b"--\r\n"


def _base64(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def _text(draw: random.Random, script: str, characters: int) -> str:
    lines: list[str] = []
    left = characters
    while left > 0:
        line = _joined(_words(draw, script, WORDS_OF_A_LINE), script)[:left]
        lines.append(line)
        left -= len(line) + 2
    return "".join(f"{line}\r\n" for line in lines)


def _joined(words: Sequence[str], script: str) -> str:
    return ("" if script in _SPACELESS else " ").join(words)


def _words(draw: random.Random, script: str, count: int) -> list[str]:
    words, weights = _vocabulary(script)
    return draw.choices(words, cum_weights=weights, k=count)


@cache
def _vocabulary(script: str) -> tuple[list[str], list[float]]:
    """Return words, and the sums of the weights up to each."""
    draw = random.Random(script)  # noqa: S311  no secret
    letters = SCRIPTS[script].split()
    weights = [1 / rank for rank in range(1, len(letters) + 1)]
    made: dict[str, None] = {}
    while len(made) < VOCABULARY:
        made["".join(draw.choices(letters, weights, k=draw.randint(2, 9)))] = None
    return list(made), list(itertools.accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))


def _drawn(draw: random.Random, shares: dict[str, float]) -> str:
    return draw.choices(list(shares), list(shares.values()))[0] if shares else "0"


def _encoded(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=60).encode(linesep="\r\n")


def _folded(name: str, values: Sequence[str]) -> str:
    separator = ",\r\n " if name == "Cc" else "\r\n "
    return f"{name}: {separator.join(values)}"
