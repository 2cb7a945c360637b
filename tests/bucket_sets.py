"""A set of buckets: videos of two shapes and pictures, prepared; tiny runs on it."""

import pathlib

from PIL import Image

from tests.clips import noise, write_video
from tests.tiny import config
from vdit import prepare
from vdit.config import buckets
from vdit.training.resolve import resolve

SHAPES = {"square": (20, 20), "wide": (18, 36)}  # H, W
NAMES = {"square": "16x16@3", "wide": "24x12@3", "picture": "16x16@1"}
TINY = {"model.depth": 1, "model.width": 16, "validation.triples": 20, "data.epochs": 0}


def write_videos(root):
    """Four videos of each shape with captions, and one of two frames; returns the folder."""
    root.mkdir()
    for kind, shape in SHAPES.items():
        for i in range(4):
            write_video(root / f"{kind}{i}.mkv", noise(6, shape, seed=i))
            (root / f"{kind}{i}.txt").write_text(f"{kind} {i}")
    write_video(root / "short.mkv", noise(2, (20, 20)))
    return root


def write_names(path):
    """A file of buckets, pictures among them."""
    path.write_text("# wide ones\n" + "\n".join(NAMES.values()))
    return path


def prepared(videos, out, *flags):
    """The index of what vdit.prepare makes of a folder."""
    prepare.main(["--videos", str(videos), "--out", str(out), *map(str, flags)])
    return buckets.read_index(out)


def make(root, silent="") -> pathlib.Path:
    """The videos and four pictures (`in`), prepared in the buckets of `buckets.txt` (`out`); the
    videos of the pattern `silent` have no captions."""
    videos = write_videos(root / "in")
    for text in videos.glob(f"{silent}.txt"):
        text.unlink()
    for i in range(4):
        Image.new("RGB", (20, 20), (60 * i, 0, 0)).save(videos / f"picture{i}.png")
    prepared(videos, root / "out", "--buckets", write_names(root / "buckets.txt"))
    return root / "out"


def made_of(folder, tmp, **more):
    """A resolved config of a tiny run on a set."""
    data = {"data.name": "video_folder", "data.dir": str(folder)}
    return resolve(config(tmp, **(TINY | data | more)))
