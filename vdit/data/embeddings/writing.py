"""Embeddings of all captions of a data set, by one process or by many that share the work.

Captions are taken in slices that are claimed (`vdit.data.video_folder.units`); a slice becomes a
shard, by one process, in batches that no other slice changes: the files are the same whoever did
what, and whoever was killed on the way.
"""

import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np
import tqdm
from array_record.python.array_record_module import ArrayRecordWriter
from ml_collections import ConfigDict

from vdit.config import embeddings, ranges
from vdit.data.embeddings import captions, encoder, folder
from vdit.data.embeddings.encoder import BATCH, Network
from vdit.data.embeddings.folder import KEYS, SHARD, shard_name
from vdit.data.video_folder import units
from vdit.data.video_folder.once import WRITE, made_once
from vdit.errors import InputError
from vdit.runs.files import sync, write_json

VERSION = 1  # raised when the same encoder and captions would give other embeddings
WHAT = "what vdit.embed wrote"


def embed(config: ConfigDict, encoder_folder: str, out: pathlib.Path, device: str = "cpu") -> str:
    """Embeds the captions of a config's data, and the empty prompt, into the folder `out`, or finds
    them there; returns a line that says how many.

    Processes that are asked for the same share the work. Raises `InputError` for an encoder that
    can't be read, or doesn't take so many tokens, and an `out` that holds anything else.
    """
    config = ConfigDict(config.to_dict())
    ranges.fit(config)
    network = encoder.load(encoder_folder, device)
    _check_length(network, config.data.text_length)
    texts = captions.in_order(captions.captions_of(config))
    more = {"folder": encoder_folder}
    asked = _asked(network, config.data.text_length, texts)

    def make(place: pathlib.Path) -> None:
        _write(network, texts, config.data.text_length, place)
        _close(out, asked | more, texts, place)

    about = made_once(out / embeddings.FILE, WHAT, asked, make)
    return (
        f"{out}: {about['captions']} captions by {about['encoder']}, {about['cut']} of them cut at "
        f"{about['length']} tokens, fingerprint {about['fingerprint']}"
    )


def _check_length(network: Network, length: int) -> None:
    most = getattr(network.network.config, "max_position_embeddings", None)
    if most and length > most:
        raise InputError(
            f"data.text_length={length}: text encoder {network.folder} takes up to {most} tokens"
        )


def _asked(network: Network, length: int, texts: Sequence[str]) -> dict[str, Any]:
    made_by = [VERSION, network.kind, network.fingerprint, length]
    return {
        "fingerprint": hashlib.sha256(json.dumps(made_by).encode()).hexdigest()[:12],
        "encoder": network.kind,
        "encoder_fingerprint": network.fingerprint,
        "length": length,
        "features": network.features,
        "captions": len(texts),
        "keys": folder.digest(folder.keys_of(texts)),
    }


def _write(network: Network, texts: Sequence[str], length: int, place: pathlib.Path) -> None:
    """All slices."""

    def write(name: str, unit: pathlib.Path) -> dict[str, int]:
        path = unit / f"{name}.array_record"
        cut = write_shard(network, texts[int(name) : int(name) + SHARD], length, path)
        sync(path)
        return {"cut": cut}

    names = _names(texts)
    with tqdm.tqdm(desc="embedding", unit="shard", total=len(names), leave=False) as bar:
        units.share(place / WRITE, names, write, lambda _: bar.update())


def _names(texts: Sequence[str]) -> list[str]:
    return [shard_name(first) for first in range(0, len(texts), SHARD)]


def write_shard(network: Network, texts: Sequence[str], length: int, path: pathlib.Path) -> int:
    """Embeds texts into a file; returns how many were cut. Raises `InputError` of a full disk."""
    writer, cut = ArrayRecordWriter(str(path), "group_size:1,uncompressed"), 0
    for i in range(0, len(texts), BATCH):
        found, shortened = network.embed(texts[i : i + BATCH], length)
        cut += shortened
        for embedding in found:
            writer.write(embedding.tobytes())
    try:
        writer.close()  # it tells here, and not before, of what it could not write
    except RuntimeError as error:
        raise InputError(f"{path}: cannot be written: {str(error).partition(';')[0]}") from error
    return cut


def _close(
    out: pathlib.Path, asked: dict[str, Any], texts: Sequence[str], place: pathlib.Path
) -> None:
    """Brings the shards together, and gives the folder its name."""

    def close(_: str, unit: pathlib.Path) -> dict[str, Any]:
        if (out / embeddings.FILE).exists():  # whoever named it was killed before it could say so
            return {}
        made, names = unit / "made", _names(texts)
        made.mkdir()
        for name in names:
            _link(place / WRITE / name / f"{name}.array_record", made)
        np.save(made / KEYS, folder.keys_of(texts))
        sync(made / KEYS)
        cut = sum(units.result(place / WRITE, name)["cut"] for name in names)
        write_json(made / embeddings.FILE, asked | {"cut": cut})
        os.replace(made, out)
        return {}

    units.share(place / "close", ["close"], close)


def _link(path: pathlib.Path, folder: pathlib.Path) -> None:
    """Not moved: whoever is killed here finds all shards again."""
    try:
        os.link(path, folder / path.name)
    except OSError:  # a filesystem without links
        shutil.copyfile(path, folder / path.name)
        sync(folder / path.name)
