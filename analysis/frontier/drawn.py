"""Lines to draw: a law's loss or best size along compute, with its 95 % interval if it has one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LossCurve:
    """Loss against compute."""

    flops: list[float]
    loss: list[float]
    low: list[float] | None = None
    high: list[float] | None = None


@dataclass(frozen=True)
class SizeCurve:
    """The best size against compute."""

    flops: list[float]
    size: list[float]
    low: list[float]
    high: list[float]


@dataclass(frozen=True)
class IsoflopCurve:
    """Loss against size at one compute."""

    size: list[float]
    loss: list[float]
