"""Videos to files: MP4 (H.264) through PyAV, animated WebP and GIF through Pillow."""

import itertools
import os
import pathlib
from collections.abc import Iterator

import numpy as np

from vdit.errors import InputError
from vdit.runs.files import whole_file

FORMATS = (".mp4", ".webp", ".gif")
SMALLEST = 96  # pixels of a side, below which samples are enlarged


def write_video(path: str | os.PathLike, video: np.ndarray, fps: int = 8, zoom: int = 1) -> None:
    """Writes uint8 (T, H, W, 3), whole or not at all; `zoom` repeats pixels for small clips."""
    path = pathlib.Path(path)
    if path.suffix not in FORMATS:
        raise InputError(f"{path.name}: expected a name that ends in {', '.join(FORMATS)}")
    write = _write_mp4 if path.suffix == ".mp4" else _write_animation
    with whole_file(path) as part:
        write(part, video.repeat(zoom, 1).repeat(zoom, 2), fps)


def read_video(
    path: str | os.PathLike, size: tuple[int, int], frames: int | None = None
) -> np.ndarray:
    """uint8 (T, H, W, 3) of a video or a picture, cropped and resized to `size` (H, W); of its
    first `frames`, or all.

    Raises `InputError` for what cannot be read.
    """
    from vdit.data.video_folder.windows import crop_resize

    found = [crop_resize(frame, size) for frame in itertools.islice(frames_of(path), frames)]
    return np.stack(found)


def frames_of(path: str | os.PathLike) -> Iterator[np.ndarray]:
    """uint8 (H, W, 3), one at a time, at least one. Raises `InputError` for what cannot be read."""
    from PIL import UnidentifiedImageError

    from vdit.data.video_folder.container import DecodeError
    from vdit.data.video_folder.decode import read_frames

    # FFmpeg does not read what moves in a .webp, which is what samples are written as.
    read = _read_animation if pathlib.Path(path).suffix == ".webp" else read_frames
    count = 0
    try:
        for frame in read(pathlib.Path(path)):
            yield frame
            count += 1
    except (DecodeError, UnidentifiedImageError, OSError) as error:
        raise InputError(f"{path}: {error}") from error
    if not count:
        raise InputError(f"{path}: expected a video or a picture, there is no frame in it")


def _read_animation(path: pathlib.Path) -> Iterator[np.ndarray]:
    from PIL import Image, ImageSequence

    with Image.open(path) as image:
        for frame in ImageSequence.Iterator(image):
            yield np.asarray(frame.convert("RGB"))


def _write_mp4(path: pathlib.Path, video: np.ndarray, fps: int) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "16"})
        # H.264 in 4:2:0 wants even sides: the last row or column is repeated where one is odd.
        video = np.pad(
            video, ((0, 0), (0, video.shape[1] % 2), (0, video.shape[2] % 2), (0, 0)), mode="edge"
        )
        stream.height, stream.width = video.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in video:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def _write_animation(path: pathlib.Path, video: np.ndarray, fps: int) -> None:
    from PIL import Image

    frames = [Image.fromarray(frame) for frame in video]
    extra = {"lossless": True} if path.suffix == ".webp" else {}
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=1000 // fps, loop=0, **extra
    )


def write_all(folder: str | os.PathLike, name: str, videos: np.ndarray) -> None:
    """`name_00.webp`, `name_01.webp`, ..., enlarged to at least `SMALLEST` pixels."""
    zoom = max(1, -(-SMALLEST // min(videos.shape[2:4])))
    for i, video in enumerate(videos):
        write_video(pathlib.Path(folder) / f"{name}_{i:02d}.webp", video, zoom=zoom)
