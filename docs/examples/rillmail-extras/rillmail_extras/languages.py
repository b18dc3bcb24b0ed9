"""In which language a text is written, told by its script or by its most frequent words. Pure."""

import re
import unicodedata
from collections import Counter

UNKNOWN = "und"  # ISO 639-2: undetermined
READ_CHARACTERS = 4_000
LEAST_WORDS = 2  # frequent ones, or it is a guess

_WORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "de": "der die das und ist nicht ein eine zu mit auf für von dem den sie wir ich auch",
        "en": "the and of to is in that it for you with on this are be not have your we from",
        "es": "el la los las de que y en un una por con para no su se es lo como más del",
        "fr": "le la les des et est une un pour dans que qui ne pas vous nous sur avec au du",
        "it": "il lo la gli le di che e un una per con non sono è della nel come più questo",
        "nl": "de het een en van is niet dat op te zijn met voor aan er ook wij je maar bij",
        "pt": "o a os as de que e em um uma para com não por se mais do da no na você",
    }.items()
}
_SCRIPTS = {
    "ARABIC": "ar",
    "CYRILLIC": "ru",
    "GREEK": "el",
    "HANGUL": "ko",
    "HEBREW": "he",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "THAI": "th",
    "CJK": "zh",
}


def language_of(text: str) -> str:
    """Return the language of *text* (ISO 639-1), or ``und``."""
    read = text[:READ_CHARACTERS].lower()
    by_script = _by_script(read)
    if by_script is not None:
        return by_script
    words = Counter(re.findall(r"[^\W\d_]+", read))
    counts = {
        language: sum(words[word] for word in frequent) for language, frequent in _WORDS.items()
    }
    best = max(sorted(counts), key=lambda language: counts[language])
    return best if counts[best] >= LEAST_WORDS else UNKNOWN


def _by_script(text: str) -> str | None:
    letters = [character for character in text if character.isalpha()]
    scripts = Counter(unicodedata.name(letter, "").partition(" ")[0] for letter in letters)
    for script, language in _SCRIPTS.items():
        # A Japanese text is mostly Han; a few kana tell it from a Chinese one.
        enough = len(letters) / (10 if language == "ja" else 2)
        if scripts[script] and scripts[script] >= enough:
            return language
    return None
