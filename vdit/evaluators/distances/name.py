"""What a score is called: all that it depends on, so that two of one name may be compared.

frechet__image_means__1a2b3c4d__n1024_512__9x32x32__bicubic224__uint8__validation is a column of
results.csv; so is the same with _coded behind it, of the real clips through the autoencoder.
"""

import dataclasses
import re

from vdit.errors import InputError
from vdit.evaluators.features import Extractor

APART = "__"
WORD = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
RANGE = "uint8"  # of the pixels that extractors are handed: 0 to 255


@dataclasses.dataclass(frozen=True)
class Name:
    """The parts of a score's name, in their order; `subject` is what is scored, "" for samples."""

    metric: str
    features: str  # the extractor, and
    identity: str  # the hash of its weights
    made: int  # clips that are scored
    real: int  # clips that they are held against
    clip: str  # frames x height x width
    crop: str  # how the extractor resizes a frame
    range: str  # of pixels
    split: str  # which real clips: a split, or the hash of a folder's videos
    subject: str = ""

    def __post_init__(self) -> None:
        for part in (self.metric, self.features, self.identity, self.clip, self.crop, self.range):
            if not WORD.fullmatch(part):
                raise InputError(f"score's name {part!r}: expected a-z, 0-9 and single _")
        if "_" in self.split + self.subject:
            raise InputError(f"score's name {self.split!r}, {self.subject!r}: expected no _")

    @classmethod
    def of(
        cls,
        metric: str,
        extractor: Extractor,
        counts: tuple[int, int],
        clip: tuple[int, int, int],
        split: str,
        subject: str = "",
    ) -> "Name":
        """Of an extractor's features of so many made and real clips (frames, height, width)."""
        words = extractor.name, extractor.identity, *counts, clip_name(clip), extractor.crop
        return cls(metric, *words, RANGE, split, subject)

    def __str__(self) -> str:
        words = (self.metric, self.features, self.identity, f"n{self.made}_{self.real}")
        last = f"{self.split}_{self.subject}" if self.subject else self.split
        return APART.join((*words, self.clip, self.crop, self.range, last))


def clip_name(clip: tuple[int, int, int]) -> str:
    """9x32x32 of (frames, height, width)."""
    return "x".join(map(str, clip))
