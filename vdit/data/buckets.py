"""The buckets of a set (`vdit.config.buckets`) as sources, and their records in one latent cache.

A cache is of the whole set: its words are of the captions of all buckets, its statistics of all
their latents.
"""

import math
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from vdit.autoencoders.autoencoder import Autoencoder
from vdit.config import buckets
from vdit.data import cache
from vdit.data.encode import encode
from vdit.data.sources import SPLITS, Source, open_source


def sources(data: Any) -> dict[str, Source]:
    """Those of the buckets beside the config's own, by the names of their record files."""
    others = list(buckets.clips_of(data))[1:]
    return {_file(s, name): open_source(data_of(data, name), s) for s in SPLITS for name in others}


def data_of(data: Any, name: str) -> Any:
    """A config's `data` as that of a run whose own shape is this bucket's."""
    bucket, own = buckets.parse(name), data.copy_and_resolve_references()
    own.update(width=bucket.width, height=bucket.height, num_frames=bucket.frames)
    return own


def encode_all(
    folder: pathlib.Path,
    beside: Mapping[str, Source],
    autoencoder: Autoencoder,
    meta: dict[str, Any],
) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Writes the records of these sources, and their shapes and numbers into the cache's meta;
    returns of those of training the latents of a channel, their mean and standard deviation."""
    meta["shapes"], moments = {}, []
    for name, source in beside.items():
        shape = autoencoder.encode(source[0]["video"][None])[0].shape
        meta["shapes"][name], meta[name] = shape, len(source)
        path, clips = cache.record_file(folder, name), range(len(source))
        found = encode(path, source, clips, autoencoder, meta | {"shape": shape})
        if name.startswith(SPLITS[0]):
            moments.append((len(source) * math.prod(shape[:3]), *found))
    return moments


def records(own: cache.Records, name: str) -> cache.Records:
    """Those of the same split of another bucket."""
    file = _file(own.split, name)
    return cache.Records(own.folder, file, meta=own.meta | {"shape": own.meta["shapes"][file]})


class _Captions:
    """The captions of several sources, for who makes words of all; if any, their embeddings."""

    def __init__(self, those: list[Source]):
        self._those, self.embeddings = those, getattr(those[0], "embeddings", None)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self._those[0][index]

    def captions(self) -> list[str]:
        return [caption for source in self._those for caption in source.captions()]


def captioned(own: Source, beside: Mapping[str, Source]) -> Source:
    """The training clips of all buckets, for their captions."""
    those = [source for name, source in beside.items() if name.startswith(SPLITS[0])]
    return _Captions([own, *those]) if those else own


def _file(split: str, name: str) -> str:
    return f"{split}_{name}"
