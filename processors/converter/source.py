"""Where an upload's file is on this machine."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from connectors.objectstore import ObjectMissing, ObjectStore, ObjectTooLarge
from processors.converter.faults import Unusable
from schemas.events import VideoUploaded

_MAX_NAME_CHARACTERS = 255


def shown_name(upload: VideoUploaded) -> str:
    """The file's name to show to people: the one given, else the last part of the source."""
    source = upload.source
    decoded = unquote_to_bytes(source).decode("utf-8", "replace") if _is_url(source) else source
    return (upload.name or decoded.rstrip("/").rpartition("/")[2])[:_MAX_NAME_CHARACTERS]


@contextmanager
def local_file(source: str, store: ObjectStore, local_roots: tuple[Path, ...]) -> Iterator[Path]:
    """The file that `source` names (an object's key or a file: URL), while the context lasts.

    local_roots: folders whose files a file: URL may name, links followed. Raises Unusable if there is no
    such file or it may not be read, DependencyDown as the store does.
    """
    if _is_url(source):
        yield _allowed(source, local_roots)
        return
    with ExitStack() as opened:
        try:
            path = opened.enter_context(store.local_file(source))
        except ObjectMissing as error:
            raise Unusable(
                "The uploaded file is no longer in the object store; upload it again."
            ) from error
        except ObjectTooLarge as error:
            raise Unusable(
                f"The uploaded file is larger than may be processed here ({error}); upload a smaller one"
                " or raise REELAY_SCRATCH_BYTES."
            ) from error
        except ValueError as error:
            raise Unusable(
                f"{source[:200]!r} is neither a key in the object store nor a file: URL; name either."
            ) from error
        yield path


def _is_url(source: str) -> bool:
    return source[:5].lower() == "file:"


def _allowed(url: str, local_roots: tuple[Path, ...]) -> Path:
    parts = urlsplit(url.replace("?", "%3F").replace("#", "%23"))
    named = Path(os.fsdecode(unquote_to_bytes(parts.path)))
    if parts.netloc not in ("", "localhost") or not named.is_absolute() or "\0" in str(named):
        raise Unusable(f"{url[:200]!r} names no file of this machine; use file:///folder/name.")
    try:
        path = named.resolve(strict=True)
        allowed = any(path.is_relative_to(root.resolve()) for root in local_roots)
        if not allowed:
            raise Unusable(
                "The file lies outside the folders that may be read (REELAY_LOCAL_ROOTS); move it there."
            )
        if not path.is_file():
            raise Unusable("The source is no regular file; name a video or audio file.")
    except FileNotFoundError as error:
        raise Unusable(
            "There is no such file (any more); check the name and upload it again."
        ) from error
    except (OSError, RuntimeError) as error:  # not permitted, or links in a circle
        raise Unusable("The file can't be opened; check its permissions and links.") from error
    return path
