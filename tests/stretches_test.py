"""A packet is damaged: what comes before and after it is read, in stretches of their own."""

import av
import numpy as np
import pytest

from tests.awkward import damaged, encoded, notes, numbers, textured
from tests.clips import read, run
from vdit.data import media
from vdit.data.video_folder import clock, decode, windows
from vdit.errors import InputError

BAD = 12  # the packet that is damaged, and its frame


@pytest.fixture
def videos(tmp_path):
    """Two files of which a packet is damaged, one that decodes to a frame that says so and one that
    does not decode; and a whole one."""
    root = tmp_path / "videos"
    root.mkdir()
    damaged(encoded(root / "h264.mp4", textured(), keys=6), BAD)
    damaged(encoded(root / "ffv1.mkv", textured(), "ffv1", "bgr0", keys=6), BAD)
    encoded(root / "whole.mp4", textured(), keys=6)
    return root


def lost(path):
    """The frames from the damaged one to the next key frame."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    keys = [round(packet.pts * packet.time_base * 30) for packet in packets if packet.is_keyframe]
    return set(range(BAD, min(key for key in keys if key > BAD)))


def test_windows_lie_before_damage_or_after_it(tmp_path, videos, capsys):
    record = run(videos, tmp_path / "out", "--keep_near_duplicates", frames=4, size="48x64")
    rows = read(tmp_path / "out")
    found = {name: [] for name in record["files"]}
    for row in sorted([*rows["train"], *rows["validation"]], key=lambda row: row["start"]):
        shown = numbers(row["video"][:, 16:])
        assert shown == list(range(row["start"], row["start"] + 4))
        found[row["video_id"].decode()] += shown
    assert found.pop("whole.mp4") == list(range(24))
    for name, shown in found.items():
        gone = lost(videos / name)
        assert not {*shown} & gone, name
        assert {*range(BAD), *range(max(gone) + 1, 20)} <= {*shown}, name
    assert [fault["read"] for fault in record["not_whole"]] == ["part", "part"]
    said = capsys.readouterr().out
    assert "damaged after 12 frames, 4 lost, read on from the next key frame" in said
    assert "decoding fails after 12 frames (InvalidDataError), 6 lost, read on" in said


@pytest.mark.parametrize("fps", [30, 5])
def test_a_gap_shorter_than_a_step_is_one_still(tmp_path, fps):
    path = damaged(encoded(tmp_path / "v.mkv", textured(), "ffv1", "bgr0", keys=3), BAD)
    reader = decode.VideoReader(path, fps=fps)
    shown = [-1 if frame is None else numbers([reader.picture(frame)[16:]])[0] for frame in reader]
    step = 30 // fps
    lost = [place for place, number in enumerate(shown) if number < 0]
    assert lost == (list(range(12, 15)) if fps == 30 else [2])
    assert all(abs(n - step * k) <= step for k, n in enumerate(shown) if n >= 0)


OPEN = {  # B-frames before a key frame that are told from what comes before it, too
    "libx264": {"x264-params": "open-gop=1:scenecut=0:keyint=8"},
    "mpeg2video": {"bf": "2", "sc_threshold": "1000000000", "qmin": "1", "qmax": "2"},
}


@pytest.mark.parametrize("name", ["libx264.mp4", "libx264.avi", "mpeg2video.mpg"])
def test_what_is_told_from_a_damaged_frame_is_lost_and_nothing_else_moves(tmp_path, name):
    """Shown before it or after, in files with and without times of their own."""
    codec = name.partition(".")[0]
    path = encoded(tmp_path / name, textured(), codec, keys=8, **OPEN[codec])
    whole = path.read_bytes()
    with av.open(str(path)) as container:
        keys = [k for k, frame in enumerate(container.decode(video=0)) if frame.key_frame]
    for packet in (1, 4, 9, 11):  # of frames that others are told from, and one that is alone
        path.write_bytes(whole)
        reader = decode.VideoReader(damaged(path, packet))
        shown = [None if x is None else numbers([reader.picture(x)[16:]])[0] for x in reader]
        lost = [place for place, number in enumerate(shown) if number is None]
        assert [n for n in shown if n is not None] == sorted({*range(24)} - {*lost}), packet
        assert lost == list(range(lost[0], max(lost) + 1)), packet
        assert max(lost) + 1 == min(key for key in keys if key > lost[0]), packet


@pytest.mark.parametrize("name", ["libx264.mp4", "libx264.avi", "mpeg2video.avi"])
def test_a_damaged_start_of_an_open_group_moves_nothing(tmp_path, name):
    """The decoder skips what precedes its first key frame, or shows it, wrong."""
    codec = name.partition(".")[0]
    path = encoded(tmp_path / name, textured(), codec, keys=8, **OPEN[codec])
    with av.open(str(path)) as container:
        keys = [k for k, frame in enumerate(container.decode(video=0)) if frame.key_frame]
    reader = decode.VideoReader(damaged(path, 0))
    shown = [frame and numbers([reader.picture(frame)[16:]])[0] for frame in reader]
    assert shown == [*[None] * keys[1], *range(keys[1], 24)]


@pytest.mark.parametrize("name", ["libx264.mp4", "libx264.avi", "ffv1.mkv"])
def test_what_is_lost_at_the_start_moves_nothing_and_is_no_end(tmp_path, name):
    codec = name.partition(".")[0]
    pixels = "bgr0" if codec == "ffv1" else "yuv420p"
    path = damaged(encoded(tmp_path / name, textured(), codec, pixels, keys=6), 0)
    reader = decode.VideoReader(path)
    shown = [frame and numbers([reader.picture(frame)[16:]])[0] for frame in reader]
    assert shown == [*[None] * 6, *range(6, 24)]
    assert reader.faults == ["decoding fails after 0 frames (InvalidDataError)"]
    with pytest.raises(InputError, match=rf"{name}: decoding fails after 0 frames"):
        media.read_video(path, (48, 64))


def test_windows_begin_anew_after_a_gap():
    frames = [*map(np.array, range(7)), None, *map(np.array, range(8, 15))]
    found = {start: window.tolist() for start, window in windows.windows(frames, 2, 2, 3)}
    assert found == {0: [0, 2], 3: [3, 5], 8: [8, 10], 11: [11, 13]}


def test_a_long_gap_is_no_jump_of_the_clock_that_joins_its_ends():
    frame = lambda time: type("Frame", (), {"time": time})()  # noqa: E731
    shown = [frame(0.0), frame(0.1), None, frame(500.0), frame(500.1)]
    notes = []
    stamped = clock.stamped(shown, clock.Clock([], 0.1), notes)
    found = [image and image.time for image in clock.on_grid(stamped, 0.1, 0.1)]
    assert found == [0.0, 0.1, None, 500.1]
    assert "clock jumps" in notes[0]


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv"])
def test_frames_taken_out_of_a_stream_are_told_by_times(tmp_path, name):
    """The decoder shows later ones without a word, told from the wrong frame."""
    whole, less = encoded(tmp_path / "whole.mp4", textured()), tmp_path / name
    with av.open(str(whole)) as source, av.open(str(less), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        packets = [packet for packet in source.demux(video=0) if packet.size]
        for packet in packets[:9] + packets[11:]:
            packet.stream = stream
            target.mux(packet)
    assert notes(whole) == []
    (note,) = notes(less)
    assert "its times leave out 2 frames" in note


@pytest.mark.parametrize(
    ("times", "missing"),
    [
        ([0, 33, 67, 100, 133, 167, 200, 233, 267, 300, 333, 433], 2),  # in ms, of 30 a second
        ([0, 33, 67, 100, 133, 167, 200, 233, 267, 300, 333, 383], 0),  # half a period more
        ([0, 33, 100, 133, 233, 267, 300, 400, 433, 467, 500, 533], 0),  # of no constant rate
        ([0, 33, 67, 100, 133, 167, 200, 233, 267, 300, 333, 99_000], 0),  # the clock jumps
    ],
)
def test_a_stream_that_is_not_even_misses_nothing(times, missing):
    times = [time / 1000 for time in times]
    assert clock._missing(times, clock.period_of(times)) == missing


def test_what_goes_on_from_a_video_or_scores_it_takes_no_damage(videos):
    with pytest.raises(InputError, match=r"h264.mp4: damaged after 12 frames"):
        media.read_video(videos / "h264.mp4", (48, 64))
