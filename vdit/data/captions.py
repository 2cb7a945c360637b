"""What the records of a data set hold of its captions."""

from typing import Any

import numpy as np
from ml_collections import ConfigDict

from vdit.data.sources import Source
from vdit.data.text import Vocabulary

SAMPLE = 4096  # captions that the vocabulary is made of


def describe(config: ConfigDict, source: Source) -> dict[str, Any]:
    """The keys of a cache's meta that say what its captions are: word tokens, one class label, or
    the embeddings that the source gives."""
    first = source[0]
    if "embedding" in first:
        length, features = np.asarray(first["embedding"]).shape
        return {"text_length": length, "text_features": features, "words": []}
    whole = config.model.condition in ("class", "label")
    some = np.linspace(0, len(source) - 1, min(SAMPLE, len(source))).astype(int)
    captions = [source[int(i)]["caption"] for i in some]
    words = Vocabulary.of(captions, config.data.words, config.data.text_length, whole)
    return {
        "text_length": words.length,
        "text_features": 0,
        "words": list(words.words),
        "whole": words.whole,
    }
