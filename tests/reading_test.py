"""Kinds of files that are read wrongly without a word elsewhere, each with its right answer."""

import numpy as np
import pytest

from tests import awkward
from tests.awkward import frames, notes
from tests.clips import SHARED, real
from vdit.data import media

AWKWARD = SHARED / "awkward"
NO_CLOCK = "frame times are missing or come twice: its frames in order, 30 a second"
IN_ORDER = "frame times run backwards: its frames in order"
CORNERS = np.array([[20, 200, 20], [220, 20, 20], [240, 240, 240], [20, 20, 220]])  # g, r, w, b


def corners(image):
    inset = image[5:-5, 5:-5]
    return inset[[0, 0, -1, -1], [0, -1, 0, -1]].astype(int)


CLOCKS = {  # kind: (maker, numbers of its frames in order, what is said)
    "B-frames.avi": (lambda p: awkward.encoded(p, awkward.counted()), range(24), [IN_ORDER]),
    # Its list of edits, by times that are wrong, hides two; from ffmpeg, too.
    "no offsets.mp4": (awkward.without_offsets, sorted({*range(24)} - {0, 3}), [IN_ORDER]),
    "copied.mkv": (lambda p: awkward.copied(p, lambda k: k), range(24), [IN_ORDER]),
    "equal.mkv": (
        lambda p: awkward.copied(p, lambda k: 0),
        range(24),
        [NO_CLOCK],
    ),
    "a still of 20 s.mp4": (
        lambda p: awkward.copied(p, lambda k: k + 600 * (k > 3), "mpeg4"),
        [0, 1, 2, *[3] * 601, *range(4, 24)],
        [],
    ),
    "a break of a day.mp4": (
        lambda p: awkward.copied(p, lambda k: k + 30 * 86400 * (k > 3), "mpeg4"),
        range(24),
        ["the clock jumps by 86400 s after 4 frames, taken as one"],
    ),
    "two recordings.ts": (
        awkward.twice,
        [*range(24)] * 2,
        [NO_CLOCK],
    ),
}


@pytest.mark.parametrize("kind", CLOCKS)
def test_frames_come_once_and_in_order(tmp_path, kind):
    make, expected, said = CLOCKS[kind]
    path = make(tmp_path / kind)
    assert awkward.numbers(frames(path)) == list(expected)
    assert notes(path) == said


@real
@pytest.mark.parametrize(
    ("name", "count"), [("h264_bframes.avi", 60), ("no_ctts.mp4", 58), ("audio_longer.mkv", 60)]
)
def test_real_files_have_the_frames_that_ffmpeg_decodes(name, count):
    assert len(frames(AWKWARD / name)) == count


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(("one", "two"), [(1, 1), (1, -1), (-1, 1), (-1, -1)])
def test_every_display_matrix_puts_corners_where_it_says(tmp_path, one, two, swapped):
    a, b, c, d = (0, one, two, 0) if swapped else (one, 0, 0, two)
    got = corners(frames(awkward.with_matrix(tmp_path / "v.mp4", a, b, c, d))[0])[:, 0]
    place = {(-1, -1): 0, (1, -1): 1, (-1, 1): 2, (1, 1): 3}
    expected = [0] * 4
    for (x, y), index in place.items():
        expected[place[a * x + c * y, b * x + d * y]] = [40, 90, 140, 190][index]
    assert got.tolist() == expected


@real
@pytest.mark.parametrize("name", ["matrix_hflip.mp4", "exif_orientation2.jpg"])
def test_mirrored_files(name):
    assert np.abs(corners(frames(AWKWARD / name)[0]) - CORNERS).max() <= 2


@pytest.mark.parametrize(
    ("sar", "shape"), [("64/45", (144, 256)), ("1/2", (288, 180)), ("1/1", (144, 180))]
)
def test_pixels_are_square(tmp_path, sar, shape):
    path = awkward.encoded(tmp_path / "v.mp4", awkward.counted(2, (144, 180)), sar=sar)
    assert frames(path).shape[1:3] == shape


@real
def test_a_circle_is_round():
    image = media.read_video(AWKWARD / "anamorphic_180x144_sar64x45.mp4", (96, 96), 1)[0]
    disc = np.abs(image.astype(int) - 90).max(-1) > 60
    disc[:20, :20] = False  # a mark in the corner
    height, width = (np.ptp(np.flatnonzero(disc.any(axis))) + 1 for axis in (1, 0))
    assert abs(width / height - 1) < 0.03
