"""Frames cut in space and time."""

import numpy as np
import pytest

from tests.clips import noise, read, run, write_video
from vdit.data.video_folder import windows


def test_resize_averages_the_area_each_pixel_covers():
    image = np.zeros((6, 8, 3), np.uint8)
    image[:, 1:7] = np.arange(108).reshape(6, 6, 3)
    blocks = image[:, 1:7].reshape(2, 3, 2, 3, 3).mean((1, 3))
    assert np.array_equal(windows.crop_resize(image, (2, 2)), np.rint(blocks))
    row = np.array([[10, 20, 40]], np.uint8)[..., None].repeat(3, -1).repeat(3, 0)
    # Two pixels out of three: each is one pixel and half of the middle one.
    expected = [np.rint((10 + 20 / 2) / 1.5), np.rint((20 / 2 + 40) / 1.5)]
    assert windows.crop_resize(row, (2, 2))[0, :, 0].tolist() == expected
    same = noise(1, (5, 7, 3))[0]
    assert np.array_equal(windows.crop_resize(same, (5, 7)), same)
    assert np.array_equal(windows.crop_resize(same, (5, 4)), same[:, 1:5])


@pytest.mark.parametrize(("source", "target"), [(53, 49), (112, 100), (218, 200)])
def test_a_scale_that_is_rounded_leaves_no_pixel_out(source, target):
    """target x scale is a rounding error above the source here."""
    assert target * (source / target) > source
    crop, weights = windows.area_weights(source, target, source / target)
    assert crop == slice(0, source)
    np.testing.assert_allclose(weights.sum(0), target / source, rtol=1e-5)


@pytest.mark.parametrize(("count", "stride", "hop"), [(3, 1, 3), (3, 2, 5), (4, 3, 2), (1, 1, 1)])
def test_windows_step_evenly_and_are_whole(count, stride, hop):
    cut = list(windows.windows(iter(np.arange(23)[:, None]), count, stride, hop))
    starts = [s for s in range(0, 23, hop) if s + (count - 1) * stride < 23]
    assert sorted(start for start, _ in cut) == starts
    for start, clip in cut:
        assert clip[:, 0].tolist() == [start + k * stride for k in range(count)]


def test_tiles_are_native_pixels_without_overlap(tmp_path):
    root = tmp_path / "videos"
    root.mkdir()
    sources = {f"{name}.mkv": noise(4, (21, 34), seed) for seed, name in enumerate("ab")}
    for name, images in sources.items():
        write_video(root / name, images)
    run(
        root,
        tmp_path / "out",
        "--tile",
        frames=2,
        size="8x16",
    )
    rows = read(tmp_path / "out")
    assert {split: len(part) for split, part in rows.items()} == {"train": 8, "validation": 8}
    for row in rows["train"] + rows["validation"]:
        (top, left), start = row["corner"], row["start"]
        grey = np.stack(sources[row["video_id"].decode()])
        expected = grey[start : start + 2, top : top + 8, left : left + 16]
        assert np.array_equal(row["video"], expected[..., None].repeat(3, -1))
    corners = {tuple(row["corner"].tolist()) for row in rows["train"]}
    assert corners == {(2, 1), (2, 17), (10, 1), (10, 17)}
