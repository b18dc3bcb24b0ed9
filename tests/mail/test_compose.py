"""Composing: what was written is what a reader reads, and the same draft is the same message."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.events import Address
from topologies.mail.compose import Draft, File, compose, has_controls, is_content_type
from topologies.mail.message import parse_message

ADA = Address(address="ada@shop.example", name="Ada")
# What a text field of a form can hold: no halves of characters, line ends of one kind.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=300)
LINE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120).map(
    lambda text: " ".join(text.split())
)


@given(subject=LINE, name=LINE, text=TEXT, html=st.none() | TEXT.filter(str.strip))
def test_what_was_written_is_what_is_read(
    subject: str, name: str, text: str, html: str | None
) -> None:
    draft = drafted(
        subject=subject,
        text=text,
        html=html,
        to=[Address(address="bo@shop.example", name=name)],
    )
    message = parse_message(compose(draft)).message
    assert message.subject == subject
    assert message.to == (Address(address="bo@shop.example", name=name),)
    assert message.text.strip("\n") == text.strip("\n") or not text.strip()
    assert message.message_id == "1@shop.example"
    assert message.defects == ()
    if html is not None:
        assert message.html is not None
        assert message.html.replace("\r\n", "\n").strip("\n") == html.strip("\n")


@given(
    people=st.lists(
        st.tuples(
            st.sampled_from(["bo", "x" * 64, "a.b-c+d=e", "o'x{}", '"a,b"', '"@"']),
            st.sampled_from(["shop.example", ".".join(["d" * 55] * 3) + ".example"]),
            LINE | st.lists(LINE, max_size=5).map(", ".join).map(str.strip),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_names_and_addresses_stay_what_they_are_however_long(
    people: list[tuple[str, str, str]],
) -> None:
    to = tuple(Address(address=f"{local}@{domain}", name=name) for local, domain, name in people)
    raw = compose(drafted(to=to))
    assert parse_message(raw).message.to == to
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_a_name_that_looks_encoded_is_shown_as_it_was_typed() -> None:
    typed = "=?utf-8?q?root?="
    raw = compose(drafted(subject=typed, to=[Address(address="bo@shop.example", name=typed)]))
    message = parse_message(raw).message
    assert (message.subject, message.to[0].name) == (typed, typed)


def test_ids_longer_than_a_line_are_written_as_they_are() -> None:
    first, last = f"{'a' * 480}@{'b' * 480}", f"{'c' * 100}@far.example"
    raw = compose(drafted(in_reply_to=last, references=[first]))
    assert f"\r\nReferences: <{first}>\r\n <{last}>\r\n".encode() in raw
    message = parse_message(raw).message
    assert (message.in_reply_to, message.references) == ((last,), (first, last))


@given(files=st.lists(st.tuples(LINE.filter(str.strip), st.binary(max_size=500)), max_size=4))
def test_files_arrive_as_they_are(files: list[tuple[str, bytes]]) -> None:
    draft = drafted(
        files=[File(name=n, content_type="application/pdf", content=c) for n, c in files]
    )
    parsed = parse_message(compose(draft))
    contents = [parsed.contents[a.blob] for a in parsed.message.attachments]
    assert contents == [content for _, content in files]


def test_the_same_draft_is_the_same_message_and_another_id_is_another() -> None:
    file = File(name="a", content_type="text/plain", content=b"a")
    one = drafted(html="<p>", files=[file])
    assert compose(one) == compose(drafted(html="<p>", files=[file]))
    assert compose(one) != compose(drafted(message_id="2@shop.example", html="<p>", files=[file]))


def test_an_address_beyond_ascii_is_written_as_rfc_6532_has_it() -> None:
    raw = compose(drafted(to=[Address(address="jürgen@shop.example", name="Jürgen")]))
    assert "jürgen@shop.example".encode() in raw
    [to] = parse_message(raw).message.to
    assert to == Address(address="jürgen@shop.example", name="Jürgen")


@pytest.mark.parametrize("control", ["\r", "\n", "\0", "\x7f", "\x85", "\u2028", "\u2029", "\t"])
def test_a_control_character_never_gets_into_a_header(control: str) -> None:
    text = f"x{control}Bcc: eve@far.example"
    assert has_controls(text)
    for draft in (
        drafted(subject=text),
        drafted(to=[Address(address="bo@shop.example", name=text)]),
        drafted(files=[File(name=text, content_type="text/plain", content=b"")]),
    ):
        with pytest.raises(ValueError, match="control character"):
            compose(draft)


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: x\r\n\r\ny",
        b"Subject: x\r\n\r\ny\r\n",
        (
            b"subject:x\r\n folded \r\nContent-Type: multipart/mixed; boundary=b\r\n"
            b"\r\n--b\r\n\r\n--b--\r\n"
        ),
    ],
)
def test_an_attached_mail_is_one_and_stays_as_it_was(content: bytes) -> None:
    file = File(name="ä.eml", content_type="message/rfc822", content=content)
    raw = compose(drafted(files=[file]))
    assert content in raw
    assert b"Content-Type: message/rfc822\r\n" in raw
    assert raw.isascii()
    found = parse_message(raw)
    [attachment] = found.message.attachments
    assert (attachment.content_type, attachment.file_name) == ("message/rfc822", "ä.eml")
    assert found.message.defects == ()


@pytest.mark.parametrize(
    "content",
    [
        b"Subject: \xc3\xa4\r\n\r\ny",
        b"Subject: x\n\ny",
        b"Subject: x\r\n\r\n" + b"y" * 999,
        b"Subject: x\r\n\r\n\0",
    ],
)
def test_an_attached_mail_that_needs_more_than_seven_bits_is_a_file(content: bytes) -> None:
    file = File(name="a.eml", content_type="message/rfc822", content=content)
    parsed = parse_message(compose(drafted(files=[file])))
    [attachment] = parsed.message.attachments
    assert attachment.content_type == "application/octet-stream"
    assert parsed.contents[attachment.blob] == content


def test_of_many_references_the_first_and_the_nearest_are_written() -> None:
    known = [f"{number}@far.example" for number in range(100)]
    draft = drafted(in_reply_to="100@far.example", references=known)
    message = parse_message(compose(draft)).message
    assert message.in_reply_to == ("100@far.example",)
    assert message.references == ("0@far.example", *known[52:], "100@far.example")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("text/plain", True), ("a/b+c", True), ("text", False), ("a/b c", False), ("a/b\r\n", False)],
)
def test_a_content_type_is_told_from_what_is_none(text: str, is_one: bool) -> None:
    assert is_content_type(text) == is_one


def drafted(**fields: object) -> Draft:
    given: dict[str, object] = {
        "message_id": "1@shop.example",
        "date": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "sender": ADA,
        "to": [Address(address="bo@shop.example")],
        **fields,
    }
    return Draft(**given)  # type: ignore[arg-type]
