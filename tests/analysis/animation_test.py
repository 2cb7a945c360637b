"""Animated PNGs show the frames that they were given."""

import io

import numpy as np
from PIL import Image

from analysis.figures.animation import GAP, SIDE, apng


def shown(data):
    picture = Image.open(io.BytesIO(data))
    for i in range(picture.n_frames):
        picture.seek(i)
        yield np.asarray(picture.convert("RGB")), picture.info["duration"]


def test_videos_stand_side_by_side_and_play():
    colours = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 4, 3), np.uint8)
    frames = list(shown(apng(colours, ["one", "two"], fps=5)))
    assert [duration for _, duration in frames] == [200, 200, 200]
    zoom = SIDE // 4
    for t, (frame, _) in enumerate(frames):
        for i, video in enumerate(colours):
            left = i * (SIDE + GAP)
            seen = frame[zoom // 2 : SIDE : zoom, left + zoom // 2 : left + SIDE : zoom]
            np.testing.assert_array_equal(seen, video[t])
        assert frame[SIDE:].min() < 64  # the titles


def test_a_long_title_is_broken_into_lines():
    still = np.zeros((1, 2, SIDE, SIDE, 3), np.uint8)
    still[0, 1] = 255
    (short, _), _ = shown(apng(still, ["one"]))
    (long, _), _ = shown(apng(still, ["a large green square moves left behind a grey bar"]))
    assert short.shape[1] == long.shape[1] == SIDE + GAP
    assert long.shape[0] > short.shape[0]
