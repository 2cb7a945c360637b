"""Files to frames: rates, rotations, damage, memory."""

import csv
import os
import pathlib
import subprocess
import sys
from unittest import mock

import av
import numpy as np
import pytest

from tests.clips import SHARED, levels, noise, real, write_video
from tests.paths import ROOT
from vdit.data.video_folder import clock, container, decode, geometry
from vdit.data.video_folder.picture import Picture


def test_variable_rate_gives_evenly_spaced_times(tmp_path):
    times = [0, 40, 80, 120, 320, 360, 400, 560, 600]
    write_video(tmp_path / "v.mkv", levels(times_to_level(times)), times=times, rate=25)
    shown = [int(frame[0, 0, 0]) for frame in decode.read_frames(tmp_path / "v.mkv")]
    # On show at 20, 60, 100, ... ms, the middles of the 40 ms steps that most frames have.
    expected = [max(t for t in times if t <= now) for now in range(20, 640, 40)]
    assert shown == times_to_level(expected)


def test_a_name_with_a_colon_is_no_address(tmp_path, monkeypatch):
    write_video(tmp_path / "rec-12:30:05.mkv", levels([40, 80]))
    monkeypatch.chdir(tmp_path)
    shown = decode.read_frames(pathlib.Path("rec-12:30:05.mkv"))
    assert [frame[0, 0, 0] for frame in shown] == [40, 80]


def times_to_level(times):
    return [time // 4 for time in times]


def test_rounded_clock_and_dropped_frame_keep_the_other_frames(tmp_path):
    times = [round(k * 1000 / 30) for k in range(200) if k != 150]
    write_video(tmp_path / "v.mkv", levels(range(199)), times=times, rate=30)
    shown = [int(frame[0, 0, 0]) for frame in decode.read_frames(tmp_path / "v.mkv")]
    assert shown == [*range(150), 149, *range(150, 199)]


@real
def test_variable_rate_of_a_real_file():
    path = SHARED / "ingest" / "vfr_irregular.mp4"
    with av.open(str(path)) as video:
        picture = Picture(None, [])
        frames = [(f.time, picture(f)) for f in video.decode(video=0)]
    with container.opened(path) as video:
        period = clock.scan(video, container.video_stream(video))[0].period
    got = list(decode.read_frames(path))
    assert len(got) == round(frames[-1][0] / period) + 1 != len(frames)
    for index, image in enumerate(got):
        expected = [f for when, f in frames if when <= (index + 0.5) * period][-1]
        assert np.array_equal(image, expected)


@real
def test_every_file_of_the_manifest_decodes_as_it_says():
    with (SHARED / "ingest" / "manifest.csv").open(newline="") as lines:
        manifest = list(csv.DictReader(lines))
    assert len(manifest) == 26
    for row in manifest:
        check_row(SHARED / "ingest" / row["file"], row)


def check_row(path, row):
    images, fault = [], ""
    try:
        for image in decode.read_frames(path):
            images.append(image)
    except container.DecodeError as error:
        fault = str(error)
    report = row["what_a_decoder_reports"]
    assert bool(fault) == bool(report), path.name
    if report.startswith("open: "):
        assert "can't be opened (InvalidDataError)" in fault
    elif report.startswith("decode after"):
        assert f"after {row['frames_decoded']} frames (InvalidDataError)" in fault
    else:
        assert fault == report
    if row["variable_frame_rate"] != "1":
        assert len(images) == int(row["frames_decoded"] or 0), path.name
    if images:
        check_upright(path, images[0], row)


def check_upright(path, image, row):
    """The turn that the manifest says, spelt out by corners: counter-clockwise is positive."""
    height, width = int(row["height"]), int(row["width"])
    with mock.patch.object(geometry, "orientation", return_value=geometry.UPRIGHT):
        raw = next(decode.read_frames(path))
    assert raw.shape == (height, width, 3)
    turned = {0: raw[0, 0], 90: raw[0, -1], 180: raw[-1, -1], -90: raw[-1, 0], -180: raw[-1, -1]}
    second = {0: raw[0, 1], 90: raw[1, -1], 180: raw[-1, -2], -90: raw[-2, 0], -180: raw[-1, -2]}
    angle = int(row["rotation"] or 0)
    swapped = angle in (90, -90)
    assert image.shape == ((width, height, 3) if swapped else raw.shape), path.name
    assert np.array_equal(image[0, :2], [turned[angle], second[angle]]), path.name


def test_grey_is_three_equal_exact_channels(tmp_path):
    images = noise(3, (18, 22))
    write_video(tmp_path / "v.mkv", images)
    got = np.stack(list(decode.read_frames(tmp_path / "v.mkv")))
    assert np.array_equal(got, np.stack(images)[..., None].repeat(3, -1))


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_memory_does_not_grow_with_the_video(tmp_path):
    images = [np.full((360, 640, 3), level, np.uint8) for level in range(250)]
    write_video(tmp_path / "v.mkv", images, codec="mpeg4", pixels="yuv420p", rate=30)
    code = """if True:
        import pathlib
        from vdit.data.video_folder import ingest
        video = ingest.Video("v.mkv", "", pathlib.Path("spool"))
        def peak():
            status = pathlib.Path("/proc/self/status").read_text()
            return int(status.split("VmHWM:")[1].split()[0]) / 1024
        before = peak()
        settings = ingest.Settings(4, 16, 16, 1, 4, False, 0.1, 0)
        ingest.cut(video, pathlib.Path("v.mkv"), settings)
        assert len(video.places) == 62
        print(peak() - before)
    """
    grown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    held_whole = 250 * 360 * 640 * 1.5 / 2**20  # MiB, as the decoder's 4:2:0
    assert float(grown.stdout) < held_whole / 2


@real
@pytest.mark.parametrize("name", ["vfr_irregular.mp4", "video_90.mov", "corrupted.mp4"])
def test_a_file_too_large_to_hold_is_read_twice_with_the_same_frames(monkeypatch, name):
    def outcome():
        images, fault = [], ""
        try:
            images += decode.read_frames(SHARED / "ingest" / name)
        except container.DecodeError as error:
            fault = str(error)
        return np.stack(images), fault

    (held, fault), _ = outcome(), monkeypatch.setattr(clock, "HELD_BYTES", 999)
    again, same_fault = outcome()
    assert np.array_equal(held, again)
    assert fault == same_fault
