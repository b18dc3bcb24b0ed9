"""One file out of gzip (RFC 1952) or ZIP, or as it is: never more of it than was asked for.

Reads bytes of any quality. Of a ZIP the first file is read where it lies, by its own header: the
directory at the end, which may name a million files, is not looked at.
"""

import struct
import zlib

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # APPNOTE 4.3.7
_STORED, _DEFLATED = 0, 8
_IS_ENCRYPTED, _IS_SIZE_BEHIND = 0x0001, 0x0008
_MOST_FOLDERS = 8  # that may come before the file


def unpacked(packed: bytes, most_bytes: int) -> bytes:
    """Return the file that *packed* holds, or is.

    Raises:
        ValueError: It holds none, is damaged, or unpacks to more than *most_bytes*.
    """
    if packed.startswith(_GZIP):
        content = _inflated(packed, most_bytes, wbits=31)
    elif packed.startswith(_ZIP):
        content = _first_file(packed, most_bytes)
    else:
        content = packed
    if len(content) > most_bytes:
        raise ValueError(f"it holds more than {most_bytes} bytes")
    return content


def _first_file(packed: bytes, most_bytes: int) -> bytes:
    at = 0
    for _ in range(_MOST_FOLDERS):
        if len(packed) < at + _LOCAL_HEADER.size or packed[at : at + 4] != _ZIP:
            break
        found = _LOCAL_HEADER.unpack_from(packed, at)
        _, _, flags, method, _, _, _, packed_bytes, _, name_bytes, extra_bytes = found
        name_at = at + _LOCAL_HEADER.size
        at = name_at + name_bytes + extra_bytes
        if packed[name_at : name_at + name_bytes].endswith(b"/") and not packed_bytes:
            continue  # a folder
        if flags & _IS_ENCRYPTED:
            raise ValueError("the file in the ZIP is encrypted")
        if method == _DEFLATED:
            return _inflated(packed[at:], most_bytes, wbits=-15)
        if method == _STORED and not flags & _IS_SIZE_BEHIND:
            if len(packed) < at + packed_bytes:
                raise ValueError("the ZIP ends in the middle")
            return packed[at : at + packed_bytes]
        raise ValueError("the file in the ZIP is packed in a way that is not known")
    raise ValueError("there is no file in the ZIP")


def _inflated(packed: bytes, most_bytes: int, *, wbits: int) -> bytes:
    inflater = zlib.decompressobj(wbits)
    try:
        content = inflater.decompress(packed, most_bytes + 1)
    except zlib.error as error:
        raise ValueError(f"it can't be unpacked: {error}") from error
    if len(content) > most_bytes:
        raise ValueError(f"it unpacks to more than {most_bytes} bytes")
    if not inflater.eof:
        raise ValueError("it ends in the middle")
    return content
