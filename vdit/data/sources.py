"""Sources of clips by name: the embedded world, a prepared folder, any TFDS video set.

A source is random access: `len(source)`; `source[i]` is a dict with `video` uint8 (T, H, W, 3),
`caption` str and `index` int; it has a `name` and a `fingerprint` of its content.
"""

import hashlib
import json
import pathlib
import types
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from vdit.errors import InputError

SPLITS = ("train", "validation")
CAPTIONS = ("caption", "text", "prompt", "description")
HELD_OUT = 10  # percent of a set that has no validation or test split


class Source(Protocol):
    """Random access to captioned clips."""

    name: str
    fingerprint: str

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> dict[str, Any]: ...


def open_source(data: Any, split: str) -> Source:
    """Opens `data` (the config's `data`) for "train" or "validation".

    `data.train_clips` and `data.validation_clips` are the world's lengths, and upper bounds for
    the others (evenly spread over the set; 0: all). Raises `InputError` for an unknown name, a
    missing or unfit folder, and videos with fewer frames than `data.num_frames`.
    """
    if split not in SPLITS:
        raise InputError(f"split {split!r}: expected one of {', '.join(SPLITS)}")
    openers = {"worlds": _open_worlds, "video_folder": _open_folder}
    return openers.get(data.name, _open_tfds)(data, split)


def _tfds() -> types.ModuleType:
    """TFDS, its `Video` feature freed from TensorFlow: as is, to read one imports TensorFlow.

    The feature calls `tf.dtypes.as_dtype` when it is made, to hand the result to a feature that
    takes NumPy types as well; its other uses of TensorFlow are in writing.
    """
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.features import video_feature

    dtypes = types.SimpleNamespace(as_dtype=lambda dtype: np.dtype(dtype).type)
    video_feature.tf = types.SimpleNamespace(dtypes=dtypes)
    return tfds


def _open_worlds(data: Any, split: str) -> Source:
    from vdit.data.worlds import Worlds

    size = {key: data[key] for key in ("num_frames", "height", "width")}
    clips = data[f"{split}_clips"]
    return Worlds(clips, split=split, seed=data.seed, **size, **(data.get("world") or {}))


def _open_folder(data: Any, split: str) -> "Records":
    tfds = _tfds()
    path = pathlib.Path(data.dir or "") / "vdit.json"
    if not data.dir or not path.is_file():
        raise InputError(
            f"data.dir {str(data.dir or '')!r}: no prepared folder; make one with python -m "
            f"vdit.prepare --videos VIDEOS --out {data.dir or 'DIR'} --frames {data.num_frames} "
            f"--size {data.height}x{data.width}"
        )
    record = json.loads(path.read_text(encoding="utf-8"))
    there = tuple(record["settings"][key] for key in ("frames", "height", "width"))
    if there != _shape(data):
        raise InputError(
            f"data.dir {data.dir}: windows of {_by(there)} (frames x height x width), "
            f"the config asks {_by(_shape(data))}"
        )
    rows = tfds.builder_from_directory(path.parent).as_data_source(split)
    return Records(data, split, rows, [record["fingerprint"], split])


def _open_tfds(data: Any, split: str) -> "Records":
    tfds = _tfds()
    where = {"data_dir": data.get("dir") or None, "download": False}
    folder = where["data_dir"] or "~/tensorflow_datasets"
    try:
        splits = list(tfds.data_source(data.name, **where))
    except (AssertionError, NotImplementedError):  # not prepared; not random access
        splits = []
    except ValueError as error:
        raise InputError(
            f"data.name {data.name!r}: expected worlds, video_folder or the name of a TFDS video "
            f"set under data.dir ({folder})"
        ) from error
    if not splits:
        raise InputError(
            f"data.name {data.name!r}: not under data.dir ({folder}) as ArrayRecord; prepare it "
            "first with tfds, file_format='array_record'"
        )
    part = _tfds_split(data.name, splits, split)
    rows = tfds.data_source(data.name, split=part, **where)
    info = rows.dataset_info
    counts = {name: info.splits[name].num_examples for name in sorted(info.splits)}
    return Records(data, split, rows, [info.full_name, part, counts])


def _tfds_split(name: str, splits: list[str], wanted: str) -> str:
    """The TFDS split: validation or test held out, else the last tenth of train (or of all)."""
    held = next((split for split in ("validation", "test") if split in splits), None)
    if "train" in splits and held:
        return "train" if wanted == "train" else held
    if "train" not in splits and len(splits) != 1:
        raise InputError(f"data.name {name!r}: no split train among {', '.join(splits)}")
    whole, cut = ("train" if "train" in splits else splits[0]), 100 - HELD_OUT
    return f"{whole}[:{cut}%]" if wanted == "train" else f"{whole}[{cut}%:]"


class Records:
    """Rows of a TFDS data source as clips of the config's frames, height and width."""

    def __init__(self, data: Any, split: str, rows: Sequence, identity: list):
        features = dict(rows.dataset_info.features.items())
        clips = data.get(f"{split}_clips") or len(rows)
        self._opened = (data, split)
        self.name, self._rows, self._shape = data.name, rows, _shape(data)
        self._video = _video_key(data.name, features)
        self._caption, self._labels = _caption_key(features)
        self._length = min(clips, len(rows))
        if not self._length:
            raise InputError(f"data.name {data.name!r}: {identity[1]} has no clip")
        text = json.dumps([*identity, self._shape, self._length])
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()[:12]

    def __reduce__(self) -> tuple:
        return open_source, self._opened  # a worker process needs what `_tfds` does, too

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < self._length:
            raise IndexError(f"clip {index} of {self._length}")
        row = self._rows[index * len(self._rows) // self._length]
        return {
            "video": self._fit(np.asarray(row[self._video]), index),
            "caption": self._text(row),
            "index": index,
        }

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
    tfds = _tfds()
    for key in CAPTIONS:
        if isinstance(features.get(key), tfds.features.Text):
            return key, ()
    for key, feature in features.items():
        if isinstance(feature, tfds.features.ClassLabel):
            return key, tuple(feature.names)
    return None, ()


def _shape(data: Any) -> tuple[int, int, int]:
    return data.num_frames, data.height, data.width


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
