"""The captions that a config's runs may see."""

import numpy as np
import tqdm
from ml_collections import ConfigDict

from vdit.config import mixture, stream
from vdit.data import buckets
from vdit.data.embeddings.folder import keys_of
from vdit.data.sources import ENDLESS, SPLITS, Source, open_images, open_source
from vdit.errors import InputError


def captions_of(config: ConfigDict) -> set[str]:
    """Distinct captions of what a run of this config may see, and the empty one: all clips of a set
    that has an end, in all its buckets, of an endless one as many as its steps take."""
    plain = ConfigDict(config.to_dict())
    plain.data.embeddings = ""  # they may not be there yet
    data = plain.data
    if data.name in ENDLESS:
        clips, epochs = mixture.clips_read(plain), stream.epochs_of(data)
        data.train_clips *= max(1, stream.parts(clips, data.train_clips, epochs))
    else:
        data.train_clips = data.validation_clips = 0
    sources = [open_source(data, split) for split in SPLITS] + [*buckets.sources(data).values()]
    sources += [open_images(data)] if data.get("images") else []
    return {""}.union(*map(_captions, sources))


def _captions(source: Source) -> list[str]:
    if hasattr(source, "captions"):
        return source.captions()
    many = tqdm.trange(len(source), desc="reading captions", leave=False)
    return [source[i]["caption"] for i in many]


def in_order(texts: set[str]) -> list[str]:
    """By their keys, of which no two may be equal."""
    unsorted = list(texts)
    keys = keys_of(unsorted)
    order = np.argsort(keys)
    if len(np.unique(keys)) < len(keys):
        raise InputError("two captions of this data set have one key; expected different ones")
    return [unsorted[i] for i in order]
