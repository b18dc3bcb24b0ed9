"""What of a mail speaks for or against spam, as short texts: the features of the classifier.

Pure and bounded. The same function makes them when the model is trained and when mail is
judged; what is not known when judging is no feature. Each has a prefix:

    w: a word, or two in a row, of the visible body     s: the same of the subject
    f: a word of the sender's name                      u: t: p: of links: domain, its last
    h: a tag of HTML                                       label, words of host and path
    n: how many of something, by powers of two          x: a sign, told in ``feature_words``
    a: an attachment's kind                             v: a verdict on who sent it
    l: what the sender's address is made of             r: words of where answers go
    m: words of the mailer's name                       k: a mark of the program that made it
    c: what tags of HTML are dressed in

Verdicts are not trained: a corpus of old mail can't have them. Their weights are set by hand.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise

from topologies.events import Address, Attachment, Authentication, Message
from topologies.mail import links, markup
from topologies.mail.domains import organizational

MOST_CHARACTERS = 16_000  # of the visible body
MOST_SUBJECT_CHARACTERS = 300
MOST_FEATURES = 4_000
MOST_MARKS = 12
PIECE_CHARACTERS = 500

# Of ASCII text, which most is: digits become "#", other signs than these part words.
_AS_WORDS = {
    code: "#" if chr(code).isdigit() else chr(code).lower() if chr(code).isalpha() else " "
    for code in range(128)
    if chr(code) not in "$%"
}
_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,2}"  # no spaces there: by two characters
    r"|(?:[^\W_]|[$€£¥₿%])+"
)
_DIGIT = re.compile(r"\d")
LONGEST_TOKEN = 24
_INVISIBLE = re.compile(r"[\u00ad\u034f\u061c\u115f\u180e\u200b-\u200f\u2060-\u2064\ufeff]")
_WORD = re.compile(r"[^\W\d_]{2,24}")
_LETTERS = re.compile(r"[a-z]{1,24}")
_MAILER_WORD = re.compile(r"[\w.]{1,24}")
_ADDRESS = re.compile(r"[\w.+-]{1,64}@((?:[\w-]{1,63}\.){1,5}[a-z]{2,12})", re.IGNORECASE)
_REPLY = re.compile(r"\s*(?:re|aw|antw|sv|vs|odp)\s*(?:\[\d+\])?:", re.IGNORECASE)
_FORWARD = re.compile(r"\s*(?:fwd?|wg|tr)\s*:", re.IGNORECASE)
_MIXED_SCRIPT = re.compile(r"[a-z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][a-z]")
_TYPES_OF_PROGRAMS = frozenset(
    {"exe", "scr", "com", "bat", "cmd", "js", "vbs", "hta", "lnk", "msi", "jar", "iso", "img"}
)
_MARKED_TAGS = frozenset(
    {"form", "input", "script", "iframe", "img", "table", "font", "center", "button", "map"}
    | {"style", "meta", "base", "object", "embed", "marquee", "b", "blockquote", "pre", "svg"}
)


def features(message: Message, authentication: Authentication) -> Sequence[str]:
    """Return the features of a mail, each once, in a stable order."""
    found: dict[str, None] = {}
    seen = markup.seen(message.html) if message.html else None
    text = seen.text if seen and len(seen.text) > 20 else message.text
    text = text[:MOST_CHARACTERS]
    sender = message.from_[0] if message.from_ else Address(address="")
    from_domain = authentication.from_domain or sender.address.rpartition("@")[2].lower()
    for group in (
        _of_sender(message, sender, from_domain),
        _of_subject(message.subject[:MOST_SUBJECT_CHARACTERS]),
        _of_verdicts(authentication),
        _of_markup(seen, is_large=message.html_blob is not None),
        _of_marks(message.marks),
        _of_links(seen, message.text, from_domain),
        _of_attachments(message.attachments),
        _of_shape(message, text),
        _of_dress(message.html),
        _of_words("w:", text),
    ):
        found.update(dict.fromkeys(group))
    return list(found)[:MOST_FEATURES]


def _tokens(text: str) -> list[str]:
    """Return words in lower case, each digit as #, money and per cent signs kept."""
    if text.isascii():
        tokens = text.translate(_AS_WORDS).split()
    else:
        text = _INVISIBLE.sub("", _normalised(text)).lower()
        tokens = [t.replace("0", "#") for t in _TOKEN.findall(_DIGIT.sub("0", text))]
    return [token for token in tokens if len(token) <= LONGEST_TOKEN]


def _normalised(text: str) -> str:
    # In pieces: a long run of combining marks takes squared time, and some characters grow.
    starts = range(0, len(text), PIECE_CHARACTERS)
    return "".join(
        unicodedata.normalize("NFKC", text[at : at + PIECE_CHARACTERS])[: 2 * PIECE_CHARACTERS]
        for at in starts
    )


def _of_words(prefix: str, text: str) -> list[str]:
    tokens = _tokens(text)
    found = [prefix + token for token in dict.fromkeys(tokens)]
    found += [f"{prefix}{a} {b}" for a, b in dict.fromkeys(pairwise(tokens))]
    return found


def _of_subject(subject: str) -> Iterable[str]:
    yield from _of_words("s:", subject)
    letters = [c for c in subject if c.isalpha()]
    if len(letters) > 5 and all(c.isupper() for c in letters):
        yield "x:subject-shouts"
    if not subject.strip():
        yield "x:subject-empty"
    if _REPLY.match(subject):
        yield "x:subject-replies"
    elif _FORWARD.match(subject):
        yield "x:subject-forwards"
    if not subject.isascii() and any(ord(c) > 0x2190 for c in subject):
        yield "x:subject-has-symbols"
    if _MIXED_SCRIPT.search(subject.lower()):
        yield "x:subject-mixes-scripts"
    yield f"n:subject-characters:{len(subject).bit_length()}"


def _of_sender(message: Message, sender: Address, from_domain: str) -> Iterable[str]:
    name = sender.name[:200]
    yield from ("f:" + word for word in dict.fromkeys(_WORD.findall(name.lower())))
    if not name:
        yield "x:sender-has-no-name"
    if _MIXED_SCRIPT.search(name.lower()):
        yield "x:sender-mixes-scripts"
    local, at, _ = sender.address.rpartition("@")
    if not at:
        yield "x:sender-has-no-address"
    if sum(c.isdigit() for c in local) >= 3:
        yield "x:sender-has-digits"
    claimed = _ADDRESS.search(name)
    if claimed and organizational(claimed[1]) != organizational(from_domain):
        yield "x:sender-name-is-another-address"
    words = set(re.findall(r"[a-z]{4,}", name.lower()))
    if words and from_domain:
        owner = organizational(from_domain).partition(".")[0]
        if any(word in owner or word in local.lower() for word in words):
            yield "x:sender-name-fits-address"
        else:
            yield "x:sender-name-fits-not"
    yield "t:from:" + from_domain.rpartition(".")[2][:12]
    reply = message.reply_to[0].address.rpartition("@")[2].lower() if message.reply_to else ""
    yield from _of_local_part(local.lower()[:64])
    if reply:
        yield from ("r:" + word for word in dict.fromkeys(_LETTERS.findall(reply[:100])))
        same = organizational(reply) == organizational(from_domain)
        yield "x:reply-to-sender" if same else "x:reply-elsewhere"


def _of_local_part(local: str) -> Iterable[str]:
    yield from ("l:" + word for word in dict.fromkeys(_LETTERS.findall(local)))
    yield "l:" + _LETTERS.sub("a", _DIGIT.sub("0", local))[:12] + "@"


def _of_marks(marks: Sequence[str]) -> Iterable[str]:
    for mark in marks[:MOST_MARKS]:
        kind, _, rest = mark.partition(":")
        if kind != "mailer":
            yield f"k:{mark[:60]}"
            continue
        words = _MAILER_WORD.findall(rest.lower())[:12]
        yield from ("m:" + word for word in dict.fromkeys(words))
        yield "k:mailer:" + " ".join([word for word in words if word.isalpha()][:3])[:40]


def _of_dress(html: str | None) -> Iterable[str]:
    if html:
        yield from ("c:" + each for each in markup.attributes(html))


def _of_markup(seen: markup.Markup | None, *, is_large: bool) -> Iterable[str]:
    if seen is None:
        if not is_large:  # what is too large to be inline is HTML all the same
            yield "x:plain-text"
        return
    yield from ("h:" + tag for tag in sorted(_MARKED_TAGS & seen.tags.keys()))
    yield f"n:images:{min(seen.images, 31).bit_length()}"
    yield f"n:tags:{seen.tags.total().bit_length()}"
    if seen.hides:
        yield "x:hides-text"
    if seen.forms:
        yield "x:has-form"
    if seen.images and len(seen.text.split()) < 20:
        yield "x:image-only"


def _of_links(seen: markup.Markup | None, text: str, from_domain: str) -> Iterable[str]:
    found = list(seen.links) if seen else []
    if not found:
        found = [(link, "") for link in links.in_text(text[:MOST_CHARACTERS])]
    yield f"n:links:{min(len(found), 63).bit_length()}"
    if found:
        yield from sorted(links.signs(found, from_domain))


def _of_attachments(attachments: Sequence[Attachment]) -> Iterable[str]:
    for attachment in attachments[:20]:
        suffix = attachment.file_name.rpartition(".")[2].lower()[:8]
        yield "a:" + suffix
        yield "a:" + attachment.content_type[:40]
        if suffix in _TYPES_OF_PROGRAMS:
            yield "x:attaches-program"
    yield f"n:attachments:{min(len(attachments), 15).bit_length()}"


def _of_shape(message: Message, text: str) -> Iterable[str]:
    words = text.split()
    yield f"n:words:{len(words).bit_length()}"
    shouted = sum(map(str.isupper, words)) * 20 // (len(words) + 1)
    yield f"n:shouted:{min(shouted, 15).bit_length()}"
    yield f"n:exclamations:{min(text.count('!'), 63).bit_length()}"
    plain = message.text[:MOST_CHARACTERS]
    if quoted := plain.count("\n>"):
        yield f"n:quoted-lines:{min(quoted, 63).bit_length()}"
    if "\n@@ -" in plain or "\ndiff --git " in plain:
        yield "x:holds-patch"
    if "\n-- \n" in plain:
        yield "x:has-signature"
    if not text.isascii():
        if _INVISIBLE.search(text):
            yield "x:invisible-characters"
        if _MIXED_SCRIPT.search(text.lower()):
            yield "x:mixes-scripts"
    if message.auto_submitted not in ("", "no"):
        yield "x:automatic"


def _of_verdicts(authentication: Authentication) -> Iterable[str]:
    if authentication.signed_in:
        yield "v:signed-in"
        return
    if authentication.spf != "none":
        yield "v:spf=" + authentication.spf
    if authentication.dkim:
        passed = any(verdict.result == "pass" for verdict in authentication.dkim)
        yield "v:dkim=pass" if passed else "v:dkim=fail"
    if authentication.dmarc != "none":
        policy = authentication.dmarc_policy if authentication.dmarc == "fail" else ""
        yield f"v:dmarc={authentication.dmarc}" + (f":{policy}" if policy else "")
