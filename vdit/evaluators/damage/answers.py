"""How scores answer to damage: of one half of the clips, damaged, against the other half.

Neighbours in the source, such as two windows of one video, lie in different halves.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from vdit.evaluators.damage.kinds import KINDS
from vdit.evaluators.distances import frechet, kernel
from vdit.evaluators.distances.jackknife import jackknife
from vdit.evaluators.features import Extractor
from vdit.evaluators.frames.perceptual import Perceptual
from vdit.evaluators.frames.similarity import psnr, ssim

DISTANCES = {"frechet": frechet.distance, "kernel": kernel.distance}


@dataclasses.dataclass(frozen=True)
class Answer:
    """One score of one set. `se` is that of `worse`, or of a value that has none."""

    data: str
    kind: str  # of damage; "none": the clips as they are
    strength: float
    metric: str
    features: str  # the extractor or network; "" where there is none
    identity: str  # the hash of its weights
    clips: int
    reference: int  # clips of the other half; 0 where each is held against its own undamaged one
    dimension: int  # of the features
    value: float
    worse: float | None  # than undamaged; None for PSNR, which is infinite there
    se: float


def answers(
    data: str,
    videos: np.ndarray,
    extractors: Sequence[Extractor],
    perceptual: Sequence[Perceptual],
    seed: int,
) -> Iterator[Answer]:
    """Every score of every damage to uint8 videos (B, T, H, W, 3), 64 or more."""
    real, clean = videos[::2], videos[1::2]
    known = [(e, e(real), e(clean)) for e in extractors]
    for extractor, reference, features in known:
        yield from _between(data, "none", 0, extractor, reference, features, None)
    for kind, (apply, strengths) in KINDS.items():
        for strength in strengths:
            made = apply(clean, strength, np.random.default_rng(seed))
            for extractor, reference, features in known:
                found = extractor(made)
                yield from _between(data, kind, strength, extractor, reference, found, features)
            yield from _each(data, kind, strength, made, clean, perceptual)


def _between(
    data: str,
    kind: str,
    strength: float,
    extractor: Extractor,
    real_MD: np.ndarray,
    made_ND: np.ndarray,
    clean_ND: np.ndarray | None,
) -> Iterator[Answer]:
    """Distances between sets; the error is of the difference, the same clips left out of all."""
    sizes = (len(made_ND), len(real_MD))
    for metric, distance in DISTANCES.items():

        def worse(made: np.ndarray, real: np.ndarray, distance=distance) -> float:
            base = 0.0 if clean_ND is None else distance(clean_ND[made], real_MD[real])
            return distance(made_ND[made], real_MD[real]) - base

        found = jackknife(worse, *sizes)
        value, difference = distance(made_ND, real_MD), 0.0 if clean_ND is None else found.value
        about = (extractor.name, extractor.identity, *sizes, made_ND.shape[1])
        yield Answer(data, kind, strength, metric, *about, value, difference, found.se)


def _each(
    data: str,
    kind: str,
    strength: float,
    made: np.ndarray,
    clean: np.ndarray,
    perceptual: Sequence[Perceptual],
) -> Iterator[Answer]:
    """Means over frames against those that they were; PSNR is that of the mean squared error."""
    count = len(made)
    square = 10 ** (-psnr(made, clean) / 10)
    with np.errstate(divide="ignore"):
        level = jackknife(lambda rows, _: -10 * np.log10(square[rows].mean()), count, count)
    named = [("perceptual", m.name, m.identity, m(made, clean), 0.0) for m in perceptual]
    yield Answer(data, kind, strength, "psnr", "", "", count, 0, 0, level.value, None, level.se)
    for metric, name, identity, values, best in [*named, ("ssim", "", "", ssim(made, clean), 1.0)]:
        found = jackknife(lambda rows, _, v=values: float(v[rows].mean()), count, count)
        about = (name, identity, count, 0, 0, found.value)
        yield Answer(data, kind, strength, metric, *about, abs(found.value - best), found.se)
