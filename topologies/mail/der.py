"""DER, as far as keys are written in it (ITU-T X.690 §8, §10)."""

INTEGER, BIT_STRING, OCTET_STRING, SEQUENCE = 0x02, 0x03, 0x04, 0x30


def element(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the content of the element that *data* begins with, and what follows it.

    Raises:
        IndexError: It begins with another one, or ends too early.
    """
    if data[0] != tag:
        raise IndexError
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    if start + length > len(data):
        raise IndexError
    return data[start : start + length], data[start + length :]


def write(tag: int, content: bytes) -> bytes:
    """Return an element of *content*."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + content


def integer(number: int) -> bytes:
    """Return the element of a *number* that is not negative."""
    return write(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))
