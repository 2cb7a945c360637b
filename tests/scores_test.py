"""Scores of videos: real clips score high, planted errors lower the right score."""

import numpy as np
import pytest
from scipy import ndimage

from vdit.data.render import COLOURS, GREY, box_coverage, coverage, paint
from vdit.data.worlds import Worlds
from vdit.errors import InputError
from vdit.evaluators.objects.scores import NAMES, score_clips

T, SIDE = 9, 32
STEADY = np.arange(T, dtype=float)
RED = "a small red circle moves right"
BOTH = "a small red circle moves right and a large blue square moves left"


def draw(objects, bar=None):
    """A clip of (shape, colour, x_T, y_T, radius), each with an optional sixth: shown_T."""
    layers = []
    for shape, colour, x, y, radius, *shown in objects:
        cover = coverage(shape, x, y, radius, SIDE, SIDE)
        cover = cover * np.float32(shown[0])[:, None, None] if shown else cover
        layers.append((cover, COLOURS[colour]))
    layers += [(box_coverage(bar, SIDE, SIDE), GREY)] if bar else []
    return paint(layers, T, SIDE, SIDE)


def red_circle(x=None, y=None, **changes):
    """The clip of RED, an error planted by the caller."""
    path = {"x": 8 + 1.2 * STEADY if x is None else x, "y": np.full(T, 14.0) if y is None else y}
    thing = {"shape": "circle", "colour": "red"} | path | {"radius": 3.2} | changes
    bar = thing.pop("bar", None)
    return draw([tuple(thing.values())], bar)


def score(video, caption=RED):
    return score_clips(video[None], [caption])


def worlds(count, **options):
    clips = list(Worlds(count, **options)[i] for i in range(count))
    return np.stack([clip["video"] for clip in clips]), [clip["caption"] for clip in clips]


def degrade(videos, seed=0):
    """Blur and noise about as strong as a 28 dB autoencoder."""
    soft = ndimage.gaussian_filter(videos.astype(np.float32), (0, 0, 0.7, 0.7, 0))
    soft += np.random.default_rng(seed).normal(0, 8, soft.shape)
    return np.clip(soft + 0.5, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("options", [{}, {"occluder": 1.0}, {"gravity": 1.0}])
def test_real_clips_score_high_clean_and_coded(options):
    videos, captions = worlds(100, split="validation", **options)
    coded = degrade(videos)
    error = ((coded.astype(float) - videos) ** 2).mean()
    assert 10 * np.log10(255**2 / error) < 29
    for clips, limit in ((videos, 0.05), (coded, 0.1)):
        scores = score_clips(clips, captions)
        assert scores["objects_agree"] >= 0.95
        assert scores["permanence"] >= 0.97
        assert scores["acceleration"] < limit
        assert scores["acceleration_n"] > 60


def test_other_sizes_of_frame_score_as_well():
    videos, captions = worlds(24, num_frames=5, height=48, width=64, max_objects=3)
    scores = score_clips(videos, captions)
    assert scores["objects_agree"] >= 0.9
    assert scores["permanence"] >= 0.95


def test_captions_of_other_clips_do_not_agree():
    videos, captions = worlds(100)
    scores = score_clips(videos, captions[1:] + captions[:1])
    assert scores["objects_agree"] < 0.2
    assert 0.3 < scores["number_agree"] < 0.7
    assert scores["permanence"] >= 0.97


def test_the_planted_clip_is_faultless():
    scores = score(red_circle())
    assert [scores[name] for name in NAMES[:5]] == [1] * 5
    assert scores["acceleration"] < 0.03


@pytest.mark.parametrize(
    ("change", "number", "colour", "shape"),
    [({"colour": "blue"}, 1, 0, 1), ({"shape": "square"}, 1, 1, 0), ({"radius": 0.5}, 0, 0, 0)],
)
def test_a_wrong_object_is_named(change, number, colour, shape):
    scores = score(red_circle(**change))
    assert scores["number_agree"] == number
    assert scores["colour_agree"] == colour
    assert scores["shape_agree"] == shape
    assert scores["objects_agree"] == 0


def test_colours_on_the_wrong_shapes_do_not_agree():
    path = (8 + STEADY, np.full(T, 8.0), 3.2), (24 - STEADY, np.full(T, 24.0), 4.8)
    right = draw([("circle", "red", *path[0]), ("square", "blue", *path[1])])
    wrong = draw([("square", "red", *path[0]), ("circle", "blue", *path[1])])
    assert score(right, BOTH)["objects_agree"] == 1
    scores = score(wrong, BOTH)
    assert scores["objects_agree"] == 0
    assert scores["colour_agree"] == scores["shape_agree"] == 1


def test_a_third_object_and_a_lost_one_are_counted():
    other = ("square", "blue", 24 - STEADY, np.full(T, 24.0), 4.8)
    first = ("circle", "red", 8 + STEADY, np.full(T, 8.0), 3.2)
    assert score(draw([first]), BOTH)["number_agree"] == 0
    assert score(draw([first, other]), RED)["number_agree"] == 0
    twin = ("circle", "red", 8 + STEADY, np.full(T, 24.0), 3.2)
    assert score(draw([first, twin]), RED)["number_agree"] == 0


@pytest.mark.parametrize(
    "shown", [STEADY < 5, STEADY > 3, (STEADY < 3) | (STEADY > 5)], ids=["gone", "new", "gap"]
)
def test_an_object_that_does_not_last_lowers_permanence(shown):
    first = ("circle", "red", 8 + STEADY, np.full(T, 8.0), 3.2, shown)
    other = ("square", "blue", 24 - STEADY, np.full(T, 24.0), 4.8)
    assert score(draw([first]))["permanence"] == 0
    assert score(draw([first]))["objects_agree"] == 1
    assert score(draw([first, other]), BOTH)["permanence"] == 0.5


def test_an_object_that_changes_colour_does_not_last():
    clip = red_circle()
    clip[5:] = red_circle(colour="green")[5:]
    assert score(clip)["permanence"] == 0


def test_a_bar_excuses_what_it_hides_and_nothing_else():
    bar = (12.0, 0.0, 21.0, 32.0)
    x = np.array([7.0, 9, 11, 13, 15, 17, 19, 21, 23])
    through = red_circle(x=x, bar=bar)
    assert score(through)["permanence"] == 1
    swallowed = red_circle(x=np.minimum(x, 16), bar=bar)
    assert score(swallowed)["permanence"] == 1
    far = red_circle(x=np.full(T, 4.0), bar=(22.0, 0.0, 30.0, 32.0), shown=STEADY < 5)
    assert score(far)["permanence"] == 0


def test_what_shows_on_both_sides_of_a_bar_is_one_object():
    y = np.linspace(4, 16, T)
    clip = draw([("triangle", "red", np.full(T, 16.0), y, 4.8)], (0.0, 13.0, 32.0, 16.0))
    scores = score(clip, "a large red triangle moves down behind a grey bar")
    assert scores["objects_agree"] == scores["permanence"] == 1


def test_acceleration_is_measured_in_pixels_per_frame_squared():
    curve = 8 + 0.25 * STEADY**2
    # Half of the values, those across, are 0.5; downwards the same is gravity, upwards it is not.
    assert score(red_circle(x=curve))["acceleration"] == pytest.approx(0.25, abs=0.03)
    assert score(red_circle(y=curve))["acceleration"] < 0.04
    assert score(red_circle(y=SIDE - curve))["acceleration"] == pytest.approx(0.25, abs=0.08)


def test_bounces_are_no_acceleration():
    zigzag = 27.5 - np.abs(np.arange(T) * 2.1 - 9.3)
    assert score(red_circle(x=zigzag))["acceleration"] < 0.05


def test_jitter_and_teleports_raise_acceleration():
    x, y = np.random.default_rng(0).normal(0, 1, (2, T))
    assert score(red_circle(x=12 + STEADY + x, y=16 + y))["acceleration"] > 0.5
    jump = 8 + 16.0 * (STEADY > 4)  # a bounce of such a step would be excused
    assert score(red_circle(x=jump))["acceleration"] > 0.5


def test_garbage_scores_nothing():
    _, captions = worlds(40)
    noise = np.random.default_rng(0).integers(0, 256, (40, T, SIDE, SIDE, 3), np.uint8)
    black = np.zeros_like(noise)
    for videos in (noise, black, np.full_like(noise, 128)):
        scores = score_clips(videos, captions)
        assert max(scores[name] for name in NAMES[:5]) <= 0.03
        assert scores["acceleration_n"] <= 2
    assert np.isnan(score_clips(black, captions)["acceleration"])


AGREE = {"colour_agree": [1, 1, 1, 0], "number_agree": [1, 1, 1, 1]}


def test_every_mean_has_its_standard_error():
    clips = np.stack([red_circle(), red_circle(), red_circle(), red_circle(colour="blue")])
    scores = score_clips(clips, [RED] * 4)
    assert set(scores) == {*NAMES, *(f"{name}_se" for name in NAMES), "acceleration_n"}
    assert scores["colour_agree"] == 0.75
    with_one_of_each = {name: [*values, 0, 1] for name, values in AGREE.items()}
    for name, values in with_one_of_each.items():
        assert scores[f"{name}_se"] == pytest.approx(np.std(values, ddof=1) / 2)
    assert np.isnan(score(red_circle())["colour_agree_se"])


def test_bad_input_is_one_clear_line():
    video = red_circle()
    with pytest.raises(InputError, match="expected uint8"):
        score_clips(video[None].astype(np.float32), [RED])
    with pytest.raises(InputError, match="expected uint8"):
        score_clips(video, [RED])
    with pytest.raises(InputError, match="2 captions for 1 videos"):
        score_clips(video[None], [RED, RED])
    with pytest.raises(InputError, match="not a caption of the embedded world"):
        score_clips(video[None], ["rain over the sea"])
