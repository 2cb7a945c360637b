"""Levels and colours as they were coded, and animations: what is read, and what is written."""

import av
import numpy as np
import pytest
from PIL import Image

from tests import awkward
from tests.awkward import frames, notes
from tests.clips import SHARED, real
from vdit.data import media
from vdit.data.video_folder import hdr


def error(path, expected):
    """(Mean of the error, of its magnitude) of the first frame, in levels."""
    off = frames(path)[0] - expected
    return abs(off.mean()), np.abs(off).mean()


def coded(pixels, bits, seed=0):
    """Planes of smooth luma and flat chroma, and their RGB by BT.601's definition."""
    y, x = np.mgrid[:48, :64]
    luma = np.rint((120 + 50 * np.sin(x / 9 + y / 7)) * 2 ** (bits - 8))
    small = (24, 32) if "420" in pixels else (48, 64)
    dtype = np.uint16 if bits > 8 else np.uint8
    planes = [luma, *(np.full(small, v * 2 ** (bits - 8)) for v in (110, 150))]
    value, b, r = luma / 2 ** (bits - 8) - 16, (110 - 128) / 224, (150 - 128) / 224
    red, blue = value / 219 + 1.402 * r, value / 219 + 1.772 * b
    green = (value / 219 - 0.299 * red - 0.114 * blue) / 0.587
    frame = awkward.frame_of(pixels, [plane.astype(dtype) for plane in planes])
    return frame, 255 * np.stack([red, green, blue], -1)


@pytest.mark.parametrize(("pixels", "bits"), [("yuv420p", 8), ("yuv420p10le", 10), ("yuv444p", 8)])
def test_colours_are_rounded_and_not_cut(tmp_path, pixels, bits):
    frame, expected = coded(pixels, bits)
    path = awkward.encoded(tmp_path / "v.mkv", [frame], "ffv1", pixels)
    mean, magnitude = error(path, expected)
    assert mean < 0.05
    assert magnitude < 0.26  # of rounding alone, 0.25


@pytest.mark.parametrize(
    ("pixels", "bits"), [("gray", 8), ("gray10le", 10), ("gray16le", 16), ("gbrp10le", 10)]
)
def test_more_than_eight_bits_are_rounded(tmp_path, pixels, bits):
    rng, count = np.random.default_rng(0), 3 if pixels.startswith("gbr") else 1
    dtype = np.uint8 if bits == 8 else np.uint16
    planes = [rng.integers(0, 2**bits, (48, 64)).astype(dtype) for _ in range(count)]
    frame = awkward.frame_of(pixels, planes)
    path = awkward.encoded(tmp_path / "v.mkv", [frame], "ffv1", pixels)
    red_first = np.stack([planes[i] for i in ((2, 0, 1) if count == 3 else (0, 0, 0))], -1)
    mean, magnitude = error(path, red_first * (255.0 / (2**bits - 1)))
    assert mean < 0.05
    assert magnitude < 0.26


def test_alpha_is_on_black_and_said(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (48, 64, 4)).astype(np.uint8)
    frame = awkward.frame_of("bgra", [values])
    path = awkward.encoded(tmp_path / "v.mkv", [frame], "ffv1", "bgra")
    expected = np.rint(values[..., 2::-1] * (values[..., 3:] / 255.0))
    assert np.abs(frames(path)[0] - expected).max() <= 1
    assert notes(path) == ["alpha: on black"]


@pytest.mark.parametrize(
    ("size", "red", "said"),
    [
        ((360, 640), (254, 0, 0), []),
        ((720, 1280), (255, 24, 0), ["HD without colour tags: read as BT.709"]),
    ],
)
def test_colours_without_tags_are_by_size(tmp_path, size, red, said):
    """Y'CbCr (81, 90, 240) by the inverse matrices of BT.601 and BT.709."""
    planes = [np.full(size, 81), *(np.full((size[0] // 2, size[1] // 2), v) for v in (90, 240))]
    frame = awkward.frame_of("yuv420p", [plane.astype(np.uint8) for plane in planes])
    path = awkward.encoded(tmp_path / "v.mp4", [frame])
    assert np.abs(frames(path)[0][9, 9].astype(int) - red).max() <= 1
    assert notes(path) == said


def test_transfers_are_those_of_bt_2100():
    """BT.2408, table 1: graphics white, 203 cd/m², is 58 % of PQ and 75 % of HLG."""
    assert hdr.pq(np.array(0.58)) == pytest.approx(203, rel=0.02)
    assert hdr.hlg(np.full(3, 0.75)) == pytest.approx([203] * 3, rel=0.02)
    assert hdr.pq(np.array([0.0, 1.0])) == pytest.approx([0, 10000])
    assert hdr.hlg(np.array([[0.0] * 3, [1.0] * 3]))[:, 0] == pytest.approx([0, 1000], rel=1e-3)


@real
def test_hdr_is_tone_mapped_and_said():
    path = SHARED / "awkward" / "hdr_hlg_10bit.mp4"
    red = frames(path)[0, 9, 9].astype(int)
    assert np.abs(red - [139, 11, 13]).max() <= 15  # by another curve; 154, 63, 37 without one
    assert notes(path) == ["HDR (HLG): tone-mapped to BT.709"]


@real
def test_interlaced_pictures_have_no_combs_left():
    path = SHARED / "ingest" / "interlaced_mpeg2.mpg"
    with av.open(str(path)) as video:
        raw = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]

    def combs(images):  # rows that differ from both neighbours and not the neighbours from another
        rows = np.float32(images)
        return np.abs(rows[:, 1:-1] - (rows[:, :-2] + rows[:, 2:]) / 2).mean()

    assert combs(frames(path)) < combs(raw)
    assert notes(path) == ["interlaced: deinterlaced (bwdif)"]


@pytest.mark.parametrize("fps", [8, 24, 29.97])
@pytest.mark.parametrize("suffix", [".webp", ".gif"])
def test_what_is_written_comes_back_frame_for_frame(tmp_path, suffix, fps):
    """Frames that are equal are merged by the writers of both formats."""
    for lasts in ([6, 6, 6, 6], [1, 3, 1, 7]):
        path = awkward.animation(tmp_path / f"v{suffix}", lasts, fps)
        expected = np.repeat(range(4), lasts).tolist()
        assert awkward.numbers(frames(path)) == expected


@real
def test_samples_from_before_files_said_their_rate():
    assert len(media.read_video(SHARED / "awkward" / "held_24_frames.webp", (32, 32))) == 24


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".avif"])
def test_durations_of_others_animations_are_honoured(tmp_path, suffix):
    pictures = [Image.fromarray(frame) for frame in awkward.counted(4)]
    lasts = [40, 40, 120, 80]
    pictures[0].save(
        tmp_path / f"v{suffix}", save_all=True, append_images=pictures[1:], duration=lasts
    )
    found = awkward.numbers(frames(tmp_path / f"v{suffix}"))
    assert found == [0, 1, 2, 2, 2, 3, 3]


@pytest.mark.parametrize("size", [(96, 128), (80, 1280)])
def test_ten_generations_neither_darken_nor_tint(tmp_path, size):
    """A clip that goes on from its own file; what its tags say is how it was converted."""
    y, x = np.mgrid[: size[0], : size[1]]
    image = np.stack([127 + 60 * np.sin(x / 37), 120 + 50 * np.cos(y / 31), 0 * x + 90], -1)
    first = now = np.rint(image).astype(np.uint8)[None].repeat(2, 0)
    for _ in range(10):
        media.write_video(tmp_path / "v.mp4", now)
        now = media.read_video(tmp_path / "v.mp4", size)
    assert np.abs((now - first.astype(float)).mean((0, 1, 2))).max() < 0.1
    assert notes(tmp_path / "v.mp4") == []
