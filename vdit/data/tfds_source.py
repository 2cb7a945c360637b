"""A TFDS data set as a source of clips, read without TensorFlow."""

import hashlib
import json
import types
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vdit.errors import InputError

CAPTIONS = ("caption", "text", "prompt", "description")


def import_tfds() -> types.ModuleType:
    """TFDS, its `Video` feature freed from TensorFlow: as is, to read one imports TensorFlow.

    The feature calls `tf.dtypes.as_dtype` when it is made, to hand the result to a feature that
    takes NumPy types as well; its other uses of TensorFlow are in writing.
    """
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.features import video_feature

    dtypes = types.SimpleNamespace(as_dtype=lambda dtype: np.dtype(dtype).type)
    video_feature.tf = types.SimpleNamespace(dtypes=dtypes)
    return tfds


def clip_shape(data: Any) -> tuple[int, int, int]:
    """(T, H, W) of the clips that a config asks for."""
    return data.num_frames, data.height, data.width


class TfdsSource:
    """Rows of a TFDS data source as clips of the config's frames, height and width."""

    def __init__(self, data: Any, split: str, rows: Sequence, identity: list):
        features = dict(rows.dataset_info.features.items())
        clips = data.get(f"{split}_clips") or len(rows)
        self._opened = (data, split)
        self.name, self._rows, self._shape = data.name, rows, clip_shape(data)
        self._video = _video_key(data.name, features)
        self._caption, self._labels = _caption_key(features)
        self.available = len(rows)
        self._length = min(clips, len(rows))
        if not self._length:
            raise InputError(f"data.name {data.name!r}: {identity[1]} has no clip")
        text = json.dumps([*identity, self._shape, self._length])
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()[:12]

    def __reduce__(self) -> tuple:
        from vdit.data.sources import open_source  # a worker needs what `import_tfds` does, too

        return open_source, self._opened

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < self._length:
            raise IndexError(f"clip {index} of {self._length}")
        row = self._row(index)
        item = {
            "video": self._fit(np.asarray(row[self._video]), index),
            "caption": self._text(row),
            "index": index,
        }
        return item | ({"recording": row["video_id"].decode()} if "video_id" in row else {})

    def captions(self) -> list[str]:
        """Those of all its clips, in order."""
        return [self._text(self._row(index)) for index in range(len(self))]

    def _row(self, index: int) -> Mapping[str, Any]:
        return self._rows[index * self.available // self._length]

    def _fit(self, video_THWC: np.ndarray, index: int) -> np.ndarray:
        """The middle frames, each cropped and resized; grey becomes three equal channels."""
        if video_THWC.shape == (*self._shape, 3):
            return video_THWC
        from vdit.data.video_folder.windows import crop_resize

        frames, channels = video_THWC.shape[0], video_THWC.shape[-1]
        if frames < self._shape[0] or channels not in (1, 3):
            raise InputError(
                f"data.name {self.name!r}: clip {index} has {frames} frames of {channels} "
                f"channels, expected at least {self._shape[0]} of 1 or 3"
            )
        start = (frames - self._shape[0]) // 2
        chosen = video_THWC[start : start + self._shape[0]]
        resized = np.stack([crop_resize(frame, self._shape[1:]) for frame in chosen])
        return np.repeat(resized, 3, -1) if channels == 1 else resized

    def _text(self, row: Mapping[str, Any]) -> str:
        if self._caption is None:
            return ""
        value = row[self._caption]
        return self._labels[int(value)] if self._labels else value.decode("utf-8")


def _video_key(name: str, features: Mapping[str, Any]) -> str:
    fits = [
        key
        for key, feature in features.items()
        if len(feature.shape or ()) == 4 and np.dtype(feature.np_dtype) == np.uint8
    ]
    if not fits:
        raise InputError(
            f"data.name {name!r}: no video (uint8, 4 axes) among its features {', '.join(features)}"
        )
    return "video" if "video" in fits else fits[0]


def _caption_key(features: Mapping[str, Any]) -> tuple[str | None, tuple[str, ...]]:
    """The feature that describes a clip, and names where it is a class label."""
    tfds = import_tfds()
    for key in CAPTIONS:
        if isinstance(features.get(key), tfds.features.Text):
            return key, ()
    for key, feature in features.items():
        if isinstance(feature, tfds.features.ClassLabel):
            return key, tuple(feature.names)
    return None, ()
