"""What the records of a data set hold of its captions."""

from typing import Any

import numpy as np
from ml_collections import ConfigDict

from vdit.data.byte_pairs import BytePairs
from vdit.data.sources import Source
from vdit.data.text import Vocabulary
from vdit.data.tfds_source import TfdsSource
from vdit.errors import InputError

SAMPLE = 4096  # clips of the embedded world that its vocabulary is made of

TOKENIZERS = ("words", "byte_pairs")


def describe(config: ConfigDict, source: Source) -> dict[str, Any]:
    """The keys of a cache's meta that say what its captions are: tokens of words or byte pairs,
    one class label, or the embeddings that the source gives."""
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


def _captions(source: Source) -> list[str]:
    """Those of a set; of the world, whose words are few, an even sample."""
    if isinstance(source, TfdsSource):
        return source.captions()
    some = np.linspace(0, len(source) - 1, min(SAMPLE, len(source))).astype(int)
    return [source[int(i)]["caption"] for i in some]
