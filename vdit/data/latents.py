"""Encode once, train many: latents and captions of a data set in ArrayRecord.

A cache is a folder named by the fingerprint of data and autoencoder: `train.array_record`,
`validation.array_record`, `meta.json`. It appears whole or not at all.
"""

import concurrent.futures
import json
import os
import pathlib
import shutil
from typing import Any

import numpy as np
from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter
from ml_collections import ConfigDict
from tqdm import tqdm

from vdit.autoencoders.load import load_autoencoder
from vdit.config.fingerprint import fingerprint
from vdit.data.captions import CaptionEncoder
from vdit.data.sources import Source, open_source
from vdit.data.statistics import LatentStatistics
from vdit.data.text import Vocabulary
from vdit.errors import InputError
from vdit.parallel import processes

ENCODE_BATCH = 64
IN_MEMORY_BYTES = 2 << 30  # larger caches are read from disk, record by record
# Compression would save 8 % of the disk, as latents are nearly noise, and double the time to read.
OPTIONS = "group_size:1,uncompressed"


class Records:
    """The records of one split: `rows(indices)` gives normalised latents and captions.

    Latents are float32 (B, T, H, W, C) of about zero mean and unit variance per channel; captions
    are int32 tokens (B, S) or float embeddings (B, S, F). Up to `in_memory` bytes are held, by
    default IN_MEMORY_BYTES.
    """

    def __init__(self, folder: pathlib.Path, split: str, in_memory: int | None = None):
        self.folder, self.split = pathlib.Path(folder), split
        self.meta = read_meta(folder)
        self.dtype = record_dtype(self.meta)
        self._reader = ArrayRecordReader(str(self.folder / f"{split}.array_record"))
        limit = IN_MEMORY_BYTES if in_memory is None else in_memory
        small = len(self) * self.dtype.itemsize <= limit
        self._all = self._parse(self._reader.read_all()) if small else None
        # One number for each of a clip's: NumPy's loops over few channels take twice the time.
        self._statistics = LatentStatistics(
            *(np.full(self.meta["shape"], x, np.float32) for x in statistics(self.meta))
        )

    def __len__(self) -> int:
        return self.meta[self.split]

    def __repr__(self) -> str:
        return f"{self.folder.name}/{self.split}"

    def rows(self, indices: Any) -> dict[str, np.ndarray]:
        indices = np.asarray(indices)
        if self._all is None:
            raw = self._parse(self._reader.read(indices.tolist()))
        else:
            raw = self._all[indices]
        latent = self._statistics.normalise(raw["latent"].astype(np.float32))
        return {"latent": latent, "caption": raw["caption"]}

    def _parse(self, blobs: list[bytes]) -> np.ndarray:
        return np.frombuffer(b"".join(blobs), self.dtype)


def statistics(meta: dict[str, Any]) -> LatentStatistics:
    """Mean and standard deviation of each channel, over the training clips of a cache."""
    return LatentStatistics(meta["mean"], meta["std"])


def read_meta(folder: pathlib.Path) -> dict[str, Any]:
    """What a cache holds: shape, counts, statistics, words."""
    return json.loads((pathlib.Path(folder) / "meta.json").read_text())


def prepare(config: ConfigDict) -> pathlib.Path:
    """The cache that a resolved config trains on; made first where it does not exist."""
    sources = {split: open_source(config.data, split) for split in ("train", "validation")}
    autoencoder = load_autoencoder(config.autoencoder)
    _check_unchanged(config, autoencoder.fingerprint, sources["train"].fingerprint)
    key = cache_key(config, autoencoder.fingerprint, sources)
    folder = pathlib.Path(config.cache) / fingerprint(key)
    if processes.is_first() and not folder.exists():
        _build(folder, key, config, autoencoder, sources)
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
    """All that decides the bytes of a cache; `autoencoder` is its fingerprint."""
    return {
        "sources": {split: [s.fingerprint, len(s)] for split, s in sources.items()},
        "coder": autoencoder,
        "condition": config.model.condition,
        "words": [config.data.words, config.data.text_length],
    }


def _build(folder, key, config, autoencoder, sources) -> None:
    part = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        captions = CaptionEncoder(config, sources["train"])
        example = autoencoder.encode(sources["train"][0]["video"][None])[0]
        meta = {"key": key, "shape": example.shape} | captions.meta()
        meta |= {"dataset": sources["train"].name, "autoencoder": autoencoder.name}
        meta["psnr"] = autoencoder.psnr(sources["validation"])
        moments = {}
        for split, source in sources.items():
            dtype = record_dtype(meta)
            path = part / f"{split}.array_record"
            moments[split] = _write(path, source, autoencoder, captions, dtype)
            meta[split] = len(source)
        meta["mean"], meta["std"] = (m.tolist() for m in moments["train"])
        (part / "meta.json").write_text(json.dumps(meta))
        try:
            os.rename(part, folder)
        except OSError:
            if not folder.exists():  # else another process made the same cache first
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(path, source, autoencoder, captions, dtype) -> tuple[np.ndarray, np.ndarray]:
    """Writes one split; returns the mean and standard deviation of each latent channel."""
    writer = ArrayRecordWriter(str(path), OPTIONS)
    total, square, count = 0.0, 0.0, 0
    for items in tqdm(_chunks(source), f"encoding {path.stem}", -(-len(source) // ENCODE_BATCH)):
        latent = autoencoder.encode(np.stack([item["video"] for item in items]))
        records = np.zeros(len(items), dtype)
        records["latent"] = latent
        records["caption"] = [captions.encode(item) for item in items]
        for record in records:
            writer.write(record.tobytes())
        flat = latent.reshape(-1, latent.shape[-1]).astype(np.float64)
        total, square, count = total + flat.sum(0), square + (flat**2).sum(0), count + len(flat)
    writer.close()
    mean = total / count
    return mean, np.sqrt(np.maximum(square / count - mean**2, 1e-12))


def _chunks(source):
    """Lists of items; the next ones are made while the present ones are encoded."""
    starts = range(0, len(source), ENCODE_BATCH)

    def read(start):
        return [source[i] for i in range(start, min(start + ENCODE_BATCH, len(source)))]

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(read, 0)
        for start in starts:
            items = ahead.result()
            ahead = pool.submit(read, start + ENCODE_BATCH)
            yield items


def vocabulary(meta: dict[str, Any]) -> Vocabulary | None:
    """What a cache's captions were tokenised with; None where they are given embeddings."""
    if meta["text_features"]:
        return None
    return Vocabulary(tuple(meta["words"]), meta["text_length"], meta.get("whole", False))


def record_dtype(meta: dict) -> np.dtype:
    """The bytes of one record of a cache."""
    length, features = meta["text_length"], meta["text_features"]
    caption = ("caption", "<f2", (length, features)) if features else ("caption", "<i4", (length,))
    return np.dtype([("latent", "<f2", tuple(meta["shape"])), caption])
