"""Files that scanners must tell apart, built when they are needed: none of them does anything."""

import base64
import io
import itertools
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence

import py7zr

from connectors.scanner.rules import EICAR

SECTOR = 512
END, FREE, FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
MSI = bytes.fromhex("84100c0000000000c000000000000046")

PROGRAM = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + bytes(200)
ELF = b"\x7fELF\x02\x01\x01" + bytes(100)
MACHO = struct.pack("<I", 0xFEEDFACF) + bytes(100)
SHORTCUT = bytes.fromhex("4c0000000114020000000000c000000000000046") + bytes(60)
ONENOTE = bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3") + bytes(60)
DISK = bytes(0x8001) + b"CD001\x01" + bytes(2_048)
BATCH = b"@echo off\r\nstart calc.exe\r\n"
TEXT = b"Good morning, this is a letter.\r\n" * 20


def zipped(files: Mapping[str, bytes], *, is_locked: bool = False) -> bytes:
    """Return a ZIP; locked: as if it had a password."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    made = bytearray(file.getvalue())
    if is_locked:
        for magic, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = made.find(magic)
            while at >= 0:
                made[at + flags] |= 1
                at = made.find(magic, at + 4)
    return bytes(made)


def in_7z(files: Mapping[str, bytes], *, password: str | None = None, hides: bool = False) -> bytes:
    """Return a 7z archive; *hides*: its names, too."""
    file = io.BytesIO()
    filters: list[dict[str, int]] = [{"id": py7zr.FILTER_LZMA2, "preset": 0}]
    if password is not None:
        filters.append({"id": py7zr.FILTER_CRYPTO_AES256_SHA256})
    with py7zr.SevenZipFile(
        file, "w", filters=filters, password=password, header_encryption=hides
    ) as archive:
        for name, content in files.items():
            archive.writestr(content, name)
    return file.getvalue()


def in_rar(name: str, content: bytes, *, method: int = 0x30, flags: int = 0) -> bytes:
    """Return a RAR archive of version 3 with one file; method 0x30 stores it as it is."""

    def block(kind: int, flags: int, rest: bytes) -> bytes:
        body = struct.pack("<BHH", kind, flags, 7 + len(rest)) + rest
        return struct.pack("<H", zlib.crc32(body) & 0xFFFF) + body

    size = len(content)
    encoded = name.encode()
    fields = struct.pack(
        "<IIBIIBBHI", size, size, 3, zlib.crc32(content), 0, 29, method, len(encoded), 0x20
    )
    head = block(0x74, 0x8000 | flags, fields + encoded)
    return b"Rar!\x1a\x07\x00" + block(0x73, 0, bytes(6)) + head + content


def cabinet(name: str) -> bytes:
    """Return the head of a cabinet that names one file."""
    head = b"MSCF" + bytes(12) + struct.pack("<IIBBHH", 44, 0, 3, 1, 1, 1) + bytes(14)
    return head + bytes(16) + name.encode() + b"\0"


def tnef(name: str, content: bytes) -> bytes:
    """Return a `winmail.dat` with one attachment."""

    def attribute(number: int, value: bytes) -> bytes:
        return b"\x02" + struct.pack("<II", number, len(value)) + value + b"\0\0"

    return (
        b"\x78\x9f\x3e\x22\x01\x00"
        + attribute(0x00069002, bytes(14))
        + attribute(0x0006800F, content)
        + attribute(0x00018010, name.encode() + b"\0")
    )


def compound(streams: Mapping[str, bytes], *, class_id: bytes = bytes(16)) -> bytes:
    """Return a compound file; names with "/" lie in storages. Short streams get a tail of zeros."""
    entries: list[tuple[str, int, bytes]] = [("Root Entry", 5, b"")]
    children: dict[int, list[int]] = {0: []}
    at_path: dict[str, int] = {"": 0}
    for path, content in streams.items():
        parent = ""
        steps = path.split("/")
        for depth, step in enumerate(steps):
            here = "/".join(steps[: depth + 1])
            if here not in at_path:
                is_stream = depth == len(steps) - 1
                padded = content.ljust(4_096, b"\0") if is_stream else b""
                entries.append((step, 2 if is_stream else 1, padded))
                at_path[here] = len(entries) - 1
                children[len(entries) - 1] = []
                children[at_path[parent]].append(len(entries) - 1)
            parent = here
    return _laid_out(entries, children, class_id)


def _laid_out(
    entries: Sequence[tuple[str, int, bytes]], children: Mapping[int, list[int]], class_id: bytes
) -> bytes:
    nexts = {a: b for chain in children.values() for a, b in itertools.pairwise(chain)}
    directory_sectors = -(-len(entries) // 4)
    fat = [FAT, *range(2, directory_sectors + 1), END]
    body, directory = b"", b""
    for number, (name, kind, content) in enumerate(entries):
        start, sectors = END, -(-len(content) // SECTOR)
        if sectors:
            start = len(fat)
            fat += [*range(start + 1, start + sectors), END]
            body += content.ljust(sectors * SECTOR, b"\0")
        encoded = name.encode("utf-16-le")
        first = children[number][0] if children[number] else FREE
        directory += encoded.ljust(64, b"\0") + struct.pack(
            "<HBBIII", len(encoded) + 2, kind, 1, FREE, nexts.get(number, FREE), first
        )
        directory += (class_id if number == 0 else bytes(16)) + bytes(20)
        directory += struct.pack("<IQ", start, len(content))
    assert len(fat) <= SECTOR // 4
    fat += [FREE] * (SECTOR // 4 - len(fat))
    while len(directory) < directory_sectors * SECTOR:
        directory += bytes(68) + struct.pack("<III", FREE, FREE, FREE) + bytes(48)
    head = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    head += struct.pack("<HHHHH6xIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1)
    head += struct.pack("<IIIIII", 0, 0x1000, END, 0, END, 0)
    head += struct.pack("<109I", 0, *[FREE] * 108)
    return head + struct.pack("<128I", *fat) + directory + body


def macro_project(source: str) -> bytes:
    """Return a compound file with the macro *source*, as Office keeps it."""
    return compound({"VBA/dir": b"\x01", "VBA/ThisDocument": bytes(50) + vba(source)})


def vba(source: str) -> bytes:
    """Return *source* as a compressed container that saves nothing ([MS-OVBA] §2.4.1)."""
    text = b'Attribute VB_Name = "ThisDocument"\r\n' + source.encode()
    packed = b"\x01"
    for start in range(0, len(text), 3_000):
        piece = text[start : start + 3_000]
        chunk = b"".join(b"\0" + piece[at : at + 8] for at in range(0, len(piece), 8))
        packed += struct.pack("<H", 0xB000 | len(chunk) - 1) + chunk
    return packed


def office(**parts: bytes) -> bytes:
    """Return an OOXML document; in names of parts "__" stands for "/", "_" for "."."""
    files = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:document/>"}
    named = {n.replace("__", "/").replace("_", "."): content for n, content in parts.items()}
    return zipped(files | named)


def pdf(*objects: bytes) -> bytes:
    """Return a PDF of *objects*."""
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (n, each) for n, each in enumerate(objects, 1))
    return b"%PDF-1.7\n" + body + b"trailer << /Root 1 0 R >>\n%%EOF\n"


def stream(dictionary: bytes, content: bytes) -> bytes:
    """Return a compressed stream of a PDF."""
    packed = zlib.compress(content)
    head = b"<< %s /Filter /FlateDecode /Length %d >>" % (dictionary, len(packed))
    return head + b"\nstream\n" + packed + b"\nendstream"


AUTO = "Sub AutoOpen()\r\n  MsgBox 1\r\nEnd Sub\r\n"
PLAIN = "Sub SumUp_Click()\r\n  MsgBox 1\r\nEnd Sub\r\n"
SCRIPT = b"<< /S /JavaScript /JS (app.alert(1)) >>"
TEMPLATE = (
    b"<Relationships><Relationship Type='http://schemas.openxmlformats.org/officeDocument/2006/"
    b"relationships/attachedTemplate' Target='https://elsewhere.example/a.dotm'"
    b" TargetMode='External'/></Relationships>"
)
MACRO_SHEET = struct.pack("<HHI", 0x0809, 4, 0) + struct.pack("<HHIBB", 0x85, 6, 0, 0, 1)
PAYLOAD = base64.b64encode(zipped({"a.exe": PROGRAM}))
SMUGGLING = (
    b"<html><body><script>var b = atob('" + PAYLOAD + b"');"
    b"var u = URL.createObjectURL(new Blob([Uint8Array.from(b, c => c.charCodeAt(0))]));"
    b"var a = document.createElement('a'); a.href = u; a.download = 'invoice.zip'; a.click();"
    b"</script></body></html>"
)
PACKAGED = b"".join(
    (
        struct.pack("<IH", 500, 2),
        b"invoice.exe\0C:\\invoice.exe\0",
        struct.pack("<II", 0x30000, 4),
        b"C:\\\0",
        struct.pack("<I", len(PROGRAM)),
        PROGRAM,
    )
)

HARMLESS: dict[str, bytes] = {
    "letter.txt": TEXT,
    "letter.docx": office(),
    "old.doc": compound({"WordDocument": bytes(12)}),
    "letter.pdf": pdf(b"<< /Type /Catalog >>", stream(b"", TEXT)),
    "page.html": b"<html><body><script>let a = 1;</script><p>Hello</p></body></html>",
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><circle r='1'/></svg>",
    "letters.zip": zipped({"a/letter.txt": TEXT, "b.csv": b"1,2\r\n"}),
    "letters.7z": in_7z({"letter.txt": TEXT}),
    "letters.rar": in_rar("letter.txt", TEXT),
    "letter.rtf": b"{\\rtf1 Hello}",
    "winmail.dat": tnef("letter.txt", TEXT),
    "www.shop.com": b"<html>",
    "letter.js.txt": b"a letter about JavaScript",
}
FOUND: dict[str, list[tuple[str, bytes]]] = {
    "malware": [
        ("a.txt", EICAR),
        ("a.7z", in_7z({"a.txt": TEXT + EICAR * 50})),
        ("a.rar", in_rar("a.txt", EICAR)),
        ("winmail.dat", tnef("a.txt", EICAR)),
        ("a.docx", office(word__media__a_bin=EICAR)),
        ("a.pdf", pdf(stream(b"/Type /EmbeddedFile", EICAR))),
        ("a.zip", zipped({"b.zip": zipped({"c.7z": in_7z({"d.txt": TEXT + EICAR * 50})})})),
    ],
    "executable": [
        ("photo.jpg", PROGRAM),
        ("photo.jpg", ELF),
        ("photo.jpg", MACHO),
        ("photo.jpg", SHORTCUT),
        ("notes.pdf", ONENOTE),
        ("photos.dat", DISK),
        ("setup.dat", compound({"a": b""}, class_id=MSI)),
        ("app.zip", zipped({"AndroidManifest.xml": b"", "classes.dex": b"dex\n035\0"})),
        ("app.zip", zipped({"META-INF/MANIFEST.MF": b"", "a/B.class": b""})),
        ("a.zip", zipped({"order.js": b"eval()"})),
        ("a.txt", BATCH),
        ("a.zip", zipped({"order.txt": PROGRAM}) + zipped({"letter.txt": TEXT})),
        ("setup.exe", b"MZ" + bytes(100)),
        ("a.7z", in_7z({"order.doc": PROGRAM})),
        ("a.rar", in_rar("order.exe", PROGRAM, method=0x33)),
        ("a.cab", cabinet("order.scr")),
        ("a.zip", zipped({"order.exe": b"secret"}, is_locked=True)),
        ("winmail.dat", tnef("order.pdf", PROGRAM)),
        ("a.doc", compound({"ObjectPool/_1/\x01Ole10Native": PACKAGED})),
        ("a.msg", compound({"__attach_version1.0_#00000000/__substg1.0_37010102": PROGRAM})),
    ],
    "macro": [
        ("a.docm", office(word__vbaProject_bin=macro_project(PLAIN))),
        ("a.doc", compound({"Macros/VBA/dir": b"\x01", "Macros/VBA/M": vba(PLAIN)})),
        ("a.xls", compound({"Workbook": MACRO_SHEET})),
        ("a.xlsm", office(xl__macrosheets__sheet1_xml=b"<?xml?><xm:macrosheet/>")),
        ("a.odt", zipped({"mimetype": b"", "Basic/script-lc.xml": b"", "content.xml": b""})),
        ("a.pdf", pdf(SCRIPT)),
        ("a.pdf", pdf(SCRIPT.replace(b"/JavaScript /JS", b"/J#61vaScript /J#53"))),
        ("a.pdf", pdf(stream(b"/Type /ObjStm /N 1 /First 4", SCRIPT))),
    ],
    "suspicious": [
        ("a.docm", office(word__vbaProject_bin=macro_project(AUTO))),
        ("a.doc", compound({"Macros/VBA/dir": b"\x01", "Macros/VBA/M": vba(AUTO)})),
        ("a.doc", compound({"Macros/VBA/dir": b"\x01", "Macros/VBA/M": b"compiled"})),
        ("a.html", SMUGGLING),
        ("a.svg", b"<svg><script>location = 'https://elsewhere.example'</script></svg>"),
        ("a.doc", b"{\\rtf1 {\\object\\objupdate {\\*\\objdata 0105}}}"),
        ("a.docx", office(word___rels__settings_xml_rels=TEMPLATE)),
        ("a.docx", office(word__document_xml=b"<w:instrText> DDEAUTO c:\\\\cmd.exe</w:instrText>")),
        ("a.pdf", pdf(b"<< /OpenAction << /S /Launch /F (cmd.exe) >> >>")),
        ("invoice.pdf.exe", PROGRAM),
        ("invoice.PDF      .scr", b""),
        ("a.zip", zipped({"photo\u202egpj.exe": b""})),
    ],
    "encrypted": [
        ("a.zip", zipped({"letter.txt": b"secret"}, is_locked=True)),
        ("a.7z", in_7z({"letter.txt": TEXT}, password="a password")),
        ("a.7z", in_7z({"letter.txt": TEXT}, password="a password", hides=True)),
        ("a.rar", in_rar("letter.txt", b"secret", flags=4)),
        ("a.docx", compound({"EncryptedPackage": b"secret"})),
        ("a.doc", compound({"WordDocument": bytes(11) + b"\x01"})),
        ("a.xls", compound({"Workbook": struct.pack("<HHIHH", 0x0809, 4, 0, 0x2F, 0)})),
        (
            "a.odt",
            zipped(
                {
                    "mimetype": b"",
                    "META-INF/manifest.xml": b"<manifest:manifest><manifest:encryption-data/>",
                }
            ),
        ),
        ("a.pdf", pdf(b"<< /Type /Catalog >>") + b"trailer << /Encrypt 5 0 R >>\n"),
    ],
    "bomb": [("a.zip", zipped({"a.bin": bytes(16 * 1024**2)}))],
    "unscannable": [
        ("a.rar", in_rar("letter.txt", b"packed", method=0x33)),
        ("a.rar", b"Rar!\x1a\x07\x00 nobody can look into this"),
        ("a.7z", in_7z({"letter.txt": TEXT})[:-4]),
        ("a.cab", cabinet("letter.txt")),
        ("a.doc", compound({"WordDocument": bytes(12)})[:1_500]),
        ("a.tgz", b"\x1f\x8b\x08 damaged"),
    ],
}
