"""Walks: what is done between frames, what a caption says of it, and whether it came to that."""

from typing import NamedTuple

import numpy as np

from vdit.data.scenes import Random

# (forward, right) as the engine takes them; a unit is a third of a map unit a tic once friction
# (29/32 of the speed is kept each tic, 1/32 map unit is added) holds it.
MOVES = {
    "": (0, 0),
    "moves forward": (25, 0),
    "moves backward": (-25, 0),
    "moves left": (0, -24),
    "moves right": (0, 24),
}
UNITS, FULL = 1 / 3, 25 / 3  # map units a tic
TURNS = {"": 0, "turns left": -2, "turns right": 2}  # degrees a tic, clockwise
TICS = 4  # of 35 a second, between two frames
BEFORE = 12  # tics of the first action that are not seen: it has two thirds of its speed by then


class Walk(NamedTuple):
    """Row t of `actions` (T, 3) leads to frame t: forward, right, degrees clockwise, each tic."""

    actions: np.ndarray
    caption: str


def draw_walk(random: Random, frames: int) -> Walk:
    """One way of moving, and up to two of turning, the second from a middle frame on."""
    move = random.choice(list(MOVES))
    turns = list(TURNS) if move else [turn for turn in TURNS if turn]
    first, second = random.choice(turns), random.choice(turns)
    change = frames // 3 + int(random.uniform() * (frames // 3)) + 1
    done = [first] * change + [second] * (frames - change)
    actions = np.array([(*MOVES[move], TURNS[turn]) for turn in done], np.float32)
    phrases = (" and ".join(filter(None, (move, turn))) for turn in done)
    return Walk(actions, ", then ".join(dict.fromkeys(phrases)))


def was_free(before: np.ndarray, after: np.ndarray, action: np.ndarray) -> bool:
    """Whether a step from pose to pose is one on free ground: no wall, teleporter or moving floor.

    It is within half of a full step of what the action asks for.
    """
    radians = np.deg2rad(before[2])
    ahead = np.array([np.cos(radians), np.sin(radians)])
    right = np.array([ahead[1], -ahead[0]])
    asked = (action[0] * ahead + action[1] * right) * UNITS
    missed = np.linalg.norm((after - before)[:2] / TICS - asked)
    return bool(missed < FULL / 2)
