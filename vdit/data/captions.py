"""What the records of a data set hold of its captions."""

import dataclasses
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from vdit.data.byte_pairs import BytePairs
from vdit.data.cache import Records
from vdit.data.sources import Source
from vdit.data.text import NULL, Vocabulary
from vdit.errors import InputError

SAMPLE = 4096  # clips of the embedded world that its vocabulary is made of

READ = 4096  # records whose captions are looked at, at once

TOKENIZERS = ("words", "byte_pairs")


def describe(config: ConfigDict, source: Source) -> dict[str, Any]:
    """The keys of a cache's meta that say what its captions are: tokens of words or byte pairs,
    one class label, or embeddings, by a text encoder or as the source gives them."""
    if embeddings := getattr(source, "embeddings", None):
        encoder = embeddings.encoder
        sizes = {"text_length": encoder.length, "text_features": encoder.features}
        return sizes | {"words": [], "encoder": dataclasses.asdict(encoder)}
    first = source[0]
    if "embedding" in first:
        length, features = np.asarray(first["embedding"]).shape
        return {"text_length": length, "text_features": features, "words": []}
    whole = config.model.condition in ("class", "label")
    captions, limit = _captions(source), config.data.words
    tokenizer = config.data.get("tokenizer", "words")
    if tokenizer not in TOKENIZERS:
        raise InputError(f"data.tokenizer={tokenizer!r}: expected {' or '.join(TOKENIZERS)}")
    if tokenizer == "byte_pairs" and not whole:
        made = BytePairs.of(captions, limit, config.data.text_length)
        about = {"tokenizer": made.tokenizer}
    else:
        made = Vocabulary.of(captions, limit, config.data.text_length, whole)
        about = {"whole": made.whole}
    return {
        "text_length": made.length,
        "text_features": 0,
        "words": list(made.words),
        **about,
    }


class Captioned:
    """Of records those that have a caption, for who learns from captions; `places` are theirs among
    all `records`, `median` the tokens of a caption. Raises `InputError` where none has one."""

    def __init__(self, records: Records):
        self.records, self.meta = records, records.meta
        if records.meta["text_features"]:
            raise InputError(f"{records}: its captions are embeddings; expected words")
        starts = range(0, len(records), READ)
        spans = (np.arange(i, min(i + READ, len(records))) for i in starts)
        lengths = np.concatenate([(records.captions(s) != NULL).sum(-1) for s in spans])
        self.places = np.flatnonzero(lengths)
        if not len(self.places):
            raise InputError(
                f"{records}: no clip has a caption; a captioner learns from those of train, and is "
                "measured by those of validation"
            )
        self.median = int(np.median(lengths[self.places]))

    def __len__(self) -> int:
        return len(self.places)

    def __repr__(self) -> str:
        return repr(self.records)

    def rows(self, indices: Any) -> dict[str, np.ndarray]:
        """As those of all records."""
        return self.records.rows(self.places[indices])


def _captions(source: Source) -> list[str]:
    """Those of a set; of the world, whose words are few, an even sample."""
    if hasattr(source, "captions"):
        return source.captions()
    some = np.linspace(0, len(source) - 1, min(SAMPLE, len(source))).astype(int)
    return [source[int(i)]["caption"] for i in some]
