"""Encode once, train many: makes what is missing of the latent cache (`vdit.data.cache`) of a run.

A cache is named by the fingerprint of data and autoencoder, not by how long anybody trains: a
longer run adds parts to it. The folder, and each part, appears whole or not at all.
"""

import functools
import math
import os
import pathlib
from typing import Any

from ml_collections import ConfigDict

from vdit.autoencoders.autoencoder import Autoencoder
from vdit.autoencoders.load import load_autoencoder
from vdit.config import mixture, stream
from vdit.config.fingerprint import fingerprint
from vdit.data import buckets, captions, overlap, pictures
from vdit.data.cache import META, read_meta, record_file
from vdit.data.encode import encode
from vdit.data.sources import Source, open_source
from vdit.data.statistics import pooled
from vdit.data.unfinished import unfinished
from vdit.errors import InputError
from vdit.parallel import processes
from vdit.runs import digests
from vdit.runs.files import sync, write_json


def prepare(config: ConfigDict, clips: int | None = None) -> pathlib.Path:
    """The cache of a resolved config; made first where it, or a part of it, does not exist.

    `clips` are the training clips that will be read, by default those of the whole run.
    """
    sources = {split: open_source(config.data, split) for split in ("train", "validation")}
    autoencoder = load_autoencoder(config.autoencoder)
    _check_unchanged(config, autoencoder.fingerprint, sources["train"].fingerprint)
    if clips is None and config.data.get("images"):
        pictures.check(config, sources["train"])
    beside = buckets.sources(config.data)
    key = cache_key(config, autoencoder.fingerprint, sources | beside)
    folder = pathlib.Path(config.cache) / fingerprint(key)
    if processes.is_first():
        _say_left_out(sources | beside)
        if not folder.exists():
            _make(folder, key, config, autoencoder, sources, beside)
        if clips is None:
            clips = mixture.clips_read(config)
            if config.data.get("images"):
                pictures.make(folder, config, autoencoder)
        epochs = stream.epochs_of(config.data)
        for part in range(1, stream.parts(clips, len(sources["train"]), epochs)):
            _make_part(folder, part, config, autoencoder)
    processes.wait("latents")
    return folder


def _check_unchanged(config: ConfigDict, autoencoder: str, data: str) -> None:
    """Raises `InputError` where what the config was resolved with has become another."""
    for part, now in (("autoencoder", autoencoder), ("data", data)):
        planned = config[part].get("fingerprint", now)
        if planned != now:
            raise InputError(
                f"{part}.fingerprint={planned}: {config[part].get('dir') or config[part].name} is "
                f"{now} by now; launch the sweep, or start the run, again"
            )


def cache_key(config: ConfigDict, autoencoder: str, sources: dict[str, Source]) -> dict:
    """All that decides what a record means; `autoencoder` is its fingerprint, and the train split
    stands for its first part."""
    tokenizer = config.data.get("tokenizer", "words")
    key = {
        "sources": {split: [s.fingerprint, len(s)] for split, s in sources.items()},
        "coder": autoencoder,
        "condition": config.model.condition,
        "words": [config.data.words, config.data.text_length],
    }
    return key if tokenizer == "words" else key | {"tokenizer": tokenizer}


def _make(
    folder: pathlib.Path,
    key: dict[str, Any],
    config: ConfigDict,
    autoencoder: Autoencoder,
    sources: dict[str, Source],
    beside: dict[str, Source],
) -> None:
    """The cache with the first part of the train split, and other buckets `beside` it."""
    with unfinished(folder) as made:
        example = autoencoder.encode(sources["train"][0]["video"][None])[0]
        meta = {"key": key, "shape": example.shape}
        meta |= captions.describe(config, buckets.captioned(sources["train"], beside))
        meta |= {"dataset": sources["train"].name, "autoencoder": autoencoder.name}
        if columns := overlap.columns(config.data):
            meta["overlap"] = columns
        meta["psnr"] = autoencoder.psnr(sources["validation"])
        moments = {}
        for name, source in sources.items():
            path, meta[name] = record_file(made, name), len(source)
            moments[name] = encode(path, source, range(len(source)), autoencoder, meta)
        of_training = [(len(sources["train"]) * math.prod(example.shape[:3]), *moments["train"])]
        if beside:
            of_training += buckets.encode_all(made, beside, autoencoder, meta)
        meta["mean"], meta["std"] = (m.tolist() for m in pooled(of_training))
        write_json(made / META, meta)
        digests.write(made, [META])
        try:
            os.rename(made, folder)
        except OSError:
            if not folder.exists():  # else another process made the same cache first
                raise
        sync(folder.parent)


def _say_left_out(sources: dict[str, Source]) -> None:
    for split, source in sources.items():
        if len(source) < getattr(source, "available", 0):
            _say(
                f"{split}: {len(source)} of {source.available} clips, evenly spread, are used "
                f"(data.{split}_clips={len(source)}; 0: all)"
            )


@functools.cache
def _say(line: str) -> None:
    """Once a process: the runs of a sweep share a set."""
    print(line, flush=True)


def _make_part(
    folder: pathlib.Path, part: int, config: ConfigDict, autoencoder: Autoencoder
) -> None:
    """A further part of the train split, where it is not there."""
    path = record_file(folder, "train", part)
    if path.exists():
        return
    meta, longer = read_meta(folder), ConfigDict(config.data.to_dict())
    first, longer.train_clips = part * meta["train"], (part + 1) * meta["train"]
    with unfinished(folder) as made:
        clips, source = range(first, longer.train_clips), open_source(longer, "train")
        encode(made / path.name, source, clips, autoencoder, meta)
        os.replace(made / path.name, path)
        sync(folder)
