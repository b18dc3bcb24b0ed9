"""What of a mail speaks for or against spam, and how that is told to people."""

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topologies.events import Address, Attachment, Authentication, DkimVerdict, Message
from topologies.mail.feature_words import LONGEST_QUOTE, described, meaning
from topologies.mail.features import MOST_FEATURES, features

NOTHING = Authentication()


# These builders stand here, since they are needed while the tests are collected.


def by(address: str, name: str = "") -> tuple[Address, ...]:
    return (Address(address=address, name=name),)


def attached(name: str) -> Attachment:
    return Attachment(
        attachment_id="1",
        file_name=name,
        content_type="application/octet-stream",
        size_bytes=1,
        blob="0" * 64,
    )


def verdict(result: Any) -> DkimVerdict:
    return DkimVerdict(result=result, domain="shop.example", selector="s")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"text": "Buy now"}, {"w:buy", "w:now", "w:buy now"}),
        ({"text": "save 50% today"}, {"w:save", "w:##%", "w:save ##%"}),
        ({"text": "ab\u200bc\u00adde"}, {"w:abcde", "x:invisible-characters"}),
        ({"text": "ＦＲＥＥ ｍｏｎｅｙ"}, {"w:free", "w:money"}),
        ({"text": "免费领取"}, {"w:免费", "w:领取", "w:免费 领取"}),
        ({"text": "pаypal"}, {"x:mixes-scripts"}),
        ({"subject": "ACT TODAY"}, {"s:act", "s:act today", "x:subject-shouts"}),
        ({"subject": ""}, {"x:subject-empty"}),
        ({"subject": "Re: lunch"}, {"x:subject-replies", "s:lunch"}),
        ({"subject": "Fwd: lunch"}, {"x:subject-forwards"}),
        ({"subject": "🎁 a gift"}, {"x:subject-has-symbols"}),
        (
            {"from_": by("bo@shop.example", "Bo Shop")},
            {"f:bo", "x:sender-name-fits-address"},
        ),
        ({"from_": by("x@evil.example", "My Bank")}, {"x:sender-name-fits-not"}),
        (
            {"from_": by("x@evil.example", "help@bank.example")},
            {"x:sender-name-is-another-address"},
        ),
        ({"from_": ()}, {"x:sender-has-no-address", "x:sender-has-no-name"}),
        ({"from_": by("a12345@shop.example")}, {"x:sender-has-digits", "t:from:example"}),
        (
            {"from_": by("a@shop.example"), "reply_to": by("b@evil.example")},
            {"x:reply-elsewhere"},
        ),
        (
            {"from_": by("a@m.shop.example"), "reply_to": by("b@shop.example")},
            {"x:reply-to-sender"},
        ),
        ({"text": "see http://192.0.2.7/login"}, {"x:link-to-ip", "p:login"}),
        ({"html": "<form action='http://x.example'>"}, {"x:has-form", "h:form"}),
        ({"html": "<p style='display:none'>x</p>"}, {"x:hides-text"}),
        ({"html": "<img src='https://a.example/i.png'>"}, {"x:image-only", "n:images:1"}),
        ({"text": "hello"}, {"x:plain-text"}),
        ({"text": "yes\n> did you?\n> and he?"}, {"n:quoted-lines:2"}),
        ({"text": "see below\n@@ -1 +1 @@\n"}, {"x:holds-patch"}),
        ({"text": "bye\n-- \nBo"}, {"x:has-signature"}),
        ({"auto_submitted": "auto-replied"}, {"x:automatic"}),
        (
            {"from_": by("news.team7@shop.example")},
            {"l:news", "l:team", "l:a.a0@"},
        ),
        ({"reply_to": by("b@evil-mail.example")}, {"r:evil", "r:mail"}),
        (
            {"marks": ("mailer:Bulk Mailer 2.1", "priority:1", "type:text/html")},
            {"m:bulk", "m:mailer", "m:2.1", "k:mailer:bulk mailer", "k:priority:1"},
        ),
        (
            {"html": "<td bgcolor='#FF0000' width=12345><a href='x'>"},
            {"c:td bgcolor", "c:bgcolor=#ff#", "c:width=#", "c:a href"},
        ),
        (
            {"attachments": (attached("a.pdf.exe"),)},
            {"a:exe", "a:application/octet-stream", "x:attaches-program", "n:attachments:1"},
        ),
    ],
)
def test_a_mail_has_the_signs_it_shows(changes: dict[str, Any], expected: set[str]) -> None:
    assert expected - set(features(Message(**changes), NOTHING)) == set()


@pytest.mark.parametrize(
    ("authentication", "expected"),
    [
        (NOTHING, set[str]()),
        (Authentication(signed_in=True, spf="fail"), {"v:signed-in"}),
        (Authentication(spf="softfail"), {"v:spf=softfail"}),
        (Authentication(dkim=(verdict("fail"), verdict("pass"))), {"v:dkim=pass"}),
        (Authentication(dkim=(verdict("permerror"),)), {"v:dkim=fail"}),
        (Authentication(dmarc="pass", dmarc_policy="reject"), {"v:dmarc=pass"}),
        (Authentication(dmarc="fail", dmarc_policy="reject"), {"v:dmarc=fail:reject"}),
    ],
)
def test_verdicts_are_features(authentication: Authentication, expected: set[str]) -> None:
    found = features(Message(text="hello"), authentication)
    assert {f for f in found if f.startswith("v:")} == expected


def test_html_that_is_too_large_to_be_inline_is_no_plain_text() -> None:
    found = features(Message(text="hello", html_blob="0" * 64), NOTHING)
    assert "x:plain-text" not in found


def test_what_html_shows_counts_and_not_the_other_form() -> None:
    html = "<p>Claim your prize of a million dollars</p>"
    found = features(Message(text="weather report", html=html), NOTHING)
    assert "w:prize" in found
    assert "w:weather" not in found


@pytest.mark.parametrize(
    "text",
    [
        " ".join(f"w{n}" for n in range(100_000)),
        "一" * 100_000,
        "a" + "\u0301\u0316" * 50_000,
        "\ufdfa" * 100_000,
        "http://a.example/" * 10_000,
        "<a href=" + " " * 100_000 + ">",
        "<" * 100_000,
        "&" * 100_000,
    ],
)
def test_the_work_is_bounded(text: str) -> None:
    # No clock here: squared time would be minutes, and be seen.
    sender = (Address(address=text, name=text),)
    for message in (
        Message(text=text, subject=text, from_=sender, reply_to=sender),
        Message(html=text),
        Message(html=f"<p {text}>", attachments=(attached(text),) * 500),
    ):
        assert len(features(message, NOTHING)) <= MOST_FEATURES


@settings(deadline=None)
@given(
    subject=st.text(max_size=40),
    name=st.text(max_size=30),
    sender=st.text(max_size=30),
    text=st.text(max_size=200),
    html=st.none() | st.text("<>a href=\"'&;/:@.px1", max_size=200),
)
def test_any_mail_has_features_each_once_and_always_the_same(
    subject: str, name: str, sender: str, text: str, html: str | None
) -> None:
    message = Message(
        subject=subject, from_=(Address(address=sender, name=name),), text=text, html=html
    )
    found = features(message, NOTHING)
    assert len(found) == len(set(found))
    assert list(features(message, NOTHING)) == list(found)
    assert all(f[1] == ":" and f[0] in "wsfutphnxavlrmkc" for f in found)


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        ("x:link-to-ip", "a link leads to a bare IP address"),
        ("x:unheard-of", ""),
        ("v:dmarc=pass", "the sender's domain is proved"),
        ("w:prize", "the text says “prize”"),
        ("s:act now", "the subject says “act now”"),
        ("f:bank", "the sender's name says “bank”"),
        ("u:evil.example", "a link leads to “evil.example”"),
        ("h:form", "there is <form> in the HTML"),
        ("a:exe", "a file of kind exe is attached"),
        ("t:from:zip", "the sender's address ends in .zip"),
        ("t:zip", "a link's domain ends in .zip"),
        ("t:from:", ""),
        ("l:news", "the sender's address says “news”"),
        ("l:a0@", "the sender's address is of the form “a0”"),
        ("r:evil", "answers go to an address with “evil” in it"),
        ("k:priority:1", "it is marked as of priority “1”"),
        ("k:unheard-of:1", ""),
        ("n:links:0", "no links"),
        ("n:links:3", "4 to 7 links"),
        ("n:link-domains:3", "3 domains that links lead to"),
        ("n:shouted:2", "much of it is in capitals"),
        ("n:shouted:0", ""),
        ("n:unheard-of:1", ""),
        ("w:", ""),
        ("", ""),
    ],
)
def test_a_feature_has_words(feature: str, expected: str) -> None:
    assert meaning(feature) == expected


def test_every_sign_has_words() -> None:
    html = "<form><a href='javascript:x'>x</a></form><p style='display:none'>"
    found = [
        *features(Message(html=html, text="x"), Authentication(spf="fail", dmarc="fail")),
        *features(Message(subject="RE: HELLO", text="pаy\u200b"), Authentication(signed_in=True)),
        *features(Message(attachments=(attached("x.exe"),)), Authentication(spf="softfail")),
    ]
    assert [f for f in found if f[0] in "xv" and not meaning(f)] == []


def test_reasons_are_told_once_and_those_without_words_are_left_out() -> None:
    assert described(["n:shouted:1", "x:nothing", "n:shouted:2", "w:a", "w:b"], limit=2) == (
        "much of it is in capitals",
        "the text says “a”",
    )


@given(st.text(max_size=100))
def test_what_a_stranger_wrote_can_not_steer_a_screen(text: str) -> None:
    for kind in "wsfuphalrmkc":
        words = meaning(f"{kind}:{text}")
        assert not any(unicodedata.category(c)[0] == "C" for c in words)
        assert len(words) < LONGEST_QUOTE + 40
