"""What the records of a data set hold of its captions."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from vdit.data.sources import Source
from vdit.data.text import Vocabulary

SAMPLE = 4096  # captions that the vocabulary is made of


class CaptionEncoder:
    """Caption to what the record holds: word tokens, one class label, or a given embedding."""

    def __init__(self, config: ConfigDict, source: Source):
        first = source[0]
        self.features = np.asarray(first["embedding"]).shape if "embedding" in first else None
        self.words = None
        if self.features is None:
            whole = config.model.condition in ("class", "label")
            some = np.linspace(0, len(source) - 1, min(SAMPLE, len(source))).astype(int)
            captions = [source[int(i)]["caption"] for i in some]
            self.words = Vocabulary.of(captions, config.data.words, config.data.text_length, whole)

    def encode(self, item: Mapping[str, Any]) -> np.ndarray:
        """Tokens (S,) or an embedding (S, F) of one item of the source."""
        return self.words.encode(item["caption"]) if self.words else item["embedding"]

    def meta(self) -> dict[str, Any]:
        """What the records' readers need to know."""
        if self.words is None:
            return {"text_length": self.features[0], "text_features": self.features[1], "words": []}
        return {
            "text_length": self.words.length,
            "text_features": 0,
            "words": list(self.words.words),
            "whole": self.words.whole,
        }
