"""Validation windows that training has seen: the same motion of the same things.

A window of validation is held against every position in time of every training video, each in full
and without a margin of 5 % (a crop of the other). Of copies that were encoded again, cropped by 5 %
and shifted in time, the nearest latents (TAEF2's, less their mean over time) find none that what
moves on cells (`motion`) misses.

Time is linear in training frames, and of validation windows an index (`likeness`) tells the few
that one position is compared with; training is cut into work units. A window that reaches past the
frames that training has is like them in part alone, and may be missed.
"""

import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from vdit.data.video_folder import motion
from vdit.data.video_folder.ingest import Settings, Video
from vdit.data.video_folder.likeness import Index, Pairs, likeness
from vdit.data.video_folder.windows import span

CHUNK = 512  # positions compared at once
PAIRS = 4096  # pairs compared at once, 4 KB each
ALIKE = 0.945
# The first numbers of a vector tell its likeness r to others with an error of
# (1 - r^2) / sqrt(COARSE), 0.013 at `ALIKE`: a pair that is missed errs by seven times that.
MARGIN = 0.09
VECTORS = "vectors"


class Like(NamedTuple):
    """A window of validation, by its number, and the training video that is most like it."""

    window: int
    likeness: float
    name: str


class Found(NamedTuple):
    """Near-duplicates: (video, index of its window, training video that it is like), and how
    many validation windows there are, and stand still and were not compared."""

    pairs: list[tuple[Video, int, str]]
    windows: int
    still: int


def describe(videos: Iterable[Video], settings: Settings, folder: pathlib.Path) -> dict[str, Any]:
    """Writes the vectors of the validation windows that move to a folder; what `Held` takes."""
    places, count = [], 0
    with (folder / VECTORS).open("wb") as file:
        for video in (v for v in videos if v.split == "validation" and v.places):
            cells_NTVC = np.stack([motion.cells(clip) for clip in video.clips(settings)])
            moving = motion.moves(cells_NTVC)
            file.write(motion.projected(cells_NTVC[moving]).tobytes())
            places += [(video.index, index) for index in np.flatnonzero(moving).tolist()]
            count += len(moving)
    return {"places": places, "windows": count}


class Held:
    """The windows of validation that move, in order: their vectors are on disk, the first numbers
    of these in memory."""

    def __init__(self, folder: pathlib.Path, there: Mapping[str, Any]):
        self.places, self.windows = there["places"], there["windows"]
        shape = (len(self.places), len(motion.VIEWS), motion.PROJECTED)
        if not self.places:
            return
        self._vectors = np.memmap(folder / VECTORS, np.float32, "r", shape=shape)
        first_NVK = np.array(self._vectors[..., : motion.COARSE])
        self._indexes = [Index(view, ALIKE - MARGIN) for view in first_NVK.swapaxes(0, 1)]

    def compare(self, videos: Iterable[Video], settings: Settings) -> list[Like]:
        """Each window that videos of training among these are like, once."""
        return _most_alike(self._likes(videos, settings))

    def found(self, parts: Iterable[Iterable[Sequence]], videos: Iterable[Video]) -> Found:
        """What comes of all training videos, by what `compare` told of each part, in order."""
        best = _most_alike(Like(*row) for part in parts for row in part)
        wanted = {self.places[like.window][0] for like in best}
        there = {video.index: video for video in videos if video.index in wanted}
        places = ((self.places[like.window], like.name) for like in best)
        pairs = [(there[video], window, name) for (video, window), name in places]
        return Found(pairs, self.windows, self.windows - len(self.places))

    def _likes(self, videos: Iterable[Video], settings: Settings) -> Iterator[Like]:
        for video in videos if self.places else ():
            if video.split != "train" or not video.places:
                continue
            for cells_FVC, starts in _positions(video, settings):
                coarse_PVK = motion.coarse(cells_FVC, starts, settings.frames)
                for here, there, pairs in self._worth_a_look(coarse_PVK):
                    held = self._vectors[pairs[0], here]
                    which, back = np.unique(starts[pairs[1]], return_inverse=True)
                    windows = [cells_FVC[start : start + settings.frames] for start in which]
                    much = likeness(held, motion.projected(windows)[back, there])
                    for place in np.flatnonzero(much > ALIKE):
                        # of equal videos the first is named, however numbers were rounded
                        yield Like(int(pairs[0][place]), round(float(much[place]), 5), video.name)

    def _worth_a_look(self, coarse_PVK: np.ndarray) -> Iterator[tuple[int, int, Pairs]]:
        """Pairs (window, position), some at a time, and the two views, one of them in full."""
        for here, there in ((0, 0), (0, 1), (1, 0)):
            for windows, positions in self._indexes[here].pairs(coarse_PVK[:, there]):
                for first in range(0, len(windows), PAIRS):
                    some = slice(first, first + PAIRS)
                    yield here, there, (windows[some], positions[some])


def _most_alike(likes: Iterable[Like]) -> list[Like]:
    """Of each window the first of those that are most like it, in order of windows."""
    best: dict[int, Like] = {}
    for like in likes:
        if like.window not in best or like.likeness > best[like.window].likeness:
            best[like.window] = like
    return [best[window] for window in sorted(best)]


def _positions(video: Video, settings: Settings) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The cells of a training video (F, V, C), by chunks, and where a window can begin in each.

    Windows that follow on each other are joined; of windows that overlap each is a position.
    """
    clips, frames = video.clips(settings), settings.frames
    step = 1 if settings.hop >= span(frames, settings.stride) else frames
    corners: dict[tuple[int, int], list[np.ndarray]] = {}
    for (_, *corner), clip in zip(video.places, clips, strict=True):
        corners.setdefault(tuple(corner), []).append(motion.cells(clip))
    for windows in corners.values():
        cells_FVC = np.concatenate(windows)
        for first in range(0, len(cells_FVC) - frames + 1, CHUNK * step):
            part = cells_FVC[first : first + (CHUNK - 1) * step + frames]
            yield part, np.arange(0, len(part) - frames + 1, step)
