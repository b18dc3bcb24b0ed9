"""Fields that carry a signature: their tags written, and the value made (RFC 6376 §3.5, §3.7).

Pure. What DKIM and ARC write alike.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence

from topologies.mail import dkim_canonical
from topologies.mail.authres import folded
from topologies.mail.dkim_private import PrivateKey


def chosen(found_by: Mapping[str, Sequence[bytes]], names: Sequence[str]) -> list[bytes]:
    """Return the fields that *names* mean: of several of a name, from the bottom."""
    unused = {name: list(found) for name, found in found_by.items()}
    # RFC 6376 §5.4.2: from the bottom; what is not there is signed as not there.
    return [unused[name.lower()].pop() for name in names if unused.get(name.lower())]


def with_value(name: str, tags: Mapping[str, str], over: Sequence[bytes], key: PrivateKey) -> bytes:
    """Return the field *name* with *tags*, signed together with the fields *over*."""
    unsigned = _field(name, {**tags, "b": ""})
    digest = hashlib.sha256()
    for field in over:
        digest.update(dkim_canonical.field(field, "relaxed") + dkim_canonical.CRLF)
    digest.update(dkim_canonical.field(unsigned, "relaxed"))
    return _field(name, {**tags, "b": in_base64(key.sign(digest.digest()))})


def _field(name: str, tags: Mapping[str, str]) -> bytes:
    # Broken between tags only, so the relaxed form does not depend on where.
    written = [f"{tag}={tags[tag]};" for tag in sorted(tags)]
    written[-1] = written[-1].removesuffix(";")
    return folded(f"{name}:", written)[:-2]


def in_base64(data: bytes) -> str:
    """Return *data* as tags hold it."""
    return base64.b64encode(data).decode()
