"""Videos to files and back: MP4 (H.264) through PyAV, animated WebP and GIF through Pillow."""

import itertools
import os
import pathlib
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from vdit.errors import InputError
from vdit.runs.files import whole_file

FORMATS = (".mp4", ".webp", ".gif")
BT709, BT601 = 1, 6  # as H.273 numbers them: primaries, transfer and matrix alike
FPS = 8  # of samples, where the rate of their data is not known
SMALLEST = 96  # pixels of a side, below which samples are enlarged


def write_video(
    path: str | os.PathLike, video: np.ndarray, fps: float | None = None, zoom: int = 1
) -> None:
    """Writes uint8 (T, H, W, 3), whole or not at all; `zoom` repeats pixels for small clips."""
    path = pathlib.Path(path)
    if path.suffix not in FORMATS:
        raise InputError(f"{path.name}: expected a name that ends in {', '.join(FORMATS)}")
    write = _write_mp4 if path.suffix == ".mp4" else _write_animation
    with whole_file(path) as part:
        write(part, video.repeat(zoom, 1).repeat(zoom, 2), fps or FPS)


def read_video(
    path: str | os.PathLike,
    size: tuple[int, int],
    frames: int | None = None,
    fps: float | None = None,
) -> np.ndarray:
    """uint8 (T, H, W, 3) of a video or a picture, cropped and resized to `size` (H, W); of its
    first `frames`, or all.

    Raises `InputError` for what cannot be read.
    """
    return np.stack(list(itertools.islice(frames_of(path, size, fps), frames)))


def frames_of(
    path: str | os.PathLike, size: tuple[int, int] | None = None, fps: float | None = None
) -> Iterator[np.ndarray]:
    """uint8 (H, W, 3), one at a time, at least one, at `fps` or the file's own rate; of `size`
    (H, W) where that is given. Raises `InputError` for what cannot be read."""
    from vdit.data.video_folder.container import DecodeError
    from vdit.data.video_folder.decode import read_frames

    count = 0
    try:
        for frame in read_frames(pathlib.Path(path), size, fps):
            yield frame
            count += 1
    except DecodeError as error:
        raise InputError(f"{path}: {error}") from error
    if not count:
        raise InputError(f"{path}: expected a video or a picture, there is no frame in it")


def _write_mp4(path: pathlib.Path, video: np.ndarray, fps: float) -> None:
    """H.264 in 4:2:0, converted by the matrix that players take for its size, and tagged so."""
    import av
    from av.video.reformatter import ColorRange, Colorspace

    from vdit.data.video_folder.picture import EXACT, HD

    with av.open(str(path), "w") as container:
        rate = Fraction(fps).limit_denominator(1001)
        stream = container.add_stream("libx264", rate=rate, options={"crf": "8"})
        # 4:2:0 wants even sides: the last row or column is repeated where one is odd.
        video = np.pad(
            video, ((0, 0), (0, video.shape[1] % 2), (0, video.shape[2] % 2), (0, 0)), mode="edge"
        )
        stream.height, stream.width = video.shape[1:3]
        stream.pix_fmt = "yuv420p"
        high = stream.width >= HD[0] or stream.height >= HD[1]
        coded = {"format": "yuv420p", "interpolation": EXACT, "dst_color_range": ColorRange.MPEG}
        coded["dst_colorspace"] = Colorspace.ITU709 if high else Colorspace.ITU601
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709 if high else BT601
        context.color_range = ColorRange.MPEG
        for frame in video:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(**coded)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _write_animation(path: pathlib.Path, video: np.ndarray, fps: float) -> None:
    """Equal frames are merged by both writers: the file says the rate, for them to come back."""
    from PIL import Image

    from vdit.data.video_folder.animation import rate_kept

    frames = [Image.fromarray(frame) for frame in video]
    unit = 10 if path.suffix == ".gif" else 1  # ms that its durations are counted in
    ends = np.rint(np.arange(len(video) + 1) * 1000 / (fps * unit)).astype(int) * unit
    extra = {"lossless": True} if path.suffix == ".webp" else {}
    extra |= {"duration": np.diff(ends).tolist(), "loop": 0, **rate_kept(fps)}
    frames[0].save(path, save_all=True, append_images=frames[1:], **extra)


def write_all(
    folder: str | os.PathLike, name: str, videos: np.ndarray, fps: float | None = None
) -> None:
    """`name_00.webp`, `name_01.webp`, ..., enlarged to at least `SMALLEST` pixels."""
    zoom = max(1, -(-SMALLEST // min(videos.shape[2:4])))
    for i, video in enumerate(videos):
        write_video(pathlib.Path(folder) / f"{name}_{i:02d}.webp", video, fps, zoom)
