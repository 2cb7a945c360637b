"""A small folder as people have them: forty files of all rates, sizes, turns and languages, some
broken. python -m tests.mixed_folder DIR
"""

import csv
import pathlib
import sys
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tests.awkward import damaged, encoded
from vdit.data import media

SECONDS = 1.0
RATES = (8, 10, 12, 15, 24, 25, 30, 48, 50, 60)
SIZES = ((48, 64), (64, 48), (54, 96), (96, 54), (32, 128), (90, 160))  # height, width
TURNS = {  # display matrices (a, b, c, d)
    "phone_90": (0, 1, -1, 0),
    "phone_180": (-1, 0, 0, -1),
    "phone_270": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "transposed": (0, 1, 1, 0),
}
CODECS = {
    "lossless.mkv": ("ffv1", "bgr0"),
    "clear.mkv": ("ffv1", "bgra"),
    "old.avi": ("mpeg4", "yuv420p"),
    "old.mpg": ("mpeg2video", "yuv420p"),
    "camera.avi": ("mjpeg", "yuvj420p"),
    "web.webm": ("libvpx-vp9", "yuv420p"),
    "deep.mkv": ("ffv1", "yuv420p10le"),
}
CAPTIONS = (
    "a bright square moves right, then on",
    'a "square", in quotes; and a comma, too',
    "ein helles Quadrat gleitet über die Fläche",
    "un carré clair glisse vers la droite",
    "un cuadrado claro se mueve a la derecha",
    "светлый квадрат движется вправо",
    "ένα φωτεινό τετράγωνο κινείται δεξιά",
    "一个明亮的方块向右移动",
    "明るい四角が右へ動く",
    "밝은 사각형이 오른쪽으로 움직인다",
    "مربع ساطع يتحرك إلى اليمين",
    "ריבוע בהיר נע ימינה",
    "एक चमकीला वर्ग दाईं ओर चलता है",
    "สี่เหลี่ยมสว่างเคลื่อนไปทางขวา",
    "parlak bir kare sağa gider 🟨",
)
UNCAPTIONED = ("web.webm", "rate_60.mp4")


class Film(NamedTuple):
    """A file to make: its frames a second, size (H, W) and what else the encoder is told."""

    name: str
    rate: int = 30
    size: tuple[int, int] = (48, 64)
    codec: str = "libx264"
    pixels: str = "yuv420p"
    sar: str | None = None
    keys: int = 250


def make(root: pathlib.Path) -> pathlib.Path:
    """Makes the folder; the same bytes wherever FFmpeg is the same."""
    root.mkdir(parents=True)
    films = list(_films())
    for place, film in enumerate(films):
        path = root / film.name
        path.parent.mkdir(exist_ok=True)
        told = (film.codec, film.pixels, film.rate, film.sar, film.keys)
        encoded(path, _images(place, film.rate, film.size), *told)
    _turned(root)
    names = [film.name for film in films] + _others(root) + _broken(root)
    (root / "notes from the shoot.md").write_text("Not a video.\n")
    _captioned(root, names)
    return root


def _films() -> Iterator[Film]:
    for place, rate in enumerate(RATES):
        yield Film(f"rate_{rate:02d}.mp4", rate, SIZES[place % len(SIZES)])
    for place, size in enumerate(SIZES):
        yield Film(f"size_{size[1]}x{size[0]}.mp4", RATES[3 + place], size)
    for name in TURNS:
        yield Film(f"turns/{name}.mp4")
    for name, (codec, pixels) in CODECS.items():
        yield Film(name, codec=codec, pixels=pixels)
    yield Film("wide pixels.mp4", sar="2/1")
    yield Film(unicodedata.normalize("NFD", "été à Zürich.mp4"), 25)
    yield Film("夏祭り/花火.mp4", 30, (64, 48))
    yield Film("one_lost_packet.mp4", keys=8)
    yield Film("cut_short.mkv", codec="ffv1", pixels="bgr0")
    yield Film("take 1.mp4", 30, (48, 64))


def _images(seed: int, rate: float, size: tuple[int, int], since: float = 0.0) -> list[np.ndarray]:
    """A square that crosses a slope of colours, at a speed a second; noise on the square."""
    rng = np.random.default_rng(seed)
    (height, width), colours = size, rng.integers(40, 200, (2, 3))
    slope = np.linspace(0, 1, width)[None, :, None]
    ground = (colours[0] * (1 - slope) + colours[1] * slope).repeat(height, 0)
    side = min(size) // 3
    square = rng.integers(150, 255, (side, side, 3))
    top, speed = rng.uniform(0, height - side), rng.uniform(0.5, 1.5) * (width - side)
    images = []
    for k in range(round(SECONDS * rate)):
        along = (since + k / rate) * speed % (2 * (width - side))
        left = round(min(along, 2 * (width - side) - along))
        image = ground.copy()
        image[round(top) :, left:][:side, :side] = square
        images.append(image.astype(np.uint8))
    return images


def _turned(root: pathlib.Path) -> None:
    """Writes the matrices into the headers of tracks."""
    for name, (a, b, c, d) in TURNS.items():
        path = root / "turns" / f"{name}.mp4"
        data = bytearray(path.read_bytes())
        at = data.index(b"tkhd") + 44
        matrix = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 14]) * (1 << 16)
        data[at : at + 36] = matrix.astype(">i4").tobytes()
        path.write_bytes(data)


def _others(root: pathlib.Path) -> list[str]:
    """Animations, and a film that was encoded again, with losses and from a later frame."""
    (root / "sent").mkdir()
    take_1 = [film.name for film in _films()].index("take 1.mp4")
    made = {
        "loop.gif": (np.stack(_images(101, 16, (48, 64))), 16),
        "held.gif": (np.stack(_images(102, 10, (48, 64))).repeat(4, 0), 20),
        "sent/take 1.mp4": (np.stack(_images(take_1, 30, (48, 64))[3:]), 30),
    }
    for name, (video, fps) in made.items():
        media.write_video(root / name, video, fps)
    return list(made)


def _broken(root: pathlib.Path) -> list[str]:
    """Files that can't be read, or not to their end; a few zero bytes where data were."""
    damaged(root / "one_lost_packet.mp4", 12)
    data = (root / "cut_short.mkv").read_bytes()
    (root / "cut_short.mkv").write_bytes(data[: len(data) // 2])
    (root / "empty.mp4").touch()
    (root / "no_video.mp4").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    encoded(root / "blink.mp4", _images(0, 3, (48, 64)))
    return ["empty.mp4", "no_video.mp4", "blink.mp4"]


def _captioned(root: pathlib.Path, names: list[str]) -> None:
    """captions.csv, names in Unicode's other form than the file system has them."""
    with (root / "captions.csv").open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["video_file_name", "prompt"])
        for place, name in enumerate(sorted(names)):
            if name not in UNCAPTIONED:
                plain = unicodedata.normalize("NFC", name)
                rows.writerow([plain, CAPTIONS[place % len(CAPTIONS)]])


if __name__ == "__main__":
    make(pathlib.Path(sys.argv[1]))
