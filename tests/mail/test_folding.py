"""folding: equal words are equal strings, whatever they are written with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topologies.mail.folding import LONGEST_WORD, fold, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Invoice INV-2026-0042!", "invoice inv 2026 0042", id="ASCII"),
        pytest.param("snake_case don't 1,5", "snake case don t 1 5", id="signs separate"),
        pytest.param("Ann.Lee@mail.example", "ann lee mail example", id="an address"),
        pytest.param("naïve NAÏVE nai\u0308ve", "naive naive naive", id="marks"),
        pytest.param("Straße STRASSE", "strasse strasse", id="sharp s"),
        pytest.param("İstanbul ıSPARTA", "istanbul isparta", id="Turkish i"),
        pytest.param("Łódź Ærø þing", "lodz aero thing", id="strokes and joined letters"),
        pytest.param("ﬁle ½ ｆｕｌｌ ﾊﾝ", "file 1 2 full ハ ン", id="compatibility forms"),
        pytest.param("ΣΊΣΥΦΟΣ σίσυφος", "σισυφοσ σισυφοσ", id="final sigma"),
        pytest.param("שָׁלוֹם شُكْرًا شـكرا", "שלום شكرا شكرا", id="points and vowel signs"),
        pytest.param("東京Tower3階", "東 京 tower3 階", id="Han one by one"),
        pytest.param("が か\u3099", "が が", id="voicing is no accent"),
        pytest.param("한국 \u1112\u1161\u11ab", "한 국 한", id="Hangul by syllables"),
        pytest.param("ไทย", "ไ ท ย", id="Thai one by one"),
        pytest.param("हिन्दी", "हिन्दी", id="Indic vowel signs stay"),
        pytest.param("co\u00adop zero\u200bwidth", "coop zerowidth", id="unseen characters"),
        pytest.param("“quoted” – 👍🏽 ★", "quoted", id="signs and emoji"),
        pytest.param("𠮷野家", "𠮷 野 家", id="beyond the BMP"),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert expected.split() == words(text)


def test_long_words_are_cut() -> None:
    assert words("a" * 1_000 + " b") == ["a" * LONGEST_WORD, "b"]


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(text) == fold(fold(text))
    assert words(text) == words(" ".join(words(text)))


@given(st.text(), st.text())
def test_words_of_two_texts_are_the_words_of_each(one: str, other: str) -> None:
    assert words(one) + words(other) == words(f"{one} . {other}")


@given(st.text())
def test_words_hold_no_sign_that_an_index_could_mistake(text: str) -> None:
    for word in words(text):
        assert all(not c.isascii() or c.isalnum() for c in word)
        assert 0 < len(word) <= LONGEST_WORD
        assert word.encode()
