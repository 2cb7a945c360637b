"""Flat shapes drawn by their signed distance: the same bytes on every machine.

Only + - * / sqrt and comparisons are used, element by element: IEEE 754 rounds those alike
everywhere, which holds neither for sin and pow nor for sums of floats.
"""

import math
from collections.abc import Sequence

import numpy as np

Box = tuple[float, float, float, float]  # left, top, right, bottom
Colour = tuple[int, int, int]

BACKGROUND = (24, 24, 32)
GREY = (128, 128, 128)
COLOURS = {
    "red": (230, 50, 50),
    "green": (50, 200, 70),
    "blue": (60, 90, 240),
    "yellow": (240, 210, 50),
    "purple": (200, 70, 220),
    "cyan": (60, 210, 220),
}

# Every shape of radius r has the area of a disc of radius r, and its centroid at (0, 0).
HALF_SIDE = math.sqrt(math.pi) / 2  # square
INRADIUS = math.sqrt(math.pi / (3 * math.sqrt(3)))  # equilateral triangle, one corner up
HALF_ROOT_3 = math.sqrt(3) / 2

# Distances from the centroid to the left, right, upper and lower edge, in units of r.
REACH = {
    "circle": (1.0, 1.0, 1.0, 1.0),
    "square": (HALF_SIDE,) * 4,
    "triangle": (INRADIUS * 2 * HALF_ROOT_3,) * 2 + (INRADIUS * 2, INRADIUS),
}
# Radius of the disc around the shape, in units of r.
HULL = {"circle": 1.0, "square": HALF_SIDE * math.sqrt(2), "triangle": INRADIUS * 2}
SHAPES = tuple(REACH)


def distance(
    shape: str, dx: np.ndarray, dy: np.ndarray, radius: np.float32 | np.ndarray
) -> np.ndarray:
    """Signed distance in px to the outline, negative inside; corners sharp (max of half-planes)."""
    if shape == "circle":
        return np.sqrt(dx * dx + dy * dy) - radius
    if shape == "square":
        return np.maximum(np.abs(dx), np.abs(dy)) - radius * np.float32(HALF_SIDE)
    slope = np.abs(dx) * np.float32(HALF_ROOT_3) - dy * np.float32(0.5)
    return np.maximum(slope, dy) - radius * np.float32(INRADIUS)


def coverage(
    shape: str,
    x_T: np.ndarray,
    y_T: np.ndarray,
    radius: float | np.ndarray,
    height: int,
    width: int,
) -> np.ndarray:
    """Share of each pixel that a shape covers, (T, H, W) float32; centres in px, y down.

    Pixel i spans [i, i + 1]. `radius` is a number or (T,).
    """
    dx = np.arange(width, dtype=np.float32) + np.float32(0.5) - np.float32(x_T)[:, None]
    dy = np.arange(height, dtype=np.float32) + np.float32(0.5) - np.float32(y_T)[:, None]
    radius = np.float32(radius)
    radius = radius[:, None, None] if radius.ndim else radius
    inside = np.float32(0.5) - distance(shape, dx[:, None, :], dy[:, :, None], radius)
    return np.minimum(np.maximum(inside, np.float32(0)), np.float32(1))


def box_coverage(box: Box, height: int, width: int) -> np.ndarray:
    """Share of each pixel that an upright box covers, (H, W) float32."""
    left, top, right, bottom = (np.float32(edge) for edge in box)
    column = np.arange(width, dtype=np.float32)
    row = np.arange(height, dtype=np.float32)
    across = np.minimum(column + 1, right) - np.maximum(column, left)
    down = np.minimum(row + 1, bottom) - np.maximum(row, top)
    return np.maximum(down, 0)[:, None] * np.maximum(across, 0)


def paint(
    layers: Sequence[tuple[np.ndarray, Colour]], num_frames: int, height: int, width: int
) -> np.ndarray:
    """uint8 (T, H, W, 3) of `layers` [(coverage, colour)], the last one in front."""
    planes = np.empty((3, num_frames, height, width), np.float32)
    for plane, level in zip(planes, BACKGROUND, strict=True):
        plane[:] = level
    for cover, colour in layers:
        for plane, level in zip(planes, colour, strict=True):
            plane += cover * (np.float32(level) - plane)
    planes += np.float32(0.5)
    video = np.empty((num_frames, height, width, 3), np.uint8)
    for channel, plane in enumerate(planes):
        video[..., channel] = plane
    return video


def share_seen(cover_THW: np.ndarray, front_HW: np.ndarray) -> np.ndarray:
    """Share (T,) of a shape that is not behind `front_HW`; sums of integers, hence exact."""
    area = (cover_THW * np.float32(256)).astype(np.int64).sum((1, 2))
    seen = (cover_THW * (1 - front_HW) * np.float32(256)).astype(np.int64).sum((1, 2))
    return seen / area
