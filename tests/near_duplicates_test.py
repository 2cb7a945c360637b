"""What is told from what: copies that were encoded again, cropped and shifted in time, and windows
of one fixed camera at other times."""

import io
import itertools
import sys

import av
import numpy as np
import pytest
from ml_collections import ConfigDict

from tests.clips import SHARED, levels, noise, read, real, run, write_video
from tests.tiny import config
from vdit.config.sizes import model_config_of
from vdit.data import cache, latents, overlap
from vdit.data.video_folder import ingest, near_duplicates, windows
from vdit.data.video_folder.near_duplicates import Held
from vdit.errors import InputError
from vdit.evaluators.common import EvaluationData
from vdit.training import evaluation
from vdit.training.resolve import resolve

CAMERAS = ("bottle-detection.mp4", "one-by-one-person-detection.mp4", "car-detection.mp4")
FRAMES, SIZE = 16, 128
SETTINGS = ingest.Settings(FRAMES, SIZE, SIZE, 1, FRAMES, False, 0.1, 0)
SHIFT = 5  # frames by which copies begin later, so that their windows lie across two


def pictures(name, most=None):
    with av.open(str(SHARED / "clips" / name)) as container:
        frames = itertools.islice(container.decode(video=0), most)
        return np.stack([frame.to_ndarray(format="rgb24") for frame in frames])


def encoded(images):
    """The pictures after a trip through H.264 at a quarter of the default's rate."""
    file, (height, width) = io.BytesIO(), (side // 2 * 2 for side in images.shape[1:3])
    with av.open(file, "w", format="mp4") as container:
        options = {"crf": "28", "preset": "veryfast"}
        stream = container.add_stream("libx264", rate=15, options=options)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for image in np.ascontiguousarray(images[:, :height, :width]):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def cropped(images):
    """Without 5 % of each side."""
    top, left = (round(0.05 * side) for side in images.shape[1:3])
    return images[:, top:-top, left:-left]


@pytest.fixture
def found(tmp_path):
    """found(videos): the near-duplicates, training cut into units of two videos."""

    def whole(videos):
        for index, video in enumerate(videos):
            video.index = index
        held = Held(tmp_path, near_duplicates.describe(videos, SETTINGS, tmp_path))
        parts = [held.compare(videos[at : at + 2], SETTINGS) for at in range(0, len(videos), 2)]
        return held.found(parts, videos)

    return whole


@pytest.fixture
def video(tmp_path):
    """video(name, split, pictures): a video whose windows wait as those of `vdit.prepare` do."""

    def waiting(name, split, images):
        whole = images[: len(images) // FRAMES * FRAMES]
        clips = np.stack([windows.crop_resize(image, (SIZE, SIZE)) for image in whole])
        spool = tmp_path / f"{name}.{split}"
        spool.write_bytes(clips.tobytes())
        places = [(start, 0, 0) for start in range(0, len(whole), FRAMES)]
        return ingest.Video(name, "", spool, places=places, split=split)

    return waiting


@real
def test_another_time_of_one_camera_is_no_duplicate(video, found):
    """Under 1 % of the windows in which something moves."""
    flagged = moving = 0
    for name in CAMERAS:
        images = pictures(name, 480)
        halves = images[: len(images) // 2], images[len(images) // 2 :]
        for train, held in (halves, halves[::-1]):
            both = [video(name, "train", train), video(name, "validation", held)]
            seen = found(both)
            flagged += len(seen.pairs)
            moving += seen.windows - seen.still
    assert moving > 20
    assert flagged < 0.01 * moving


@real
@pytest.mark.parametrize("changed", [encoded, lambda images: encoded(cropped(images))])
def test_planted_copies_are_found(video, found, changed):
    """95 % of the windows in which something moves, each as like its own recording.

    Of what training has: a window that reaches past its last one is like it in part alone.
    """
    signs = ("brother", "eat", "help", "hungry", "learn", "milk", "night", "no", "sorry", "want")
    originals = {name: pictures(name) for name in (f"{sign}.mp4" for sign in signs)}
    videos = [video(name, "train", images) for name, images in originals.items()]
    for name, images in originals.items():
        end = len(images) // FRAMES * FRAMES
        videos.append(video(name, "validation", changed(images)[SHIFT:end]))
    seen = found(videos)
    right = [video.name == like for video, _, like in seen.pairs]
    assert all(right)
    assert seen.windows - seen.still > 15
    assert len(right) >= 0.95 * (seen.windows - seen.still)


def planted(root):
    """Three different videos, and one of them again, encoded with losses and five frames later."""
    root.mkdir()
    for seed, name in enumerate(("a", "b", "c")):
        corners = np.random.default_rng(seed).integers(0, 24, (20, 2))
        frames = [np.full((32, 32, 3), 90, np.uint8) for _ in range(20)]
        for (top, left), frame in zip(corners, frames, strict=True):
            frame[top : top + 8, left : left + 8] = (250, 40, 10)
        write_video(root / f"{name}.mkv", frames, pixels="bgr0")
        if name == "a":
            write_video(root / "again.mp4", frames[5:], codec="libx264", pixels="yuv420p")
    (root / "split.csv").write_text(
        "file,split\na.mkv,train\nb.mkv,train\nc.mkv,validation\nagain.mp4,validation\n"
    )
    return root


COLUMNS = ("validation_windows", "near_duplicates", "near_duplicates_kept", "validation_still")


def table_of(out):
    """What the results table says of a prepared folder."""
    found = overlap.columns(ConfigDict({"name": "video_folder", "dir": str(out)}))
    return tuple(found[name] for name in COLUMNS)


def row_of(out, workdir):
    """The same of a checkpoint of a run on it."""
    data = {"name": "video_folder", "dir": str(out), "epochs": 0}
    data |= {"num_frames": 4, "height": 32, "width": 32}
    made = resolve(config(workdir, **{f"data.{key}": value for key, value in data.items()}))
    records = cache.Records(latents.prepare(made), "validation")
    model = model_config_of(made, len(records.meta["words"]), 0)
    row = evaluation.model_columns(EvaluationData(made, records, workdir, 2), model)
    return tuple(row[name] for name in COLUMNS)


def test_they_are_counted_and_left_out_of_validation(tmp_path, capsys, monkeypatch):
    root, flags = planted(tmp_path / "videos"), ("--split", str(tmp_path / "videos/split.csv"))
    with monkeypatch.context() as told:
        told.setattr(Held, "compare", lambda *_: sys.exit())  # the same command goes on from there
        with pytest.raises(SystemExit):
            run(root, tmp_path / "out", *flags, frames=4, size=32)
    record = run(root, tmp_path / "out", *flags, frames=4, size=32)
    assert {w["file"] for w in record["near_duplicates"]["windows"]} == {"again.mp4"}
    assert {w["like"] for w in record["near_duplicates"]["windows"]} == {"a.mkv"}
    assert [row["video_id"] for row in read(tmp_path / "out")["validation"]] == [b"c.mkv"] * 5
    assert record["counts"]["validation"] == {"videos": 1, "windows": 5}
    assert "3 of 8 validation windows are near-duplicates" in capsys.readouterr().out
    assert table_of(tmp_path / "out") == (8, 3, 0, 0)
    record = run(root, tmp_path / "kept", *flags, "--keep_near_duplicates", frames=4, size=32)
    assert record["counts"]["validation"]["windows"] == len(read(tmp_path / "kept")["validation"])
    assert len(read(tmp_path / "kept")["validation"]) == 8
    assert table_of(tmp_path / "kept") == row_of(tmp_path / "kept", tmp_path) == (8, 3, 3, 0)
    (root / "c.mkv").unlink()
    (root / "split.csv").write_text("file,split\na.mkv,train\nb.mkv,train\nagain.mp4,validation\n")
    with pytest.raises(InputError, match="all validation windows are near-duplicates"):
        run(root, tmp_path / "all", *flags, frames=4, size=32)


def test_what_stands_still_is_not_compared(tmp_path, capsys):
    (tmp_path / "videos").mkdir()
    for level in range(4):
        write_video(tmp_path / "videos" / f"{level}.mkv", levels([50 * level] * 6))
    write_video(tmp_path / "videos" / "moves.mkv", noise(6, (16, 16)))
    rows = [
        "moves,train",
        *(f"{level},{'validation' if level < 2 else 'train'}" for level in range(4)),
    ]
    table = tmp_path / "split.csv"
    table.write_text("file,split\n" + "".join(row.replace(",", ".mkv,") + "\n" for row in rows))
    record = run(tmp_path / "videos", tmp_path / "out", "--split", str(table))
    assert record["near_duplicates"] == {"still": 4, "windows": []}
    assert "4 stand still and were not compared" in capsys.readouterr().out
