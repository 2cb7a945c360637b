"""Walks through Freedoom's maps as a source of clips: endless, each clip found by its number."""

import functools
import hashlib
import importlib.metadata
import json
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from vdit.data.doom import maps
from vdit.data.doom.engine import Engine, Frame, engine_of, import_vizdoom
from vdit.data.doom.walks import BEFORE, TICS, Walk, draw_walk, was_free
from vdit.data.scenes import TRIES, Random
from vdit.data.video_folder.windows import crop_resize
from vdit.data.world_options import SPLITS, check_clips
from vdit.errors import InputError

VERSION = 1  # Raise when the same options give other clips: it is part of every fingerprint.
KEPT_BYTES = 512 << 20  # of clips: to see one again costs nothing where all of them fit
MAPS = 10  # that are tried for a walk: of 16,384 one found no place in its first
NEAR = 9  # steps of depth, about 65 map units: nearer than the middle of a view, it is of a wall


class Doom:
    """Source of clips: the player walks and turns in a random place of a random map.

    doom[i] -> {"video": uint8 (T, H, W, 3), "depth": uint8 (T, H, W), "actions": float32 (T, 3)
    as `Walk` has them, "caption": str, "recording": the map, as clips of one map are not
    independent, "index": i}. Clip i depends on the seed, the split, i, the size and the version of
    ViZDoom, not on what was asked for before. Each fifth map is of the validation split. Raises
    `InputError` for options that make no clip, and where ViZDoom is not installed.
    """

    name = "doom"

    def __init__(
        self,
        length: int,
        split: str = "train",
        seed: int = 0,
        num_frames: int = 9,
        height: int = 32,
        width: int = 32,
    ):
        self._length, self._split, self._seed = length, split, seed
        self._shape = (num_frames, height, width)
        check_clips(length, split, seed, self._shape, source=self.name)
        self._maps = maps.maps_of(split, pathlib.Path(import_vizdoom().root_path))
        clip_bytes = num_frames * height * width * 4  # red, green, blue, depth
        self._clip = functools.lru_cache(max(1, KEPT_BYTES // clip_bytes))(self._render)

    @property
    def fingerprint(self) -> str:
        """Identity of the content: 12 hex digits."""
        version = importlib.metadata.version("vizdoom")
        options = [self._length, self._split, self._seed, self._shape]
        text = json.dumps([VERSION, version, *options])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not 0 <= index < self._length:
            raise IndexError(f"clip {index}: the {self._split} split has {self._length}")
        return dict(self._clip(int(index)))

    def captions(self) -> list[str]:
        """Of every clip; nothing is rendered."""
        return [self._drawn(index)[-1].caption for index in range(self._length)]

    def _drawn(self, index: int) -> tuple[Random, maps.Map, Walk]:
        """The map and the walk, before a place can be refused: each is as likely as it was drawn;
        and what places are drawn by."""
        random = Random(self._seed, SPLITS.index(self._split), index)
        return random, random.choice(self._maps), draw_walk(random, self._shape[0])

    def _render(self, index: int) -> dict[str, Any]:
        random, chosen, walk = self._drawn(index)
        for _ in range(MAPS):
            engine = engine_of(chosen.wad)
            with engine.lock:
                frames = self._find(random, chosen, walk, engine)
            if frames:
                return self._item(frames, walk) | {
                    "caption": walk.caption,
                    "recording": f"{chosen.wad}/{chosen.name}",
                    "index": index,
                }
            chosen = random.choice(self._maps)
        raise InputError(f"doom: {walk.caption!r} found no place in {MAPS} maps")

    def _find(self, random: Random, chosen: maps.Map, walk: Walk, engine: Engine) -> list[Frame]:
        """The frames of the walk from the first place of the map where it is worth seeing; [] where
        the map is too narrow for it."""
        engine.begin(chosen.name)
        for _ in range(TRIES):
            place, angle = random.choice(chosen.places), random.uniform(0, 360)
            steps = engine.walk(place, angle, walk.actions, TICS, BEFORE)
            frames = list(kept(steps, walk))
            if len(frames) == len(walk.actions):
                return frames
            if engine.has_ended:
                engine.begin(chosen.name)
        return []

    def _item(self, frames: list[Frame], walk: Walk) -> dict[str, np.ndarray]:
        size = self._shape[1:]
        depth = [crop_resize(frame.depth_HW[..., None], size)[..., 0] for frame in frames]
        return {
            "video": np.stack([crop_resize(frame.screen_HWC, size) for frame in frames]),
            "depth": np.stack(depth),
            "actions": walk.actions,
        }


def kept(frames: Iterable[Frame], walk: Walk) -> Iterator[Frame]:
    """The frames up to the first that is blocked, of little more than a wall, or inverted."""
    before = None
    for frame, action in zip(frames, walk.actions, strict=False):
        blocked = before is not None and not was_free(before.pose, frame.pose, action)
        if blocked or is_close_up(frame.depth_HW) or is_inverted(frame.screen_HWC):
            return
        yield frame
        before = frame


def is_close_up(depth_HW: np.ndarray) -> bool:
    """Whether most of what is seen is near."""
    return bool((depth_HW < NEAR).mean() > 0.5)


def is_inverted(screen_HWC: np.ndarray) -> bool:
    """Whether all is grey: so the world looks, its colours inverted, to who has walked over an
    invulnerability sphere. (Views of grey stone alone go with them.)"""
    return bool((screen_HWC[..., 1:] == screen_HWC[..., :1]).all())
