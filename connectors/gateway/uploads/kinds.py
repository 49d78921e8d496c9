"""What a file is, by its first bytes: whether it can hold sound or picture that ffmpeg reads.

The table is our own: of 47 files in formats that ffmpeg writes, `filetype` 1.2 knows 24 (no MPEG-TS, MXF
or AC-3), and libmagic 5.44, whose database differs from one system to the next, 34. A test holds the
table against the same files.
"""

import re
from dataclasses import dataclass

KIND_BYTES = 4096
"""How many of the first bytes are looked at."""


@dataclass(frozen=True, slots=True)
class Kind:
    """name: for people."""

    name: str
    is_media: bool


_Row = tuple[re.Pattern[bytes], Kind]

_TS_PACKETS = ((188, 0), (192, 4), (204, 0))
"""Sizes of packets, and where the sync byte is: plain, with times (Blu-ray), with error correction."""

_BITMAP_BRANDS = (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis")

_MEDIA: tuple[tuple[str, bytes], ...] = (
    ("Matroska or WebM", rb"\x1aE\xdf\xa3"),
    ("MP4 or QuickTime", rb".{4}(ftyp|moov|mdat|wide|free|skip|pnot|styp|moof|sidx|uuid)"),
    ("RIFF", rb"(RIFF|RIFX|RF64|BW64).{4}(AVI |AVIX|WAVE|CDXA|AMV )"),
    ("Wave64", rb"riff\x2e\x91\xcf\x11"),
    ("Ogg", rb"OggS"),
    ("FLV", rb"FLV[\x01-\x05]"),
    ("ASF or WMV", rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),
    ("MPEG", rb"\x00\x00\x01[\xb0-\xbc\xe0-\xef\x07\x09\x27\x47\x65\x67]"),
    ("H.264 or H.265", rb"\x00\x00\x00\x01[\x07\x09\x26\x27\x28\x40-\x4e\x67\x68\x06]"),
    ("MXF", rb"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02"),
    ("GXF", rb"\x00\x00\x00\x00\x01\xbc"),
    ("NUT", rb"nut/multimedia container\x00"),
    ("RealMedia", rb"\.(RMF|ra\xfd)"),
    ("DV", rb"\x1f\x07\x00[\x3f\xbf]"),
    ("IVF", rb"DKIF\x00\x00"),
    ("Bink", rb"(BIK[bfghik]|KB2[adfghijk])"),
    ("YUV4MPEG", rb"YUV4MPEG2 "),
    ("MP3", rb"ID3[\x02-\x04]"),
    ("FLAC", rb"fLaC"),
    ("AIFF", rb"FORM.{4}(AIFF|AIFC|8SVX)"),
    ("Sun audio", rb"(\.snd|dns\.)"),
    ("Core Audio", rb"caff\x00\x01"),
    ("AMR", rb"#!AMR"),
    ("AC-3", rb"\x0b\x77|\x77\x0b"),
    ("DTS", rb"\x7f\xfe\x80\x01|\xfe\x7f\x01\x80|\x1f\xff\xe8\x00|\xff\x1f\x00\xe8|DTSHDHDR"),
    ("TrueHD or MLP", rb".{4}\xf8\x72\x6f[\xba\xbb]"),
    ("WavPack", rb"wvpk"),
    ("Monkey's Audio", rb"MAC "),
    ("True Audio", rb"TTA[12]"),
    ("Musepack", rb"(MPCK|MP\+)"),
    ("TAK", rb"tBaK"),
    ("LATM or LOAS", rb"\x56[\xe0-\xff]"),
    ("ADTS or MP3", rb"\xff[\xe2-\xe7\xea-\xef\xf0-\xff]"),
    ("Voc", rb"Creative Voice File\x1a"),
    ("Sony OpenMG", rb"(ea3|EA3)[\x03\x01]"),
)
_OTHERS: tuple[tuple[str, bytes], ...] = (
    ("a PDF document", rb"%PDF-"),
    ("a ZIP archive or an office document", rb"PK(\x03\x04|\x05\x06|\x07\x08)"),
    ("a gzip archive", rb"\x1f\x8b"),
    ("a bzip2 archive", rb"BZh[1-9]"),
    ("an xz archive", rb"\xfd7zXZ\x00"),
    ("a Zstandard archive", rb"\x28\xb5\x2f\xfd"),
    ("a 7-Zip archive", rb"7z\xbc\xaf\x27\x1c"),
    ("a RAR archive", rb"Rar!\x1a\x07"),
    ("a tar archive", rb".{257}ustar"),
    ("a program", rb"MZ|\x7fELF|\xfe\xed\xfa[\xce\xcf]|[\xce\xcf]\xfa\xed\xfe|\xca\xfe\xba\xbe|\x00asm"),
    ("a JPEG picture", rb"\xff\xd8\xff"),
    ("a PNG picture", rb"\x89PNG\r\n\x1a\n"),
    ("a GIF picture", rb"GIF8[79]a"),
    ("a TIFF picture", rb"II\*\x00|MM\x00\*"),
    ("a WebP picture", rb"RIFF.{4}WEBP"),
    ("a HEIF or AVIF picture", rb".{4}ftyp(" + b"|".join(_BITMAP_BRANDS) + rb")"),
    ("an SQLite database", rb"SQLite format 3\x00"),
    ("an office document", rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    ("text", rb"\xff\xfe|\xfe\xff"),  # UTF-16, which looks like MPEG audio of layer 1
    ("a script", rb"#!\s*/"),
    (
        "an HTML or XML document",
        # possessive: there is no way back into what is passed over, which with many comments has no end
        rb"(?i:(\xef\xbb\xbf)?\s*+(<!--.*?-->\s*+)*+<(!doctype|html|head|body|script|iframe|svg|\?xml))",
    ),
)


def _compiled(table: tuple[tuple[str, bytes], ...], *, is_media: bool) -> list[_Row]:
    return [
        (re.compile(b"(?:" + pattern + b")", re.S), Kind(name, is_media=is_media))
        for name, pattern in table
    ]


_KINDS = _compiled(_OTHERS, is_media=False) + _compiled(_MEDIA, is_media=True)  # some pictures are MP4


def kind_of(first: bytes) -> Kind:
    """first: the file's first KIND_BYTES, or all of it if it is shorter."""
    if not first:
        return Kind("an empty file", is_media=False)
    if _is_transport_stream(first):
        return Kind("MPEG-TS", is_media=True)
    for pattern, kind in _KINDS:
        if pattern.match(first):
            return kind
    return Kind("text" if _is_text(first) else "nothing that is known", is_media=False)


def _is_transport_stream(first: bytes) -> bool:
    return any(
        len(first) > 2 * size + at and all(first[at + n * size] == 0x47 for n in range(3))
        for size, at in _TS_PACKETS
    )


def _is_text(first: bytes) -> bool:
    try:
        text = first.decode()
    except UnicodeDecodeError as error:
        if error.start < len(first) - 3:  # not a character that is cut
            return False
        text = first[: error.start].decode()
    return all(c.isprintable() or c in "\t\n\r\f\v" for c in text)
