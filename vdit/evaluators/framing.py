"""Framing: which objects of the embedded world the frame cuts off, or leaves out, at each shape."""

from collections.abc import Sequence

import numpy as np

from vdit.data.wording import parse_caption
from vdit.evaluators.common import EvaluationData, records
from vdit.evaluators.objects.blobs import Blob
from vdit.evaluators.objects.find import find_tracks
from vdit.evaluators.shapes import buckets_of, held_out
from vdit.generator import BATCH, Generator
from vdit.runs.evaluations import Record

NAMES = ("framing_cut", "framing_absent")
BESIDE = ("_real", "_coded")  # of the real clips, and of these through the autoencoder


def evaluate(
    model: Generator, data: EvaluationData, *, clips: int, seed: int, dir: str = ""
) -> list[Record]:
    """`framing` of videos sampled at the shape of each bucket of the folder `dir` (a set of
    `vdit.prepare --buckets`, of videos of the embedded world), for the captions of up to `clips` of
    its validation clips: NAME_80x48@9, and NAME over all of them. NAME_own is of the real clips of
    the run's own set. Nothing without `dir`, or for no clips; raises `InputError` where `dir` holds
    no buckets, and for other captions.
    """
    if not (dir and clips):
        return []
    names, of = list(buckets_of(dir, "framing")), {}
    for name in names:
        videos, captions, recordings = held_out(name, dir, clips)
        of[f"_{name}"] = _measured(model.at(name), videos, captions, seed), recordings
    every = {key: np.concatenate([of[f"_{n}"][0][key] for n in names], 1) for key in ("", *BESIDE)}
    of = {"": (every, np.concatenate([recordings for _, recordings in of.values()]))} | of
    own = data.clips(min(clips, len(data.validation)))
    of["_own"] = {"": framing(own.videos, own.captions)}, own.clusters
    return [record for where, found in of.items() for record in _records(where, *found)]


def _measured(
    model: Generator, videos: np.ndarray, captions: list[str], seed: int
) -> dict[str, np.ndarray]:
    """`framing` of sampled, real and coded clips, by suffix."""
    coded = model.autoencoder.decode(model.autoencoder.encode(videos))
    made = {"": model.sample(captions, seed, batch=BATCH), "_real": videos, "_coded": coded}
    return {suffix: framing(shown, captions) for suffix, shown in made.items()}


def _records(where: str, of: dict[str, np.ndarray], recordings: np.ndarray) -> list[Record]:
    found = []
    for row, name in enumerate(NAMES):
        values = {suffix: [scores[row]] for suffix, scores in of.items()}
        beside = BESIDE if len(of) > 1 else ()
        found += records(name + where, values, recordings, True, beside)
    return found


def framing(videos_BTHWC: np.ndarray, captions: Sequence[str]) -> np.ndarray:
    """(2, B): of the objects found in a clip, over the frames that show them, the share that touch
    the frame's border (nan where none is found); of as many as its caption names, frame by frame,
    the share that is not there. Too many in one frame do not make up for too few in another.

    Objects are counted, whichever they are. One that bounces touches the border for a moment, too.
    """
    frames, height, width = videos_BTHWC.shape[1:4]
    out = []
    for tracks, caption in zip(find_tracks(videos_BTHWC), captions, strict=True):
        shown = [pair for track in tracks for pair in track.blobs.items()]
        touching = sum(_touches(blob, height, width) for _, blob in shown)
        found = np.bincount(np.array([frame for frame, _ in shown], int), minlength=frames)
        named = len(parse_caption(caption))
        absent = np.maximum(named - found, 0).mean() / named
        out.append((touching / len(shown) if shown else np.nan, absent))
    return np.array(out).T


def _touches(blob: Blob, height: int, width: int) -> bool:
    left, top, right, bottom = blob.edges
    return left == 0 or top == 0 or right == width or bottom == height
