"""Captions to tokens: a vocabulary of the words of the training captions."""

import collections
import dataclasses
import functools
import re
from collections.abc import Iterable

import numpy as np

NULL, UNKNOWN = 0, 1  # "no word here" (and: no caption), "a word never seen in training"


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Words by falling frequency; token = place + 2. With `whole` a caption is one class label."""

    words: tuple[str, ...]
    length: int
    whole: bool = False

    @classmethod
    def of(
        cls, captions: Iterable[str], limit: int, length: int, whole: bool = False
    ) -> "Vocabulary":
        """The `limit` most frequent words of these captions, for captions of `length` tokens."""
        counts = collections.Counter(word for c in captions for word in split(c, whole))
        words = sorted(counts, key=lambda w: (-counts[w], w))[:limit]
        return cls(tuple(words), 1 if whole else length, whole)

    @property
    def size(self) -> int:
        return len(self.words) + 2

    @functools.cached_property
    def _index(self) -> dict[str, int]:
        return {word: i + 2 for i, word in enumerate(self.words)}

    def tokens(self, caption: str) -> list[int]:
        """All tokens of a caption; none of an empty one."""
        return [self._index.get(word, UNKNOWN) for word in split(caption, self.whole)]

    def encode(self, caption: str) -> np.ndarray:
        """(S,) int32 tokens, cut or padded with `NULL` to the vocabulary's length."""
        return fitted(self.tokens(caption), self.length)

    def text(self, tokens: Iterable[int]) -> str:
        """The words of tokens, nothing of the special ones."""
        return " ".join(self.words[token - 2] for token in tokens if token > UNKNOWN)


def fitted(tokens: list[int], length: int) -> np.ndarray:
    """(length,) int32 tokens, cut or padded with `NULL`."""
    return np.array((tokens + [NULL] * length)[:length], np.int32)


def split(caption: str, whole: bool = False) -> list[str]:
    """Lower-case words without punctuation; or the caption as one word."""
    text = caption.lower().strip()
    if whole:
        return [text] if text else []
    return re.findall(r"[\w']+", text)
