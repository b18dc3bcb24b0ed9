"""Reading messages: what people would see, whatever the sender's program did wrong."""

import base64
import binascii
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.memory.blobs import MemoryBlobs
from topologies.events import Address, Attachment, Message
from topologies.mail.message import parse_message
from topologies.mail.raw import read_raw
from topologies.mail.stored import store_message


def test_a_plain_mail_is_read() -> None:
    message = read(
        "From: Ada <ada@far.example>",
        "To: Bo <bo@shop.example>, cy@shop.example",
        "Reply-To: office@far.example",
        "Subject: Lunch",
        "Date: Sun, 1 Mar 2026 13:00:00 +0100",
        "Message-ID: <1@far.example>",
        "In-Reply-To: <0@shop.example>",
        "References: <r@x.example>",
        "\t<0@shop.example>",
        "List-Id: Our list <list.far.example>",
        "Auto-Submitted: Auto-Replied; owner=x",
        "",
        "At one?",
    )
    assert message == Message(
        subject="Lunch",
        from_=(Address(address="ada@far.example", name="Ada"),),
        reply_to=(Address(address="office@far.example"),),
        to=(Address(address="bo@shop.example", name="Bo"), Address(address="cy@shop.example")),
        date=datetime(2026, 3, 1, 12, tzinfo=UTC),
        message_id="1@far.example",
        in_reply_to=("0@shop.example",),
        references=("r@x.example", "0@shop.example"),
        snippet="At one?",
        text="At one?",
        auto_submitted="auto-replied",
        list_id="list.far.example",
    )


# --- header fields ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param("=?utf-8?q?Gr=C3=BC=C3=9Fe_aus?=", "Grüße aus", id="quoted-printable"),
        pytest.param("=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße", id="base64"),
        pytest.param("=?utf-8?b?R3LD?= =?utf-8?b?vMOfZQ==?=", "Grüße", id="cut inside a letter"),
        pytest.param("=?utf-8?b?R3LD?=\r\n =?utf-8?b?vMOfZQ==?=", "Grüße", id="cut and folded"),
        pytest.param("=?iso-8859-1?q?caf=E9?= =?utf-8?q?_=C3=BC?=", "café ü", id="two charsets"),
        pytest.param("a =?utf-8?q?b?= c", "a b c", id="between words"),
        pytest.param("=?utf-8*de?q?Gr=C3=BC=C3=9Fe?=", "Grüße", id="with a language"),
        pytest.param("=?utf-8?q?a b?=", "a b", id="a space within"),
        pytest.param("=?bogus?q?caf=C3=A9?=", "café", id="unknown charset"),
        pytest.param("=?utf-8?b?R3LDvMOfZQ?=", "Grüße", id="padding is missing"),
        pytest.param("=?utf-8?q?=0AInjected: x?=", "Injected: x", id="a line end within"),
        pytest.param("=?utf-8?x?abc?=", "=?utf-8?x?abc?=", id="no encoded word"),
        pytest.param("Grüße", "Grüße", id="raw UTF-8"),
        pytest.param("a\0b", "a\ufffdb", id="a null"),
        pytest.param("one\r\n two\r\n\tthree", "one two three", id="folded"),
        pytest.param("", "", id="empty"),
    ],
)
def test_a_subject_is_shown_as_it_was_meant(written: str, shown: str) -> None:
    assert read(f"Subject: {written}", "", "x").subject == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param("a@x.example", [("", "a@x.example")], id="bare"),
        pytest.param("<a@x.example>", [("", "a@x.example")], id="in brackets"),
        pytest.param("A B <a@x.example>", [("A B", "a@x.example")], id="with a name"),
        pytest.param('"B, A" <a@x.example>', [("B, A", "a@x.example")], id="a comma in quotes"),
        pytest.param('"A \\"B\\" C" <a@x.example>', [('A "B" C', "a@x.example")], id="escapes"),
        pytest.param("a@x.example (Ann)", [("Ann", "a@x.example")], id="a comment as name"),
        pytest.param("Ann a@x.example", [("Ann", "a@x.example")], id="without brackets"),
        pytest.param("=?utf-8?q?Zo=C3=AB?= <z@x.example>", [("Zoë", "z@x.example")], id="encoded"),
        pytest.param('"=?utf-8?q?Zo=C3=AB?=" <z@x.example>', [("Zoë", "z@x.example")], id="both"),
        pytest.param("a@x.example,", [("", "a@x.example")], id="a comma too many"),
        pytest.param(",,a@x.example;;b@x.example", [("", "a@x.example"), ("", "b@x.example")]),
        pytest.param("team: a@x.example, b@x.example;", [("", "a@x.example"), ("", "b@x.example")]),
        pytest.param("undisclosed-recipients:;", [], id="an empty group"),
        pytest.param('"', [], id="a quote alone"),
        pytest.param("(", [], id="a comment without end"),
        pytest.param("<a@x.example", [("", "a@x.example")], id="a bracket without end"),
        pytest.param("<@r.example:a@x.example>", [("", "a@x.example")], id="a source route"),
        pytest.param("a@xn--bcher-kva.example", [("", "a@bücher.example")], id="punycode"),
        pytest.param("a@[IPv6:2001:db8::1]", [("", "a@[IPv6:2001:db8::1]")], id="a literal"),
        pytest.param("root", [("", "root")], id="no domain"),
        pytest.param("The Postmaster", [("The Postmaster", "")], id="words alone"),
        pytest.param("jürgen@x.example", [("", "jürgen@x.example")], id="RFC 6532"),
    ],
)
def test_addresses_are_found_in_whatever_is_written(
    written: str, shown: list[tuple[str, str]]
) -> None:
    assert [(a.name, a.address) for a in read(f"To: {written}", "", "x").to] == shown


@pytest.mark.parametrize(
    ("written", "day"),
    [
        pytest.param("Sun, 1 Mar 2026 12:00:00 +0000", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        pytest.param("1 Mar 26 07:00 EST", datetime(2026, 3, 1, 12, tzinfo=UTC), id="obsolete"),
        pytest.param("yesterday", None),
        pytest.param("Sun, 1 Mar 1026 12:00:00 +0000", None, id="before there was mail"),
        pytest.param("Sun, 31 Feb 2026 12:00:00 +0000", None, id="no such day"),
        pytest.param(
            "Sun, 1 Mar 2026 12:00:00 +9999999", datetime(2026, 3, 1, 12, tzinfo=UTC), id="no zone"
        ),
        pytest.param("", None),
    ],
)
def test_a_date_is_read_or_left_out(written: str, day: datetime | None) -> None:
    assert read(f"Date: {written}", "", "x").date == day


def test_of_too_many_references_the_first_and_the_nearest_stay() -> None:
    ids = [f"{number}@x.example" for number in range(300)]
    field = "References: " + "\r\n ".join(f"<{each}>" for each in ids)
    assert read(field, "", "x").references == (ids[0], *ids[-99:])


@pytest.mark.parametrize("written", ["", "<>", "<a b@x.example>", "none"])
def test_an_unusable_message_id_is_none(written: str) -> None:
    message = read(f"Message-ID: {written}", "", "x")
    assert message.message_id == ""
    assert "an unusable Message-ID" in message.defects


def test_what_is_no_field_is_passed_over_and_told() -> None:
    message = read("From ada Sun Mar 1", "Subject: here", "no field", "To: a@x.example", "", "x")
    assert (message.subject, message.text) == ("here", "x")
    assert message.to == (Address(address="a@x.example"),)
    assert "a line in the header that is no field" in message.defects


def test_text_without_a_header_is_text() -> None:
    assert read("Dear Bo,", "", "so it goes").text == "Dear Bo,\n\nso it goes"
    assert parse_message(b"").message.text == ""
    assert read("", "only a body").text == "only a body"


# --- bodies -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("charset", "content", "shown"),
    [
        pytest.param("utf-8", "é".encode(), "é"),
        pytest.param("iso-8859-1", b"\x93hi\x94 \x80", "“hi” €", id="windows quotes as latin-1"),
        pytest.param("us-ascii", "é".encode(), "é", id="UTF-8 as ASCII"),
        pytest.param("", "é".encode(), "é", id="UTF-8 without a label"),
        pytest.param("", b"\xe9", "é", id="latin-1 without a label"),
        pytest.param(
            "",
            "Съешь же ещё этих мягких французских булок, да выпей чаю. ".encode("cp1251") * 3,
            "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 3,
            id="a guess",
        ),
        pytest.param("gb2312", "镕".encode("gb18030"), "镕", id="more than GB 2312"),
        pytest.param("iso-8859-8-i", "שלום".encode("iso8859-8"), "שלום"),
        pytest.param("ks_c_5601-1987", "안녕".encode("cp949"), "안녕"),
        pytest.param("shift_jis", "①".encode("cp932"), "①", id="more than Shift JIS"),
        pytest.param("bogus-8", "é".encode(), "é", id="unknown"),
        pytest.param("zip", b"abc", "abc", id="a codec that is no charset"),
        pytest.param("unicode_escape", rb"\u0041", r"\u0041", id="a codec of escapes"),
        pytest.param("utf-8", b"a\xffb", "a\ufffdb", id="not what it says"),
        pytest.param("utf-8", b"a\0b", "a\ufffdb", id="a null"),
        pytest.param("utf-7", b"+2AA-", "\ufffd", id="half a character"),
    ],
)
def test_text_is_read_by_what_its_label_means(charset: str, content: bytes, shown: str) -> None:
    label = f"; charset={charset}" if charset else ""
    head = f"Content-Type: text/plain{label}\r\n\r\n".encode()
    assert parse_message(head + content).message.text == shown


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        pytest.param(b"T25l\r\nIGFu\r\nZCA=\r\ndHdvLg==\r\n", "One and two.", id="piece by piece"),
        pytest.param(b"T25lIGFuZCA=dHdvLg==", "One and two.", id="on one line"),
        pytest.param(b"T25lLg==\r\n-- \r\nof a list\r\n", "One.", id="a footer that is none"),
        pytest.param(b"T25lLg==\r\n====\r\n", "One.", id="too much padding"),
    ],
)
def test_base64_that_was_put_together_is_decoded_to_its_end(content: bytes, shown: str) -> None:
    header = b"Content-Transfer-Encoding: base64\r\n\r\n"
    assert parse_message(header + content).message.text == shown


def test_comments_say_nothing_of_how_a_text_is_read() -> None:
    shown = parse_message(
        b"Content-Type: text/plain; charset=iso-2022-jp (Japanese)\r\n"
        b"Content-Transfer-Encoding: (as ever) Quoted-Printable (RFC 2045)\r\n\r\n"
        b"=1B$B$3$s=1B(B\r\n"
    )
    assert (shown.message.text, "charset" in str(shown.message.defects)) == ("こん", False)
    apart = read(
        "Content-Type: multipart/mixed; boundary=here (and there)",
        *("", "--here", "", "a", "--here"),
        *("Content-Type: application/pdf; name=report (2).pdf", "", "b", "--here--"),
    )
    assert (apart.text, [a.file_name for a in apart.attachments]) == ("a", ["report (2).pdf"])


def test_of_two_forms_of_one_text_both_are_kept() -> None:
    message = multipart(
        "alternative",
        "Content-Type: text/plain\r\n\r\nHello",
        "Content-Type: text/html\r\n\r\n<p>Hello</p>",
    )
    assert (message.text, message.html, message.attachments) == ("Hello", "<p>Hello</p>", ())


def test_html_alone_gets_a_text() -> None:
    html = (
        "<html><head><title>T</title><style>p{}</style></head><body><p>One &amp; <b>two</b></p>"
        "<script>x<y</script><!-- no > this --><div>three<br>four</div>a < b</body></html>"
    )
    message = read("Content-Type: text/html", "", html)
    assert message.text == "One & two\n\nthree\nfour\na < b"
    assert message.html == html
    assert message.snippet == "One & two three four a < b"


def test_a_footer_behind_html_is_read_too() -> None:
    message = multipart(
        "mixed",
        "Content-Type: text/html\r\n\r\n<p>Hello</p>",
        "Content-Type: text/plain\r\n\r\n-- list <footer>",
    )
    assert message.text == "Hello\n-- list <footer>"
    assert message.html == "<p>Hello</p><hr><pre>-- list &lt;footer&gt;</pre>"


def test_flowed_text_is_joined() -> None:
    message = read(
        "Content-Type: text/plain; format=flowed",
        "",
        "one ",
        "two",
        "> quoted ",
        "> on",
        "-- ",
        "A",
    )
    assert message.text == "one two\n> quoted on\n-- \nA"


def test_flowed_words_lose_the_space_that_only_breaks_them() -> None:
    message = read(
        "Content-Type: text/plain; format=flowed; delsp=yes",
        "",
        "one ",
        "two  ",
        "three ",
        "> a ",
        "b",
    )
    assert message.text == "onetwo three\n> a\nb"


def test_a_large_text_goes_to_the_blob_store_and_its_start_stays() -> None:
    long = "word é " * 30_000
    parsed = parse_message(f"Content-Type: text/plain; charset=utf-8\r\n\r\n{long}".encode())
    assert parsed.message.text_blob is not None
    assert parsed.contents[parsed.message.text_blob].decode() == long
    assert long.startswith(parsed.message.text)
    assert len(parsed.message.text) == 20_000


# --- parts --------------------------------------------------------------------------


def test_an_attachment_is_decoded_and_named() -> None:
    content = bytes(range(256))
    parsed = parse_message(
        _multipart(
            "mixed",
            "Content-Type: text/plain\r\n\r\nsee there",
            "Content-Type: application/octet-stream; name=ignored.bin\r\n"
            'Content-Disposition: attachment; filename="../../Łódź\u202e.bin"\r\n'
            "Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(content).decode(),
        )
    )
    [attachment] = parsed.message.attachments
    assert attachment == Attachment(
        attachment_id="1",
        file_name="Łódź.bin",
        content_type="application/octet-stream",
        size_bytes=256,
        blob=attachment.blob,
    )
    assert parsed.contents[attachment.blob] == content
    assert parsed.message.text == "see there"


@pytest.mark.parametrize(
    ("field", "name"),
    [
        pytest.param("filename*=UTF-8''R%C3%A9sum%C3%A9.pdf", "Résumé.pdf", id="RFC 2231"),
        pytest.param(
            "filename*0*=UTF-8''%C3%81;filename*1=b;filename*2*=%20c", "Áb c", id="in sections"
        ),
        pytest.param("filename*1=b; filename*0=a", "ab", id="sections out of order"),
        pytest.param("filename=a.txt; filename*=\"utf-8''b.txt\"", "b.txt", id="both forms"),
        pytest.param('filename="=?utf-8?q?=C3=BC.txt?="', "ü.txt", id="an encoded word"),
        pytest.param("filename=with spaces.txt", "with spaces.txt", id="without quotes"),
        pytest.param('filename="C:\\\\dir\\\\a.txt"', "a.txt", id="a path"),
        pytest.param('filename=".."', "attachment-1.png", id="nothing left"),
        pytest.param("filename*=", "attachment-1.png", id="empty"),
        pytest.param("x=y", "attachment-1.png", id="none"),
        pytest.param(f"filename={'a' * 400}.txt", "a" * 196 + ".txt", id="too long"),
    ],
)
def test_a_file_name_is_safe_and_as_it_was_meant(field: str, name: str) -> None:
    message = multipart(
        "mixed", f"Content-Type: image/png\r\nContent-Disposition: attachment; {field}\r\n\r\nx"
    )
    assert [a.file_name for a in message.attachments] == [name]


def test_a_picture_shown_in_the_text_is_inline() -> None:
    message = multipart(
        "related",
        'Content-Type: text/html\r\n\r\n<img src="cid:logo@x">',
        "Content-Type: image/png\r\nContent-ID: <logo@x>\r\n\r\nx",
        "Content-Type: image/png\r\nContent-ID: <other@x>\r\n\r\ny",
    )
    assert [(a.content_id, a.is_inline) for a in message.attachments] == [
        ("logo@x", True),
        ("other@x", False),
    ]
    assert message.has_attachments


def test_an_attached_message_is_listed_with_what_it_carries() -> None:
    inner = _multipart(
        "mixed",
        "Content-Type: text/plain\r\n\r\ninner text",
        "Content-Type: application/pdf; name=a.pdf\r\n\r\npdf",
        first="Subject: The offer\r\n",
    ).decode()
    message = multipart(
        "x-outer",
        "Content-Type: text/plain\r\n\r\nas agreed",
        "Content-Type: message/rfc822\r\n\r\n" + inner.replace("--b", "--i").replace("=b", "=i"),
    )
    assert [a.file_name for a in message.attachments] == ["The offer.eml", "a.pdf"]
    assert message.text == "as agreed"


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
async def test_an_attached_message_that_is_encoded_is_listed_with_what_it_carries(
    encoding: str,
) -> None:
    picture = b"\x89PNG" + bytes(range(256)) * 200  # large enough to be kept apart
    inner = _multipart(
        "mixed",
        "Content-Type: text/plain\r\n\r\ninner = text",
        "Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(picture).decode().replace("\n", "\r\n"),
        first="Subject: The offer\r\n",
    ).replace(b"--b", b"--i")
    inner = inner.replace(b"boundary=b", b"boundary=i")
    is_base64 = encoding == "base64"
    written = base64.encodebytes(inner) if is_base64 else binascii.b2a_qp(inner)
    raw = _multipart(
        "x-outer",
        "Content-Type: text/plain\r\n\r\nas agreed",
        f"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        + written.decode().replace("\r\n", "\n").replace("\n", "\r\n"),
    )
    parsed = parse_message(raw)
    message = parsed.message
    assert [a.file_name for a in message.attachments] == ["The offer.eml", "a.png"]
    assert parsed.contents[message.attachments[1].blob] == picture
    assert message.text == "as agreed"
    blobs = MemoryBlobs()
    kept = await store_message(raw, blobs)
    assert await read_raw(blobs, kept[1]) == raw


def test_encoded_messages_together_hold_no_more_files_than_one() -> None:
    inner = _multipart("mixed", *["Content-Type: image/png\r\n\r\nx"] * 900)
    encoded = (
        "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(inner).decode()
    )
    message = multipart("mixed", *[encoded] * 5)
    assert message.truncated
    assert len(message.attachments) == 1_000


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("Content-Type: multipart/mixed\r\n\r\nshown", id="no boundary"),
        pytest.param("Content-Type: multipart/mixed; boundary=b\r\n\r\nshown", id="never begins"),
        pytest.param(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nshown", id="no end"
        ),
        pytest.param("Content-Type: text\r\n\r\nshown", id="no subtype"),
        pytest.param("Content-Type: name*; charset\r\n\r\nshown", id="junk"),
        pytest.param("Content-Transfer-Encoding: x-uu\r\n\r\nshown", id="unknown encoding"),
        pytest.param("Content-Transfer-Encoding: base64\r\n\r\nc2hvd24", id="base64 cut off"),
        pytest.param("Content-Transfer-Encoding: base64\r\n\r\nc2h!vd2\r\n4=", id="junk in it"),
        pytest.param(
            "Content-Transfer-Encoding: quoted-printable\r\n\r\nsho=\r\nwn", id="soft end"
        ),
    ],
)
def test_what_is_malformed_is_shown_as_a_person_would_read_it(raw: str) -> None:
    assert parse_message(raw.encode()).message.text.strip() == "shown"


# --- bounds -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 100_000,
            id="100,000 parts",
        ),
        pytest.param(
            b"".join(
                f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n".encode()
                for n in range(5_000)
            ),
            id="5,000 levels",
        ),
        pytest.param(b"Content-Type: message/rfc822\r\n\r\n" * 20_000, id="messages in messages"),
        pytest.param(b"X: y\r\n" * 200_000 + b"\r\nbody", id="200,000 fields"),
        pytest.param(b"X: y\r\n" + b" z\r\n" * 300_000 + b"\r\nbody", id="one folded field"),
        pytest.param(b"To: " + b"(" * 500_000 + b"\r\n\r\nx", id="comments"),
        pytest.param(b"To: " + b'"\\' * 250_000 + b"\r\n\r\nx", id="quotes"),
        pytest.param(b"To: " + b"[" * 60_000 + b"\r\n\r\nx", id="literals without end"),
        pytest.param((b"Cc: " + b"a@[" * 20_000 + b"\r\n") * 15 + b"\r\nx", id="15 Cc"),
        pytest.param(b"To: " + b"a@b.example," * 50_000 + b"\r\n\r\nx", id="50,000 addresses"),
        pytest.param(b"Subject: " + b"=?utf-8?q?" * 50_000 + b"\r\n\r\nx", id="encoded words"),
        pytest.param(b"Content-Type: a/b" + b'; x*1="' * 50_000 + b"\r\n\r\nx", id="parameters"),
        pytest.param(b"Content-Type: text/html\r\n\r\n" + b"<" * 2_000_000, id="brackets"),
        pytest.param(
            b"Content-Transfer-Encoding: base64\r\n\r\n" + b"YQ==Yg==" * 2_000_000, id="padding"
        ),
        pytest.param(
            b"Content-Type: text/plain; format=flowed\r\n\r\n" + b"a \r\n" * 1_000_000,
            id="flowed text of one line",
        ),
        pytest.param(
            b"Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\n" + b"a \r\n" * 1_000_000,
            id="flowed text of one word",
        ),
        pytest.param(b"Content-Type: text/html\r\n\r\n" + b"<!--" * 500_000, id="comments in HTML"),
        pytest.param(b"References: " + b"<a" * 500_000 + b"\r\n\r\nx", id="references"),
        pytest.param(
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b" * 700_000, id="one line"
        ),
    ],
)
def test_a_hostile_message_costs_little_time(raw: bytes) -> None:
    start = time.process_time()
    message = parse_message(raw).message
    # Not a measurement: what grows with the square would take minutes.
    assert time.process_time() - start < 10
    assert len(message.attachments) <= 1_000


def test_parts_beyond_the_limits_are_left_out_and_that_is_told() -> None:
    parts = ["Content-Type: image/png\r\n\r\nx"] * 1_200
    message = multipart("mixed", *parts)
    assert message.truncated
    assert len(message.attachments) == 999


@given(raw=st.binary(max_size=2_000))
def test_any_bytes_are_read(raw: bytes) -> None:
    _is_sound(parse_message(raw).message)


@given(
    lines=st.lists(
        st.sampled_from(
            [
                "Content-Type: multipart/mixed; boundary=b",
                'Content-Type: multipart/alternative; boundary="c"',
                "Content-Type: text/html; charset=utf-7",
                "Content-Type: message/rfc822",
                "Content-Transfer-Encoding: base64",
                "Content-Transfer-Encoding: quoted-printable",
                "Content-Disposition: attachment; filename*=utf-16''%00",
                "Subject: =?utf-16?b?2AA=?=",
                'From: "<@,:;>" <a@b',
                "--b",
                "--b--",
                "--c",
                "--c--",
                "",
                " folded",
                "text =3D= <b>&#0;&#xd800;",
                "2AA=",
            ]
        ),
        max_size=40,
    ),
    line_end=st.sampled_from(["\r\n", "\n"]),
)
def test_any_arrangement_of_parts_is_read(lines: list[str], line_end: str) -> None:
    _is_sound(parse_message(line_end.join(lines).encode()).message)


def _is_sound(message: Message) -> None:
    texts = [message.subject, message.text, message.snippet, message.html or ""]
    for attachment in message.attachments:
        assert attachment.file_name
        assert "/" not in attachment.file_name
        texts.append(attachment.file_name)
    for address in (*message.from_, *message.to):
        texts += [address.name, address.address]
    for text in texts:
        text.encode("utf-8")  # no half characters
        assert "\0" not in text
    assert "\n" not in message.subject + message.snippet


def read(*lines: str) -> Message:
    return parse_message("\r\n".join(lines).encode()).message


def multipart(subtype: str, *parts: str) -> Message:
    return parse_message(_multipart(subtype, *parts)).message


def _multipart(subtype: str, *parts: str, first: str = "") -> bytes:
    head = f"{first}Content-Type: multipart/{subtype}; boundary=b\r\n\r\n"
    body = "".join(f"--b\r\n{part}\r\n" for part in parts)
    return f"{head}{body}--b--\r\n".encode()
