"""VBA: the source of macros, as it lies compressed in documents ([MS-OVBA] §2.4.1)."""

import re

MOST_SOURCE_BYTES = 1024 * 1024  # of one module
_CHUNK_BYTES = 4_096
_SOURCE_START = b"\x00Attribut"  # each module begins with this word, behind three bytes

# Procedures that Office runs without being asked.
_BY_ITSELF = re.compile(
    rb"(?im)^[ \t]*(?:(?:public|private|friend|static)[ \t]+)*(?:sub|function)[ \t]+"
    rb"(auto_?(?:open|exec|close|exit|new|activate|deactivate)"
    rb"|document_(?:open|close|new|beforeclose)|documentopen|documentclose"
    rb"|workbook_(?:open|activate|beforeclose|windowactivate|newsheet|sheetactivate)"
    rb"|worksheet_(?:activate|calculate)"
    rb"|app_\w{1,40}open|slideshow\w{1,40}|onslideshow\w{1,40}|onload\w{0,40}"
    rb"|\w{1,60}_(?:layout|painted|painting|gotfocus|lostfocus|mousehover|mouseenter|resize"
    rb"|beforenavigate2|onconnecting))[ \t]*\("
)


def source_of(stream: bytes) -> bytes:
    """Return the source of the module in *stream*; empty if there is none."""
    at = stream.find(_SOURCE_START)
    # Its container begins with 0x01, then two bytes of a chunk's header.
    return decompressed(stream[at - 3 :]) if at >= 3 else b""


def runs_by_itself(source: bytes) -> str:
    """Return the procedure in *source* that Office runs without being asked; empty: none."""
    found = _BY_ITSELF.search(source)
    return found[1].decode("ascii") if found else ""


def decompressed(container: bytes) -> bytes:
    """Return what is in *container*, as far as it is sound and at most a megabyte."""
    if container[:1] != b"\x01":
        return b""
    out = bytearray()
    at = 1
    while at + 2 <= len(container) and len(out) < MOST_SOURCE_BYTES:
        header = int.from_bytes(container[at : at + 2], "little")
        if header >> 12 & 0b111 != 0b011:
            break
        end = min(at + (header & 0x0FFF) + 3, len(container))
        if header & 0x8000:
            _chunk(container, at + 2, end, out)
        else:
            out += container[at + 2 : at + 2 + _CHUNK_BYTES]
            end = at + 2 + _CHUNK_BYTES
        at = end
    return bytes(out)


def _chunk(data: bytes, at: int, end: int, out: bytearray) -> None:
    start = len(out)
    while at < end:
        flags = data[at]
        at += 1
        for bit in range(8):
            if at >= end or len(out) - start >= _CHUNK_BYTES:
                return
            if not flags >> bit & 1:
                out.append(data[at])
                at += 1
                continue
            if at + 2 > end or len(out) == start:
                return
            token = int.from_bytes(data[at : at + 2], "little")
            at += 2
            # §2.4.1.3.19.1: how many bits are for the offset depends on how far we are.
            bits = max((len(out) - start - 1).bit_length(), 4)
            length = (token & (0xFFFF >> bits)) + 3
            back = (token >> (16 - bits)) + 1
            if back > len(out) - start:
                return
            for _ in range(min(length, _CHUNK_BYTES)):
                out.append(out[-back])
