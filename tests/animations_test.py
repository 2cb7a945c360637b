"""A folder of animations: what moves is a video, at the durations that it says; a still is said."""

import numpy as np
import pytest
from PIL import Image

from tests import awkward
from tests.clips import read, run
from vdit.data.video_folder import animation as animations
from vdit.data.video_folder.container import DecodeError
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


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("x.gif", lambda data: data[:140]),
        ("x.gif", lambda data: data[:150]),
        ("x.avif", lambda data: data[:-40] + bytes(40)),
        ("x.webp", lambda data: data[:24] + b"\xff" * 6 + data[30:]),  # 2^48 pixels
    ],
)
def test_a_damaged_animation_is_unreadable_whatever_pillow_says(tmp_path, name, damage):
    animation(tmp_path / name, STEPS)
    (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    assert not animations.is_still(tmp_path / name)
    assert animations.rate(tmp_path / name) is None
    with pytest.raises(DecodeError, match="can't be opened"):
        list(animations.read(tmp_path / name)[0])


def test_crops_are_counted_of_animations_too(tmp_path, capsys):
    """FFmpeg counts no frames of a WebP that moves."""
    (tmp_path / "videos").mkdir()
    for name, lasts in {"a.webp": STEPS, "b.webp": STEPS[:3]}.items():
        animation(tmp_path / "videos" / name, lasts)
    run(tmp_path / "videos", tmp_path / "out", *FLAGS, "--tile", "auto", frames=2, size="48x64")
    assert "would make about 4, fewer" in capsys.readouterr().out
