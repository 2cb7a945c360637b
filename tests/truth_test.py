"""What the embedded world says of a clip is what the clip shows."""

import numpy as np
import pytest

from tests.worlds_test import BARRED, CROWD
from vdit.data.render import COLOURS, GREY, HULL, REACH, SHAPES, coverage
from vdit.data.wording import parse_caption, write_caption
from vdit.data.worlds import Worlds


@pytest.mark.parametrize("shape", SHAPES)
def test_a_drawn_shape_has_its_area_centre_and_edges(shape):
    x, y, radius = np.array([20.3, 31.8]), np.array([22.6, 18.1]), 9.0
    cover = coverage(shape, x, y, radius, 48, 56)
    pixels = np.arange(56) + 0.5
    np.testing.assert_allclose(cover.sum((1, 2)), np.pi * radius**2, rtol=0.01)
    np.testing.assert_allclose((cover.sum(1) @ pixels) / cover.sum((1, 2)), x, atol=0.05)
    np.testing.assert_allclose((cover.sum(2) @ pixels[:48]) / cover.sum((1, 2)), y, atol=0.05)
    solid = cover[0] > 0.5
    columns, rows = np.flatnonzero(solid.any(0)), np.flatnonzero(solid.any(1))
    found = x[0] - columns[0], columns[-1] + 1 - x[0], y[0] - rows[0], rows[-1] + 1 - y[0]
    # The sharp corners of a triangle fade out within two pixels.
    np.testing.assert_allclose(found, radius * np.array(REACH[shape]), atol=2.0)


def test_truth_is_what_the_video_shows():
    worlds = Worlds(60, occluder=0.0)
    grid = np.arange(32) + 0.5
    for i in range(60):
        truth, video = worlds.truth(i), worlds[i]["video"].astype(float)
        for k, colour in enumerate(truth.colours):
            axis = np.array(COLOURS[colour]) - (24, 24, 32)
            others = [truth.position[:, j] for j in range(len(truth.colours)) if j != k]
            reach = truth.radius[k] * HULL[truth.shapes[k]] + 1
            for t, (x, y) in enumerate(truth.position[:, k]):
                if any(np.linalg.norm(o[t] - (x, y)) < 2 * reach + 4 for o in others):
                    continue
                near = np.hypot(grid[None] - x, grid[:, None] - y) < reach
                share = ((video[t] - (24, 24, 32)) @ axis / (axis @ axis)) * near
                centre = (share.sum(0) @ grid, share.sum(1) @ grid) / share.sum()
                np.testing.assert_allclose(centre, (x, y), atol=0.12)


def test_visibility_counts_what_the_bar_hides():
    worlds = Worlds(40, **BARRED)
    hidden = 0
    for i in range(40):
        truth, video = worlds.truth(i), worlds[i]["video"]
        left, top, right, bottom = (round(edge) for edge in truth.occluder)
        bar = video[:, top + 1 : bottom - 1, left + 1 : right - 1]
        assert (bar == GREY).all()
        assert ((truth.visibility >= 0) & (truth.visibility <= 1)).all()
        for k, colour in enumerate(truth.colours):
            seen = np.abs(video - np.array(COLOURS[colour])).sum(-1) < 60
            full = seen[truth.visibility[:, k] > 0.97].sum((1, 2))
            gone = seen[truth.visibility[:, k] < 0.02].sum((1, 2))
            assert full.min() > 0.6 * np.pi * truth.radius[k] ** 2
            assert (gone <= 2).all()
            hidden += len(gone)
    assert hidden > 5


def test_objects_start_apart_and_stay_in_the_box():
    for options in ({}, CROWD):
        worlds = Worlds(100, **options)
        for i in range(100):
            truth = worlds.truth(i)
            hull = truth.radius * [HULL[shape] for shape in truth.shapes]
            reach = truth.radius[:, None] * [REACH[shape] for shape in truth.shapes]
            x, y = truth.position[..., 0], truth.position[..., 1]
            assert (x >= reach[:, 0] - 1e-9).all()
            assert (y <= options.get("height", 32) - reach[:, 3] + 1e-9).all()
            for j in range(1, len(hull)):
                apart = np.linalg.norm(truth.position[0, :j] - truth.position[0, j], axis=-1)
                assert (apart > hull[:j] + hull[j]).all()
            assert len(set(truth.colours)) == len(hull)


def test_bounces_mark_the_frames_where_free_flight_ends():
    worlds, seen = Worlds(200), 0
    for i in range(200):
        truth = worlds.truth(i)
        push = np.diff(truth.velocity, axis=0) - (0, truth.gravity)
        changed = (np.abs(push) > 1e-9).any(-1)
        assert not truth.bounces[0].any()
        assert (truth.bounces[1:] == changed).all()
        seen += changed.sum()
    assert seen > 50


def test_captions_say_what_is_there_and_are_read_back():
    worlds, bars = Worlds(300, occluder=0.4, gravity=0.4), 0
    for i in range(300):
        truth = worlds.truth(i)
        things = parse_caption(truth.caption)
        assert write_caption(things) == truth.caption == worlds[i]["caption"]
        assert tuple(t.colour for t in things) == truth.colours
        assert tuple(t.shape for t in things) == truth.shapes
        assert tuple(t.size for t in things) == truth.sizes
        behind = truth.visibility.min(0) < 0.75
        assert [t.bar == "behind" for t in things] == behind.tolist()
        assert ("grey bar" in truth.caption) == (truth.occluder is not None)
        for thing, (vx, vy) in zip(things, truth.velocity[0], strict=True):
            if truth.gravity:
                assert thing.motion == ("fall" if vy >= 0 else "jump")
            else:
                along = {"left": -vx, "right": vx, "up": -vy, "down": vy}[thing.motion]
                assert along > 1.3 * min(abs(vx), abs(vy))
        bars += truth.occluder is not None
    assert 100 < bars < 140
