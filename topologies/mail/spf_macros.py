"""The macros of SPF: `%{ir}.%{v}._spf.%{d2}` and what it stands for (RFC 7208 §7).

Pure: what a letter stands for is given. Whether a text is well formed is decided here.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

LONGEST_NAME = 253  # RFC 7208 §7.3: longer ones lose labels at the left

_MACRO = r"%\{[slodiphcrtv][0-9]*r?[.\-+,/_=]*\}|%%|%_|%-"
_LITERAL = r"[!-$&-~]"
_STRING = re.compile(rf"(?:{_MACRO}|{_LITERAL})*", re.IGNORECASE)
# RFC 7208 §7.1: a domain-spec ends in a macro, or in a label that is not all digits.
_ENDS_IN_MACRO = re.compile(rf".*(?:{_MACRO})\Z", re.IGNORECASE | re.DOTALL)
_TOP_LABEL = re.compile(r"(?=.*[a-z-])[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.IGNORECASE)
_EXPAND = re.compile(r"%(?:\{([a-z])([0-9]*)(r?)([.\-+,/_=]*)\}|([%_-]))", re.IGNORECASE)
_ONLY_IN_EXPLANATIONS = re.compile(r"%\{[crt]", re.IGNORECASE)
_ZERO_LABELS = re.compile(r"%\{[a-z]0+[^0-9]", re.IGNORECASE)
_PLAIN = {"%": "%", "_": " ", "-": "%20"}
_MOST_DIGITS = 4  # a number with more of them is more than a name has labels


def is_macro_string(text: str) -> bool:
    """Return whether *text* is a macro-string, as the values of unknown modifiers are."""
    return _STRING.fullmatch(text) is not None and not _ZERO_LABELS.search(text)


def is_domain_spec(text: str) -> bool:
    """Return whether *text* is a domain-spec outside of explanations."""
    if not text or not is_macro_string(text) or _ONLY_IN_EXPLANATIONS.search(text):
        return False
    if _ENDS_IN_MACRO.match(text):
        return True
    _, dot, top = text.removesuffix(".").rpartition(".")
    return bool(dot) and _TOP_LABEL.fullmatch(top) is not None


def needs_validated_name(text: str) -> bool:
    """Return whether ``%{p}`` is in *text*, which takes look-ups to know."""
    return "%{p" in text.lower()


def expand(text: str, values: Mapping[str, str]) -> str:
    """Return *text* with its macros replaced by *values*, which are by lower-case letter."""
    if "%" not in text:
        return text

    def replaced(match: re.Match[str]) -> str:
        letter, digits, is_reversed, delimiters, plain = match.groups()
        if plain:
            return _PLAIN[plain]
        value = values.get(letter.lower(), "")
        parts = re.split(f"[{re.escape(delimiters or '.')}]", value)
        if is_reversed:
            parts.reverse()
        wanted = digits.lstrip("0")
        if wanted and len(wanted) <= _MOST_DIGITS:
            parts = parts[-int(wanted) :]
        joined = ".".join(parts)
        return quote(joined, safe="-._~") if letter.isupper() else joined

    return _EXPAND.sub(replaced, text)


def fitted(name: str) -> str:
    """Return *name* without the labels at its left that make it too long."""
    if len(name) <= LONGEST_NAME:
        return name
    # Cut at once: what was expanded may have very many labels.
    before, end = name[:-LONGEST_NAME], name[-LONGEST_NAME:]
    return end if before.endswith(".") else end.partition(".")[2] or name
