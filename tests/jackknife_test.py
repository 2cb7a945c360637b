"""Errors of what is no mean: of means the textbook's, else the scatter of planted sets."""

import numpy as np
import pytest

from tests.distances_test import normal
from vdit.errors import InputError
from vdit.evaluators.distances import manifold, scores
from vdit.evaluators.distances.jackknife import BLOCKS, Estimate, jackknife


def test_errors_of_shares_of_neighbours_are_on_the_safe_side():
    """A share jumps where a neighbour leaves: the jackknife's error is up to twice the real one."""
    rng, found, every = np.random.default_rng(14), [], range(4)
    for _ in range(60):
        sets = manifold.distances(normal(rng, 64, 4, shift=0.3), normal(rng, 64, 4))
        found.append(
            [jackknife(lambda i, j, n=n, s=sets: s.manifold(i, j)[n], 64, 64) for n in every]
        )
    values, errors = np.moveaxis([[(e.value, e.se) for e in row] for row in found], 2, 0)
    ratios = np.sqrt((errors**2).mean(0)) / values.std(0)
    assert ratios.min() > 0.9
    assert ratios.max() < 2.5


def test_shares_of_neighbours_are_found_once_for_each_block_of_each_seed(monkeypatch):
    rng = np.random.default_rng(16)
    *made, real = (normal(rng, 64, 3, shift=s) for s in (0.3, 0.6, 0))
    sets, plain, calls = (
        [manifold.distances(x, real) for x in made],
        manifold.Distances.manifold,
        [],
    )
    monkeypatch.setattr(
        manifold.Distances, "manifold", lambda *args: calls.append(1) or plain(*args)
    )
    found = scores.measure(made, real, manifold.Manifold._fields)
    assert len(calls) == 2 * (BLOCKS + 1)
    for n, score in enumerate(found):
        alone = jackknife(lambda i, j, n=n: np.mean([plain(s, i, j)[n] for s in sets]), 64, 64)
        assert score.error == pytest.approx(alone)


def test_a_jackknife_of_means_is_the_textbook_error():
    x, y = normal(np.random.default_rng(12), 64, 1), np.zeros((64, 1))
    own = jackknife(lambda i, j: x[i].mean() - y[j].mean(), 64, 64, blocks=32)
    parts = x.reshape(32, 2).mean(1)
    assert own.se == pytest.approx(parts.std(ddof=1) / 32**0.5)
    both = jackknife(lambda i, j: x[i].mean() - x[j].mean(), 64, 64)
    assert both.se == pytest.approx(0, abs=1e-12)  # paired: block by block the same
    fixed = jackknife(lambda i, j: x[i].mean() - x[j].mean(), 64, 64, fixed=True, blocks=32)
    assert fixed.se == pytest.approx(own.se)
    with pytest.raises(InputError, match="31 clips: expected at least 32"):
        jackknife(lambda i, j: 0.0, 31, 64)


def test_the_error_of_a_mean_over_seeds_is_of_captions_and_noise():
    """Means of caption + noise, the captions shared by four seeds: variance (1 + 4/S) / N."""
    rng, found = np.random.default_rng(13), []
    for _ in range(200):
        videos = rng.normal(size=64) + 2 * rng.normal(size=(4, 64))
        found.append(jackknife(lambda i, j, v=videos: v[:, i].mean(), 64, 64))
    assert np.std([e.value for e in found]) == pytest.approx((2 / 64) ** 0.5, rel=0.15)
    assert np.mean([e.se**2 for e in found]) == pytest.approx(2 / 64, rel=0.15)


def test_an_interval_is_student_s():
    low, high = Estimate(1.0, 0.5, 15).interval()
    assert (low, high) == (
        pytest.approx(1 - 0.5 * 2.1314, abs=1e-4),
        pytest.approx(2.0657, abs=1e-4),
    )


@pytest.mark.parametrize("seeds", [1, 3])
def test_errors_hold_the_scatter_over_sampler_seeds(seeds):
    """Captions c are planted: real clips are c + noise, samples c / 2 + noise of each seed."""
    rng, d, count = np.random.default_rng(15), 3, 512

    def draw(captions, real):
        made = [captions / 2 + normal(rng, count, d, 1.5) for _ in range(seeds)]
        (score,) = scores.measure(made, real, ["frechet"])
        return score.value, score.error.se

    def drawn():
        captions = normal(rng, count, d)
        return captions, captions + normal(rng, count, d)

    same = drawn()
    values, errors = np.transpose([draw(*drawn()) for _ in range(120)])
    by_seeds, _ = np.transpose([draw(*same) for _ in range(120)])
    said = np.sqrt((errors**2).mean())
    assert 0.95 < said / values.std(ddof=1) < 1.4
    assert 0.3 * said < by_seeds.std(ddof=1) < said
