"""The index of near-duplicates finds what comparing all pairs finds, however training is cut."""

import numpy as np
import pytest

from vdit.data.video_folder import ingest, likeness, motion, near_duplicates
from vdit.data.video_folder.near_duplicates import Held

FRAMES, SIZE = 4, 16
SETTINGS = ingest.Settings(FRAMES, SIZE, SIZE, 1, FRAMES, False, 0.1, 0)


def all_pairs(here_NK, there_MK):
    """Likeness by its formula: (N, M)."""
    size = (here_NK**2).sum(1)[:, None] + (there_MK**2).sum(1)
    return 2 * here_NK @ there_MK.T / np.maximum(size, 1e-9)


@pytest.mark.parametrize("least", [0.5, 0.855])
def test_pairs_are_those_of_all_that_are_alike(least):
    """Planted at all distances about the bound, longer and shorter; with vectors of zeros."""
    rng = np.random.default_rng(0)
    axes = np.exp(-np.arange(64) / 12)
    here = rng.standard_normal((1000, 64)) * axes
    near = here[:600] + rng.uniform(0, 0.8, (600, 1)) * rng.standard_normal((600, 64)) * axes
    near *= np.exp(rng.normal(0, 0.4, (600, 1)))
    others = np.concatenate([near, rng.standard_normal((300, 64)) * axes, np.zeros((1, 64))])
    here, others = np.vstack([here, 0 * here[:1]]).astype(np.float32), others.astype(np.float32)
    expected = set(zip(*np.nonzero(all_pairs(here, others) > least), strict=True))
    found = [
        pair
        for part in likeness.Index(here, least).pairs(others)
        for pair in zip(*part, strict=True)
    ]
    assert len(expected) > 200
    assert len(found) == len(expected)
    assert set(found) == expected


@pytest.mark.parametrize(("count", "size"), [(300, 64), (1, 64), (0, 64), (40, 3), (40, 2)])
def test_few_equal_or_short_vectors_are_told_on_both_sides_of_the_bound(count, size):
    """Copies that are longer or turned, by a thousandth more and less than the bound takes."""
    rng, least = np.random.default_rng(0), 0.855
    here = 1e3 * rng.standard_normal((count, size)).round(2)
    longer = 1 / least + np.sqrt(1 / least**2 - 1)
    across = rng.standard_normal(here.shape)
    across -= here * (across * here).sum(1, keepdims=True) / (here**2).sum(1, keepdims=True)
    across *= (np.linalg.norm(here, axis=1) / np.linalg.norm(across, axis=1))[:, None]
    turn = [np.arccos(least) * share for share in (0.999, 1.001)]
    near = [here, here * longer * 0.999, np.cos(turn[0]) * here + np.sin(turn[0]) * across]
    far = [0 * here, here * longer * 1.001, np.cos(turn[1]) * here + np.sin(turn[1]) * across]
    others = np.concatenate([*near, *far]).astype(np.float32)
    here = np.concatenate([here, here, np.zeros((2, size))]).astype(np.float32)
    expected = all_pairs(here.astype(float), others.astype(float)) > least
    found = np.zeros_like(expected)
    for part in likeness.Index(here, least).pairs(others):
        assert not found[part].any()
        found[part] = True
    assert np.array_equal(found, expected)


@pytest.fixture
def videos(tmp_path):
    """Training: drifting fields, one of them twice. Validation: some of them later, fainter and
    noisy, and one that is new."""
    rng, steps = np.random.default_rng(1), np.arange(4 * FRAMES)[:, None, None, None]
    fields = rng.standard_normal((9, 2, 4, 4, 3)).repeat(4, 2).repeat(4, 3) * 40
    clear = [128 + np.sin(steps / 2) * one + np.cos(steps / 3) * other for one, other in fields]
    noise = [rng.uniform(0, 24) * rng.standard_normal(images.shape) for images in clear]
    train = [*clear[:8], clear[2]]
    held = [
        images[index:] + more[index:]
        for index, (images, more) in enumerate(zip(clear, noise, strict=True))
    ]
    made = []
    for split, group in (("train", train), ("validation", held)):
        for images in group:
            whole = np.clip(images[: len(images) // FRAMES * FRAMES], 0, 255).astype(np.uint8)
            name = f"{split}{len(made)}"
            (tmp_path / name).write_bytes(whole.tobytes())
            places = [(start, 0, 0) for start in range(0, len(whole), FRAMES)]
            made.append(ingest.Video(name, "", tmp_path / name, places=places, split=split))
            made[-1].index = len(made) - 1
    return made


def in_full(videos):
    """Near-duplicates by all pairs of vectors: {(video, window): training video}."""
    expected = {}
    positions = [(v.name, np.concatenate(v.clips(SETTINGS))) for v in videos if v.split == "train"]
    there = [
        (name, motion.projected([cells[s : s + FRAMES] for s in range(len(cells) - FRAMES + 1)]))
        for name, cells in ((name, motion.cells(images)) for name, images in positions)
    ]
    for video in (v for v in videos if v.split == "validation"):
        cells = np.stack([motion.cells(clip) for clip in video.clips(SETTINGS)])
        for window, here in enumerate(motion.projected(cells)):
            alike = {
                name: max(
                    all_pairs(here[[a]], vectors[:, b]).max() for a, b in ((0, 0), (0, 1), (1, 0))
                )
                for name, vectors in there
            }
            name = max(alike, key=lambda name: round(float(alike[name]), 5))
            if alike[name] > near_duplicates.ALIKE:
                expected[video.name, window] = name
    return expected


@pytest.mark.parametrize("unit", [1, 100])
def test_near_duplicates_are_those_of_all_pairs(videos, tmp_path, monkeypatch, unit):
    monkeypatch.setattr(near_duplicates, "CHUNK", 9)
    monkeypatch.setattr(near_duplicates, "PAIRS", 1)
    monkeypatch.setattr(likeness, "BLOCK", 16)
    held = Held(tmp_path, near_duplicates.describe(videos, SETTINGS, tmp_path))
    parts = [
        held.compare(videos[first : first + unit], SETTINGS)
        for first in range(0, len(videos), unit)
    ]
    found = held.found(parts, videos)
    expected = in_full(videos)
    assert 5 < len(expected) < found.windows - found.still
    assert {(video.name, window): name for video, window, name in found.pairs} == expected
