"""Conditioning frames: masks, what the model sees, what counts in the loss, what is kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.base import diffusion
from vdit.diffusion import conditioning_frames, edm, objectives
from vdit.diffusion.flow import RectifiedFlow
from vdit.diffusion.guidance import Guidance
from vdit.diffusion.noise_level import NoiseLevel
from vdit.diffusion.objectives import Sampling


def drawn(clips, frames, share=1.0):
    u = np.random.default_rng(0).random((clips, 3 + frames), np.float32)
    return np.asarray(conditioning_frames.random_masks(jnp.asarray(u), frames, share))


@pytest.mark.parametrize("frames", [3, 5])
def test_every_kind_of_mask_is_drawn_and_leaves_a_frame_to_make(frames):
    masks = drawn(4000, frames)
    assert not masks.all(1).any()
    kinds = {tuple(row) for row in masks}
    for lead in range(1, frames):
        head = np.arange(frames) < lead
        assert tuple(head) in kinds  # animate, extend
        assert tuple(head[::-1]) in kinds  # extend backward
    for lead in range(1, frames - 1):  # interpolate: every pair of ends
        for tail in range(1, frames - lead):
            both = (np.arange(frames) < lead) | (np.arange(frames) >= frames - tail)
            assert tuple(both) in kinds
    assert masks.any(1).mean() > 0.75


def test_the_share_of_clips_with_conditioning_frames():
    assert not drawn(100, 3, share=0.0).any()
    assert drawn(4000, 3, 0.5).any(1).mean() == pytest.approx(
        0.5 * drawn(4000, 3).any(1).mean(), rel=0.1
    )
    with pytest.raises(ValueError, match=r"5 numbers a clip: expected 3 \+ 4"):
        conditioning_frames.random_masks(jnp.zeros((2, 5)), 4, 1.0)


def test_images_have_no_conditioning_frames():
    assert not drawn(100, 1).any()


MASK = jnp.asarray([[True, False, False], [False, False, True]])


def test_the_model_sees_conditioning_frames_clean_at_level_zero_and_guidance_sees_them_twice():
    seen = {}

    def model(x, t, caption):
        seen["x"], seen["t"] = x, t
        return x

    clean = jax.random.normal(jax.random.key(0), (2, 3, 2, 2, 1))
    zero = NoiseLevel(0.25, 2.0, 0.0)
    x = jnp.full((4, 3, 2, 2, 1), 7.0)
    conditioning_frames.condition_on(model, clean, MASK, zero)(x, jnp.full(4, 0.9), None)
    for half in (slice(0, 2), slice(2, 4)):
        np.testing.assert_allclose(seen["t"][half], np.where(MASK, 0.25, 0.9))
        expected = np.where(MASK[..., None, None, None], 2 * clean, 7.0)
        np.testing.assert_allclose(seen["x"][half], expected)


def test_only_the_other_frames_count_and_count_for_all():
    weights = conditioning_frames.loss_weights(MASK)
    np.testing.assert_allclose(weights.mean(1).ravel(), 1.0)
    assert (np.asarray(weights)[..., 0, 0, 0][MASK] == 0).all()


OBJECTIVES = {
    "flow": {},
    "ddpm": {"ddpm": {**diffusion()["ddpm"], "learned_variance": True}},
    "edm": {},
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_error_in_a_conditioning_frame_costs_nothing_and_in_another_it_does(name):
    settings = ConfigDict({**diffusion(), **OBJECTIVES[name], "objective": name})
    objective = objectives.create(settings)
    x, noise = jax.random.normal(jax.random.key(1), (2, 2, 3, 2, 2, 1))
    t_B = objective.sample_timesteps(jnp.asarray([0.3, 0.6]))

    def losses(wrong):
        def model(x, t, caption):
            y = x * 0 + wrong[..., None, None, None]
            return jnp.concatenate([y] * objective.outputs, -1)

        conditioned = conditioning_frames.condition_on(model, x, MASK, objective.zero)
        return objective.losses(
            conditioned, x, noise, t_B, None, conditioning_frames.loss_weights(MASK)
        )

    before = losses(jnp.zeros((2, 3)))
    np.testing.assert_array_equal(losses(jnp.where(MASK, 3.0, 0.0)), before)
    assert (losses(jnp.where(MASK, 0.0, 3.0)) > before + 0.1).all()


@pytest.mark.parametrize("method", ["euler", "dpm", "ancestral"])
def test_sampling_goes_on_from_the_conditioning_frames(method):
    """The model knows that all frames are alike: what is made equals the conditioning one."""

    def model(x, t, caption):  # the flow's velocity towards the clip's cleanest frame
        best = jnp.take_along_axis(x, t.argmin(1)[:, None, None, None, None], axis=1)
        return (x - best) / jnp.maximum(t, 1e-3)[..., None, None, None]

    objective = RectifiedFlow()
    clean, noise = jax.random.normal(jax.random.key(2), (2, 2, 3, 2, 2, 1))
    conditioned = conditioning_frames.condition_on(model, clean, MASK, objective.zero)
    how = Sampling(method, 12, Guidance())
    caption = jnp.zeros((2, 1))
    x = objectives.sample(objective, conditioned, noise, caption, how, jax.random.key(3))
    x = conditioning_frames.restore(x, clean, MASK)
    frame = np.asarray(clean)[[0, 1], [0, 2]][:, None]
    np.testing.assert_allclose(x, np.broadcast_to(frame, x.shape), atol=1e-4)


def test_edm_sees_clean_frames_on_the_scale_of_its_input():
    """At its least level, sigma_low, an input has variance one where data have it."""
    objective = edm.EDM(data=0.5)
    assert objective.zero.alpha == pytest.approx(2.0, rel=1e-4)
    assert edm.sigma_of(objective.zero.t) == pytest.approx(0.002)
