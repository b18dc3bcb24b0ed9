"""What an HTML body is made of, seen roughly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.mail.markup import MOST_LINKS, seen


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<p>Good <b>morning</b></p>", ["Good", "morning"]),
        ("a&amp;b &lt;c&gt; &#8364;5", ["a&b", "<c>", "€5"]),
        ("<style>p {color: red}</style>x<script>var y = '<p>z'</script>", ["x"]),
        ("<head><title>t</title></head>x", ["x"]),
        ("<!doctype html><!-- hidden -->x", ["x"]),
        ("<!--[if mso]><b>y</b><![endif]-->x<!-- never closed", ["x"]),
        ("vi<!-- -->ag<b>ra</b> <span>now</span><p>or<br>never", ["viagra", "now", "or", "never"]),
        ("1 < 2", ["1", "<", "2"]),
        ("never closed <b", ["never", "closed"]),
        ("", []),
    ],
)
def test_visible_text_is_what_people_see(source: str, expected: list[str]) -> None:
    assert seen(source).text.split() == expected


def test_links_images_forms_and_tags_are_counted() -> None:
    found = seen(
        '<A HREF="https://a.example/?x=1&amp;y=2">here</A>'
        "<area href='http://b.example/'>"
        "<img src=https://c.example/i.png><img src='cid:logo'><img src='data:image/gif;base64,R0'>"
        "<form action='http://d.example/post'><input>"
        "<a name=top>no link</a>"
    )
    assert found.links == [("https://a.example/?x=1&y=2", "here"), ("http://b.example/", "")]
    assert found.images == 1
    assert found.forms == ["http://d.example/post"]
    assert found.tags == {"a": 2, "area": 1, "img": 3, "form": 1, "input": 1}


@pytest.mark.parametrize(
    "style",
    [
        "display:none",
        "DISPLAY : NONE",
        "visibility:hidden",
        "font-size:0px",
        "font-size:1px",
        "max-height:0",
        "height:0",
        "opacity:0;",
    ],
)
def test_a_style_that_hides_text_is_seen(style: str) -> None:
    assert seen(f'<p style="{style}">x</p>').hides


@pytest.mark.parametrize(
    "style", ["display:block", "font-size:12px", "line-height:0", "opacity:0.9", "height:10px"]
)
def test_a_style_that_shows_text_is_none(style: str) -> None:
    assert not seen(f'<p style="{style}">x</p>').hides


def test_a_page_full_of_links_shows_some() -> None:
    assert len(seen("<a href=http://a.example/>x</a>" * 5_000).links) == MOST_LINKS


def test_spaces_without_end_take_no_time() -> None:
    # No clock here: squared time would be minutes, and be seen.
    assert seen("<a href=" + " " * 59_000 + ">x</a>").links == []
    assert not seen("<p style='display" + " " * 59_000 + "'>x").hides


@given(st.text("<>/ab \"'=&;#!-\n", max_size=300))
def test_no_source_makes_it_raise(source: str) -> None:
    found = seen(source)
    assert len(found.text) <= 2 * len(source) + 2
