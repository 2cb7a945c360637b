"""A folder of animations: what moves is a video, at the durations that it says; a still is said."""

import numpy as np
import pytest
from PIL import Image

from tests import awkward
from tests.clips import read, run
from vdit.errors import InputError

FLAGS = ("--max_bad", "0.5", "--keep_near_duplicates")  # both are the same
STEPS = [80, 160, 80, 80]  # ms that each picture is shown


def animation(path, lasts):
    pictures = [Image.fromarray(frame) for frame in awkward.counted(len(lasts))]
    lossless = {"lossless": True} if path.suffix == ".webp" else {"quality": 100}
    many = {"save_all": True, "append_images": pictures[1:], "duration": lasts}
    pictures[0].save(path, **lossless, **many)


def test_what_moves_is_a_video_and_stills_are_named(tmp_path, capsys):
    videos = tmp_path / "videos"
    videos.mkdir()
    for name, lasts in {
        "a.webp": STEPS,
        "b.AVIF": STEPS,
        "still.webp": [80],
        "x.avif": [80],
    }.items():
        animation(videos / name, lasts)
    (videos / "broken.webp").write_bytes(b"RIFF")
    (videos / "notes.txt").write_text("")
    record = run(videos, tmp_path / "out", *FLAGS, frames=5, size="48x64")
    said = capsys.readouterr().out
    assert "ignored, as stills: still.webp, x.avif\n" in said
    assert "ignored, as not videos by their names: notes.txt\n" in said
    assert "broken.webp  unreadable" in said
    assert record["ignored"] == ["notes.txt", "still.webp", "x.avif"]
    assert (record["fps"], record["files"]["a.webp"]["frames"]) == (12.5, 5)
    for rows in read(tmp_path / "out").values():
        (row,) = rows
        assert awkward.numbers(np.asarray(row["video"])) == [0, 1, 1, 2, 3]


def test_stills_alone_are_no_videos(tmp_path):
    animation(tmp_path / "still.webp", [80])
    with pytest.raises(InputError, match=r"no file with .*, and 1 stills \(--frames 1 takes them"):
        run(tmp_path, tmp_path / "out")
