"""High dynamic range to standard: BT.2100's transfer functions, one curve, BT.709.

Frames are small by then: they were averaged over areas as they are coded.
"""

import numpy as np

SMPTE2084, ARIB_STD_B67 = 16, 18  # FFmpeg's numbers of the transfers, as H.273 has them
TRANSFERS = {SMPTE2084: "PQ", ARIB_STD_B67: "HLG"}
FORMAT = "yuv444p16le"  # what `tone_mapped` takes
WHITE, PEAK = 203.0, 1000.0  # cd/m²: graphics white (BT.2408), HLG's nominal and PQ's usual peak
LUMA_2020 = np.array([0.2627, 0.6780, 0.0593])
TO_709 = np.array(  # linear light, BT.2020 to BT.709 (BT.2087, 2.3)
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)


def tone_mapped(yuv_HWC: np.ndarray, transfer: int, full_range: bool) -> np.ndarray:
    """uint8 RGB (H, W, 3) of BT.2020 Y'CbCr in 16 bits, (H, W, 3), coded by PQ or HLG.

    Light relative to graphics white passes the extended curve of Reinhard et al. (2002), eq. 4,
    on the largest channel, so that no hue turns and the peak is white.
    """
    signal = np.clip(_rgb(yuv_HWC, full_range), 0, 1)
    light = pq(signal) if transfer == SMPTE2084 else hlg(signal)
    relative = np.clip(light, 0, PEAK) / WHITE @ TO_709.T
    largest = relative.max(-1, keepdims=True).clip(0)
    mapped = relative * (1 + largest / (PEAK / WHITE) ** 2) / (1 + largest)
    return np.rint(255 * bt709(np.clip(mapped, 0, 1))).astype(np.uint8)


def pq(signal: np.ndarray) -> np.ndarray:
    """Light in cd/m² of a signal in [0, 1]: PQ's EOTF (BT.2100, table 4)."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    power = signal ** (1 / m2)
    return 10000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def hlg(signal: np.ndarray) -> np.ndarray:
    """Light in cd/m² of a signal (..., 3) in [0, 1]: HLG's EOTF at `PEAK` (BT.2100, table 5)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    luminance = scene @ LUMA_2020
    return PEAK * luminance[..., None] ** 0.2 * scene


def bt709(light: np.ndarray) -> np.ndarray:
    """The signal in [0, 1] of linear light: BT.709's OETF."""
    return np.where(light < 0.018, 4.5 * light, 1.099 * light**0.45 - 0.099)


def _rgb(yuv_HWC: np.ndarray, full_range: bool) -> np.ndarray:
    """R'G'B' (H, W, 3) of Y'CbCr (BT.2100, tables 6 and 9), counted in levels of 8 bits."""
    luma, *chroma = np.moveaxis(yuv_HWC / 256, -1, 0)
    luma = luma / 255 if full_range else (luma - 16) / 219
    blue, red = ((plane - 128) / (255 if full_range else 224) for plane in chroma)
    r, b = luma + 2 * (1 - LUMA_2020[0]) * red, luma + 2 * (1 - LUMA_2020[2]) * blue
    return np.stack([r, (luma - LUMA_2020[0] * r - LUMA_2020[2] * b) / LUMA_2020[1], b], -1)
