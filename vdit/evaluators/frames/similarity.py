"""How near predicted frames are to what came: PSNR and SSIM, a value for each frame."""

import numpy as np

from vdit.errors import InputError

PEAK = 255.0
SIGMA, RADIUS = 1.5, 5  # of SSIM's Gaussian window
LEAST = 2 * RADIUS + 1  # px, its side
K1, K2 = 0.01, 0.03


def psnr(made: np.ndarray, real: np.ndarray) -> np.ndarray:
    """(B, T) peak signal-to-noise ratio in dB of uint8 videos (B, T, H, W, 3): 10 log10(255^2/MSE)
    of each frame, infinite for equal ones."""
    square = (made.astype(np.float32) - real.astype(np.float32)) ** 2
    with np.errstate(divide="ignore"):
        return 10 * np.log10(PEAK**2 / square.mean((2, 3, 4), dtype=np.float64))


def ssim(made: np.ndarray, real: np.ndarray) -> np.ndarray:
    """(B, T) structural similarity (Wang et al., 2004) of uint8 videos (B, T, H, W, 3).

    As scikit-image has it with gaussian_weights=True, use_sample_covariance=False: the mean over
    channels and over the windows that lie within the frame. `InputError` where none does.
    """
    if min(made.shape[2:4]) < LEAST:
        raise InputError(f"frames of {made.shape[2:4]}: SSIM expects {LEAST} px a side or more")
    pairs = zip(made, real, strict=True)
    return np.stack([_ssim(x.astype(np.float64), y.astype(np.float64)) for x, y in pairs])


def _ssim(x_THWC: np.ndarray, y_THWC: np.ndarray) -> np.ndarray:
    mean_x, mean_y = _window(x_THWC), _window(y_THWC)
    variance_x = _window(x_THWC**2) - mean_x**2
    variance_y = _window(y_THWC**2) - mean_y**2
    covariance = _window(x_THWC * y_THWC) - mean_x * mean_y
    c1, c2 = (K1 * PEAK) ** 2, (K2 * PEAK) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return (luminance * (2 * covariance + c2) / (variance_x + variance_y + c2)).mean((1, 2, 3))


def _window(x_THWC: np.ndarray) -> np.ndarray:
    """Gaussian means about the pixels whose window lies within the frame."""
    from scipy import ndimage

    means = ndimage.gaussian_filter(x_THWC, SIGMA, radius=RADIUS, axes=(1, 2))
    return means[:, RADIUS:-RADIUS, RADIUS:-RADIUS]
