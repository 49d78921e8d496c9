"""What files are, by their names. Nothing here could be run or shown as a page by a browser."""

from pathlib import PurePosixPath

UNKNOWN = "application/octet-stream"

_MEDIA_TYPES = {
    ".vtt": "text/vtt",
    ".srt": "application/x-subrip",
    ".txt": "text/plain",
    ".json": "application/json",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".ogv": "video/ogg",
    ".avi": "video/x-msvideo",
    ".mpg": "video/mpeg",
    ".mpeg": "video/mpeg",
    ".ts": "video/mp2t",
    ".m4s": "video/iso.segment",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".weba": "audio/webm",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}


def media_type_of(name: str) -> str:
    """The media type that a file of this name is sent as, without a character set."""
    return _MEDIA_TYPES.get(PurePosixPath(name).suffix.lower(), UNKNOWN)


def kind_of(name: str) -> str:
    """What a result file is: captions, transcript, summary, chapters, timeline, …"""
    return name.partition(".")[0]
