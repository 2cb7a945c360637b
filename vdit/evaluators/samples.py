"""What a checkpoint makes of prompts, once for all evaluators that ask for the same."""

from collections.abc import Sequence

import numpy as np

from vdit.evaluators.features.cached import content_of
from vdit.generator import BATCH, Generator


class Samples:
    """Videos of the model and prompts asked for last, by seed: evaluators follow one another.

    Continuations are not among them: no two evaluators ask for the same.
    """

    def __init__(self) -> None:
        self._model: Generator | None = None
        self._prompts = ""
        self._videos: dict[int, np.ndarray] = {}

    def of(self, model: Generator, prompts: Sequence[str] | np.ndarray, seed: int) -> np.ndarray:
        """(B, T, H, W, 3) uint8, which nobody can change."""
        digest = content_of(np.asarray(prompts))
        if model is not self._model or digest != self._prompts:
            self._model, self._prompts, self._videos = model, digest, {}
        if seed not in self._videos:
            videos = model.sample(prompts, seed, batch=BATCH).view()
            videos.flags.writeable = False
            self._videos[seed] = videos
        return self._videos[seed]
