"""Frames a second: of a set, of what is made from it, of what it goes on from."""

import shutil

import numpy as np
import pytest
from ml_collections import ConfigDict

from tests.awkward import animation, counted, encoded, numbers
from tests.clips import SHARED, levels, read, real, run, write_video
from vdit.data import media, sources

FILES = {"12": "speed60px_12fps.mp4", "60": "speed60px_60fps.mp4"}


def steps(video):
    """Pixels that the brightest column's centre moves between frames."""
    columns = video[..., 0].astype(float).mean(1)
    bright = (columns - columns.min(1, keepdims=True)) ** 4
    return np.diff((bright * np.arange(bright.shape[1])).sum(1) / bright.sum(1))


@real
@pytest.mark.parametrize("fps", [12, 20])
def test_motion_is_as_fast_in_files_of_any_rate(tmp_path, fps):
    (tmp_path / "videos").mkdir()
    for name in FILES.values():
        shutil.copy(SHARED / "awkward" / name, tmp_path / "videos")
    flags = ("--validation", "0.5", "--keep_near_duplicates", "--fps", str(fps))
    record = run(tmp_path / "videos", tmp_path / "out", *flags, frames=8, size="64x160")
    assert record["fps"] == record["settings"]["fps"] == fps
    rows = read(tmp_path / "out")
    found = {
        row["video_id"].decode(): steps(row["video"]).mean()
        for row in [*rows["train"], *rows["validation"]]
        if not row["start"]
    }
    assert list(found.values()) == pytest.approx([60 / fps] * 2, rel=0.15)


def test_the_commonest_rate_is_taken_and_others_are_named(tmp_path, capsys):
    root = tmp_path / "videos"
    root.mkdir()
    for name, rate in {"a": 10, "b": 10, "c": 20}.items():
        write_video(root / f"{name}.mkv", levels(range(0, 240, 10)), rate=rate)
    (root / "d.mkv").write_bytes(b"not a video")
    record = run(root, tmp_path / "out", "--stride", "2", "--max_bad", "0.5")
    assert (record["settings"]["fps"], record["fps"]) == (10, 5)
    assert [file["frames"] for file in record["files"].values()] == [24, 24, 12, 0]
    said = capsys.readouterr().out
    assert (
        "2 of 4 files have about 10 frames a second; other rates, of 1, are resampled to that "
        "(--fps); 1 can't be opened or say none" in said
    )
    assert "each 3x8x8 at 5 fps" in said
    data = ConfigDict({"name": "video_folder", "dir": str(tmp_path / "out")})
    assert sources.fps_of(data) == 5
    given = media.read_video(root / "a.mkv", (8, 8), fps=sources.fps_of(data))  # of vdit.sample
    assert [int(np.median(frame)) for frame in given] == list(range(10, 240, 20))
    assert sources.fps_of(ConfigDict({"name": "worlds"})) is None


def test_a_video_to_go_on_from_is_read_at_the_rate_of_the_model(tmp_path):
    path = encoded(tmp_path / "v.mp4", counted())
    assert numbers(media.read_video(path, (48, 64), fps=10)) == list(range(1, 24, 3))
    assert numbers(media.read_video(path, (48, 64), fps=29.97)) == list(range(24))
    assert len(media.read_video(path, (48, 64), fps=60)) == 48
    assert len(media.read_video(animation(tmp_path / "v.webp", [8, 8]), (48, 64), fps=4)) == 8
    assert len(media.read_video(animation(tmp_path / "one.webp", [1]), (48, 64), fps=2)) == 1


def test_a_file_of_one_frame_has_the_rate_in_its_header(tmp_path):
    path = encoded(tmp_path / "v.mp4", counted(1))
    assert len(media.read_video(path, (48, 64), fps=30)) == 1
    assert len(media.read_video(path, (48, 64), fps=60)) == 2
