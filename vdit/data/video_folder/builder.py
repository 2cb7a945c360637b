"""The TFDS builder: examples of cut videos to ArrayRecord files, without TensorFlow.

`ShardBasedBuilder` streams each shard to disk. `GeneratorBasedBuilder` would hold a split in
memory to shuffle it, and past 1 GiB it spills with `tf.io.gfile`, which needs TensorFlow; the
input pipeline shuffles anyway.
"""

import contextlib
import functools
import io
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordWriter
from tensorflow_datasets.core.writer import ExampleWriter
from tensorflow_datasets.proto import tf_example_pb2

from vdit.data.video_folder.ingest import Settings, Video, read_spool

SHARD_BYTES = 256 << 20
# One record a group, as TFDS has it, for random access. Level 3, the default, takes twice the time
# of level 1 to make real windows 5 % smaller.
OPTIONS = "group_size:1,zstd:1"


class _Writer(ExampleWriter):
    """Records whose bytes depend on the examples alone: TFDS leaves their fields in any order."""

    def __init__(self) -> None:
        super().__init__(tfds.core.file_adapters.FileFormat.ARRAY_RECORD)

    def write(self, path: os.PathLike, examples: Iterable[tuple[str, bytes]]) -> None:
        writer = ArrayRecordWriter(os.fspath(path), OPTIONS)
        for _, example in examples:
            fields = tf_example_pb2.Example.FromString(example)
            writer.write(fields.SerializeToString(deterministic=True))
        writer.close()


class _Info(tfds.core.DatasetInfo):
    def initialize_from_bucket(self) -> None:
        """Skips TFDS's search of its bucket, which leaves an empty temporary folder behind."""


class VideoFolder(tfds.core.ShardBasedBuilder):
    """Windows (T, H, W, 3) of a folder of videos with caption, file name and first frame."""

    VERSION = tfds.core.Version("1.0.0")

    def __init__(
        self,
        *,
        videos: list[Video],
        settings: Settings,
        advance: Callable[[], None] = lambda: None,
        **kwargs: Any,
    ):
        self._videos, self._settings, self._advance = videos, settings, advance
        super().__init__(file_format="array_record", **kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        s = self._settings
        features = {
            # As bytes: TFDS's default, a list of integers, is ten times slower to write.
            "video": tfds.features.Tensor(
                shape=(s.frames, s.height, s.width, 3),
                dtype=np.uint8,
                encoding=tfds.features.Encoding.BYTES,
            ),
            "caption": tfds.features.Text(),
            "video_id": tfds.features.Text(),
            "start": np.int64,
            "corner": tfds.features.Tensor(shape=(2,), dtype=np.int32),
        }
        return _Info(
            builder=self,
            description="Windows of videos, split by video.",
            features=tfds.features.FeaturesDict(features),
            disable_shuffling=True,
        )

    def _example_writer(self) -> ExampleWriter:
        return _Writer()

    def _shard_iterators_per_split(self, dl_manager: object) -> dict[str, list[Callable]]:
        return {
            split: [
                functools.partial(self._examples, shard)
                for shard in self._shards([v for v in self._videos if v.split == split])
            ]
            for split in ("train", "validation")
        }

    def _shards(self, videos: list[Video]) -> list[list[Video]]:
        """Whole videos, grouped in order to about `SHARD_BYTES` each."""
        shards, free = [], 0
        for video in (video for video in videos if video.windows):
            if free <= 0:
                shards.append([])
                free = SHARD_BYTES
            shards[-1].append(video)
            free -= video.spool.stat().st_size
        return shards

    def _examples(self, videos: list[Video]) -> Iterator[tuple[str, dict]]:
        for video in videos:
            for example in read_spool(video, self._settings):
                top, left = example["corner"]
                yield f"{video.name}:{example['start']}:{top}:{left}", example
                self._advance()


def write(
    folder: pathlib.Path, videos: list[Video], settings: Settings, advance: Callable[[], None]
) -> pathlib.Path:
    """Writes the data set somewhere under `folder` and returns where."""
    builder = VideoFolder(videos=videos, settings=settings, advance=advance, data_dir=folder)
    with contextlib.redirect_stdout(io.StringIO()):  # TFDS prints about downloads; there is none
        builder.download_and_prepare()
    return pathlib.Path(builder.data_path)
