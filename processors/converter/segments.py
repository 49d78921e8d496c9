"""Pieces of sound as stored artefacts."""

import hashlib
import io

import soundfile

from connectors.objectstore import ObjectStore
from connectors.objectstore.contract import put_once
from processors.converter.place import RATE_HZ, Samples
from schemas.events import ArtefactRef

_ENCODER = f"flac 16 bit, level 0.5, libsndfile {soundfile.__libsndfile_version__}"


def stored(samples: Samples, store: ObjectStore, *, reuse: bool) -> ArtefactRef:
    """Store a segment's sound as FLAC under its content address: the samples and what encodes them.

    reuse: whether an object that is there already will do. Raises DependencyDown as the store does.
    """
    digest = hashlib.sha256(f"{_ENCODER}\n{RATE_HZ} Hz\n".encode())
    digest.update(samples.tobytes())
    key = f"media/{digest.hexdigest()}/segment.flac"
    if reuse and (found := store.find(key)) is not None:
        return found
    data = flac(samples)
    return put_once(store, key, data) if reuse else store.put(key, data)


def flac(samples: Samples) -> bytes:
    """The samples as a FLAC file; the same samples give the same bytes."""
    file = io.BytesIO()
    soundfile.write(file, samples, RATE_HZ, format="FLAC", subtype="PCM_16", compression_level=0.5)
    return file.getvalue()
