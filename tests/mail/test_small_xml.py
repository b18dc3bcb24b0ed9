"""XML of strangers: read element by element, in bounded time and memory."""

import time
import tracemalloc

import pytest

from topologies.mail import small_xml

Told = list[tuple[tuple[str, ...], str]]


def test_elements_are_told_with_their_path_and_text() -> None:
    assert told(b"<a><b> one </b><c><d>two &amp; <e/>more</d></c></a>") == [
        (("a", "b"), "one"),
        (("a", "c", "d", "e"), ""),
        (("a", "c", "d"), "two & more"),
        (("a", "c"), ""),
        (("a",), ""),
    ]


def test_prefixes_are_left_out() -> None:
    assert told(b'<x:a xmlns:x="urn:x"><x:b>1</x:b></x:a>') == [(("a", "b"), "1"), (("a",), "")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_a_document_says_which_encoding_it_has(encoding: str) -> None:
    document = f'<?xml version="1.0" encoding="{encoding}"?><a>Müller</a>'.encode(encoding)
    assert told(document) == [(("a",), "Müller")]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param(b"", "no XML", id="nothing"),
        pytest.param(b"<a>", "no XML", id="half"),
        pytest.param(b"<a></b>", "no XML", id="mismatched"),
        pytest.param(b"\xff\xfe\x00 junk", "no XML", id="noise"),
        pytest.param(b"<a>&x;</a>", "no XML", id="an entity of no DTD"),
        pytest.param(b'<?xml version="1.0" encoding="no-such"?><a/>', "no-such", id="encoding"),
        pytest.param(
            b'<!DOCTYPE a [<!ENTITY x "boom">]><a>&x;</a>', "DTD", id="an entity of its own"
        ),
        pytest.param(
            b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "DTD", id="a file"
        ),
        pytest.param(b'<!DOCTYPE a SYSTEM "http://evil.example/a.dtd"><a/>', "DTD", id="a host"),
        pytest.param(b"<a>" * 100 + b"</a>" * 100, "deep", id="deep"),
        pytest.param(b"<a>" + b"<b/>" * 500_000 + b"</a>", "elements", id="many elements"),
        pytest.param(b"<a " + b"x" * 200_000, "too long", id="a tag that never ends"),
        pytest.param(b"<a><!--" + b"x" * 200_000 + b"--></a>", "too long", id="a comment"),
    ],
)
def test_what_is_not_read_says_why(document: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        told(document)


def test_a_billion_laughs_are_none() -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    document = f'<!DOCTYPE a [<!ENTITY e0 "ha">{entities}]><a>&e11;</a>'.encode()
    with pytest.raises(ValueError, match="DTD"):
        told(document)


def test_a_tag_of_a_hundred_thousand_attributes_costs_little() -> None:
    attributes = " ".join(f"a{n}='1'" for n in range(100_000))
    assert bounded(f"<a {attributes}/>".encode()) < 4_000_000


def test_a_text_of_megabytes_is_cut() -> None:
    [(_, text)] = told(b"<a>" + b"x" * 8_000_000 + b"</a>")
    assert len(text) <= 2 * small_xml.TEXT_CHARACTERS


def bounded(document: bytes) -> int:
    """Return how many bytes reading took at most; it fails and is quick."""
    tracemalloc.start()
    began = time.perf_counter()
    try:
        with pytest.raises(ValueError, match="too long"):
            told(document)
        assert time.perf_counter() - began < 5.0
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def told(document: bytes) -> Told:
    found: Told = []
    small_xml.read(document, lambda path, text: found.append((path, text)))
    return found
