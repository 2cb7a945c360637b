"""Continuations of the embedded world: tests of what training did not show, and planted futures."""

import functools
import itertools
import types

import numpy as np
import pandas as pd
import pytest

from analysis.scores import columns
from vdit.data import generalization
from vdit.data.wording import parse_caption
from vdit.data.worlds import Worlds
from vdit.errors import InputError
from vdit.evaluators import physics
from vdit.evaluators.common import EvaluationData
from vdit.runs import evaluations

COUNT = 8
WORLD = Worlds(COUNT, split="validation", max_objects=1, held_out=["red circle", "large blue up"])
MADE = np.arange(9) >= 5


def things(clips):
    return [phrase for clip in clips for phrase in parse_caption(clip.truth.caption)]


def fastest(clips):
    return [np.hypot(*clip.truth.velocity[0, 0]) / 32 for clip in clips]


def test_worlds_made_from_options_are_the_same():
    again = Worlds(**WORLD.options)
    assert again.fingerprint == WORLD.fingerprint
    np.testing.assert_array_equal(again[3]["video"], WORLD[3]["video"])


def test_each_test_differs_from_training_in_its_one_thing():
    tests = generalization.clips(WORLD.options, 40)
    assert {name: len(test) for name, test in tests.items()} == {"in": 40, "out": 40, "unseen": 40}
    assert max(fastest(tests["in"])) <= 0.078 < 0.0975 <= min(fastest(tests["out"]))
    radii = {round(float(clip.truth.radius[0]) / 32, 4) for clip in tests["out"]}
    assert radii == {0.075, 0.1875}
    unseen = [
        ({"red", "circle"} <= set(t), {"large", "blue", "up"} <= set(t))
        for t in things(tests["unseen"])
    ]
    assert [sum(x) for x in zip(*unseen, strict=True)] == [20, 20]
    assert not any({"red", "circle"} <= set(t) for t in things(tests["in"] + tests["out"]))
    assert "unseen" not in generalization.clips(Worlds(1).options, 1)
    assert all(
        not c.truth.gravity and not c.truth.occluder for test in tests.values() for c in test
    )


def test_a_middle_size_that_is_held_out_is_in_no_test_of_beyond():
    sizes = {"small": 0.1, "medium": 0.12, "large": 0.15}
    world = Worlds(1, max_objects=1, sizes=sizes, held_out=["medium red", "small blue"])
    beyond = generalization.clips(world.options, COUNT)["out"]
    assert {phrase.size for phrase in things(beyond)} <= {"small", "large"}
    assert {clip.world.options["held_out"] for clip in beyond} == {("small blue",)}


def test_of_bars_those_are_kept_behind_which_an_object_was():
    clips = generalization.bars(WORLD.options, 8, MADE)
    assert len(clips) == 8
    for clip in clips:
        seen = clip.truth.visibility[:, 0]
        out = generalization.out_again(clip.truth, MADE)[:, 0]
        assert out.any()
        assert not out[:5].any()
        assert all(seen[t] >= 0.5 and seen[:t].min() < 0.5 for t in np.flatnonzero(out))
    assert generalization.bars(Worlds(1, occluder=0.0).options, 8, MADE) == []


def scored(sample, seeds=1):
    """Records of a model whose samples are sample(frames, seed); its autoencoder loses nothing."""
    same = types.SimpleNamespace(encode=lambda x: x, decode=lambda x: x)
    model = types.SimpleNamespace(
        config=types.SimpleNamespace(frame_timesteps=True, latent=(3, 8, 8, 4)),
        autoencoder=same,
        tokens=lambda captions: np.array(captions),
        sample=lambda tokens, seed, frames=None, batch=None: sample(frames, seed),
    )
    data = types.SimpleNamespace(
        dataset="worlds", source=WORLD, kept=lambda name, key, find: find()
    )
    data.samples = functools.partial(EvaluationData.samples, data)
    found = physics.evaluate(model, data, clips=COUNT, seed=0, seeds=seeds)
    return {r.name: r for r in found}


@pytest.fixture(scope="module")
def futures():
    """What happens in every clip of every test, found by its given frames."""
    tests = generalization.clips(WORLD.options, COUNT)
    clips = itertools.chain(*tests.values(), generalization.bars(WORLD.options, COUNT, MADE))
    return {c.video[:5].tobytes(): c.video for c in clips}


def test_a_model_that_knows_what_comes_reaches_the_bounds_and_holding_still_the_baseline(futures):
    def knows(frames, seed):
        if frames.mask.sum() == 1:
            return np.stack(
                [next(v for v in futures.values() if (v[0] == f[0]).all()) for f in frames.clips]
            )
        return np.stack([futures[clip[:5].tobytes()] for clip in frames.clips])

    perfect, still = scored(knows), scored(lambda frames, seed: frames.clips)
    for test in ("in", "out", "unseen", "bars"):
        for quantity in ("position", "velocity")[: 1 if test == "bars" else 2]:
            name = f"extend_{quantity}_{test}"
            assert perfect[name].value == perfect[f"{name}_coded"].value < 0.8  # half behind a bar
            assert still[name].value == still[f"{name}_still"].value
            assert still[name].value > 3 * perfect[name].value
            assert perfect[name].compared_with == (f"{name}_still", f"{name}_coded")
            assert perfect[name].lower_is_better
            assert perfect[name].n == COUNT
    for name in ("spatial_iou", "spatiotemporal_iou", "weighted_spatial_iou"):
        assert perfect[f"animate_{name}"].value == pytest.approx(1.0)
        assert still[f"animate_{name}"].value == 0.0
        assert 0.1 < still[f"animate_{name}_second_take"].value < 0.9
        assert not perfect[f"animate_{name}"].lower_is_better
    assert perfect["animate_mse"].value == 0.0 < still["animate_mse_second_take"].value
    assert perfect["animate_mse"].lower_is_better
    flags = {f"{name}_lower_is_better": r.lower_is_better for name, r in perfect.items()}
    rows = pd.DataFrame([evaluations.columns(list(perfect.values())) | flags])
    assert sorted(columns.names(rows)) == sorted(n for n, r in perfect.items() if r.compared_with)


def test_seeds_are_averaged_over_and_a_clip_stays_one_clip(futures):
    """Planted: the second seed shows nothing, so every error is midway to that of what is lost."""

    def by_turns(frames, seed):
        return frames.clips if seed == 0 else np.zeros_like(frames.clips)

    one, two = scored(by_turns), scored(by_turns, seeds=2)
    name = "extend_position_in"
    assert two[name].value == pytest.approx((one[name].value + 16) / 2)
    assert two[name].se == pytest.approx(one[name].se / 2)
    assert two[name].n == one[name].n == COUNT
    with pytest.raises(InputError, match="seeds=0: expected 1 or more"):
        scored(by_turns, seeds=0)
