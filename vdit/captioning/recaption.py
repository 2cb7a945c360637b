"""Captions for the training clips that have none, by one process or by many that share the work.

Clips are taken in slices that are claimed (`vdit.data.video_folder.units`). A slice is written by
one process, in batches that no other slice changes: the table is the same whoever did what, and
whoever was killed on the way.
"""

import dataclasses
import os
import pathlib
import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np
import tqdm
from ml_collections import ConfigDict

from vdit.captioning import words
from vdit.config import buckets
from vdit.data import recaptioned
from vdit.data.buckets import data_of
from vdit.data.recaptioned import ABOUT, GIVEN, TABLE, WHAT, WRITTEN, Row
from vdit.data.sources import Source, open_source
from vdit.data.video_folder import units
from vdit.data.video_folder.once import WRITE, made_once
from vdit.errors import InputError
from vdit.generator import Generator
from vdit.runs.files import sync, write_json
from vdit.runs.weights import hash_of

SLICE = 256  # clips
VERSION = 1  # raised when the same captioner and clips would give other captions


def recaption(model: Generator, data: ConfigDict, out: pathlib.Path, lengths: words.Lengths) -> str:
    """Writes captions for all training clips of `data` to the folder `out`, or finds them there;
    returns a line that says how many. Given captions stay as they are. Of a set of buckets there is
    a folder in `out`, and a line, for each.

    Processes that are asked for the same share the work. Raises `InputError` for a model that is no
    captioner's, clips of another shape than its own but for buckets that its autoencoder and its
    patches divide, and an `out` that holds anything else.
    """
    words.check(model)
    index = buckets.read_index(data.dir) if data.name == "video_folder" else None
    if not index:
        return _of_one_shape(model, data, out, lengths)
    if (out / ABOUT).exists():
        raise InputError(f"--out {out}: holds captions of clips of one shape; name another")
    models = {name: model.at(name) for name in index["buckets"]}  # all, before any is written
    return "\n".join(
        _of_one_shape(one, data_of(data, name), out / name, lengths) for name, one in models.items()
    )


def _of_one_shape(
    model: Generator, data: ConfigDict, out: pathlib.Path, lengths: words.Lengths
) -> str:
    source = open_source(recaptioned.all_clips(data), "train")
    if (shape := source[0]["video"].shape[:3]) != tuple(model.video):
        raise InputError(f"clips of {shape} (T, H, W): this captioner reads {tuple(model.video)}")
    asked = {"version": VERSION, "clips_of": source.fingerprint, "clips": len(source)}
    asked |= {"captioner": hash_of(model.chosen_weights())}
    asked |= {"autoencoder": model.autoencoder.fingerprint, **dataclasses.asdict(lengths)}

    def make(place: pathlib.Path) -> None:
        _write(model, source, lengths, place)
        _close(out, asked, place)

    about = made_once(out / ABOUT, WHAT, asked, make)
    return (
        f"{out}: captions of {about['clips']} training clips, {about[GIVEN]} given, "
        f"{about[WRITTEN]} written, fingerprint {about['fingerprint']}"
    )


def _write(model: Generator, source: Source, lengths: words.Lengths, place: pathlib.Path) -> None:
    """All slices of the table."""

    def write(name: str, folder: pathlib.Path) -> dict[str, int]:
        clips = range(int(name), min(int(name) + SLICE, len(source)))
        rows = captioned(model, source, clips, lengths)
        recaptioned.write(folder / TABLE, rows, header=False)
        sync(folder / TABLE)
        written = sum(row.provenance == WRITTEN for row in rows)
        return {WRITTEN: written, GIVEN: len(rows) - written}

    names = _slices(len(source))
    with tqdm.tqdm(desc="captioning", unit="slice", total=len(names), leave=False) as bar:
        units.share(place / WRITE, names, write, lambda _: bar.update())


def _slices(clips: int) -> list[str]:
    return [f"{first:09d}" for first in range(0, clips, SLICE)]


def captioned(
    model: Generator, source: Source, clips: Sequence[int], lengths: words.Lengths
) -> list[Row]:
    """The rows of these clips; videos of those without a caption are held in memory."""
    rows, videos = [], {}
    for clip in clips:
        item = source[clip]
        given = item["caption"].strip()
        rows.append(Row(clip, item.get("recording", ""), given, GIVEN))
        if not given:
            videos[clip] = item["video"]
    if not videos:
        return rows
    latents = _latents(model, np.stack(list(videos.values())))
    texts, confidences = words.write(model, latents, lengths.starts(list(videos)))
    for clip, text, confidence in zip(videos, texts, confidences, strict=True):
        place = clip - clips[0]
        rows[place] = Row(*rows[place][:2], text, WRITTEN, f"{confidence:.4f}")
    return rows


def _latents(model: Generator, videos: np.ndarray) -> np.ndarray:
    """Normalised, of half precision as those that training caches; coded in batches of one size."""
    starts = range(0, len(videos), words.BATCH)
    parts = [model.autoencoder.encode(words.filled(videos, i)) for i in starts]
    latents = np.concatenate(parts)[: len(videos)].astype(np.float16).astype(np.float32)
    return model.statistics.normalise(latents)


def _close(out: pathlib.Path, asked: dict[str, Any], place: pathlib.Path) -> None:
    """Joins the slices, and gives the folder its name."""

    def close(folder: pathlib.Path) -> dict[str, Any]:
        if (out / ABOUT).exists():  # whoever named it was killed before it could say so
            return {}
        names, made = _slices(asked["clips"]), folder / "made"
        made.mkdir()
        recaptioned.write(made / TABLE, [])
        with (made / TABLE).open("ab") as table:
            for name in names:
                with (place / WRITE / name / TABLE).open("rb") as part:
                    shutil.copyfileobj(part, table)
        sync(made / TABLE)
        done = [units.result(place / WRITE, name) for name in names]
        counts = {kind: sum(unit[kind] for unit in done) for kind in (GIVEN, WRITTEN)}
        about = asked | counts | {"fingerprint": recaptioned.fingerprint_of(made / TABLE)}
        write_json(made / ABOUT, about)
        os.replace(made, out)
        return {}

    units.share(place / "close", ["close"], lambda _, folder: close(folder))
