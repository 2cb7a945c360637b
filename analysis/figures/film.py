"""Videos as strips of their frames, one below another."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from analysis.figures import style

WIDTH, GAP = 7.2, 0.04  # inches of the figure, and of a frame's width between two


def film(caption: str, videos: Mapping[str, np.ndarray], palette: style.Palette) -> Figure:
    """A row for each video uint8 (T, H, W, 3), its name to the left, the caption above them."""
    _, height, width = max(video.shape[:3] for video in videos.values())
    frames = max(len(video) for video in videos.values())
    row = 0.92 * WIDTH * height / (frames * width * (1 + GAP))
    size = (WIDTH, 0.6 + len(videos) * (row + 0.06))
    drawn, axes = style.figure(size, palette, rows=len(videos), squeeze=False)
    drawn.get_layout_engine().set(w_pad=0.08)
    drawn.suptitle(f"“{caption}”", color=palette.ink, fontsize=10)
    _say_what_is_along(drawn, palette)
    for ax, (name, video) in zip(axes[:, 0], videos.items(), strict=True):
        ax.imshow(_strip(video), interpolation="nearest")
        ax.set_xlim(-0.5, frames * width * (1 + GAP) - 0.5)
        ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=11, color=palette.ink)
        ax.grid(False)
        ax.set_xticks([], [])
        ax.set_yticks([], [])
        for spine in ax.spines.values():
            spine.set_visible(False)
    return drawn


def _say_what_is_along(drawn: Figure, palette: style.Palette) -> None:
    """Down the rows compute, along them time: a picture is shown without the text about it."""
    words = {"fontsize": 9, "color": palette.muted}
    drawn.supxlabel("frames, one after another →", **words)
    drawn.supylabel("training compute", **words)


def _strip(video):
    """RGBA (H, T (W + gap), 4), clear between frames."""
    gap = round(GAP * video.shape[2])
    opaque = np.concatenate([video, np.full_like(video[..., :1], 255)], -1)
    return np.concatenate(list(np.pad(opaque, ((0, 0), (0, 0), (0, gap), (0, 0)))), 1)
