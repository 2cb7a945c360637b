"""Videos that tests write, and prepared folders that they read."""

import fractions
import json

import av
import numpy as np
import pytest
import tensorflow_datasets as tfds

from tests import paths
from vdit import prepare

SHARED = paths.SHARED / "data"
real = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no real videos in {SHARED}")


def write_video(path, images, times=None, codec="ffv1", pixels="gray", rate=10):
    """Encodes uint8 images ((H, W) grey or (H, W, 3)) at `times` (ms), or at a constant rate."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = stream.time_base = fractions.Fraction(1, 1000)
        for index, image in enumerate(images):
            kind = "gray" if image.ndim == 2 else "rgb24"
            frame = av.VideoFrame.from_ndarray(image, format=kind).reformat(format=pixels)
            frame.time_base = fractions.Fraction(1, 1000)
            frame.pts = times[index] if times else round(index * 1000 / rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def levels(values, size=16):
    return [np.full((size, size), value, np.uint8) for value in values]


def grey_videos(root):
    """A folder of six lossless grey videos; all pixels of frame f of video v are 20 v + f."""
    root.mkdir()
    for v in range(6):
        write_video(root / f"v{v}.mkv", levels(range(20 * v, 20 * v + 12)))
    return root


def noise(count, shape, seed=0):
    return list(np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8))


def run(root, out, *flags, frames=3, size=8):
    named = {"--videos": root, "--out": out, "--frames": frames, "--size": size}
    prepare.main([*(str(part) for pair in named.items() for part in pair), *flags])
    return json.loads((out / "vdit.json").read_text())


def read(out):
    builder = tfds.builder_from_directory(out)
    return {split: list(builder.as_data_source(split)) for split in ("train", "validation")}


def names(rows):
    return {row["video_id"].decode() for row in rows}


def siblings(out):
    return sorted(path.name for path in out.parent.iterdir() if path.name != out.name)
