"""Real videos: similarity in closed form, planted masks, and what the verdict reads of it."""

import types

import numpy as np
import pandas as pd
import pytest

from analysis.scores import columns
from analysis.verdict import video_scores
from vdit.errors import InputError
from vdit.evaluators import clustered, video
from vdit.evaluators.common import Clips
from vdit.evaluators.frames import masks, motion
from vdit.evaluators.frames.similarity import psnr, ssim
from vdit.evaluators.networks import efficientnet
from vdit.runs import evaluations

REAL = np.random.default_rng(0).integers(0, 256, (4, 9, 16, 16, 3)).astype(np.uint8)


def test_psnr_has_its_closed_value():
    grey = np.full((1, 2, 16, 16, 3), 100, np.uint8)
    assert psnr(grey + np.uint8(10), grey) == pytest.approx(20 * np.log10(25.5))
    assert np.isinf(psnr(grey, grey)).all()


def test_ssim_is_the_definition_window_by_window():
    a, b = (v.astype(float) for v in (REAL[0, 0], REAL[1, 0]))
    axis = np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
    weight = np.outer(axis, axis)[..., None] / axis.sum() ** 2
    found = []
    for i in range(6):
        for j in range(6):
            x, y = (v[i : i + 11, j : j + 11] for v in (a, b))
            mx, my = ((weight * v).sum((0, 1)) for v in (x, y))
            vx, vy = ((weight * (v - m) ** 2).sum((0, 1)) for v, m in ((x, mx), (y, my)))
            both = (weight * (x - mx) * (y - my)).sum((0, 1))
            part = (2 * mx * my + 2.55**2) / (mx**2 + my**2 + 2.55**2)
            found.append(part * (2 * both + 7.65**2) / (vx + vy + 7.65**2))
    assert ssim(REAL[:1, :1], REAL[1:2, :1])[0, 0] == pytest.approx(np.mean(found), rel=1e-9)
    assert ssim(REAL, REAL) == pytest.approx(1.0)
    with pytest.raises(InputError, match="11 px a side"):
        ssim(REAL[:, :, :8], REAL[:, :, :8])


def test_linear_motion_is_exact_where_pixels_change_evenly_and_clipped():
    ramp = (20 * np.arange(16, dtype=np.uint8))[None, :, None, None, None].repeat(3, -1)
    assert (motion.linear(ramp[:, :4], 5) == ramp[:, 4:9]).all()
    assert motion.linear(ramp[:, :4], 12).max() == 255
    assert motion.magnitude(ramp[:, :9]) == pytest.approx(20)
    assert motion.flicker(ramp[:, :9]) == pytest.approx(0)


def test_wasserstein_is_a_shift_and_zero_on_the_same_in_another_order():
    a, each = np.array([3.0, 1.0, 2.0, 7.0]), np.arange(4)
    assert motion.wasserstein(a, each, a[::-1], each[::-1])[0] == 0.0
    shifted = motion.wasserstein(a, each, a + 5, each)
    assert shifted == (pytest.approx(5.0), pytest.approx(0.0, abs=1e-12), 4)
    far = np.array([20.0, 11.0, 19.0, 13.0])  # all above `a`: the distance is that of the means
    error = (far - a).std(ddof=1) / 2
    assert motion.wasserstein(a, each, far, each)[:2] == pytest.approx(((far - a).mean(), error))


def test_errors_count_videos_and_not_their_windows():
    """Planted: 20 videos of 4 equal windows tell what 20 clips tell; clips alone, what std does."""
    values, videos = np.random.default_rng(1).normal(size=20), np.arange(20)
    alone = clustered.mean(values, videos)
    assert alone == pytest.approx((values.mean(), values.std(ddof=1) / 20**0.5, 20))
    assert clustered.mean(values.repeat(4), videos.repeat(4)) == pytest.approx(alone)
    uneven = np.r_[values, values[:1], np.nan], np.r_[videos, 0, 21]
    assert clustered.mean(*uneven)[::2] == (pytest.approx(uneven[0][:-1].mean()), 20)
    once = motion.wasserstein(values, videos, values**2, videos)
    four = (x.repeat(4) for x in (values, videos, values**2, videos))
    assert motion.wasserstein(*four) == pytest.approx(once)


def test_the_error_over_clusters_is_the_spread_of_means():
    """Planted: 2,000 draws of 12 clusters about 5, of 1 to 6 members that share what is added."""
    rng, sizes = np.random.default_rng(0), np.arange(12) % 6 + 1
    clusters = np.arange(12).repeat(sizes)
    draws = rng.normal(size=(2000, 12)).repeat(sizes, 1) + rng.normal(5, size=(2000, sizes.sum()))
    found = np.array([clustered.mean(draw, clusters)[:2] for draw in draws])
    assert np.sqrt((found[:, 1] ** 2).mean()) == pytest.approx(found[:, 0].std(), rel=0.1)
    naive = np.sqrt((draws.var(1, ddof=1) / sizes.sum()).mean())
    assert naive < 0.75 * found[:, 0].std()


def test_small_frames_have_no_ssim_and_that_is_said(capsys):
    found = scored(REAL[:, :, :8], REAL[:, :, :8])
    assert "no SSIM, its window is 11 px" in capsys.readouterr().err
    assert {"extend_psnr", "motion_distance"} <= set(found)
    assert not any("ssim" in name for name in found)


def test_without_the_extra_there_is_no_perceptual_distance_and_that_is_said(monkeypatch, capsys):
    monkeypatch.setattr(efficientnet, "PACKAGE", "not_installed_here")
    efficientnet.load.cache_clear()
    found = scored(REAL)
    assert "no perceptual distance: EfficientNet's weights are not" in capsys.readouterr().err
    assert not any("efficientnet" in name for name in found)


def test_masks_have_the_values_of_planted_ones():
    made, real = np.zeros((2, 1, 2, 2, 4), bool)
    real[0, 0, 0, :2] = real[0, 1, 0, :2] = True  # two pixels, both frames
    made[0, 0, 0, 1:3] = True  # one of them and another, the first frame only
    assert masks.spatial_iou(made, real) == pytest.approx(1 / 3)
    assert masks.spatiotemporal_iou(made, real) == pytest.approx((1 / 3 + 0) / 2)
    assert masks.weighted_spatial_iou(made, real) == pytest.approx(0.5 / 2.5)
    for overlap in (masks.spatial_iou, masks.spatiotemporal_iou, masks.weighted_spatial_iou):
        assert overlap(real, real) == pytest.approx(1.0)
        assert np.isnan(overlap(~real & real, ~real & real)).all()
    video = np.zeros((1, 3, 2, 4, 3), np.uint8)
    video[0, 1, 0, 2, 1] = 17
    assert masks.moving(video)[0, :, 0, 2].tolist() == [True, True]
    assert masks.moving(video).sum() == 2
    white = np.full_like(video, 255)
    assert masks.compare(white, 0 * video).mse == pytest.approx(1.0)
    assert masks.compare(np.concatenate([white[:, :1], video[:, 1:]], 1), video).mse == 0


def scored(made, real=REAL):
    """Records of a model that shows `made` for `real` clips."""
    clips = Clips(np.zeros((4, 1)), [""] * 4, real, real, np.arange(4), np.arange(4))
    data = types.SimpleNamespace(
        dataset="video_folder",
        validation=real,
        clips=lambda n: clips,
        samples=lambda model, prompts, seed, seeds, frames=None: [made],
    )
    model = types.SimpleNamespace(
        config=types.SimpleNamespace(frame_timesteps=True, latent=(3, 16, 16, 3)),
        autoencoder=types.SimpleNamespace(decode=lambda latents: latents),
        statistics=types.SimpleNamespace(denormalise=lambda latents: latents),
    )
    return {r.name: r for r in video.evaluate(model, data, clips=8, seed=0)}


def test_a_perfect_continuation_reaches_the_bounds_and_no_baseline_does():
    found = scored(REAL)
    assert found["extend_ssim"].value == pytest.approx(1.0)
    assert np.isinf(found["extend_psnr"].value)
    assert np.isnan(found["extend_psnr"].se)
    assert found["motion_distance"].value == found["flicker_distance"].value == 0.0
    for name in ("extend_ssim_still", "extend_ssim_linear", "extend_psnr_still"):
        assert found[name].value < found[name.rsplit("_", 1)[0]].value
    assert all(other in found for r in found.values() for other in r.compared_with)
    assert {"extend_ssim_01", "extend_ssim_04"} <= set(found)
    assert "extend_ssim_05" not in found


def test_the_verdict_reads_the_scores_of_real_videos():
    rows = []
    for flops, noise in ((1e12, 60), (2e12, 30), (4e12, 4)):
        found = scored(np.clip(REAL.astype(int) + noise, 0, 255).astype(np.uint8)).values()
        flags = {f"{r.name}_lower_is_better": r.lower_is_better for r in found}
        one = evaluations.columns(list(found)) | flags
        rows.append(one | {"flops_budget": flops, "loss": noise / 60, "params": 1.0})
    rows = pd.DataFrame(rows)
    look = f"extend_unweighted_efficientnet_{efficientnet.load()[1]}"
    read = ["motion_distance", "flicker_distance", "extend_psnr", "extend_ssim", look]
    assert columns.names(rows) == read
    assert columns.judged(rows) == [name for name in read if name != "extend_psnr"]
    assert columns.lower_is_better(rows, look)
    assert columns.lower_is_better(rows, "motion_distance")
    assert not columns.lower_is_better(rows, "extend_ssim")
    roles = {"loss": "loss", "params": "params"}
    fit = types.SimpleNamespace(columns=roles, gain=types.SimpleNamespace(from_=1e12))
    better = {s.name: s.better_by for s in video_scores.compare(rows, fit)}
    assert better["extend_ssim"] > 0
    assert better[look] > 0
    assert better["motion_distance"] > 0
