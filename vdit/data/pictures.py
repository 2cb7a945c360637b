"""Pictures of a prepared folder (`data.images`) in a latent cache, beside the clips of a run.

They are coded alone, their captions and statistics are those of the clips; a file is named by the
fingerprint of its pictures, so that folders can share a cache.
"""

import os
import pathlib
from typing import Any

from ml_collections import ConfigDict

from vdit.autoencoders.autoencoder import Autoencoder
from vdit.data import cache
from vdit.data.encode import encode
from vdit.data.sources import Source, open_images
from vdit.data.unfinished import unfinished
from vdit.errors import InputError
from vdit.runs.files import sync


def check(config: ConfigDict, clips: Source) -> None:
    """Raises `InputError` where the pictures of a resolved config have become others, or can't
    have captions as the clips do."""
    now = open_images(config.data).fingerprint
    planned = config.data.get("images_fingerprint", now)
    if planned != now:
        raise InputError(
            f"data.images_fingerprint={planned}: {config.data.images} is {now} by now; launch the "
            "sweep, or start the run, again"
        )
    if "embedding" in clips[0]:
        raise InputError(
            f"data.images={config.data.images}: its captions are words, those of the clips are "
            "embeddings that the set gives; expected data.images='', for frames of the set"
        )


def make(folder: pathlib.Path, config: ConfigDict, autoencoder: Autoencoder) -> None:
    """Encodes the pictures of a resolved config into its cache, where they are not there."""
    source, meta = open_images(config.data), cache.read_meta(folder)
    path = cache.record_file(folder, _name(source))
    if path.exists():
        return
    with unfinished(folder) as made:
        clips = range(len(source))
        encode(made / path.name, source, clips, autoencoder, _meta(meta, source))
        os.replace(made / path.name, path)
        sync(folder)


def records(folder: pathlib.Path, config: ConfigDict) -> cache.Records:
    """What `make` made: latents of one frame (B, 1, H, W, C), captions."""
    source = open_images(config.data)
    return cache.Records(folder, _name(source), meta=_meta(cache.read_meta(folder), source))


def _name(source: Source) -> str:
    return f"pictures_{source.fingerprint}"


def _meta(meta: dict[str, Any], source: Source) -> dict[str, Any]:
    """What the cache's meta is of these records: one latent frame, so many."""
    return meta | {"shape": (1, *meta["shape"][1:]), _name(source): len(source)}
