"""Tasks of continuation: which frames of a clip condition the model, and which it generates.

A frame of latents stands for `time` frames of video, the first for one (a causal autoencoder), so
conditioning frames come in these groups; a generated clip is as long as those of training.
"""

from typing import NamedTuple

import numpy as np

from vdit.errors import InputError

TASKS = ("animate", "extend", "extend_back", "interpolate", "loop")


class ConditioningFrames(NamedTuple):
    """Clips (B, T, H, W, 3) uint8 whose other frames hold the nearest conditioning frame, and the
    masks of conditioning frames: (T,) of the video, (t,) of the latents (None for a plain edit)."""

    clips: np.ndarray
    mask: np.ndarray
    latent_mask: np.ndarray | None


def latent_mask_of(task: str, latents: int) -> np.ndarray:
    """(t,) bool: a task's conditioning frames in latents; `InputError` where none is left to make.

    animate: the first; extend and extend_back: half of the clip, its beginning or its end;
    interpolate and loop: a quarter at each end.
    """
    if task not in TASKS:
        raise InputError(f"task {task!r}: expected one of {', '.join(TASKS)}")
    frame, half, quarter = np.arange(latents), (latents + 1) // 2, max(1, latents // 4)
    mask = {
        "animate": frame < 1,
        "extend": frame < half,
        "extend_back": frame >= half,
        "interpolate": (frame < quarter) | (frame >= latents - quarter),
        "loop": (frame < quarter) | (frame >= latents - quarter),
    }[task]
    if mask.all() or not mask.any():
        raise InputError(f"{task}: a clip of {latents} latent frames leaves nothing to make")
    return mask


def video_mask(mask: np.ndarray, frames: int) -> np.ndarray:
    """(T,) bool of a mask over latents: the first stands for one frame, the others for as many."""
    if len(mask) == 1:
        return np.repeat(mask, frames)
    return np.concatenate([mask[:1], np.repeat(mask[1:], (frames - 1) // (len(mask) - 1))])


def ends(mask: np.ndarray) -> tuple[int, int]:
    """How many frames of a mask are set at the beginning and at the end of a clip."""
    return int(np.argmin(mask)), int(np.argmin(mask[::-1]))


def frames_for(task: str, video: np.ndarray, frames: int, latents: int) -> ConditioningFrames:
    """A task's conditioning frames from one video (F, H, W, 3): a batch of one clip of `frames`.

    A video that is shorter than what a task wants is held still at its end (a picture is a still
    video). A loop leads from the video's end to its beginning.
    """
    if task == "edit":
        return ConditioningFrames(_first(video, frames)[None], np.zeros(frames, bool), None)
    latent_mask = latent_mask_of(task, latents)
    mask = video_mask(latent_mask, frames)
    lead, tail = ends(mask)
    if task == "extend":
        start, end = _last(video, lead), video[:0]
    elif task == "loop":
        start, end = _last(video, lead), _first(video, tail)
    else:
        start, end = _first(video, lead), _last(video, tail)
    if task == "extend_back":
        end = _first(video, tail)
    return ConditioningFrames(_hold(start, end, frames)[None], mask, latent_mask)


def with_conditioning(made: np.ndarray, conditioning: ConditioningFrames) -> np.ndarray:
    """Generated clips (B, T, H, W, 3), the conditioning frames in them byte for byte."""
    if conditioning.latent_mask is None:
        return made
    return np.where(conditioning.mask[:, None, None, None], conditioning.clips, made)


def join(
    task: str, video: np.ndarray, made: np.ndarray, conditioning: ConditioningFrames
) -> np.ndarray:
    """The video with a generated clip (T, H, W, 3): before it, after it, between its ends."""
    new = made[~conditioning.mask]
    if task in ("extend", "loop"):
        return np.concatenate([video, new])
    return np.concatenate([new, video]) if task == "extend_back" else made


def of_clips(task: str, clips: np.ndarray, latents: int) -> ConditioningFrames:
    """A task's conditioning frames from whole clips (B, T, H, W, 3), whose other frames are known.

    A loop leads from the end of a clip's first half to its beginning.
    """
    frames = clips.shape[1]
    if task == "loop":
        half = clips[:, : (frames + 1) // 2]
        parts = [frames_for(task, video, frames, latents) for video in half]
        return ConditioningFrames(np.concatenate([p.clips for p in parts]), *parts[0][1:])
    latent_mask = latent_mask_of(task, latents)
    mask = video_mask(latent_mask, frames)
    lead, tail = ends(mask)
    held = [_hold(c[:lead], c[len(c) - tail :] if tail else c[:0], frames) for c in clips]
    return ConditioningFrames(np.stack(held), mask, latent_mask)


def _first(video: np.ndarray, count: int) -> np.ndarray:
    """The first frames; a short video's last one stands still after it."""
    return video[np.minimum(np.arange(count), len(video) - 1)]


def _last(video: np.ndarray, count: int) -> np.ndarray:
    """The last frames; a short video's first one stands still before it."""
    return video[np.maximum(np.arange(len(video) - count, len(video)), 0)]


def _hold(start: np.ndarray, end: np.ndarray, frames: int) -> np.ndarray:
    """Start and end, and between them frames that hold the nearest of them."""
    missing = frames - len(start) - len(end)
    first_half = missing if not len(end) else 0 if not len(start) else (missing + 1) // 2
    before = np.repeat(start[-1:], first_half, 0)
    after = np.repeat(end[:1], missing - first_half, 0)
    return np.concatenate([start, before, after, end])
