"""The embedded world as a folder of video files of several shapes, for `vdit.prepare`.

  python -m vdit.data.world_videos --config experiments/demo.py --shapes 64x64,80x48 --out DIR \\
      --config.data.train_clips=1024 --config.data.validation_clips=64

So many clips (lossless animated WebP) of each shape WxH, in pixels. DIR/captions.csv has the name,
caption and split of each: give it to `vdit.prepare` as --split, too.
"""

import csv
import os
import pathlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from vdit import errors
from vdit.config import buckets, command_line
from vdit.errors import InputError

TEXTS = {"shapes": "Shapes in pixels: WxH,WxH,...", "out": "Folder to make."}
TABLE = "captions.csv"
COLUMNS = ("video_file_name", "prompt", "split")


def main() -> int:
    """Writes the folder that the command line asks for."""
    config, asked = command_line.parse(sys.argv, __doc__, TEXTS)
    frames = config.data.num_frames
    shapes = [buckets.parse(f"{shape}@{frames}") for shape in asked["shapes"].split(",")]
    print(f"{asked['out']}: {write(config.data, shapes, pathlib.Path(asked['out']))} videos")
    return 0


def write(data: Any, shapes: Sequence[buckets.Bucket], out: pathlib.Path) -> int:
    """Makes the folder `out` of a config's `data`, whole or not at all; how many videos it has.

    Raises `InputError` where `out` exists, and for what is not the embedded world.
    """
    from vdit.data.unfinished import unfinished

    if data.name != "worlds":
        raise InputError(f"data.name={data.name!r}: expected 'worlds', the embedded world")
    if len(set(shapes)) < len(shapes):
        raise InputError(f"--shapes {', '.join(map(str, shapes))}: expected each once")
    if out.exists():
        raise InputError(f"--out {out}: exists; name another folder")
    with unfinished(out) as folder:
        rows = list(_written(data, shapes, folder))
        with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *rows])
        os.replace(folder, out)
    return len(rows)


def _written(
    data: Any, shapes: Sequence[buckets.Bucket], folder: pathlib.Path
) -> Iterator[tuple[str, str, str]]:
    """Rows of the table, as their videos are written."""
    from tqdm import tqdm

    from vdit.data.buckets import data_of
    from vdit.data.media import write_video
    from vdit.data.sources import SPLITS, open_source

    for place, shape in enumerate(shapes):
        own = data_of(data, str(shape))
        own.seed += place  # else clip i would have the same objects in all shapes
        for split in SPLITS:
            source = open_source(own, split)
            for i in tqdm(range(len(source)), desc=f"{shape} {split}", leave=False):
                clip, name = source[i], f"{shape.width}x{shape.height}_{split}_{i:06d}.webp"
                write_video(folder / name, clip["video"])
                yield name, clip["caption"], split


if __name__ == "__main__":
    errors.run(main)
