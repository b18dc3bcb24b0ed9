"""Names of mailboxes as IMAP and Maildir write them: modified UTF-7 (RFC 3501 §5.1.3)."""

import base64
import binascii
import re

_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")


def encoded(name: str, also: str = "") -> str:
    """Return *name* in modified UTF-7.

    Args:
        name: Any text.
        also: Printable ASCII characters that must not stand for themselves.
    """
    written: list[str] = []
    shifted: list[str] = []

    def end_shift() -> None:
        if shifted:
            data = "".join(shifted).encode("utf-16-be", "surrogatepass")
            text = base64.b64encode(data).decode().rstrip("=").replace("/", ",")
            written.append(f"&{text}-")
            shifted.clear()

    for character in name:
        if not " " <= character <= "~" or character in also:
            shifted.append(character)
            continue
        end_shift()
        written.append("&-" if character == "&" else character)
    end_shift()
    return "".join(written)


def decoded(text: str) -> str:
    """Return the name that *text* stands for; what is no modified UTF-7 stands for itself."""
    return _SHIFTED.sub(_unshifted, text)


def _unshifted(match: re.Match[str]) -> str:
    text = match[1].replace(",", "/")
    if not text:
        return "&"
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        return data.decode("utf-16-be")
    except (binascii.Error, UnicodeDecodeError):
        return match[0]
