"""Damage to videos, each kind at three strengths, from what is hardly seen to what is plain.

Videos are uint8 (B, T, H, W, 3). The draws of one seed are the same at all strengths of a kind.
"""

import io
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import ndimage

SMOOTH = 8  # px, the scale on which a warp changes


def blur(videos: np.ndarray, sigma: float, _: np.random.Generator) -> np.ndarray:
    """A Gaussian's, in px."""
    return _pixels(ndimage.gaussian_filter(videos.astype(np.float32), sigma, axes=(2, 3)))


def noise(videos: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Another Gaussian number for each value of each frame, in grey levels."""
    return _pixels(videos + deviation * rng.standard_normal(videos.shape, np.float32))


def jpeg(videos: np.ndarray, quality: int, _: np.random.Generator) -> np.ndarray:
    """Every frame as a JPEG file of Pillow's."""
    from PIL import Image

    def coded(frame: np.ndarray) -> np.ndarray:
        file = io.BytesIO()
        Image.fromarray(frame).save(file, "jpeg", quality=quality)
        return np.asarray(Image.open(file))

    frames = videos.reshape(-1, *videos.shape[2:])
    return np.stack([coded(frame) for frame in frames]).reshape(videos.shape)


def h264(videos: np.ndarray, crf: int, _: np.random.Generator) -> np.ndarray:
    """Every clip as a stream of x264, 4:2:0."""
    return np.stack([_h264(video, crf) for video in videos])


def _h264(video: np.ndarray, crf: int) -> np.ndarray:
    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=8, options={"crf": str(crf)})
        stream.height, stream.width, stream.pix_fmt = *video.shape[1:3], "yuv420p"
        for frame in video:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def warp(videos: np.ndarray, px: float, rng: np.random.Generator) -> np.ndarray:
    """A smooth field of shifts for each clip, the same in all its frames: root mean square px."""
    shape = (len(videos), 2, *videos.shape[2:4])
    fields = ndimage.gaussian_filter(rng.standard_normal(shape), SMOOTH, axes=(2, 3))
    fields *= px / np.sqrt((fields**2).sum(1).mean((1, 2)))[:, None, None, None]
    grid = np.indices(videos.shape[2:4])

    def warped(video: np.ndarray, field: np.ndarray) -> np.ndarray:
        layers = np.moveaxis(video, -1, 1).reshape(-1, *video.shape[1:3]).astype(np.float32)
        found = [ndimage.map_coordinates(x, grid + field, order=1, mode="nearest") for x in layers]
        return np.moveaxis(np.reshape(found, (len(video), 3, *video.shape[1:3])), 1, -1)

    pairs = zip(videos, fields, strict=True)
    return np.stack([_pixels(warped(video, field)) for video, field in pairs])


def shuffle(videos: np.ndarray, frames: int, rng: np.random.Generator) -> np.ndarray:
    """So many frames of each clip, drawn at random, exchange places: none of them stays."""
    found = videos.copy()
    for clip, video in zip(found, videos, strict=True):
        chosen = rng.permutation(len(video))[:frames]
        clip[chosen] = video[np.roll(chosen, 1)]
    return found


def freeze(videos: np.ndarray, frames: int, _: np.random.Generator) -> np.ndarray:
    """The last so many frames are the one before them."""
    found = videos.copy()
    found[:, -frames:] = videos[:, -frames - 1, None]
    return found


def swap(videos: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """From its middle on a clip, of this share of them, goes on as another one does."""
    found, half = videos.copy(), videos.shape[1] // 2
    chosen = rng.permutation(len(videos))[: round(share * len(videos))]
    found[chosen, half:] = videos[chosen - len(videos) // 2, half:]
    return found


def _pixels(values: np.ndarray) -> np.ndarray:
    return np.rint(values).clip(0, 255).astype(np.uint8)


class Kind(NamedTuple):
    """What is done, and how much of it, from the least to the most."""

    apply: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
    strengths: tuple[float, float, float]


KINDS = {
    "blur": Kind(blur, (0.5, 1, 2)),
    "noise": Kind(noise, (4, 12, 36)),
    "jpeg": Kind(jpeg, (80, 40, 10)),
    "h264": Kind(h264, (20, 32, 44)),
    "warp": Kind(warp, (0.5, 1, 2)),
    "shuffle": Kind(shuffle, (2, 4, 9)),
    "freeze": Kind(freeze, (2, 4, 8)),
    "swap": Kind(swap, (0.25, 0.5, 1)),
}
FRAMES = 9  # of a clip: at most so many are moved or frozen
