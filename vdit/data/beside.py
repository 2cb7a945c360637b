"""What a run trains on beside clips of its own shape: other buckets of its set, or images, which a
causal autoencoder codes alone: first frames of the clips, or pictures of a folder."""

from typing import Any

import numpy as np
from ml_collections import ConfigDict

from vdit.config import mixture, stream
from vdit.config.model_config import ModelConfig
from vdit.data import buckets, pictures
from vdit.data.cache import Records
from vdit.data.pipeline import Stream


class FirstFrames:
    """Records of videos as images: of each the first latent frame, (B, 1, H, W, C), its caption.

    It is what the autoencoder makes of the clip's first frame as a video of its own (2310.05737;
    autoencoders of images code every frame so).
    """

    def __init__(self, records: Records):
        self._records = records

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        return f"first frames of {self._records}"

    def rows(self, indices: Any) -> dict[str, np.ndarray]:
        rows = self._records.rows(indices)
        return rows | {"latent": rows["latent"][:, :1]}


def streams(config: ConfigDict, model: ModelConfig, own: Records) -> tuple[Stream, ...]:
    """The streams of a config beside the clips of `own`, which lie in the run's cache."""
    _, *others = mixture.parts(config, model)
    return tuple(_stream(config, part, own) for part in others)


def _stream(config: ConfigDict, part: mixture.Part, own: Records) -> Stream:
    if part.name != mixture.IMAGES:
        return Stream(buckets.records(own, part.name), part.batch, part.share)
    if config.data.get("images"):
        return Stream(pictures.records(own.folder, config), part.batch, part.share)
    return Stream(FirstFrames(own), part.batch, part.share, stream.epochs_of(config.data))
