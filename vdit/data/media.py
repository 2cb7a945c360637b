"""Videos to files: MP4 (H.264) through PyAV, animated WebP and GIF through Pillow."""

import os
import pathlib

import numpy as np

from vdit.errors import InputError

FORMATS = (".mp4", ".webp", ".gif")


def write_video(path, video: np.ndarray, fps: int = 8, zoom: int = 1) -> None:
    """Writes uint8 (T, H, W, 3), whole or not at all; `zoom` repeats pixels for small clips."""
    path = pathlib.Path(path)
    if path.suffix not in FORMATS:
        raise InputError(f"{path.name}: expected a name that ends in {', '.join(FORMATS)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}.{path.name}")
    video = video.repeat(zoom, 1).repeat(zoom, 2)
    try:
        (_write_mp4 if path.suffix == ".mp4" else _write_animation)(part, video, fps)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def read_video(path, size: tuple[int, int]) -> np.ndarray:
    """uint8 (T, H, W, 3) of a video or a picture, cropped and resized to `size` (H, W).

    Raises `InputError` for what cannot be read.
    """
    from PIL import UnidentifiedImageError

    from vdit.data.video_folder.decode import DecodeError, read_frames
    from vdit.data.video_folder.windows import crop_resize

    # FFmpeg does not read what moves in a .webp, which is what samples are written as.
    read = _read_animation if pathlib.Path(path).suffix == ".webp" else read_frames
    try:
        frames = [crop_resize(frame, size) for frame in read(pathlib.Path(path))]
    except (DecodeError, UnidentifiedImageError, OSError) as error:
        raise InputError(f"{path}: {error}") from error
    if not frames:
        raise InputError(f"{path}: expected a video or a picture, there is no frame in it")
    return np.stack(frames)


def _read_animation(path):
    from PIL import Image, ImageSequence

    with Image.open(path) as image:
        for frame in ImageSequence.Iterator(image):
            yield np.asarray(frame.convert("RGB"))


def _write_mp4(path, video, fps):
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


def _write_animation(path, video, fps):
    from PIL import Image

    frames = [Image.fromarray(frame) for frame in video]
    extra = {"lossless": True} if path.suffix == ".webp" else {}
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=1000 // fps, loop=0, **extra
    )


def write_all(folder, name: str, videos: np.ndarray) -> None:
    """`name_00.webp`, `name_01.webp`, ..., enlarged to at least 96 pixels."""
    zoom = max(1, -(-96 // min(videos.shape[2:4])))
    for i, video in enumerate(videos):
        write_video(pathlib.Path(folder) / f"{name}_{i:02d}.webp", video, zoom=zoom)
