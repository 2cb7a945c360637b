"""From a folder of videos to a prepared one: the same bytes, or a line that says why not."""

import csv
import os
import pathlib
import shutil
import subprocess
import sys
import time

import av
import numpy as np
import pytest

from tests.clips import (
    SHARED,
    grey_videos,
    levels,
    names,
    noise,
    read,
    real,
    run,
    siblings,
    write_video,
)
from tests.paths import ROOT
from vdit.data.video_folder import cutting, ingest, splits
from vdit.errors import InputError


@pytest.fixture
def videos(tmp_path):
    return grey_videos(tmp_path / "videos")


def test_file_cut_short_keeps_its_leading_windows(tmp_path, videos, capsys):
    whole = (videos / "v0.mkv").read_bytes()
    write_video(videos / "long.mkv", noise(40, (32, 32)))
    data = (videos / "long.mkv").read_bytes()
    (videos / "long.mkv").write_bytes(data[: len(data) // 2])
    (videos / "v0.mkv").write_bytes(whole)
    record = run(videos, tmp_path / "out")
    assert [(f["file"], f["read"]) for f in record["not_whole"]] == [("long.mkv", "part")]
    frames = record["files"]["long.mkv"]["frames"]
    assert 15 < frames < 25
    assert record["files"]["long.mkv"]["windows"] == frames // 3
    assert "its header says 4.0 s" in capsys.readouterr().out


def contents(out):
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_cores_and_who_ends_first_leave_no_trace(tmp_path, videos, monkeypatch):
    """The folder's bytes by one thread of another process, and by three, the first file last."""
    (videos / "v2.mkv").write_bytes(b"not a video")
    flags = f"--videos {videos} --out {tmp_path / 'one'} --frames 3 --size 8 --max_bad 0.2 --hop 1"
    code = "from vdit import prepare; from vdit.data.video_folder import cutting; "
    code += f"cutting.cores = lambda: 1; prepare.main({flags.split()})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    monkeypatch.setattr(cutting, "cores", lambda: 3)
    cut, ended = ingest.cut, []

    def slow(video, *args):
        time.sleep(0.1 * (video.name == "v0.mkv"))
        cut(video, *args)
        ended.append(video.name)

    monkeypatch.setattr(ingest, "cut", slow)
    run(videos, tmp_path / "three", "--max_bad", "0.2", "--hop", "1")
    assert ended[-1] == "v0.mkv"
    assert contents(tmp_path / "one") == contents(tmp_path / "three")


def test_an_error_of_one_thread_ends_the_others(tmp_path, videos, monkeypatch):
    """A full disk, say: no thread goes on with a long file, nothing is left behind."""
    write_video(videos / "long.mkv", noise(200, (96, 96)))
    frames = {}

    def cut(video, path, settings, going):
        if video.name != "long.mkv":
            raise OSError("no space")
        for frames[video.name] in range(1000):
            going()
            time.sleep(0.01)

    monkeypatch.setattr(cutting, "cores", lambda: 2)
    monkeypatch.setattr(ingest, "cut", cut)
    with pytest.raises(OSError, match="no space"):
        run(videos, tmp_path / "out")
    assert frames["long.mkv"] < 100
    assert siblings(tmp_path / "out") == ["videos"]


def test_windows_hold_the_frames_they_name(tmp_path, videos):
    record = run(videos, tmp_path / "out", "--stride", "2", "--hop", "3")
    rows = read(tmp_path / "out")
    assert record["counts"]["train"]["windows"] == len(rows["train"])
    for row in rows["train"] + rows["validation"]:
        first = 20 * int(row["video_id"].decode()[1]) + row["start"]
        assert row["video"].shape == (3, 8, 8, 3)
        assert row["video"][:, 0, 0, 0].tolist() == [first, first + 2, first + 4]
    assert sorted(row["start"] for row in rows["validation"]) == [0, 3, 6]
    assert siblings(tmp_path / "out") == ["videos"]


def test_split_is_by_video(tmp_path, videos):
    shutil.copy(videos / "v3.mkv", videos / "copy.mkv")
    (videos / "deep").mkdir()
    write_video(videos / "deep" / "big.MKV", levels(range(150)))
    record = run(videos, tmp_path / "out", "--validation", "0.2", "--hop", "1")
    rows = read(tmp_path / "out")
    train, held = names(rows["train"]), names(rows["validation"])
    assert not train & held
    assert train | held == set(record["files"])
    assert {"v3.mkv", "copy.mkv"} <= train or {"v3.mkv", "copy.mkv"} <= held
    total = len(rows["train"]) + len(rows["validation"])
    assert 0.1 * total <= len(rows["validation"]) <= 0.2 * total


def test_split_depends_on_seed_and_names_only():
    def held(seed, counts, share=0.25, twins=""):
        files = [
            ingest.Video(
                name,
                "",
                pathlib.Path(),
                "same" if name in twins else name,
                places=[(0, 0, 0)] * count,
            )
            for name, count in counts.items()
        ]
        held = splits.held_out(files, share, seed)
        return {video.name for video, is_held in zip(files, held, strict=True) if is_held}

    equal = dict.fromkeys("abcdefgh", 10)
    assert held(0, equal) == held(0, dict(reversed(equal.items())))
    assert all(len(held(seed, equal)) == 2 for seed in range(5))
    assert len({frozenset(held(seed, equal)) for seed in range(5)}) > 1
    assert held(0, {"a": 90, "b": 10}) == {"b"}
    twins = [held(seed, equal, twins="ab") for seed in range(20)]
    assert {len(chosen & {"a", "b"}) for chosen in twins} == {0, 2}
    assert all(held(seed, {"a": 40, "b": 40, "c": 92}, 0.1) < {"a", "b"} for seed in range(5))


@real
def test_real_clips_with_their_captions(tmp_path):
    record = run(SHARED / "clips", tmp_path / "out", "--stride", "2", frames=9, size=32)
    assert record["not_whole"] == []
    assert len(record["files"]) == 41
    rows = read(tmp_path / "out")
    assert not names(rows["train"]) & names(rows["validation"])
    with (SHARED / "clips" / "captions.csv").open(newline="") as lines:
        prompts = {row["video_file_name"]: row["prompt"] for row in csv.DictReader(lines)}
    for row in rows["train"] + rows["validation"]:
        assert row["caption"].decode() == prompts[row["video_id"].decode()]
    for name, file in record["files"].items():
        assert file["windows"] == file["frames"] // 17, name


@real
def test_radar_tiles_hold_out_one_event(tmp_path):
    record = run(SHARED / "radar", tmp_path / "out", "--tile", "--hop", "36", frames=9, size=32)
    assert record["counts"]["validation"]["videos"] == 1
    assert record["counts"]["train"]["videos"] == 2
    rows = read(tmp_path / "out")
    event = names(rows["validation"]).pop()
    assert event.startswith("fmi")
    assert len(rows["validation"]) == (613 // 32) * (380 // 32)
    with av.open(str(SHARED / "radar" / event)) as container:
        grey = np.stack([frame.to_ndarray() for frame in container.decode(video=0)])
    for row in rows["validation"]:
        (top, left), start = row["corner"], row["start"]
        expected = grey[start : start + 9, top : top + 32, left : left + 32]
        assert np.array_equal(row["video"], expected[..., None].repeat(3, -1))


@real
def test_ingest_names_every_bad_file(tmp_path, capsys):
    root = tmp_path / "ingest"
    shutil.copytree(SHARED / "ingest", root, copy_function=os.symlink)
    (root / "flipping_a_pancake.mkv").unlink()  # 310 frames, the slow one
    with pytest.raises(InputError, match=r"4 of 25 files are unreadable .* --max_bad 0\.05"):
        run(root, tmp_path / "out", frames=3, size=16)
    table = capsys.readouterr().out
    assert siblings(tmp_path / "out") == ["ingest"]
    assert not (tmp_path / "out").exists()
    record = run(root, tmp_path / "out", "--max_bad", "0.2", frames=3, size=16)
    status = {file["file"]: file["read"] for file in record["not_whole"]}
    assert status == {
        **dict.fromkeys(
            ["audio_only_named.mp4", "bad_lfs_pointer.mp4", "bad_random_bytes.mp4"], "unreadable"
        ),
        "bad_zero_length.mp4": "unreadable",
        **dict.fromkeys(["bad_truncated_half_faststart.mp4", "corrupted.mp4"], "part"),
        **dict.fromkeys(["one_frame.mp4", "two_frames.mp4"], "short"),
    }
    assert all(name in table for name in status)
    assert record["fps"] == pytest.approx(30, rel=0.01)
    assert record["files"]["corrupted.mp4"]["windows"] == 28 * 3 // 3  # of 10 fps
    assert record["files"]["bad_truncated_half_faststart.mp4"]["windows"] == 11 // 3
    assert record["ignored"] == ["manifest.csv"]
    assert names(read(tmp_path / "out")["train"]) < set(record["files"])
