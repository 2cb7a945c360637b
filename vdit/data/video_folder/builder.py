"""The data set as TFDS reads it: examples of cut videos in ArrayRecord files, and what describes
them. Without TensorFlow, and shard by shard, whoever makes each.

TFDS's own builders make all shards of a set in one process; the input pipeline shuffles, so the
order of the videos is kept.
"""

import os
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter
from tensorflow_datasets.core import dataset_info
from tensorflow_datasets.core.file_adapters import FileFormat
from tensorflow_datasets.proto import tf_example_pb2

from vdit.data.video_folder.ingest import Settings, Video, examples

NAME, VERSION = "video_folder", "1.0.0"
# One record a group, as TFDS has it, for random access. Level 3, the default, takes twice the time
# of level 1 to make real windows 5 % smaller.
OPTIONS = "group_size:1,zstd:1"


class _Info(tfds.core.DatasetInfo):
    def initialize_from_bucket(self) -> None:
        """Skips TFDS's search of its bucket, which leaves an empty temporary folder behind."""


def file_name(split: str, index: int, count: int) -> str:
    """Of a shard, as TFDS has it."""
    return f"{NAME}-{split}.array_record-{index:05d}-of-{count:05d}"


def write_shard(
    path: pathlib.Path, videos: Iterable[Video], settings: Settings, advance: Callable[[], object]
) -> None:
    """Writes the windows of `videos` to an ArrayRecord file; `advance` is called at each.

    The bytes depend on the examples alone: fields have no order in a protocol buffer unless asked.
    """
    writer = ArrayRecordWriter(os.fspath(path), OPTIONS)
    for video in videos:
        for example in examples(video, settings):
            writer.write(_record(example))
            advance()
    writer.close()


def windows_in(path: pathlib.Path) -> int:
    """How many a shard holds."""
    reader = ArrayRecordReader(os.fspath(path))
    try:
        return reader.num_records()
    finally:
        reader.close()


def _record(example: Mapping[str, Any]) -> bytes:
    """What TFDS makes of an example with `features`, and twice as fast: it copies videos once."""
    record = tf_example_pb2.Example()
    field = record.features.feature
    for key in ("caption", "video_id"):
        field[key].bytes_list.value.append(example[key].encode())
    field["video"].bytes_list.value.append(np.ascontiguousarray(example["video"]).tobytes())
    field["start"].int64_list.value.append(example["start"])
    field["corner"].int64_list.value.extend(example["corner"].tolist())
    return record.SerializeToString(deterministic=True)


def describe(folder: pathlib.Path, settings: Settings, shards: Mapping[str, Sequence[int]]) -> None:
    """Writes `dataset_info.json` and `features.json` beside the shards, whose numbers of examples
    are given by split."""
    version = tfds.core.Version(VERSION)
    identity = dataset_info.DatasetIdentity(NAME, version, os.fspath(folder), __name__)
    info = _Info(
        builder=identity,
        description="Windows of videos, split by video.",
        features=_features(settings),
        disable_shuffling=True,
    )
    info.set_file_format(FileFormat.ARRAY_RECORD)
    template = tfds.core.ShardedFileTemplate(
        data_dir=folder, dataset_name=NAME, filetype_suffix="array_record"
    )
    info.set_splits(
        tfds.core.splits.SplitDict(
            [
                tfds.core.SplitInfo(
                    name=split,
                    shard_lengths=list(lengths),
                    num_bytes=_bytes(folder, split, len(lengths)),
                    filename_template=template.replace(split=split),
                )
                for split, lengths in shards.items()
            ]
        )
    )
    info.write_to_directory(folder)


def _bytes(folder: pathlib.Path, split: str, count: int) -> int:
    paths = (folder / file_name(split, index, count) for index in range(count))
    return sum(path.stat().st_size for path in paths)


def _features(settings: Settings) -> tfds.features.FeaturesDict:
    features = {
        # As bytes: TFDS's default, a list of integers, is ten times slower to write.
        "video": tfds.features.Tensor(
            shape=(settings.frames, settings.height, settings.width, 3),
            dtype=np.uint8,
            encoding=tfds.features.Encoding.BYTES,
        ),
        "caption": tfds.features.Text(),
        "video_id": tfds.features.Text(),
        "start": np.int64,
        "corner": tfds.features.Tensor(shape=(2,), dtype=np.int32),
    }
    return tfds.features.FeaturesDict(features)
