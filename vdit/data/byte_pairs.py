"""Captions of any language to tokens: byte-level BPE, trained on the captions of the set.

Sennrich et al. (1508.07909), on bytes as GPT-2 has it, by the `tokenizers` library. Words of a
script without blanks share tokens, letters keep their marks, and no character is unknown whose
bytes were seen in training.
"""

import dataclasses
import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from vdit.data.text import UNKNOWN, fitted

if TYPE_CHECKING:
    import tokenizers

SPECIAL = ["[none]", "[unknown]"]  # of the ids NULL and UNKNOWN
# What merges stay within: letters with their marks, digits, other signs, each with a blank before.
PIECES = r"\s?[\p{L}\p{M}]+|\s?\p{N}+|\s?[^\s\p{L}\p{M}\p{N}]+|\s+"


@dataclasses.dataclass(frozen=True)
class BytePairs:
    """The tokenizer as JSON of the `tokenizers` library, for captions of `length` tokens."""

    tokenizer: str
    length: int

    @classmethod
    def of(cls, captions: Iterable[str], limit: int, length: int) -> "BytePairs":
        """At most `limit` tokens, more only where the captions have more different bytes.

        A merge serves two different captions: else a sentence without blanks is a token.
        """
        from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

        made = Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN]))
        made.normalizer = normalizers.Sequence(
            [
                normalizers.NFC(),
                normalizers.Lowercase(),
                normalizers.Strip(),
                normalizers.Prepend(" "),  # the first word's tokens are those of any other
            ]
        )
        made.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(PIECES), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        trainer = trainers.BpeTrainer(
            vocab_size=limit + len(SPECIAL),
            special_tokens=SPECIAL,
            min_frequency=2,
            show_progress=False,
        )
        made.train_from_iterator(dict.fromkeys(captions), trainer)
        return cls(made.to_str(), length)

    @property
    def size(self) -> int:
        return self._tokenizer.get_vocab_size()

    @property
    def words(self) -> tuple[str, ...]:
        """The tokens by their ids, without the special ones; bytes in GPT-2's letters."""
        return tuple(map(self._tokenizer.id_to_token, range(len(SPECIAL), self.size)))

    @functools.cached_property
    def _tokenizer(self) -> "tokenizers.Tokenizer":
        from tokenizers import Tokenizer

        return Tokenizer.from_str(self.tokenizer)

    def tokens(self, caption: str) -> list[int]:
        """All tokens of a caption; none of an empty one."""
        return self._tokenizer.encode(caption).ids if caption.strip() else []

    def encode(self, caption: str) -> np.ndarray:
        """(S,) int32 tokens, cut or padded with `NULL` to the vocabulary's length."""
        return fitted(self.tokens(caption), self.length)

    def text(self, tokens: Iterable[int]) -> str:
        """The text of tokens, nothing of the special ones; bytes that are no UTF-8 are replaced."""
        from tokenizers import decoders

        pieces = [self._tokenizer.id_to_token(int(t)) for t in tokens if t > UNKNOWN]
        return decoders.ByteLevel().decode(pieces).strip()
