"""How bright sampled videos are, beside the real ones: strong guidance drifts."""

import numpy as np

from vdit.evaluators import clustered
from vdit.evaluators.common import EvaluationData
from vdit.generator import Generator
from vdit.runs.evaluations import Record


def evaluate(model: Generator, data: EvaluationData, *, clips: int, seed: int) -> list[Record]:
    """`brightness_error`: |mean of a sampled video - mean of the real one of its caption|, in grey
    levels; its error is over videos that are independent."""
    if not clips:
        return []
    real = data.clips(clips)
    (made,) = data.samples(model, real.tokens, seed, seeds=1)
    errors = np.abs(made.mean((1, 2, 3, 4)) - real.videos.mean((1, 2, 3, 4)))
    mean = clustered.mean(errors, real.clusters)
    return [Record("brightness_error", *mean, lower_is_better=True)]
