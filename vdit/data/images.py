"""Images beside videos, which a causal autoencoder codes alone: first frames of the set's clips, or
pictures of a folder."""

import pathlib
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from vdit.config import mixture, stream
from vdit.data import pictures
from vdit.data.pipeline import Images, Records


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


def images_of(
    config: ConfigDict, records: Records, latent_frames: int, folder: pathlib.Path
) -> Images | None:
    """What a config trains on beside the clips of `records`, which lie in the cache `folder`; None
    where it asks for no images."""
    if not (share := mixture.share_of(config.data)):
        return None
    batch = config.batch * latent_frames
    if config.data.get("images"):
        return Images(pictures.records(folder, config), batch, share)
    return Images(FirstFrames(records), batch, share, stream.epochs_of(config.data))
