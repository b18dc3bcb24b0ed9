"""A raw message read: what people see of it, and what it carries.

Reads bytes of any quality, writes a ``Message`` and the contents it refers to. Nothing here
fails and nothing is altered: what is malformed is read as a person would, and told in
``defects``. Time and memory are bounded (``topologies.mail.mime``). RFC 5322, RFC 2045-2049.
"""

import hashlib
import html as html_syntax
import re
from dataclasses import dataclass, field

from topologies.events import BODY_INLINE_BYTES, Address, Attachment, BlobId, Message
from topologies.mail import (
    address_list,
    charsets,
    file_names,
    header_values,
    header_words,
    marks,
    mime,
    plain_text,
    skeleton,
)

TEXT_START_CHARACTERS = 20_000  # of a text that is too large to be inline
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w:.-]{1,40})", re.IGNORECASE)
_CID = re.compile(r"cid:([^\s\"'<>)]{1,300})", re.IGNORECASE)
_ADDRESS_FIELDS = ("from", "reply-to", "to", "cc", "bcc")
_ONCE = (*_ADDRESS_FIELDS, "subject", "date", "message-id")  # RFC 5322 §3.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A message and what it refers to.

    Attributes:
        contents: What is to be in the blob store, by its id.
        stretches: Where in the raw message some of that stands, and can be left out.
    """

    message: Message
    contents: dict[BlobId, bytes]
    stretches: tuple[skeleton.Stretch, ...] = ()


def parse_message(raw: bytes) -> Parsed:
    """Return what *raw* says."""
    tree = mime.read(raw)
    reading = _Reading(tree)
    body = reading.body_of(tree.root)
    text, html = body.text.strip("\n"), body.html
    if not text.strip() and html:
        text = plain_text.of_html(html)
    contents = reading.contents
    text, text_blob = _inline_or_blob(text, contents)
    html_blob: BlobId | None = None
    if html is not None:
        start, html_blob = _inline_or_blob(html, contents)
        html = None if html_blob else start
    root = tree.root
    for name in _ONCE:
        if sum(1 for _ in root.all(name)) > 1:
            tree.note(f"more than one {name.title()}")
    addresses = {name: _addresses(tree, name) for name in _ADDRESS_FIELDS}
    value = root.first("date")
    date = header_values.date(value) if value is not None else None
    if date is None:
        tree.note("an unreadable Date" if value is not None else "no Date")
    value = root.first("message-id")
    message_id = header_values.message_id(value) if value is not None else ""
    if not message_id:
        tree.note("an unusable Message-ID" if value is not None else "no Message-ID")
    automatic = header_words.text_of(root.first("auto-submitted") or b"")
    message = Message(
        subject=header_words.text_of(root.first("subject") or b""),
        from_=addresses["from"],
        reply_to=addresses["reply-to"],
        to=addresses["to"],
        cc=addresses["cc"],
        bcc=addresses["bcc"],
        date=date,
        message_id=message_id,
        in_reply_to=header_values.message_ids(root.first("in-reply-to") or b""),
        references=header_values.message_ids(root.first("references") or b""),
        snippet=plain_text.snippet(text),
        text=text,
        text_blob=text_blob,
        html=html,
        html_blob=html_blob,
        attachments=_marked_inline(reading.attachments, body.html),
        auto_submitted=automatic.partition(";")[0].strip().lower()[:100],
        list_id=_list_id(root.first("list-id")),
        defects=tuple(tree.defects),
        truncated=tree.is_cut,
        marks=marks.marks_of(root),
    )
    return Parsed(message=message, contents=contents, stretches=tuple(reading.stretches))


@dataclass(slots=True)
class _Body:
    """What is read of a part: text, HTML, or both in two forms of the same."""

    text: str = ""
    html: str | None = None

    @property
    def as_html(self) -> str:
        if self.html is not None:
            return self.html
        return f"<pre>{html_syntax.escape(self.text)}</pre>" if self.text.strip() else ""

    @property
    def as_text(self) -> str:
        return self.text if self.text or not self.html else plain_text.of_html(self.html)


@dataclass(slots=True)
class _Reading:
    tree: mime.Tree
    attachments: list[Attachment] = field(default_factory=list[Attachment])
    contents: dict[BlobId, bytes] = field(default_factory=dict[BlobId, bytes])
    stretches: list[skeleton.Stretch] = field(default_factory=list[skeleton.Stretch])
    has_body: bool = False

    def body_of(self, part: mime.Part) -> _Body:
        """Return the body text in *part*; what else it carries becomes attachments."""
        if part.content_type.startswith("multipart/") and part.children:
            bodies = [self.body_of(child) for child in part.children]
            if part.content_type == "multipart/alternative":
                return _chosen(bodies)
            return _joined(bodies)
        if self._is_body(part):
            self.has_body = True
            return self._text_of(part)
        inner = self.tree.encoded_message(part)
        self._attach(part, _title(part) if inner is None else _title_of(inner.root))
        if inner is not None:
            # With stretches of its own, which are none of the message that holds it.
            within = _Reading(inner, attachments=self.attachments, contents=self.contents)
            within._carried_by(inner.root)
            self.tree.is_cut |= inner.is_cut
        elif part.content_type in mime.MESSAGE_TYPES:
            for child in part.children:
                self._carried_by(child)
        return _Body()

    def _is_body(self, part: mime.Part) -> bool:
        if part.content_type not in ("text/plain", "text/html"):
            return False
        if part.disposition == "attachment":
            return False
        # Some programs give the body a name; what comes later with one is a file.
        return not (self.has_body and _given_name(part))

    def _text_of(self, part: mime.Part) -> _Body:
        content = self.tree.content(part)
        label = part.parameters.get("charset", "")
        is_html = part.content_type == "text/html"
        if is_html and not label and (match := _META_CHARSET.search(content[:2_048])):
            label = match[1].decode("ascii")
        text, defect = charsets.decode(content, label)
        self.tree.note(defect)
        if is_html:
            return _Body(html=text)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if part.parameters.get("format", "").lower() == "flowed":
            deletes = part.parameters.get("delsp", "").lower() == "yes"
            text = plain_text.of_flowed(text, deletes_space=deletes)
        return _Body(text=text)

    def _carried_by(self, part: mime.Part) -> None:
        """List what an attached message carries, so that it can be seen and is scanned."""
        if part.children and part.content_type.startswith("multipart/"):
            for child in part.children:
                self._carried_by(child)
        elif part.disposition == "attachment" or not part.content_type.startswith("text/"):
            self._attach(part, _title(part))
            for child in part.children:
                self._carried_by(child)

    def _attach(self, part: mime.Part, title: str) -> None:
        if len(self.attachments) >= mime.MOST_PARTS:  # of messages in messages together
            self.tree.is_cut = True
            return
        content = self.tree.content(part)
        blob = hashlib.sha256(content).hexdigest()
        self.contents[blob] = content
        if not part.children:  # else what it carries has stretches of its own
            body = self.tree.source[part.start : part.end]
            if (found := skeleton.stretch(body, part.start, content, blob)) is not None:
                self.stretches.append(found)
        number = str(len(self.attachments) + 1)
        name = file_names.clean(_given_name(part)) or title
        content_id = header_words.raw_text_of(part.first("content-id") or b"").strip()
        self.attachments.append(
            Attachment(
                attachment_id=number,
                file_name=name or file_names.made_up(number, part.content_type),
                content_type=part.content_type[:255],
                size_bytes=len(content),
                blob=blob,
                content_id=content_id.strip("<>")[:998],
                is_inline=part.disposition == "inline" and part.content_type.startswith("image/"),
            )
        )


def _chosen(bodies: list[_Body]) -> _Body:
    # RFC 2046 §5.1.4: the last form is the richest; people have one of each kind.
    texts = [body.text for body in bodies if body.text.strip()]
    htmls = [body.html for body in bodies if body.html is not None]
    return _Body(text=texts[0] if texts else "", html=htmls[-1] if htmls else None)


def _joined(bodies: list[_Body]) -> _Body:
    said = [body for body in bodies if body.text.strip() or body.html]
    if len(said) == 1:
        return said[0]
    text = "\n".join(body.as_text for body in said)
    if all(body.html is None for body in said):
        return _Body(text=text)
    return _Body(text=text, html="<hr>".join(body.as_html for body in said))


def _inline_or_blob(text: str, contents: dict[BlobId, bytes]) -> tuple[str, BlobId | None]:
    """Return what is inline of *text*, and the blob that holds it whole when it is large."""
    if len(text) * 4 <= BODY_INLINE_BYTES:
        return text, None
    content = text.encode("utf-8")
    if len(content) <= BODY_INLINE_BYTES:
        return text, None
    blob = hashlib.sha256(content).hexdigest()
    contents[blob] = content
    return text[:TEXT_START_CHARACTERS], blob


def _addresses(tree: mime.Tree, name: str) -> tuple[Address, ...]:
    found: list[Address] = []
    for value in tree.root.all(name):
        addresses, defect = address_list.read(value)
        tree.note(f"{name.title()}: {defect}" if defect else "")
        found += addresses
        if len(found) >= address_list.MOST:
            break
    if name == "from" and not found:
        tree.note("no From")
    return tuple(found[: address_list.MOST])


def _given_name(part: mime.Part) -> str:
    given = part.disposition_parameters.get("filename") or part.parameters.get("name") or ""
    # RFC 2047 §5 forbids encoded words here; many programs write them all the same.
    return header_words.decoded(given) if "=?" in given else given


def _title(part: mime.Part) -> str:
    """Return a name for an attached message, by its subject."""
    if part.content_type not in mime.MESSAGE_TYPES or not part.children:
        return ""
    return _title_of(part.children[0])


def _title_of(root: mime.Part) -> str:
    subject = header_words.text_of(root.first("subject") or b"")
    name = file_names.clean(subject.replace("/", " "))
    return f"{name}.eml" if name else ""


def _marked_inline(attachments: list[Attachment], html: str | None) -> tuple[Attachment, ...]:
    """Return *attachments*, those shown within *html* marked as inline (RFC 2392)."""
    if not html or not any(a.content_id for a in attachments):
        return tuple(attachments)
    shown = {html_syntax.unescape(each).lower() for each in _CID.findall(html)}
    return tuple(
        Attachment(
            attachment_id=a.attachment_id,
            file_name=a.file_name,
            content_type=a.content_type,
            size_bytes=a.size_bytes,
            blob=a.blob,
            content_id=a.content_id,
            is_inline=a.is_inline or a.content_id.lower() in shown,
        )
        if a.content_id
        else a
        for a in attachments
    )


def _list_id(value: bytes | None) -> str:
    if value is None:
        return ""
    text = header_words.text_of(value)
    match = re.search(r"<([^<>]{1,255})>", text)
    return match[1].strip().lower() if match else text.strip().lower()[:255]
