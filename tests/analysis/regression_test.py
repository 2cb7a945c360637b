"""The regression is least squares where noise is plain, and holds where it is not."""

import numpy as np
import pytest
from scipy import stats

from analysis.engine import regression, student

ROWS = 40
X = np.stack([np.ones(ROWS), np.linspace(-1, 1, ROWS)], axis=1)
ALONG = np.linspace(-0.5, 0.5, ROWS)
TRUTH = np.array([1.0, 2.0])


def test_without_outliers_or_trend_it_is_least_squares(monkeypatch):
    monkeypatch.setattr(regression, "BEND", 1e3)
    y = X @ TRUTH + 0.1 * np.random.default_rng(0).standard_normal(ROWS)
    found = regression.fit(X, y, np.zeros(ROWS))
    expected, rss, *_ = np.linalg.lstsq(X, y, rcond=None)
    np.testing.assert_allclose(found.coefficients, expected, rtol=1e-9)
    covariance = rss[0] / (ROWS - 2) * np.linalg.inv(X.T @ X)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-9, atol=1e-15)
    assert found.df == pytest.approx(ROWS - 2)
    assert found.freedom(X[:1]) == pytest.approx(ROWS - 2)


def test_an_outlier_hardly_moves_it():
    y = X @ TRUTH + 0.01 * np.random.default_rng(1).standard_normal(ROWS)
    y[-1] += 5.0
    found = regression.fit(X, y, ALONG)
    assert found.coefficients == pytest.approx(TRUTH, abs=0.02)
    assert abs(np.linalg.lstsq(X, y, rcond=None)[0] - TRUTH).max() > 0.2
    assert found.sd < 0.03


def test_noise_that_grows_is_seen_and_weighs():
    trends, ends = [], []
    for seed in range(60):
        noise = 0.01 * np.exp(1.2 * ALONG) * np.random.default_rng(seed).standard_normal(ROWS)
        found = regression.fit(X, X @ TRUTH + noise, ALONG)
        trends.append(found.trend)
        ends.append(found.noise(np.array([-0.5, 0.5])))
    assert np.mean(trends) == pytest.approx(2.4, abs=0.5)  # of log variance
    low, high = np.exp(np.log(ends).mean(0))
    assert high / low == pytest.approx(np.exp(1.2), rel=0.3)


@pytest.mark.parametrize("kind", ["plain", "grows", "tails"])
def test_intervals_hold_the_truth_as_often_as_they_say(kind):
    rng, held, row = np.random.default_rng(2), 0, np.array([[1.0, 1.0]])
    for _ in range(400):
        noise = rng.standard_t(3, ROWS) if kind == "tails" else rng.standard_normal(ROWS)
        noise *= np.exp(1.2 * ALONG) if kind == "grows" else 1.0
        found = regression.fit(X, X @ TRUTH + noise, ALONG)
        half = student.quantile(found.freedom(row)[0])
        half *= np.sqrt((row @ found.covariance @ row.T)[0, 0])
        held += abs(row[0] @ (found.coefficients - TRUTH)) < half
    assert 0.91 <= held / 400 <= 0.985


def test_a_mixture_of_one_is_students_t():
    found = student.single(2.0, 0.5, 7.0)
    assert found.interval() == pytest.approx(stats.t.interval(0.95, 7, 2.0, 0.5), rel=1e-9)
    assert found.log_density(2.3) == pytest.approx(stats.t.logpdf(2.3, 7, 2.0, 0.5))
    assert student.quantile(7.0) == pytest.approx(stats.t.ppf(0.975, 7))


def test_a_stack_holds_the_disagreement_of_its_parts():
    apart = student.stack([0.5, 0.5], [student.single(m, 0.1, 50.0) for m in (0.0, 10.0)])
    low, high = apart.interval()
    assert low < 0.0 < 10.0 < high
    assert apart.below(5.0) == pytest.approx(0.5)
    drawn = apart.draws(4000, np.random.default_rng(0))
    assert (drawn < 5).mean() == pytest.approx(0.5, abs=0.03)
