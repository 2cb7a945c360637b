"""Distances between sets: closed forms, planted sets, definitions written out, published values."""

import dataclasses
import itertools

import numpy as np
import pytest
import scipy.linalg

from vdit.errors import InputError
from vdit.evaluators.distances import copies, frechet, kernel, manifold, name, scores
from vdit.evaluators.distances.jackknife import jackknife


def normal(rng, count, size, scale=1.0, shift=0.0):
    return rng.normal(size=(count, size)) * scale + shift


def rooted(x, y):
    """The distance as it is usually written, with a matrix's square root."""
    one, other = np.cov(x.T), np.cov(y.T)
    cross = scipy.linalg.sqrtm(one @ other).real
    return ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(one + other - 2 * cross)


@pytest.mark.parametrize(("made", "real"), [(40, 30), (40, 6), (6, 40)])
def test_frechet_is_that_of_the_matrix_root(made, real):
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(9, 9))
    x, y = normal(rng, made, 9) @ mixing, normal(rng, real, 9, 2, 0.5)
    # The product of two singular covariances is defective, its root good to the root of rounding.
    assert frechet.distance(x, y) == pytest.approx(rooted(x, y), rel=1e-6)


def test_frechet_of_known_moments():
    """Sets with exact moments: whitened, then scaled. Commuting: sum (s1 - s2)^2 + |m1 - m2|^2."""
    rng, d = np.random.default_rng(1), 5
    x, y = (x - x.mean(0) for x in (normal(rng, 50, d), normal(rng, 20, d)))
    x, y = (x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T for x in (x, y))
    one, other, shift = np.arange(1.0, 6), np.arange(5.0, 0, -1), np.full(d, 3.0)
    expected = ((one - other) ** 2).sum() + 9 * d
    assert frechet.distance(x * one + shift, y * other) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("shape", [(2, 30), (30, 30), (200, 7)])
def test_frechet_of_equal_sets_is_zero_to_rounding(shape):
    x = normal(np.random.default_rng(2), *shape, shift=10)
    assert abs(frechet.distance(x, x[::-1])) < 1e-12 * (x**2).sum()


@pytest.mark.parametrize(("d", "made", "real"), [(4, 200, 200), (8, 400, 400), (4, 200, 800)])
def test_the_bias_of_white_sets(d, made, real):
    """(2 + (d + 1)/2) / N of the trace where both have N clips; half of it for each set's own."""
    rng = np.random.default_rng(3)
    found = [frechet.distance(normal(rng, made, d), normal(rng, real, d)) for _ in range(300)]
    expected = (1 + (d + 1) / 4) * (1 / made + 1 / real) * d
    assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / 300**0.5)
    said = [frechet.bias(normal(rng, made, d), normal(rng, real, d)) for _ in range(100)]
    assert np.mean(said) == pytest.approx(expected, abs=4 * np.std(said) / 100**0.5)


def test_the_bias_of_fewer_clips_than_features_and_of_sets_that_are_apart():
    """A spectrum that falls, 40 clips, 60 features: what is said is what equal sets have."""
    rng, scale = np.random.default_rng(4), 0.9 ** np.arange(60)
    pairs = [(normal(rng, 40, 60, scale), normal(rng, 40, 60, scale)) for _ in range(60)]
    found, said = np.mean([(frechet.distance(*p), frechet.bias(*p)) for p in pairs], axis=0)
    assert said == pytest.approx(found, rel=0.05)
    x, y = pairs[0]
    assert frechet.bias(x + 100, y) == pytest.approx(frechet.bias(x, y))


def coverage(truth, made, real, sets, statistic):
    """Share of planted sets whose 95 % interval holds the truth, mean value, and its error."""
    rng, found = np.random.default_rng(5), []
    for _ in range(sets):
        x, y = made(rng), real(rng)
        found.append(jackknife(lambda i, j, x=x, y=y: statistic(x[i], y[j]), len(x), len(y)))
    held = [low <= truth <= high for low, high in (e.interval() for e in found)]
    values = np.array([e.value for e in found])
    return np.mean(held), values.mean(), values.std() / sets**0.5


def test_the_limit_of_planted_sets_and_its_interval():
    """(1.5 - 1)^2 d + 1 between the distributions; the distance itself stands apart."""

    def made(rng):
        return normal(rng, 96, 4, 1.5, np.array([1, 0, 0, 0]))

    def real(rng):
        return normal(rng, 96, 4)

    held, mean, error = coverage(2.0, made, real, 100, frechet.limit)
    assert abs(mean - 2.0) < 4 * error
    assert 0.88 <= held <= 0.99
    rng = np.random.default_rng(6)
    raw = np.mean([frechet.distance(made(rng), real(rng)) for _ in range(200)])
    assert raw > 2.0 + 6 * error


def test_the_kernel_distance_is_zero_on_average_and_its_interval_holds():
    def draw(rng):
        return normal(rng, 48, 3, 1, 1)

    held, mean, error = coverage(0.0, draw, draw, 200, kernel.distance)
    assert abs(mean) < 4 * error
    assert held >= 0.93
    rng = np.random.default_rng(7)
    x = draw(rng)
    assert kernel.distance(x, x) < 0  # paired: no two draws
    signs = [kernel.distance(draw(rng), draw(rng)) < 0 for _ in range(100)]
    assert 0.3 < np.mean(signs) < 0.9


def test_the_interval_of_the_kernel_distance_where_sets_differ():
    """x of mean 1 in one feature: E (x x' + 1)^3 from moments 1, 2, 4; y is all zeros or so."""

    def made(rng):
        return normal(rng, 64, 1, 1, 1)

    def real(rng):
        return normal(rng, 64, 1)

    moments = ([1, 1, 2, 4], [1, 0, 1, 0])
    terms = [[a * b for a, b in zip(*pair, strict=True)]
             for pair in itertools.combinations_with_replacement(moments, 2)]  # fmt: skip
    xx, xy, yy = (np.dot([1, 3, 3, 1], t) for t in terms)
    held, mean, error = coverage(xx + yy - 2 * xy, made, real, 100, kernel.distance)
    assert abs(mean - (xx + yy - 2 * xy)) < 4 * error
    assert 0.88 <= held <= 0.99


def test_the_kernel_distance_by_its_definition():
    rng = np.random.default_rng(8)
    x, y = normal(rng, 5, 3), normal(rng, 4, 3)

    def mean(pairs):
        return np.mean([(a @ b / 3 + 1) ** 3 for a, b in pairs])

    own = [mean(itertools.permutations(z, 2)) for z in (x, y)]
    expected = sum(own) - 2 * mean(itertools.product(x, y))
    assert kernel.distance(x, y) == pytest.approx(expected)


def test_the_manifold_by_its_definition():
    rng, k = np.random.default_rng(9), 2
    x, y = normal(rng, 7, 2), normal(rng, 9, 2)

    def inside(point, clip, clips):
        return np.linalg.norm(point - clip) <= sorted(np.linalg.norm(clip - c) for c in clips)[k]

    found = manifold.distances(x, y).manifold(slice(None), slice(None), k)
    assert found.precision == np.mean([any(inside(p, c, y) for c in y) for p in x])
    assert found.recall == np.mean([any(inside(p, c, x) for c in x) for p in y])
    assert found.density == pytest.approx(sum(inside(p, c, y) for p in x for c in y) / (k * 7))
    assert found.coverage == np.mean([any(inside(p, c, y) for p in x) for c in y])
    rows, reference = np.array([0, 2, 3, 5]), np.array([1, 2, 4, 8, 7])
    alone = manifold.distances(x[rows], y[reference]).manifold(slice(None), slice(None), k)
    assert manifold.distances(x, y).manifold(rows, reference, k) == alone


def test_density_and_coverage_of_one_distribution():
    """Published: density is 1, coverage 1 - prod (M - i) / (M + N - i) over i up to k."""
    rng, every = np.random.default_rng(10), slice(None)
    found = np.array([
        manifold.distances(normal(rng, 60, 4), normal(rng, 40, 4)).manifold(every, every)
        for _ in range(200)
    ])  # fmt: skip
    errors, i = 4 * found.std(0) / 200**0.5, np.arange(1, manifold.NEIGHBOURS + 1)
    expected = 1 - np.prod((40 - i) / (60 + 40 - i))
    assert found[:, 2].mean() == pytest.approx(1, abs=errors[2])
    assert found[:, 3].mean() == pytest.approx(expected, abs=errors[3])


def test_two_clips_have_a_distance_and_its_bias_and_the_rest_is_withheld_with_a_word():
    rng, asked = np.random.default_rng(17), tuple(scores.METRICS)
    made, real = normal(rng, 2, 16), normal(rng, 2, 16)
    found = scores.measure([made], real, asked)
    assert [score.metric for score in found] == ["frechet", "frechet_bias", "kernel"]
    assert all(score.error is None and np.isfinite(score.value) for score in found)
    *shares, errors = scores.withheld(2, 2, 16, asked)
    assert shares[0] == "frechet_limit: withheld, 2 clips: expected at least 64"
    assert [line.split(":")[0] for line in shares[1:]] == list(manifold.Manifold._fields)
    assert errors == "no standard errors, 2 clips: expected at least 32"


def test_copies_are_found_also_of_clips_that_training_has_twice():
    rng = np.random.default_rng(11)
    training = normal(rng, 50, 20)
    training[40] = training[3]
    made = np.concatenate([training[[3, 7]] + 0.01, normal(rng, 30, 20)])
    ratios = copies.nearest_ratios(made, [training[:25], training[25:]])
    np.testing.assert_allclose(ratios, copies.nearest_ratios(made, [training]))
    distances = np.sort(np.linalg.norm(made[5] - np.unique(training, axis=0), axis=1))
    assert ratios[5] == pytest.approx(distances[0] / distances[1])
    np.testing.assert_array_equal(np.flatnonzero(copies.are_copies(ratios)), [0, 1])


NAME = name.Name("frechet", "image_means", "1a2b3c4d", 64, 32, "9x32x32", "bicubic224", "uint8",
                 "validation")  # fmt: skip


def test_a_name_is_a_column():
    text = "frechet__image_means__1a2b3c4d__n64_32__9x32x32__bicubic224__uint8__validation"
    coded = dataclasses.replace(NAME, subject="coded")
    assert [str(NAME), str(coded)] == [text, f"{text}_coded"]
    assert text.isidentifier()
    for wrong in ({"crop": "Bicubic224"}, {"split": "of_training"}):
        with pytest.raises(InputError, match="name"):
            dataclasses.replace(NAME, **wrong)
