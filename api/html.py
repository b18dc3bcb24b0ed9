"""HTML that strangers sent, made safe to show in a sandboxed frame.

Keeps structure, text, links and harmless styling. Drops scripts, handlers, forms, frames,
style sheets, and whatever would load something from elsewhere unless asked for; pictures
that came with the mail (``cid:``, RFC 2392) get a URL of ours. What a parser would need
too long for is refused: then the plain text is shown.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import nh3

LONGEST_CHARACTERS = 5 * 1024 * 1024
MOST_TAGS = 200_000
DEEPEST = 600  # open elements, counted too high rather than too low

_TAGS = frozenset(
    "a abbr address article aside b bdi bdo big blockquote br caption center cite code col"
    " colgroup dd del details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6"
    " header hr i img ins kbd li main mark nav ol p pre q s samp section small span strike"
    " strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr".split()
)
_WITH_CONTENT = frozenset(
    "script style title head iframe object embed applet noscript noembed noframes template"
    " textarea select option svg math audio video canvas form-data xmp plaintext".split()
)
_EVERYWHERE = frozenset(
    "align bgcolor border cellpadding cellspacing color dir height lang size style title valign"
    " width".split()
)
_ATTRIBUTES = {
    "*": set(_EVERYWHERE),
    "a": {"href"},
    "col": {"span"},
    "colgroup": {"span"},
    "del": {"datetime"},
    "font": {"face"},
    "img": {"alt", "src"},
    "li": {"type", "value"},
    "ol": {"reversed", "start", "type"},
    "ins": {"datetime"},
    "td": {"colspan", "headers", "nowrap", "rowspan", "scope"},
    "th": {"colspan", "headers", "nowrap", "rowspan", "scope"},
    "time": {"datetime"},
}
_SIDES = ("", "-top", "-right", "-bottom", "-left")
_STYLES = {
    "background",  # shorthand of a colour, mostly; what loads something is refused as a whole
    *"background-color color direction display font font-family font-size font-style".split(),
    *"font-variant font-weight height letter-spacing line-height list-style-type".split(),
    *"max-height max-width min-height min-width table-layout text-align".split(),
    *"text-decoration text-indent text-transform vertical-align white-space width".split(),
    *"word-break word-spacing word-wrap overflow-wrap border-collapse border-spacing".split(),
    *"border-radius border-color border-style border-width".split(),
    *(f"{name}{side}" for name in ("margin", "padding", "border") for side in _SIDES),
    *(f"border{side}-{what}" for side in _SIDES[1:] for what in ("color", "style", "width")),
}
# Whatever could load something or hide that it does: escapes, comments, functions with URLs.
_STYLE_THAT_ACTS = re.compile(
    r"\\|/\*|url|src|image|paint|expression|element|import|binding|@|<", re.IGNORECASE
)
_REMOTE = re.compile(r"\s*(?:https?:)?//", re.IGNORECASE)
_LINK = re.compile(r"\s*(?:https?://|mailto:|tel:)", re.IGNORECASE)

_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]{0,30})")
# Elements that the parser closes by itself, so that many may seem to be open.
_CLOSE_THEMSELVES = frozenset(
    "area base br col embed hr img input link meta param source track wbr p li dt dd tr td th"
    " tbody thead tfoot option colgroup html head body".split()
)


@dataclass(frozen=True, slots=True)
class Safe:
    """What may be shown.

    Attributes:
        html: None when it can't be shown safely in bounded time.
        blocked_images: Remote pictures that were left out.
    """

    html: str | None
    blocked_images: int


def sanitise(html: str, inline: Mapping[str, str], *, with_images: bool = False) -> Safe:
    """Return *html* with nothing in it that acts.

    Args:
        html: As sent.
        inline: URL by content-id (without <>), of pictures that came with the mail.
        with_images: Keep remote pictures; whoever serves them learns that it was read.
    """
    if len(html) > LONGEST_CHARACTERS or _is_costly(html):
        return Safe(None, 0)
    blocked = 0

    def keep(tag: str, attribute: str, value: str) -> str | None:
        nonlocal blocked
        if attribute == "src":
            if tag != "img":
                return None
            if value[:4].lower() == "cid:":
                return inline.get(unquote(value[4:]).strip("<> "))
            if not _REMOTE.match(value):
                return None
            if with_images:
                return value
            blocked += 1
            return None
        if attribute == "href":
            return value if _LINK.match(value) else None
        if attribute == "style":
            return None if _STYLE_THAT_ACTS.search(value) else value
        return value

    cleaned = nh3.clean(
        html,
        tags=set(_TAGS),
        clean_content_tags=set(_WITH_CONTENT),
        attributes=_ATTRIBUTES,
        attribute_filter=keep,
        filter_style_properties=_STYLES,
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return Safe(cleaned, blocked)


def _is_costly(html: str) -> bool:
    """Tell whether a parser may need far more than linear time: depth times length."""
    if html.count("<") > MOST_TAGS:
        return True
    is_open: Counter[str] = Counter()
    depth = 0
    for closing, name in _TAG.findall(html):
        tag = name.lower()
        if tag in _CLOSE_THEMSELVES:
            continue
        if not closing:
            is_open[tag] += 1
            depth += 1
            if depth > DEEPEST:
                return True
        elif is_open[tag]:
            is_open[tag] -= 1
            depth -= 1
    return False
