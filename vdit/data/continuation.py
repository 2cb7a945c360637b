"""What is made of given frames: a task says which frames of a clip are given, and which are made.

A frame of latents stands for `time` frames of video, the first for one (a causal autoencoder), so
frames are given in these groups; what is made is as long as the clip that the model knows.
"""

from typing import NamedTuple

import numpy as np

from vdit.errors import InputError

TASKS = ("animate", "extend", "extend_back", "interpolate", "loop")


class Given(NamedTuple):
    """Clips (B, T, H, W, 3) uint8 whose made frames hold the nearest given one, and the masks of
    given frames: (T,) of the video and (t,) of the latents; `latents` is None for a plain edit."""

    clips: np.ndarray
    frames: np.ndarray
    latents: np.ndarray | None


def mask_of(task: str, latents: int) -> np.ndarray:
    """(t,) bool: the latent frames that a task is given; `InputError` where none is left to make.

    animate: the first; extend and extend_back: half of the clip, its beginning or its end;
    interpolate and loop: a quarter at each end.
    """
    if task not in TASKS:
        raise InputError(f"task {task!r}: expected one of {', '.join(TASKS)}")
    place, half, quarter = np.arange(latents), (latents + 1) // 2, max(1, latents // 4)
    given = {
        "animate": place < 1,
        "extend": place < half,
        "extend_back": place >= half,
        "interpolate": (place < quarter) | (place >= latents - quarter),
        "loop": (place < quarter) | (place >= latents - quarter),
    }[task]
    if given.all() or not given.any():
        raise InputError(f"{task}: a clip of {latents} latent frames leaves nothing to make")
    return given


def in_video(mask: np.ndarray, frames: int) -> np.ndarray:
    """(T,) bool of a mask over latents: the first stands for one frame, the others for as many."""
    if len(mask) == 1:
        return np.repeat(mask, frames)
    return np.concatenate([mask[:1], np.repeat(mask[1:], (frames - 1) // (len(mask) - 1))])


def ends(mask: np.ndarray) -> tuple[int, int]:
    """How many frames are given at the beginning and at the end of a clip."""
    return int(np.argmin(mask)), int(np.argmin(mask[::-1]))


def given_frames(task: str, video: np.ndarray, frames: int, latents: int) -> Given:
    """What a `task` is shown of one video (F, H, W, 3): a batch of one clip of `frames`.

    A video that is shorter than what a task wants is held still at its end (a picture is a still
    video). A loop leads from the video's end to its beginning.
    """
    if task == "edit":
        return Given(_first(video, frames)[None], np.zeros(frames, bool), None)
    mask = mask_of(task, latents)
    shown = in_video(mask, frames)
    lead, tail = ends(shown)
    if task == "extend":
        start, end = _last(video, lead), video[:0]
    elif task == "loop":
        start, end = _last(video, lead), _first(video, tail)
    else:
        start, end = _first(video, lead), _last(video, tail)
    if task == "extend_back":
        end = _first(video, tail)
    return Given(_held(start, end, frames)[None], shown, mask)


def kept(made: np.ndarray, given: Given) -> np.ndarray:
    """What was made (B, T, H, W, 3), the given frames in it byte for byte."""
    return (
        made
        if given.latents is None
        else np.where(given.frames[:, None, None, None], given.clips, made)
    )


def join(task: str, video: np.ndarray, made: np.ndarray, given: Given) -> np.ndarray:
    """The video with what was made (T, H, W, 3): before it, after it, between its ends."""
    new = made[~given.frames]
    if task in ("extend", "loop"):
        return np.concatenate([video, new])
    return np.concatenate([new, video]) if task == "extend_back" else made


def of_clips(task: str, clips: np.ndarray, latents: int) -> Given:
    """What a task is shown of whole clips (B, T, H, W, 3) whose other frames are known, too.

    A loop leads from the end of a clip's first half to its beginning.
    """
    if task == "loop":
        half = clips[:, : (clips.shape[1] + 1) // 2]
        shown = [given_frames(task, video, clips.shape[1], latents) for video in half]
        return Given(np.concatenate([g.clips for g in shown]), *shown[0][1:])
    mask = mask_of(task, latents)
    shown = in_video(mask, clips.shape[1])
    lead, tail = ends(shown)
    parts = [_held(c[:lead], c[len(c) - tail :] if tail else c[:0], clips.shape[1]) for c in clips]
    return Given(np.stack(parts), shown, mask)


def _first(video, count):
    return video[np.minimum(np.arange(count), len(video) - 1)]


def _last(video, count):
    """The last frames; a short video's first one stands still before it."""
    return video[np.maximum(np.arange(len(video) - count, len(video)), 0)]


def _held(start: np.ndarray, end: np.ndarray, frames: int) -> np.ndarray:
    """Start and end, and between them frames that hold the nearest of them."""
    missing = frames - len(start) - len(end)
    first_half = missing if not len(end) else 0 if not len(start) else (missing + 1) // 2
    before = np.repeat(start[-1:], first_half, 0)
    after = np.repeat(end[:1], missing - first_half, 0)
    return np.concatenate([start, before, after, end])
