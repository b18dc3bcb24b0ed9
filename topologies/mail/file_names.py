"""Names of attachments: what a person may be shown and a browser may save under.

Path parts, control characters and marks that turn text around are taken out: a name is shown as
it will be saved. A part without a name gets one. RFC 2183 §2.3.
"""

import re
import unicodedata

LONGEST_BYTES = 200  # file systems take 255; " (1)" and the like must fit

_UNWANTED = re.compile(
    '[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffd"<>|?*]'
)
_BLANKS = re.compile(r"\s+")
_EXTENSIONS = {
    "application/json": "json",
    "application/ms-tnef": "dat",
    "application/msword": "doc",
    "application/pdf": "pdf",
    "application/pgp-signature": "asc",
    "application/pkcs7-signature": "p7s",
    "application/rtf": "rtf",
    "application/x-gzip": "gz",
    "application/gzip": "gz",
    "application/xml": "xml",
    "application/zip": "zip",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/jpg": "jpg",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/tiff": "tif",
    "image/webp": "webp",
    "message/delivery-status": "txt",
    "message/disposition-notification": "txt",
    "message/global": "eml",
    "message/rfc822": "eml",
    "text/calendar": "ics",
    "text/css": "css",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
    "text/plain": "txt",
    "text/rfc822-headers": "txt",
    "text/vcard": "vcf",
    "text/x-diff": "diff",
    "text/x-patch": "patch",
    "text/x-vcard": "vcf",
    "text/xml": "xml",
    "video/mp4": "mp4",
}


def clean(given: str) -> str:
    """Return *given* as a file name; empty if nothing is left of it."""
    name = given.replace("\\", "/").rpartition("/")[2]
    name = _UNWANTED.sub("", unicodedata.normalize("NFC", name))
    name = _BLANKS.sub(" ", name).strip(" .")
    if len(name.encode("utf-8")) <= LONGEST_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > 16:
        stem, dot, extension = name, "", ""
    room = LONGEST_BYTES - len((dot + extension).encode("utf-8"))
    return stem.encode("utf-8")[:room].decode("utf-8", "ignore").rstrip() + dot + extension


def made_up(number: str, content_type: str) -> str:
    """Return a name for the part *number* that came without one."""
    return f"attachment-{number}.{_EXTENSIONS.get(content_type, 'bin')}"
