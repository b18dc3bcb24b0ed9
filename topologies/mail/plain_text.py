"""The text that a person reads: of HTML, of flowed text, and its first line.

Pure and linear. HTML is taken apart at its tags, not parsed: what comes out is read and
searched, never shown as HTML. RFC 3676 for flowed text.
"""

import html
import re

LONGEST_HTML_CHARACTERS = 2_000_000  # of which text is made
SNIPPET_CHARACTERS = 200

_NAME = re.compile(r"/?[a-zA-Z][a-zA-Z0-9]{0,15}")
_UNSEEN = frozenset({"script", "style", "title", "head", "template", "noscript", "textarea"})
_LINES = frozenset(
    {"br", "p", "/p", "div", "/div", "tr", "/tr", "li", "/li", "hr", "table", "/table", "ul"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "/h1", "/h2", "/h3", "/h4", "/h5", "/h6", "/ul"}
    | {"blockquote", "/blockquote", "pre", "/pre", "section", "article", "header", "footer"}
)
_CELLS = frozenset({"td", "th"})
_BLANKS = re.compile(r"[^\S\n]+")
_EMPTY_LINES = re.compile(r" ?\n ?(?:\n ?){2,}")
_AROUND_LINES = re.compile(r" ?\n ?")
# Characters that nobody sees; senders fill previews with them.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2060-\u2064\ufeff]+"
)


def of_html(source: str) -> str:
    """Return the visible text of *source*, one line for each block."""
    pieces = source[:LONGEST_HTML_CHARACTERS].split("<")
    texts = [pieces[0]]
    hidden = ""
    is_comment = False
    for piece in pieces[1:]:
        if is_comment or piece.startswith("!--"):
            _, closed, after = piece.partition("-->")
            is_comment = not closed
            if closed and not hidden:
                texts.append(after)
            continue
        tag, closed, after = piece.partition(">")
        match = _NAME.match(tag)
        if match is None:
            if not hidden and not piece.startswith(("!", "?", "/")):
                texts.append("<" + piece)  # a "<" that begins no tag
            elif not hidden:
                texts.append(after)
            continue
        name = match[0].lower()
        if hidden:
            hidden = "" if name == "/" + hidden or name == "body" else hidden
        elif name in _UNSEEN:
            hidden = name
        if hidden or not closed:
            continue
        if name in _LINES:
            texts.append("\n")
            texts.append(after.replace("\n", " "))
        else:
            texts.append(" " if name in _CELLS else "")
            texts.append(after.replace("\n", " "))
    text = html.unescape("".join(texts)).replace("\0", "\ufffd")
    text = _BLANKS.sub(" ", text.replace("\r", " "))
    return _AROUND_LINES.sub("\n", _EMPTY_LINES.sub("\n\n", text)).strip()


def of_flowed(text: str, *, deletes_space: bool) -> str:
    """Return flowed *text* with its soft line ends undone (RFC 3676 §4)."""
    lines: list[list[str]] = []  # the pieces of each
    is_open, depth_before = False, 0
    for line in text.split("\n"):
        bare = line.lstrip(">")
        depth = len(line) - len(bare)
        bare = bare.removeprefix(" ")  # §4.4: stuffed
        if is_open and depth == depth_before:
            lines[-1].append(bare)
        else:
            lines.append([">" * depth + (" " if depth and bare else ""), bare])
        # §4.3: the line "-- " begins a signature and flows into nothing.
        is_open, depth_before = bare.endswith(" ") and bare != "-- ", depth
        if is_open and deletes_space:
            lines[-1][-1] = bare[:-1]
    return "\n".join("".join(pieces) for pieces in lines)


def snippet(text: str) -> str:
    """Return the beginning of *text* on one line."""
    start = _INVISIBLE.sub("", text[: SNIPPET_CHARACTERS * 20])
    line = " ".join(start.split())
    if len(line) <= SNIPPET_CHARACTERS:
        return line
    cut = line[: SNIPPET_CHARACTERS - 1]
    head, space, _ = cut.rpartition(" ")
    return (head if space and len(head) > SNIPPET_CHARACTERS // 2 else cut) + "…"
